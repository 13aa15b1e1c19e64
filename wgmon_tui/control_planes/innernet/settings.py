"""The keys of a `[[control_plane]]` of the type `innernet`."""

from __future__ import annotations

from wgmon_tui.config.control_planes import make_settings

NAME, TITLE = "innernet", "Innernet"

SETTINGS = make_settings(NAME, TITLE)
