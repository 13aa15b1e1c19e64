"""Reads objects of a JSON API that changes between releases.

Unknown fields are ignored. A missing field, or one of another type, is noted by its name and read as
nothing: one changed field never hides the other nodes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface

from wgmon_tui.net.addresses import Address
from wgmon_tui.text import printable

LARGEST_BODY = 16 * 2**20
"""Bytes of JSON that are read. 10,000 nodes take about 10 MB."""

LONGEST_TEXT = 256
MOST_ITEMS = 10_000
"""Items of a list that are read: a larger mesh needs more than one control plane."""

_NO_TIME = ("", "0001-01-01T00:00:00Z")
"""What Go's APIs write for a time that is not set."""

_LARGEST_NUMBER = 2**53
"""JSON has integers of any length; those up to here are exact in every program (RFC 8259 §6)."""

_KEY_LENGTH = 32


ONLY_FIRST = ": only the first"


class Drift:
    """Collects the names of fields that are not as known releases have them, each once."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order in which they were found."""
        return tuple(self._names)

    def note(self, name: str) -> None:
        """Remember a field that is missing, or not of the expected form."""
        self._names[name] = None


class Fields:
    """One JSON object. `path` is its place, for the names of fields that drifted, such as `nodes`."""

    def __init__(self, value: object, path: str, drift: Drift) -> None:
        self._path, self._drift = path, drift
        self._object: Mapping[str, object] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            drift.note(path or "the whole answer")

    def text(self, name: str, *, optional: bool = False) -> str:
        """A text that is safe to show; "" if it is absent. Overlong ones are cut."""
        value = self._get(name, str, optional)
        return printable(value[:LONGEST_TEXT]) if isinstance(value, str) else ""

    def flag(self, name: str, *, optional: bool = False) -> bool | None:
        """A boolean; None if it is absent."""
        value = self._get(name, bool, optional)
        return value if isinstance(value, bool) else None

    def number(self, name: str, *, optional: bool = False) -> int | None:
        """A whole number; None if it is absent, or too large to be one of a control plane."""
        value = self._get(name, int, optional)
        if not isinstance(value, int):
            return None
        if abs(value) > _LARGEST_NUMBER:
            self._note(name)
            return None
        return value

    def time(self, name: str) -> float | None:
        """A time of RFC 3339 in Unix seconds. None if it is absent, null or Go's zero time."""
        value = self._object.get(name)
        if value is None or value in _NO_TIME:
            return None
        return self._read_time(name, value)

    def unix_time(self, name: str) -> float | None:
        """Whole Unix seconds; None if they are absent or not after 1970."""
        seconds = self.number(name, optional=True)
        return float(seconds) if seconds and seconds > 0 else None

    def texts(self, name: str, *, optional: bool = False) -> tuple[str, ...]:
        """A list of texts; null is an empty one."""
        items = self._list(name, optional)
        if not all(isinstance(each, str) for each in items):
            self._note(name)
        return tuple(printable(each[:LONGEST_TEXT]) for each in items if isinstance(each, str))

    def addresses(self, name: str, *, optional: bool = False) -> tuple[Address, ...]:
        """A list of IP addresses, each also with a prefix length."""
        found = [(each, _read_address(each)) for each in self.texts(name, optional=optional)]
        if any(address is None for _, address in found):
            self._note(name)
        return tuple(address for _, address in found if address is not None)

    def address(self, name: str) -> tuple[Address, ...]:
        """One IP address in a text, also with a prefix length; empty if there is none."""
        text = self.text(name, optional=True)
        address = _read_address(text)
        if text and address is None:
            self._note(name)
        return () if address is None else (address,)

    def key(self, name: str, *, optional: bool = False) -> str:
        """A WireGuard public key in base64; "" if it is absent or none."""
        text = self.text(name, optional=optional)
        try:
            is_key = len(base64.b64decode(text, validate=True)) == _KEY_LENGTH
        except ValueError:
            is_key = False
        if text and not is_key:
            self._note(name)
        return text if is_key else ""

    def child(self, name: str, *, optional: bool = False) -> Fields:
        """An object inside; an empty one if it is absent."""
        value = self._get(name, dict, optional)
        return Fields(value if isinstance(value, dict) else {}, self._name_of(name), self._drift)

    def children(self, name: str, *, optional: bool = False) -> Iterator[Fields]:
        """The objects of a list."""
        for each in self._list(name, optional):
            yield Fields(each, self._name_of(name), self._drift)

    def values(self, name: str) -> Iterator[Fields]:
        """The objects of a map, whatever their keys; null is an empty one."""
        if name in self._object and self._object[name] is None:
            return
        found = self._get(name, dict, optional=False)
        items = list(found.values()) if isinstance(found, dict) else []
        for each in _limited(items, self._name_of(name), self._drift):
            yield Fields(each, self._name_of(name), self._drift)

    def __contains__(self, name: str) -> bool:
        return name in self._object

    def _list(self, name: str, optional: bool) -> list[object]:
        if name in self._object and self._object[name] is None:
            return []
        value = self._get(name, list, optional)
        return _limited(value, self._name_of(name), self._drift) if isinstance(value, list) else []

    def _get(self, name: str, kind: type[object], optional: bool) -> object:
        value = self._object.get(name)
        if optional and value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._note(name)
            return None
        return value

    def _read_time(self, name: str, value: object) -> float | None:
        match value:
            case {"secs_since_epoch": int(seconds), "nanos_since_epoch": int()}:  # Rust's SystemTime
                if abs(seconds) <= _LARGEST_NUMBER:
                    return float(seconds)
            case str():
                with suppress(ValueError, OverflowError, OSError):
                    read = datetime.fromisoformat(value)
                    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        self._note(name)
        return None

    def _note(self, name: str) -> None:
        self._drift.note(self._name_of(name))

    def _name_of(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def objects_of(value: object, drift: Drift) -> Iterator[Fields]:
    """The objects of an answer that is a list."""
    if not isinstance(value, list):
        drift.note("the whole answer")
        return
    for each in _limited(value, "the whole answer", drift):
        yield Fields(each, "", drift)


def _limited(items: list[object], name: str, drift: Drift) -> list[object]:
    """The first MOST_ITEMS. A longer list is noted as drift, because it is read in part only."""
    if len(items) > MOST_ITEMS:
        drift.note(f"{name}{ONLY_FIRST} {MOST_ITEMS:,} are read")
    return items[:MOST_ITEMS]


def is_partial(drift: str) -> bool:
    """Whether a name of drift is that of a list of which only a part was read: its fields are as known."""
    return ONLY_FIRST in drift


def _read_address(text: str) -> Address | None:
    try:
        return ip_interface(text).ip if "/" in text else ip_address(text)
    except ValueError:
        return None
