"""The contract of a control plane's API: the requests of a check, and what their answers mean. Sans-I/O."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wgmon_tui.checks.control_plane_report import ControlPlaneReport

DERP_MAP = "DERP map"
"""The name of a request whose answer is the map of the mesh's relays."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A GET request. `name` is the key of its answer.

    `paths` are tried in turn while the control plane answers 404, because releases moved them. Without
    `needs_token`, the token is not sent. The check goes on without the answer of an `optional` request.
    """

    name: str
    paths: tuple[str, ...]
    needs_token: bool = True
    optional: bool = False


class ControlPlaneApi(typing.Protocol):
    """The API of one kind of control plane."""

    @property
    def requests(self) -> Sequence[ApiRequest]:
        """In the order in which they are made."""

    def headers(self, token: str) -> Mapping[str, str]:
        """The headers that carry the token."""

    def read(self, answers: Mapping[str, object]) -> ControlPlaneReport:
        """Read the parsed JSON answers by the name of their request. Never raises."""
