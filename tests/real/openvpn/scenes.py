"""The scenes of the matrix of OpenVPN: a server, a profile and what is broken between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.protocols.openvpn.certificates import Authority, Issued
from tests.real.openvpn.server import ServerSetup, authority, client_profile
from wgmon_tui.checks.verdict import Verdict

TLS_1_2 = "tls-version-max 1.2\n"


@dataclass(frozen=True, slots=True)
class Scene:
    """A server and a profile. `setup` is None where no server runs."""

    setup: ServerSetup | None
    profile: str
    blocks_port: bool = False
    blocks_address: str = ""
    blocks_tunnel: bool = False
    drops: str = ""
    """A rule of nftables for what arrives in the namespace, the server's packets and the client's."""
    other_clients: int = 0
    """How many other clients are connected first."""


@dataclass(frozen=True, slots=True)
class VpnRow:
    """A failure. `stage` is the one that must fail, `cause` are words of the first cause.

    `is_proven` tells whether an experiment must have proven it. `connects` tells whether a real client does.
    `is_quick` rows are in the default run.
    """

    mode: str
    scene: Callable[[Path], Scene]
    verdict: Verdict
    stage: str = ""
    cause: str = ""
    is_proven: bool = False
    connects: bool = False
    is_quick: bool = False
    needs_second_request: bool = False
    """Whether the server answers the second request for options only, a second after the first."""
    is_dead_inside: bool = False
    """Whether the real client says that it is connected, and gets no data."""
    is_other_remote: bool = False
    """Whether the real client connects through another remote than the checked one."""
    client_window_s: int = 2
    """How long the real client waits for the end of TLS and key exchange (`hand-window`)."""
    since_2_7: Callable[[VpnRow], VpnRow] | None = None
    """What differs with OpenVPN 2.7 or later, on both sides."""

    def __str__(self) -> str:
        return self.mode


def make_scene(
    setup: ServerSetup | None = None,
    *,
    issued: Issued | None = None,
    wrapping: str | None = None,
    more: str = "",
) -> Scene:
    """A server, and the profile of its client with further lines."""
    setup = setup or ServerSetup()
    return Scene(setup, client_profile(setup, issued, wrapping=wrapping, more=more))


@cache
def other_authority() -> Authority:
    """An authority that no profile trusts."""
    return Authority("Another CA")


@cache
def expired_intermediate() -> Authority:
    """An authority below that of the tests, whose certificate has expired."""
    return authority().issue_authority("Old Intermediate CA", days=-1)


def other_client(setup: ServerSetup, number: int = 1) -> str:
    """The profile of another user of the same server."""
    return client_profile(setup, authority().issue(f"user{number}"))
