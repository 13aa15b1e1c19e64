"""Tailscale as a control plane."""

from __future__ import annotations

from wgmon_tui.checks.control_plane_report import NodeCommands
from wgmon_tui.checks.mesh_client import MeshClient
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.control_plane_protocol import ControlPlaneProtocol
from wgmon_tui.control_planes.tailscale.settings import NAME, SETTINGS, TITLE


class Tailscale(ControlPlaneProtocol):
    """Checks the API of Tailscale."""

    name, title = NAME, TITLE
    settings = SETTINGS
    node_commands = NodeCommands(
        path="tailscale status",
        access="Compare the access controls of the tailnet in the admin console.",
        log="on the node: journalctl -u tailscaled",
        renew="on the node: tailscale up --force-reauth",
    )

    def make_api(self) -> ControlPlaneApi:
        """Make the reader of its answers."""
        from wgmon_tui.control_planes.tailscale.api import TailscaleApi

        return TailscaleApi()

    def make_mesh_client(self) -> MeshClient:
        """Make what runs `tailscale` on this machine."""
        from wgmon_tui.control_planes.tailscale.client import TailscaleClient

        return TailscaleClient()

    def make_local_api(self) -> ControlPlaneApi:
        """Make the reader of what tailscaled on this machine answers."""
        from wgmon_tui.control_planes.tailscale.local_api import TailscaledApi

        return TailscaledApi()


PROTOCOL = Tailscale()
