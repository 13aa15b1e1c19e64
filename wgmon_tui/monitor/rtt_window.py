"""Ring buffer with the last results of one server, and the statistics derived from it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import isnan, nan

CAPACITY = 120


class RttWindow:
    """Round-trip times in seconds of the last checks, oldest first; a lost check is NaN."""

    __slots__ = ("_next", "_ring")

    def __init__(self) -> None:
        self._ring = array("f")
        self._next = 0

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, rtt: float | None) -> None:
        """Add a check; None is a lost one."""
        value = nan if rtt is None else rtt
        if len(self._ring) < CAPACITY:
            self._ring.append(value)
        else:
            self._ring[self._next] = value
            self._next = (self._next + 1) % CAPACITY

    def replace_all(self, rtts: Iterable[float]) -> None:
        """Replace the content with these values, oldest first; NaN for a lost check."""
        self._ring = array("f", rtts)[-CAPACITY:]
        self._next = 0

    def recent(self, count: int) -> list[float | None]:
        """Return the last `count` checks, oldest first; None for a lost one."""
        ring, split = self._ring, self._next
        last = (ring[split:] + ring[:split])[-count:] if count > 0 else ()
        return [None if isnan(value) else value for value in last] if any(map(isnan, last)) else [*last]

    def loss(self) -> float | None:
        """Return the share of lost checks, 0 to 1; None before the first."""
        if not self._ring:
            return None
        return sum(map(isnan, self._ring)) / len(self._ring)

    def percentiles(self, *shares: float) -> tuple[float | None, ...]:
        """Return nearest-rank percentiles of the answered checks in seconds; None if none was answered."""
        answered = sorted(value for value in self._ring if not isnan(value))
        if not answered:
            return (None,) * len(shares)
        return tuple(answered[max(0, -int(-share * len(answered) // 1) - 1)] for share in shares)
