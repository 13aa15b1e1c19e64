"""AmneziaWG's keys in a wg-quick file: whether plain WireGuard can talk to such a server, and its settings.

Source: amneziawg-go (README, device/noise-protocol.go, device/send.go) and amneziawg-tools (src/config.c).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wgmon_tui.config.error_list import KeyedError
from wgmon_tui.config.keys import PresharedKey
from wgmon_tui.config.models import AMNEZIAWG
from wgmon_tui.config.protocol_settings import read_own, settings_of
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.records import dataclass

_TYPES = {"h1": "1", "h2": "2", "h3": "3", "h4": "4"}
"""The message types of plain WireGuard, by the key that replaces each."""

_PADDING = ("s1", "s2", "s3", "s4")
_JUNK_SIZES = {"jmin", "jmax", "itime"}
"""Without junk packets these have no effect."""

_DECOYS = {*("i1", "i2", "i3", "i4", "i5"), *("j1", "j2", "j3")}
_SWITCHES = {"randomtrailers", "disablecookies", "advancedsecurity"}

KEYS = {"jc", "headerprotectionkey", *_TYPES, *_PADDING, *_JUNK_SIZES, *_DECOYS, *_SWITCHES}
"""The keys in lower case. `wg` knows none of them."""

_KEY_IN_TOML = "header_protection_key"
_TOML_KEYS = {
    **{key: key for key in ("jc", "jmin", "jmax", "i1", "i2", "i3", "i4", "i5", *_PADDING, *_TYPES)},
    "randomtrailers": "random_trailers",
    "headerprotectionkey": _KEY_IN_TOML,
}
"""The keys of `[server.amneziawg]`. The others concern the server alone, or only how often a client sends."""

_LONGEST_NUMBER = 20


def is_plain(key: str, value: str) -> bool:
    """Whether a key with this value leaves the packets as they are in plain WireGuard.

    A value that cannot be read is not plain. Junk and decoys count although servers ignore them: they are in
    the file because the path blocks plain WireGuard.
    """
    if key in _JUNK_SIZES:
        return True
    if key in _TYPES:
        return value in ("", _TYPES[key], f"{_TYPES[key]}-{_TYPES[key]}")
    if key in _PADDING or key == "jc":
        return not value.strip("0")
    return value == "" or (key in _SWITCHES and value.lower() in ("off", "false", "no", "0"))


@dataclass(frozen=True, slots=True)
class ConfParameters:
    """The settings of an AmneziaWG server from a .conf, and the key of header protection that it holds.

    `settings` is the record of `[server.amneziawg]`, with the key as an inline secret.
    """

    settings: Any
    header_protection_key: PresharedKey | None = None


def is_stored(key: str) -> bool:
    """Whether servers.toml has a setting for a key. The others do not concern a check."""
    return key in _TOML_KEYS


class ParameterError(Exception):
    """A parameter that is not valid: the key in lower case, and a phrase."""

    def __init__(self, key: str, phrase: str) -> None:
        super().__init__(f"{key}: {phrase}")
        self.key = key
        self.phrase = phrase


def read_parameters(values: Iterable[tuple[str, str]]) -> ConfParameters:
    """Read the settings from keys in lower case and their values. Raises ParameterError."""
    entries: dict[str, object] = {}
    for key, value in values:
        name = _TOML_KEYS.get(key)
        if name and value:
            entries[name] = _as_toml(key, value)
    section = settings_of(AMNEZIAWG).section
    try:
        settings = read_own(AMNEZIAWG, TomlTable("", entries, section.known_keys if section else ()))
    except KeyedError as error:
        key = next(each for each, name in _TOML_KEYS.items() if name == error.key)
        raise ParameterError(key, error.phrase) from None
    written = entries.get(_KEY_IN_TOML)
    return ConfParameters(settings, PresharedKey.from_text(written) if isinstance(written, str) else None)


def _as_toml(key: str, value: str) -> object:
    if key in _SWITCHES:
        return value.lower() in ("on", "true", "yes", "1")
    is_number = key not in _DECOYS and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER
    return int(value) if is_number else value
