"""Rate limits: `Pacer` delays a sender that asks for too much, `TokenBucket` refuses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import ceil

from wgmon_tui.text import format_rtt


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


class RateLimitedError(Exception):
    """A rate limit is exceeded; `wait` is the number of seconds until the next allowed action."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"retry in {format_rtt(wait)}")
        self.wait = wait


class TokenBucket:
    """A token bucket with an average rate per second and a burst size."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._tokens, self._at = burst, clock()

    def take(self) -> None:
        """Take one token. Raises RateLimitedError."""
        self._refill()
        if self._tokens < 1:
            raise RateLimitedError((1 - self._tokens) / self._per_s)
        self._tokens -= 1

    def try_to_take(self) -> bool:
        """Take one token. Returns whether there was one."""
        try:
            self.take()
        except RateLimitedError:
            return False
        return True

    @property
    def taken(self) -> int:
        """The number of tokens that are not refilled yet, rounded up."""
        self._refill()
        return ceil(self._burst - self._tokens)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
        self._at = now
