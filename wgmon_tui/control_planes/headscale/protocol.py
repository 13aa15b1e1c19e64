"""headscale as a control plane."""

from __future__ import annotations

from wgmon_tui.checks.control_plane_report import NodeCommands
from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.control_plane_protocol import ControlPlaneProtocol
from wgmon_tui.control_planes.headscale.settings import NAME, SETTINGS, TITLE


class Headscale(ControlPlaneProtocol):
    """Checks the API of headscale."""

    name, title = NAME, TITLE
    settings = SETTINGS
    node_commands = NodeCommands(
        path="tailscale status",
        access="on the control plane: headscale policy get",
        log="on the node: journalctl -u tailscaled",
        renew="on the node: tailscale up --force-reauth",
    )

    def make_api(self) -> ControlPlaneApi:
        """Make the reader of its answers."""
        from wgmon_tui.control_planes.headscale.api import HeadscaleApi

        return HeadscaleApi()


PROTOCOL = Headscale()
