"""Timers that share wake-ups of the event loop: all that are due within a tick run together.

A timer of asyncio costs ten calls when it starts and ends, and more where a thousand of them are sorted. Most
timers of checks are deadlines, which the answer cancels. A wake-up costs as much as reading an answer, so
many checks should wait for the same one. A timer here runs up to TICK_S late, and never early.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from functools import partial

TICK_S = 0.01

CoarseTimer = tuple[dict[int, Callable[[], None]], int]
"""A timer that was started: the others of its tick, and its number among them."""


class CoarseTimers:
    """The timers of one event loop."""

    def __init__(self) -> None:
        self._by_tick: dict[int, dict[int, Callable[[], None]]] = {}
        self._ticks: list[int] = []
        """A heap of the ticks in use. One whose timers were all cancelled stays until the next wake-up."""
        self._next_number = 0
        self._wake_up: asyncio.TimerHandle | None = None

    def start(self, delay_s: float, callback: Callable[[], None]) -> CoarseTimer:
        """Call back in so many seconds. Must be called in the event loop."""
        tick = int((time.monotonic() + delay_s) / TICK_S) + 1
        timers = self._by_tick.get(tick)
        if timers is None:
            timers = self._by_tick[tick] = {}
            heapq.heappush(self._ticks, tick)
            if self._ticks[0] == tick:
                self._schedule()
        self._next_number = number = self._next_number + 1
        timers[number] = callback
        return timers, number

    @staticmethod
    def cancel(timer: CoarseTimer) -> None:
        """Do not call back. Does nothing for a timer that has run."""
        timers, number = timer
        timers.pop(number, None)

    async def sleep(self, seconds: float) -> None:
        """Sleep for so many seconds."""
        awake = asyncio.get_running_loop().create_future()
        timer = self.start(seconds, partial(_wake, awake))
        try:
            await awake
        finally:
            self.cancel(timer)

    def _schedule(self) -> None:
        """Wake up at the first tick in use."""
        if self._wake_up:
            self._wake_up.cancel()
        self._wake_up = asyncio.get_running_loop().call_at(self._ticks[0] * TICK_S, self._run_due)

    def _run_due(self) -> None:
        loop, now = asyncio.get_running_loop(), int(time.monotonic() / TICK_S)
        self._wake_up = None
        while self._ticks and (self._ticks[0] <= now or not self._by_tick[self._ticks[0]]):
            timers = self._by_tick.pop(heapq.heappop(self._ticks))
            for number in tuple(timers):
                loop.call_soon(_run, timers, number)
        if self._ticks:
            self._schedule()


def _run(timers: dict[int, Callable[[], None]], number: int) -> None:
    """Call back, unless the timer was cancelled by one that ran before."""
    if callback := timers.pop(number, None):
        callback()


def _wake(awake: asyncio.Future[None]) -> None:
    if not awake.done():
        awake.set_result(None)
