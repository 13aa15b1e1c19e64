"""What a server, or an interface of this machine, reports of itself, and how a protocol asks for that.

The records are those of wg(8) and awg(8), from their dumps and configuration files. They contain no private
and no preshared key, only whether one is set.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable
from pathlib import Path

from wgmon_tui.checks.comparison import Finding
from wgmon_tui.checks.prober_verdict import ProberVerdict
from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, InterfaceDumps, PeerEntry
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Interface
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_limit, format_list

COMMAND_TIMEOUT_S = 15.0
"""Time limit for a command."""


@dataclass(frozen=True, slots=True)
class ConfiguredSide:
    """The configuration here. `public_key` and `has_preshared_key` are None if the secret is unreadable."""

    server: Server
    public_key: PublicKey | None
    addresses: tuple[Interface, ...]
    has_preshared_key: bool | None


@dataclass(frozen=True, slots=True)
class StoredInterface:
    """The interface as its file on the server defines it; the port is None if the file sets none."""

    has_private_key: bool
    listen_port: int | None
    peers: tuple[PeerEntry, ...]


@dataclass(frozen=True, slots=True)
class ViewUnavailable:
    """A view that could not be read; `reason` is a printable phrase."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServerView:
    """The server's running and stored interface; `stored` is None without `inspect_config`."""

    running: InterfaceDump | ViewUnavailable
    stored: StoredInterface | ViewUnavailable | None


class LocalInterfaces(dict[str, InterfaceDump]):
    """The interfaces that could be read, by name, and the names of those that did not answer."""

    def __init__(self, dumps: InterfaceDumps, unanswered: Iterable[str] = (), limit_s: float = 0.0) -> None:
        super().__init__(dumps)
        self.unanswered = tuple(unanswered)
        self._limit_s = limit_s

    @property
    def notice(self) -> str:
        """A line about the interfaces that did not answer; "" if there is none."""
        if not self.unanswered:
            return ""
        many = "s" if len(self.unanswered) > 1 else ""
        names = format_list(self.unanswered)
        return f"interface{many} {names} did not answer wg within {format_limit(self._limit_s)}; left out"


@dataclass(frozen=True, slots=True)
class LocalPeer:
    """A configured server as peer of a local interface. `own_key` is the interface's public key."""

    interface: str
    own_key: PublicKey | None
    entry: PeerEntry


@dataclass(frozen=True, slots=True)
class LocalPeerView:
    """A peer of an interface on this machine, and its comparison with the prober's verdict."""

    peer: LocalPeer
    finding: Finding


class Inspector(typing.Protocol):
    """Asks servers of a protocol, and the interfaces of this machine, and compares what they report.

    Protocols that read the same interfaces share one.
    """

    def suggest_command(self, server: Server) -> tuple[str, ...]:
        """An example of the setting `inspect` for a server that has none."""

    def inspect(self, server: Server, config_dir: Path) -> ServerView:
        """Run the commands `inspect` and `inspect_config` of a server. Errors become ViewUnavailable.

        Blocks for up to COMMAND_TIMEOUT_S per command.
        """

    def compare(
        self, configured: ConfiguredSide, view: ServerView, now: float, found: ProberVerdict | None
    ) -> tuple[Finding, ...]:
        """Compare a server's view with its configuration here. Pure. `now` is Unix seconds."""

    def read_interfaces(self) -> LocalInterfaces:
        """Read the interfaces of this machine for a person who asks. Blocks. Raises InspectionError."""

    def read_interfaces_if_permitted(self) -> LocalInterfaces | None:
        """Read the interfaces beside a check; None if this process may not or cannot. Blocks."""

    def compare_interfaces(
        self,
        configured: ConfiguredSide,
        interfaces: LocalInterfaces,
        now: float,
        found: ProberVerdict | None,
    ) -> tuple[LocalPeerView, ...]:
        """Compare the interfaces that have this server as a peer with the prober's verdict. Pure."""


def inspector_of(protocol: str) -> Inspector | None:
    """The inspector of a protocol; None if its servers and interfaces cannot be asked."""
    try:
        return find_protocol(protocol).find_inspector()
    except UnknownProtocolError:
        return None
