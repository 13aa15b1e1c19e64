"""Netmaker as a control plane."""

from __future__ import annotations

from wgmon_tui.checks.control_plane_report import NodeCommands
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.control_plane_protocol import ControlPlaneProtocol
from wgmon_tui.control_planes.netmaker.settings import NAME, SETTINGS, TITLE


class Netmaker(ControlPlaneProtocol):
    """Checks the API of Netmaker."""

    name, title = NAME, TITLE
    settings = SETTINGS
    node_commands = NodeCommands(
        path="wg show",
        access="Compare the access control of the network in the dashboard of Netmaker.",
        log="on the node: journalctl -u netclient",
        renew="Set a later expiry date of the node in the dashboard of Netmaker.",
    )

    def make_api(self) -> ControlPlaneApi:
        """Make the reader of its answers."""
        from wgmon_tui.control_planes.netmaker.api import NetmakerApi

        return NetmakerApi()


PROTOCOL = Netmaker()
