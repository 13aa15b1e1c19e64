"""The protocols by name. A protocol is imported when a server of it is configured or shown.

This module imports none of them, so that every package may ask it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from wgmon_tui.text import format_list, quoted

if TYPE_CHECKING:
    from wgmon_tui.checks.protocol import Protocol
    from wgmon_tui.config.protocol_settings import ProtocolSettings

_FOLDERS = {
    "wireguard": "wgmon_tui.protocols.wireguard",
    "amneziawg": "wgmon_tui.protocols.amneziawg",
    "system-path": "wgmon_tui.protocols.system_path",
    "openvpn": "wgmon_tui.protocols.openvpn",
    "ikev2": "wgmon_tui.protocols.ikev2",
    "shadowsocks": "wgmon_tui.protocols.proxies.shadowsocks",
    "vmess": "wgmon_tui.protocols.proxies.vmess",
    "vless": "wgmon_tui.protocols.proxies.vless",
    "trojan": "wgmon_tui.protocols.proxies.trojan",
    "proxy-command": "wgmon_tui.protocols.proxies.proxy_command",
}
"""One line a protocol. Its module `protocol` has `PROTOCOL`, its module `settings` has `SETTINGS`."""

_CONTROL_PLANE_FOLDERS = {
    "tailscale": "wgmon_tui.control_planes.tailscale",
    "headscale": "wgmon_tui.control_planes.headscale",
    "innernet": "wgmon_tui.control_planes.innernet",
    "netbird": "wgmon_tui.control_planes.netbird",
    "netmaker": "wgmon_tui.control_planes.netmaker",
}
"""One line a kind of control plane: the protocols of `[[control_plane]]` in servers.toml."""

_imported: dict[str, Protocol] = {}


class UnknownProtocolError(Exception):
    """No protocol has this name. The message is one line."""


def protocol_names() -> tuple[str, ...]:
    """The names of all protocols of servers, in the order of their registration."""
    more = (name for name in _imported if name not in _CONTROL_PLANE_FOLDERS)
    return tuple(dict.fromkeys((*_FOLDERS, *more)))


def control_plane_names() -> tuple[str, ...]:
    """The names of all kinds of control planes."""
    return tuple(_CONTROL_PLANE_FOLDERS)


def find_protocol(name: str) -> Protocol:
    """Find a protocol, and import it if that was not done. Raises UnknownProtocolError."""
    if found := _imported.get(name):
        return found
    protocol = cast("Protocol", import_module(f"{_folder_of(name)}.protocol").PROTOCOL)
    return _imported.setdefault(name, protocol)


@cache
def find_settings(name: str) -> ProtocolSettings:
    """Find the settings of a protocol without importing the protocol. Raises UnknownProtocolError."""
    if found := _imported.get(name):
        return found.settings
    return cast("ProtocolSettings", import_module(f"{_folder_of(name)}.settings").SETTINGS)


def _folder_of(name: str) -> str:
    if folder := _FOLDERS.get(name) or _CONTROL_PLANE_FOLDERS.get(name):
        return folder
    known = format_list(map(quoted, protocol_names()))
    raise UnknownProtocolError(f"unknown protocol {quoted(name)}; known are {known}")


def register(protocol: Protocol) -> None:
    """Add a protocol that this package does not have, under its own name."""
    _imported[protocol.name] = protocol
    find_settings.cache_clear()


def unregister(name: str) -> None:
    """Remove a protocol that `register` added."""
    _imported.pop(name, None)
    find_settings.cache_clear()
