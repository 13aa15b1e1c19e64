"""Rate of finished checks per second: of the last seconds, or of the last minute for a small fleet."""

from __future__ import annotations

import time
from collections import deque

_SHORT_S = 5.0
_LONG_S = 60.0
_BUSY = 1.0
"""Checks per second from which the last seconds are enough."""


class CheckRate:
    """Counter of finished checks in a sliding window."""

    def __init__(self) -> None:
        self._finished: deque[tuple[float, int]] = deque()
        """The numbers of checks, by the monotonic second in which they finished."""
        self._first_at: float | None = None

    def count(self, checks: int) -> None:
        """Count this many checks as finished now."""
        now = time.monotonic()
        self._first_at = now if self._first_at is None else self._first_at
        if self._finished and self._finished[-1][0] == now // 1:
            checks += self._finished.pop()[1]
        self._finished.append((now // 1, checks))
        self._drop_old(now)

    @property
    def per_second(self) -> float:
        """Return the rate over the last five seconds; below one check a second, over the last minute."""
        now = time.monotonic()
        self._drop_old(now)
        recent = self._sum_since(now - _SHORT_S) / _SHORT_S
        if recent >= _BUSY or self._first_at is None:
            return recent
        return self._sum_since(now - _LONG_S) / max(_SHORT_S, min(_LONG_S, now - self._first_at))

    def _sum_since(self, start: float) -> int:
        return sum(checks for second, checks in self._finished if second > start - 1)

    def _drop_old(self, now: float) -> None:
        while self._finished and self._finished[0][0] < now - _LONG_S - 1:
            self._finished.popleft()
