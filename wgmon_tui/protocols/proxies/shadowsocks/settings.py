"""The settings of a Shadowsocks server: the table `[server.shadowsocks]`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.settings import make_settings

NAME = "shadowsocks"

SETTINGS = make_settings(NAME, "Shadowsocks")
"""The protocol `shadowsocks`."""
