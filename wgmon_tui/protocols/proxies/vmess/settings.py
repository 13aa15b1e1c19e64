"""The settings of a VMess server: the table `[server.vmess]`."""

from __future__ import annotations

from wgmon_tui.protocols.proxies.settings import make_settings

NAME = "vmess"

SETTINGS = make_settings(NAME, "VMess")
"""The protocol `vmess`."""
