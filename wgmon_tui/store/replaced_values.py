"""Stored values that cannot be read, and what stands for them. Each is counted, so that an export says so.

A store can hold text that is no UTF-8, a time in the year 30000, or an address that is none: a disk fault, or
another program. One such value must not hide the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from threading import local

from wgmon_tui.text import in_calendar

_LONGEST_RTT_S = 86_400.0


class _Count(local):
    replaced = 0


_count = _Count()


def note_replaced() -> None:
    """Count a value of this thread that was replaced or left out."""
    _count.replaced += 1


def take_replaced() -> int:
    """Return how many values this thread has replaced since the last call."""
    taken, _count.replaced = _count.replaced, 0
    return taken


@contextmanager
def uncounted() -> Iterator[None]:
    """Count no value inside of the block."""
    before = _count.replaced
    yield
    _count.replaced = before


def text_of(stored: bytes) -> str:
    """Decode stored text; bytes that are no UTF-8 become U+FFFD."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        note_replaced()
        return stored.decode(errors="replace")


def to_valid_utf8(text: str) -> str:
    """Replace lone surrogates in text from people and other programs, which SQLite rejects."""
    return text.encode(errors="replace").decode()


def time_of(at: float) -> float:
    """Return a stored Unix time; the nearest time of the calendar if it is outside of it."""
    if (possible := in_calendar(at)) != at:
        note_replaced()
    return possible


def optional_time_of(at: float | None) -> float | None:
    """Return a stored Unix time as `time_of` does, or None."""
    return None if at is None else time_of(at)


def seconds_of(duration: float | None) -> float | None:
    """Return a stored round-trip time; None if it is no such time."""
    if duration is None or (isfinite(duration) and 0.0 <= duration <= _LONGEST_RTT_S):
        return duration
    note_replaced()
    return None
