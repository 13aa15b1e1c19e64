"""Innernet as a control plane."""

from __future__ import annotations

from wgmon_tui.checks.control_plane_report import NodeCommands
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.control_plane_protocol import ControlPlaneProtocol
from wgmon_tui.control_planes.innernet.settings import NAME, SETTINGS, TITLE


class Innernet(ControlPlaneProtocol):
    """Checks the API of Innernet."""

    name, title = NAME, TITLE
    settings = SETTINGS
    node_commands = NodeCommands(
        path="wg show",
        access="Compare the associations of CIDRs on the server of Innernet.",
        log="on the node: journalctl -e",
        renew="Enable the peer on the server of Innernet.",
    )

    def make_api(self) -> ControlPlaneApi:
        """Make the reader of its answers."""
        from wgmon_tui.control_planes.innernet.api import InnernetApi

        return InnernetApi()


PROTOCOL = Innernet()
