"""The settings of a Trojan server: the table `[server.trojan]`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.settings import make_settings

NAME = "trojan"

SETTINGS = make_settings(NAME, "Trojan")
"""The protocol `trojan`."""
