"""Repaint throttle: limits repaints of changing data, so that a slow link can carry them at any screen size.

Changes caused by a key are painted at once, whatever the limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class RepaintLimits:
    """Limits for the time between two repaints.

    It is at least `min_seconds`, and long enough for an average of at most `bytes_per_second`, but never
    more than `max_seconds`.
    """

    min_seconds: float
    bytes_per_second: float
    max_seconds: float = inf


DEFAULT_LIMITS = RepaintLimits(min_seconds=0.0, bytes_per_second=5_000.0, max_seconds=3.0)
LOW_BANDWIDTH = RepaintLimits(min_seconds=2.0, bytes_per_second=1_000.0)


class RepaintThrottle:
    """Decides whether to repaint; called a few times a second.

    `bytes_written` returns the bytes written to the terminal so far. The cost of a repaint is measured at the
    next call; bytes written after that, for keys, do not count.
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
        """Whether to repaint now. If so, the time until the next repaint starts."""
        now, limits = self._clock(), self.limits
        if self._paint_bytes is None:
            self._paint_bytes = self._written() - self._bytes_before_paint
        if now - self._painted_at < min(
            limits.max_seconds, max(limits.min_seconds, self._paint_bytes / limits.bytes_per_second)
        ):
            return False
        self._painted_at, self._bytes_before_paint, self._paint_bytes = now, self._written(), None
        return True
