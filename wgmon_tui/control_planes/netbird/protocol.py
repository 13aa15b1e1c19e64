"""NetBird as a control plane."""

from __future__ import annotations

from wgmon_tui.checks.control_plane_report import NodeCommands
from wgmon_tui.checks.mesh_client import MeshClient
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.control_plane_protocol import ControlPlaneProtocol
from wgmon_tui.control_planes.netbird.settings import NAME, SETTINGS, TITLE


class Netbird(ControlPlaneProtocol):
    """Checks the API of NetBird."""

    name, title = NAME, TITLE
    settings = SETTINGS
    node_commands = NodeCommands(
        path="netbird status -d",
        access="Compare the access policies in the dashboard of NetBird.",
        log="on the node: journalctl -u netbird",
        renew="on the node: netbird up",
    )

    def make_api(self) -> ControlPlaneApi:
        """Make the reader of its answers."""
        from wgmon_tui.control_planes.netbird.api import NetbirdApi

        return NetbirdApi()

    def make_mesh_client(self) -> MeshClient:
        """Make what runs `netbird` on this machine."""
        from wgmon_tui.control_planes.netbird.client import NetbirdClient

        return NetbirdClient()


PROTOCOL = Netbird()
