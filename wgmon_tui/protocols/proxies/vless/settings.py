"""The settings of a VLESS server: the table `[server.vless]`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.settings import make_settings

NAME = "vless"

SETTINGS = make_settings(NAME, "VLESS")
"""The protocol `vless`."""
