"""Gathering of events: events that follow each other within a moment become one message."""

from __future__ import annotations

import asyncio

GROUPING_DELAY_S, QUIET_S, LONGEST_GROUPING_S = 0.05, 0.015, 0.15
"""Seconds: the shortest wait after the first event, the pause that ends the wait, and the longest wait.

Checks can take a tenth of a second to find all servers that failed at the same time.
"""


class EventGathering:
    """Tells the outbox when to read events. Call it in the event loop."""

    def __init__(self) -> None:
        self._work_available = asyncio.Event()
        self._first_at = self._last_at = 0.0
        """When the events came that are not read yet, by the clock of the loop."""

    def note_event(self) -> None:
        """Note that an event came."""
        self._last_at = asyncio.get_running_loop().time()
        if not self._work_available.is_set():
            self._first_at = self._last_at
            self._work_available.set()

    def wake(self) -> None:
        """Let the outbox read at once."""
        self._work_available.set()

    def mark_events_read(self) -> None:
        """Note that all events up to now are being read."""
        self._work_available.clear()

    async def wait(self) -> None:
        """Wait for an event, and then for those that follow it."""
        await self._work_available.wait()
        loop, first = asyncio.get_running_loop(), self._first_at
        while True:
            until = max(first + GROUPING_DELAY_S, self._last_at + QUIET_S)
            left = min(until, first + LONGEST_GROUPING_S) - loop.time()
            if left <= 0:
                return
            await asyncio.sleep(left)
