"""How often what changes by itself is painted: so that a slow link carries it, however large the screen.

What a key changes is painted at once, at any pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Limits:
    """At least `seconds` between two paints, and so many more that they are `rate` bytes a second at most.

    `longest` is how many seconds that may become.
    """

    seconds: float
    rate: float
    longest: float = inf


USUAL = Limits(seconds=0.0, rate=5_000.0, longest=3.0)
LOW_BANDWIDTH = Limits(seconds=2.0, rate=1_000.0)


class Pace:
    """Says whether it is time to paint; is asked a few times a second.

    `written` gives the bytes that went to the terminal so far. What a paint cost is known when this is asked
    for the next time; what keys cost after that is not held against anybody.
    """

    def __init__(
        self, limits: Limits, written: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._written = written
        self._clock = clock
        self._painted_at = -inf
        self._counted = 0
        self._cost: int | None = 0

    def due(self) -> bool:
        """Whether to paint now; where it is, the time until the next begins."""
        now, limits = self._clock(), self.limits
        if self._cost is None:
            self._cost = self._written() - self._counted
        if now - self._painted_at < min(limits.longest, max(limits.seconds, self._cost / limits.rate)):
            return False
        self._painted_at, self._counted, self._cost = now, self._written(), None
        return True
