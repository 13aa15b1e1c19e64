"""The settings of WireGuard: all of its keys stand at the level of the server."""

from __future__ import annotations

from wgmon_tui.config.protocol_settings import WIREGUARD_KEYS

SETTINGS = WIREGUARD_KEYS
