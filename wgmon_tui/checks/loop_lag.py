"""How late the event loop runs its timers: evidence that this process waits for the processor."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from wgmon_tui.checks.evidence import MachineStarved

TICK_S = 0.1
"""Interval of the timer. A shorter delay than this does not show in full."""

STARVED_S = 0.5
"""From this lag on, the times of a check say more about this machine than about the server."""

_NOTABLE_S = 0.05
_MAX_KEPT = 128


class LoopLag:
    """A timer that measures its own lateness. `start` it inside the event loop, or use `running`."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque(maxlen=_MAX_KEPT)
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._users = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the timer while at least one caller is inside."""
        self._users += 1
        if self._users == 1:
            self.start()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self.stop()

    def start(self) -> None:
        """Start the timer."""
        self._due = time.monotonic() + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def worst_since(self, start: float) -> float:
        """Return the longest lag in seconds since a monotonic time, with the one that lasts now.

        Of a lag that had begun before, only the rest counts.
        """
        now, late = time.monotonic(), 0.0
        for at, lag in reversed(self._late):  # the latest first: a busy machine keeps many of before
            if at < start:
                break
            late = max(late, min(lag, at - start))
        return max(late, min(now - self._due, now - start)) if self._timer else late

    def find_starvation(self, start: float) -> MachineStarved | None:
        """The evidence that this process waited too long since a monotonic time; None if it did not."""
        lag = self.worst_since(start)
        return MachineStarved(lag) if lag >= STARVED_S else None

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._due >= _NOTABLE_S:
            self._late.append((now, now - self._due))
        self.start()
