"""How WireGuard and AmneziaWG ask servers and interfaces for their own view: with wg(8) and awg(8)."""

from __future__ import annotations

from pathlib import Path

from wgmon_tui.checks.comparison import Finding
from wgmon_tui.checks.inspection import (
    ConfiguredSide,
    Inspector,
    LocalInterfaces,
    LocalPeerView,
    ServerView,
)
from wgmon_tui.checks.prober_verdict import ProberVerdict
from wgmon_tui.config.models import AMNEZIAWG, Server
from wgmon_tui.protocols.wireguard.local_interface_comparison import compare_local_peer, local_peers
from wgmon_tui.protocols.wireguard.local_interfaces import (
    read_local_interfaces,
    read_local_interfaces_if_permitted,
)
from wgmon_tui.protocols.wireguard.server_view import inspect
from wgmon_tui.protocols.wireguard.server_view_comparison import compare


class WireGuardInspector(Inspector):
    """Reads dumps of interfaces and their configuration files."""

    def suggest_command(self, server: Server) -> tuple[str, ...]:
        """The dump of wg0, through SSH."""
        program = "awg" if server.protocol == AMNEZIAWG else "wg"
        return ("ssh", server.endpoint.host, "sudo", program, "show", "wg0", "dump")

    def inspect(self, server: Server, config_dir: Path) -> ServerView:
        """Parse what both commands print."""
        return inspect(server, config_dir)

    def compare(
        self, configured: ConfiguredSide, view: ServerView, now: float, found: ProberVerdict | None
    ) -> tuple[Finding, ...]:
        """Compare key, port, parameters and peers."""
        return compare(configured, view, now, found)

    def read_interfaces(self) -> LocalInterfaces:
        """Run `wg show` for each interface."""
        return read_local_interfaces()

    def read_interfaces_if_permitted(self) -> LocalInterfaces | None:
        """Run `wg show` only with CAP_NET_ADMIN."""
        return read_local_interfaces_if_permitted()

    def compare_interfaces(
        self,
        configured: ConfiguredSide,
        interfaces: LocalInterfaces,
        now: float,
        found: ProberVerdict | None,
    ) -> tuple[LocalPeerView, ...]:
        """Compare the last handshake of each interface with the verdict."""
        return tuple(
            LocalPeerView(peer, compare_local_peer(peer, configured, found, now))
            for peer in local_peers(interfaces, configured.server)
        )


INSPECTOR = WireGuardInspector()
