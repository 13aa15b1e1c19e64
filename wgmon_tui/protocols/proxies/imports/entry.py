"""One entry of a file as a table of texts, and what all formats have in common.

Values of YAML are texts, those of JSON have types: readers get the same text of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    parse_flag,
    parse_number,
    require_plain,
)
from wgmon_tui.protocols.proxies.links.records import AnyLink

MOST_ENTRIES = 20_000
"""A file of aliases can repeat one entry millions of times."""

_NOTHING = ("", "~", "null")
_LONGEST_VALUE = 8192
_MOST_VALUES = 100


class ListError(Exception):
    """A text is a damaged list of servers. The message is one phrase without any value of the text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A table of a file. Every reader raises ShareLinkError, which names the key and no value."""

    values: Mapping[object, object] = field(repr=False)

    def text(self, *keys: str) -> str:
        """The first of these values that is there; "" if none is."""
        for key in keys:
            value = as_text(self.values.get(key), key)
            if value not in _NOTHING:
                return value
        return ""

    def required(self, *keys: str) -> str:
        """Like `text`, for a value that must be there."""
        if value := self.text(*keys):
            return value
        raise ShareLinkError(f"its {keys[0]} is missing")

    def flag(self, *keys: str) -> bool:
        """A yes or no; no if none of these keys is there."""
        return parse_flag(self.text(*keys), keys[0])

    def number(self, *keys: str) -> int:
        """A number; 0 if none of these keys is there."""
        return parse_number(self.text(*keys) or "0", keys[0], 1 << 20)

    def texts(self, *keys: str) -> tuple[str, ...]:
        """A list of texts, or one text."""
        value = next((self.values[key] for key in keys if key in self.values), None)
        if isinstance(value, list | tuple):
            return tuple(as_text(each, keys[0]) for each in value[:_MOST_VALUES])
        found = as_text(value, keys[0])
        return (found,) if found not in _NOTHING else ()

    def table(self, *keys: str) -> Entry:
        """A table below this one; an empty one if it is not there."""
        value = next((self.values[key] for key in keys if self.values.get(key) is not None), None)
        if value is None or value in _NOTHING:
            return Entry({})
        if not isinstance(value, Mapping):
            raise ShareLinkError(f"its {keys[0]} is not a table")
        return Entry(value)

    def tables(self, key: str) -> tuple[Entry, ...]:
        """The tables of a list; what is no table is left out."""
        value = self.values.get(key)
        if not isinstance(value, list):
            return ()
        return tuple(Entry(each) for each in value if isinstance(each, Mapping))


def as_text(value: object, key: str) -> str:
    """A value of YAML or JSON as text, "" for none. Raises ShareLinkError."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if len(value) <= _LONGEST_VALUE:
            return require_plain(value, key)
        case int() if abs(value) < 1 << 63:
            return str(value)
        case float() if value.is_integer() and abs(value) < 1 << 53:
            return str(int(value))
        case _:
            raise ShareLinkError(f"its {key} is neither text nor a number")


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A server of a file."""

    link: AnyLink


@dataclass(frozen=True, slots=True)
class FoundConf:
    """A WireGuard or AmneziaWG server of a file, as a wg-quick text. Its repr hides the keys."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnreadEntry:
    """An entry that cannot be checked or read, and why. No secret is in it."""

    name: str
    reason: str


Found = FoundLink | FoundConf | UnreadEntry

Reader = Callable[[Entry], Found]


def read_entries(
    entries: Sequence[Entry], readers: Mapping[str, Reader], kind_key: str, name_key: str
) -> list[Found]:
    """Read each entry by its kind. Kinds without a reader become an UnreadEntry. Raises ListError."""
    if len(entries) > MOST_ENTRIES:
        raise ListError(f"it has more than {MOST_ENTRIES:,} entries; split the list")
    found: list[Found] = []
    for number, entry in enumerate(entries, 1):
        name = f"entry {number}"
        try:
            name = entry.text(name_key) or name
            kind = entry.required(kind_key).lower()
            if kind in readers:
                found.append(readers[kind](entry))
            elif kind not in NO_SERVERS:
                found.append(UnreadEntry(name, f"wgmon-tui cannot check servers of the type {kind[:40]}"))
        except ShareLinkError as error:
            found.append(UnreadEntry(name, str(error)))
    return found


NO_SERVERS = frozenset(
    {
        "direct",
        "reject",
        "reject-drop",
        "pass",
        "dns",
        "block",
        "selector",
        "urltest",
        "freedom",
        "blackhole",
        "loopback",
    }
)
"""Kinds of entries that are no servers: they are left out without a word."""
