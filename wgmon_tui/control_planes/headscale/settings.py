"""The keys of a `[[control_plane]]` of the type `headscale`."""

from __future__ import annotations

from wgmon_tui.config.control_planes import make_settings

NAME, TITLE = "headscale", "headscale"

SETTINGS = make_settings(NAME, TITLE, has_relays=True, has_derp=True, has_client_ping=True)
