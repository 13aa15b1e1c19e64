"""How often what changes by itself is painted: so that a slow link carries it, however large the screen.

What a key changes is painted at once, at any pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class RepaintLimits:
    """At least `min_seconds` between two paints, and so many more that they are `bytes_per_second` bytes a second at most.

    `max_seconds` is how many seconds that may become.
    """

    min_seconds: float
    bytes_per_second: float
    max_seconds: float = inf


DEFAULT_LIMITS = RepaintLimits(min_seconds=0.0, bytes_per_second=5_000.0, max_seconds=3.0)
LOW_BANDWIDTH = RepaintLimits(min_seconds=2.0, bytes_per_second=1_000.0)


class RepaintThrottle:
    """Says whether it is time to paint; is asked a few times a second.

    `bytes_written` gives the bytes that went to the terminal so far. What a paint cost is known when this is asked
    for the next time; what keys cost after that is not held against anybody.
    """

    def __init__(
        self,
        limits: RepaintLimits,
        bytes_written: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self._written = bytes_written
        self._clock = clock
        self._painted_at = -inf
        self._bytes_before_paint = 0
        self._paint_bytes: int | None = 0

    def is_due(self) -> bool:
        """Whether to paint now; where it is, the time until the next begins."""
        now, limits = self._clock(), self.limits
        if self._paint_bytes is None:
            self._paint_bytes = self._written() - self._bytes_before_paint
        if now - self._painted_at < min(
            limits.max_seconds, max(limits.min_seconds, self._paint_bytes / limits.bytes_per_second)
        ):
            return False
        self._painted_at, self._bytes_before_paint, self._paint_bytes = now, self._written(), None
        return True
