"""Rate limits: `Pacer` delays a sender that asks for too much, `TokenBucket` refuses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import ceil


class Pacer:
    """Delays a sender, so that the sum of its costs stays below the time that has passed.

    A cost is in seconds: a request costs 0.1 if the limit is ten requests per second.
    """

    def __init__(self, burst_s: float) -> None:
        """Costs up to `burst_s` in a row are not delayed."""
        self._burst_s = burst_s
        self._busy_until = 0.0

    async def take(self, cost_s: float) -> None:
        """Account for a cost, and wait if the limit is exceeded."""
        now = time.monotonic()
        self._busy_until = max(self._busy_until, now - self._burst_s) + cost_s
        if self._busy_until > now:
            await asyncio.sleep(self._busy_until - now)


class TokenBucket:
    """Allows `size` actions at once, then one in every `refill_s` seconds."""

    def __init__(self, size: int, refill_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._refill_s, self._clock = size, refill_s, clock
        self._full_at = clock()

    def take(self) -> float:
        """Take a token. Returns 0.0 if there was one, else the seconds until the next one."""
        now = self._clock()
        full_at = max(self._full_at, now) + self._refill_s
        wait_s = full_at - now - self._size * self._refill_s
        if wait_s > 1e-9:  # rounding errors of the additions
            return wait_s
        self._full_at = full_at
        return 0.0

    @property
    def taken(self) -> int:
        """The number of tokens that are not refilled yet."""
        return max(0, ceil((self._full_at - self._clock()) / self._refill_s))

    @property
    def is_full(self) -> bool:
        """Whether nothing was taken for so long that the bucket can be forgotten."""
        return self._clock() >= self._full_at
