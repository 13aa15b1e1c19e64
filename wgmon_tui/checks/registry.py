"""The protocols by name. A protocol is imported when a server of it is configured or shown.

This module imports none of them, so that every package may ask it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from wgmon_tui.text import format_list, quoted

if TYPE_CHECKING:
    from wgmon_tui.checks.protocol import Protocol

_MODULES = {
    "wireguard": "wgmon_tui.protocols.wireguard.protocol",
    "amneziawg": "wgmon_tui.protocols.amneziawg.protocol",
}
"""Each module has its protocol as `PROTOCOL`. One line a protocol."""

_imported: dict[str, Protocol] = {}


class UnknownProtocolError(Exception):
    """No protocol has this name. The message is one line."""


def protocol_names() -> tuple[str, ...]:
    """The names of all protocols, in the order of their registration."""
    return tuple(dict.fromkeys((*_MODULES, *_imported)))


def find_protocol(name: str) -> Protocol:
    """Find a protocol, and import it if that was not done. Raises UnknownProtocolError."""
    if found := _imported.get(name):
        return found
    if name not in _MODULES:
        known = format_list(map(quoted, protocol_names()))
        raise UnknownProtocolError(f"unknown protocol {quoted(name)}; known are {known}")
    protocol = cast("Protocol", import_module(_MODULES[name]).PROTOCOL)
    return _imported.setdefault(name, protocol)


def register(protocol: Protocol) -> None:
    """Add a protocol that this package does not have, under its own name."""
    _imported[protocol.name] = protocol


def unregister(name: str) -> None:
    """Remove a protocol that `register` added."""
    _imported.pop(name, None)
