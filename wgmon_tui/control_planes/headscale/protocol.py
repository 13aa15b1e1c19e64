"""headscale as a control plane."""

from __future__ import annotations

from wgmon_tui.control_planes.api import ControlPlaneApi
from wgmon_tui.control_planes.control_plane_protocol import ControlPlaneProtocol
from wgmon_tui.control_planes.headscale.settings import NAME, SETTINGS, TITLE


class Headscale(ControlPlaneProtocol):
    """Checks the API of headscale."""

    name, title = NAME, TITLE
    settings = SETTINGS

    def make_api(self) -> ControlPlaneApi:
        """Make the reader of its answers."""
        from wgmon_tui.control_planes.headscale.api import HeadscaleApi

        return HeadscaleApi()


PROTOCOL = Headscale()
