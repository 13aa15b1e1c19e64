"""The timer of the engine: sleeps until the next check is due, or until something changes."""

from __future__ import annotations

import asyncio
import time
from math import inf

LEAST_SLEEP_S = 0.005
"""Checks that are due within this time start together: a wake-up costs a fifth of the floor of a check."""


class WakeTimer:
    """One sleeper of the event loop. Times are seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._woken: asyncio.Future[None] | None = None
        self._wakes_at = inf

    async def sleep_until(self, due: float | None) -> None:
        """Sleep until a check is due, or until `wake`; without a due time until `wake` alone."""
        loop, now = asyncio.get_running_loop(), time.monotonic()
        self._woken = loop.create_future()
        self._wakes_at = inf if due is None else max(due, now + LEAST_SLEEP_S)
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
        """End the sleep if it would last beyond a due time."""
        if due is not None and due < self._wakes_at:
            self.wake()
