"""The timer of the engine: sleeps until the next check is due, or until something changes."""

from __future__ import annotations

import asyncio
import time
from math import inf

LEAST_SLEEP_S = 0.05
"""Checks that are due within this time start together.

A wake-up costs a fifth of the floor of a check, and checks in a row find code and data in the caches. Checks
start up to this late: twice the time would save another 4 % of a check at 500 a second.
"""

BACKLOG_SLEEP_S = 0.005
"""The same while more checks are due than may start at once: the loop handles answers meanwhile."""


class WakeTimer:
    """One sleeper of the event loop. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._woken: asyncio.Future[None] | None = None
        self._earliest = self._wakes_at = inf

    async def sleep_until(self, due: float | None, least_s: float = LEAST_SLEEP_S) -> None:
        """Sleep until a check is due, or until `wake`; without a due time until `wake` alone.

        It sleeps for at least `least_s`, unless `wake` ends the sleep.
        """
        loop, now = asyncio.get_running_loop(), time.monotonic()
        self._woken = loop.create_future()
        self._earliest = now + least_s
        self._wakes_at = inf if due is None else max(due, self._earliest)
        timer = None if due is None else loop.call_later(self._wakes_at - now, self.wake)
        try:
            await self._woken
        finally:
            if timer:
                timer.cancel()

    def wake(self) -> None:
        """End the sleep now."""
        if self._woken and not self._woken.done():
            self._woken.set_result(None)

    def wake_before(self, due: float | None) -> None:
        """End the sleep if it would last beyond a due time, and beyond the least sleep."""
        if due is not None and max(due, self._earliest) < self._wakes_at:
            self.wake()
