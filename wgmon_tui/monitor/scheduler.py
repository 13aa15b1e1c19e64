"""When to check what: every server at its own interval, no two in step.

A heap of due times. Each server starts at a random phase and every interval is drawn anew around its mean,
so that neither the servers nor two programs that started together drift into one beat.
"""

from __future__ import annotations

import heapq
from array import array
from math import inf
from random import Random

JITTER = 0.1
"""Each interval is drawn from 1 ± this share of the configured one."""

FIRST_PER_S = 500.0
"""How many servers a second the first round takes on, so that a start is quick and yet no burst."""

_LAGS_KEPT = 4096


class Scheduler:
    """Due times in the seconds of a monotonic clock that the caller reads."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._heap: list[tuple[float, int, str]] = []
        self._token: dict[str, int] = {}
        self._lags = array("f")
        self._next_lag = 0

    def schedule_first(self, names: list[str], now: float) -> None:
        """Schedule the first round of these servers, in random order."""
        order = self._random.sample(names, len(names))
        for position, name in enumerate(order):
            self.schedule_at(name, now + position / FIRST_PER_S)

    def schedule_at(self, name: str, due: float) -> None:
        """Schedule a server; an earlier appointment of its is off."""
        token = self._token.get(name, 0) + 1
        self._token[name] = token
        heapq.heappush(self._heap, (due, token, name))

    def schedule_second(self, name: str, now: float, interval: float) -> None:
        """Schedule a server's second round at a random phase: the first one came in start order."""
        self.schedule_at(name, now + interval * self._random.uniform(0.5, 1.5))

    def schedule_next(self, name: str, due: float, interval: float) -> float:
        """Schedule a server one jittered interval after it was due, and say when that is."""
        after = due + interval * self._random.uniform(1 - JITTER, 1 + JITTER)
        self.schedule_at(name, after)
        return after

    def schedule_soon(self, name: str, now: float, after: float) -> None:
        """Schedule a server's next round out of turn, about `after` seconds from now."""
        self.schedule_at(name, now + after * self._random.uniform(1 - JITTER, 1 + JITTER))

    def unschedule(self, name: str) -> None:
        """Cancel a server's appointment."""
        self._token[name] = self._token.get(name, 0) + 1

    def take_due(self, now: float, most: float = inf) -> list[tuple[str, float]]:
        """Take so many servers at most whose time has come, with the time at which each was due."""
        taken: list[tuple[str, float]] = []
        while self._heap and self._heap[0][0] <= now and len(taken) < most:
            due, token, name = heapq.heappop(self._heap)
            if self._token.get(name) == token:
                taken.append((name, due))
        return taken

    def next_due(self) -> float | None:
        """When the next appointment is; None where there is none."""
        while self._heap and self._token.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def lag_percentile(self, share: float) -> float | None:
        """How late checks started, in seconds: the percentile of the last few thousand."""
        if not self._lags:
            return None
        ordered = sorted(self._lags)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def record_lag(self, lag: float) -> None:
        """A check has begun so many seconds after it was due."""
        if len(self._lags) < _LAGS_KEPT:
            self._lags.append(lag)
        else:
            self._lags[self._next_lag] = lag
            self._next_lag = (self._next_lag + 1) % _LAGS_KEPT
