"""The target of a protocol without identities: a server and the secrets of its table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field, replace

from wgmon_tui.checks.check import Check
from wgmon_tui.config.models import Server
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class ServerTarget:
    """A server, and its secrets by the attributes of its settings."""

    server: Server
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def agreed_values(self) -> tuple[object, ...]:
        """The settings of the protocol and the secrets."""
        return (self.server.protocol_settings, *sorted(self.secrets.items()))

    @property
    def digest_parts(self) -> tuple[str, ...]:
        """A hash of each secret."""
        return tuple(
            f"{name} {hashlib.sha256(secret).hexdigest()}" for name, secret in sorted(self.secrets.items())
        )

    def with_server(self, server: Server) -> ServerTarget:
        """The same secrets with a changed entry of the server."""
        return replace(self, server=server)

    def is_probed_as(self, check: Check) -> bool:
        """Whether a check of an earlier run used the same identity: there is only one."""
        return check.protocol == self.server.protocol
