"""Which keys of a `[[server]]` the servers of a protocol have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from wgmon_tui.checks.registry import protocol_names
from wgmon_tui.config.protocol_settings import ProtocolSettings, settings_of
from wgmon_tui.config.server_settings import SERVER
from wgmon_tui.config.setting import Setting
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_types import endpoint_type

_OWN = tuple(
    sorted((each for each in SERVER.settings if not each.shared), key=lambda each: not each.required)
)
"""The settings of a server alone, the required ones first."""


def reject_foreign_keys(table: TomlTable, protocol: str, settings: ProtocolSettings) -> None:
    """Note an error for each key that only servers of other protocols have."""
    foreign = _foreign_keys(settings.server_keys, settings.more_keys)
    for key, value in table.raw.items():
        is_own = key == protocol and settings.section is not None
        if key in foreign or (isinstance(value, dict) and key in protocol_names() and not is_own):
            phrase = f'servers with protocol = "{protocol}" do not have it; remove it'
            table.reject(table.error(key, phrase))


@cache
def attributes(protocol: str, more: frozenset[str]) -> frozenset[str]:
    """The attributes of a server that has the keys of a protocol, and some `more`."""
    having = (each for each in SERVER.settings if each.protocol in (None, protocol) or each.key in more)
    return frozenset(each.attribute for each in having)


@cache
def own_settings(protocol: str, more: frozenset[str], usual_port: int) -> tuple[Setting, ...]:
    """The settings of a server alone, with the keys of a protocol."""
    having = (each for each in _OWN if each.attribute in attributes(protocol, more))
    endpoint = endpoint_type(usual_port)
    return tuple(replace(each, type=endpoint) if each.key == "endpoint" else each for each in having)


@cache
def _foreign_keys(protocol: str, more: frozenset[str]) -> frozenset[str]:
    """The keys that a server with the keys of this protocol does not have."""
    foreign = (each for each in SERVER.settings if each.attribute not in attributes(protocol, more))
    return frozenset(key for each in foreign for key in each.keys)


def without_foreign(entries: Mapping[str, object], protocol: str) -> dict[str, object]:
    """A server's table without the keys that servers of this protocol do not have."""
    settings = settings_of(protocol)
    foreign = {*_foreign_keys(settings.server_keys, settings.more_keys), *protocol_names()} - {protocol}
    return {key: value for key, value in entries.items() if key not in foreign}
