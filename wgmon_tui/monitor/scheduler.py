"""Scheduler of checks: every server at its configured interval, no two in step.

A heap of due times. Each server starts at a random phase, and every interval gets a random jitter around its
mean. So neither the servers nor two programs that start together fall into step.
"""

from __future__ import annotations

import heapq
from array import array
from math import inf
from random import Random

JITTER = 0.1
"""Each interval is drawn from 1 ± this share of the configured one."""

FIRST_PER_S = 500.0
"""Servers per second in the first round: a start is quick and still not a burst."""

_LAGS_KEPT = 4096

_Entry = tuple[float, str]
"""When a server is due, and its name."""


class Scheduler:
    """Due times in seconds of a monotonic clock that the caller reads."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._heap: list[_Entry] = []
        self._entries: dict[str, _Entry] = {}
        """The entry of each scheduled server. Others in the heap were replaced, and count no more."""
        self._lags = array("f")
        self._next_lag = 0

    def schedule_first(self, names: list[str], now: float) -> None:
        """Schedule the first round of these servers, in random order."""
        order = self._random.sample(names, len(names))
        for position, name in enumerate(order):
            self.schedule_at(name, now + position / FIRST_PER_S)

    def schedule_at(self, name: str, due: float) -> None:
        """Schedule a server; this replaces an earlier due time."""
        entry = self._entries[name] = (due, name)
        heapq.heappush(self._heap, entry)

    def schedule_second(self, name: str, now: float, interval: float) -> None:
        """Schedule the second round of a server at a random phase: the first round ran in start order."""
        self.schedule_at(name, now + interval * self._random.uniform(0.5, 1.5))

    def schedule_next(self, name: str, due: float, interval: float) -> float:
        """Schedule a server one jittered interval after it was due, and return the new due time."""
        after = due + interval * self._random.uniform(1 - JITTER, 1 + JITTER)
        self.schedule_at(name, after)
        return after

    def schedule_soon(self, name: str, now: float, after: float) -> None:
        """Schedule the next round of a server early, about `after` seconds from now."""
        self.schedule_at(name, now + after * self._random.uniform(1 - JITTER, 1 + JITTER))

    def unschedule(self, name: str) -> None:
        """Remove a server from the schedule."""
        self._entries.pop(name, None)

    def take_due(self, now: float, most: float = inf) -> list[tuple[str, float]]:
        """Take at most `most` servers that are due, each with its due time."""
        taken: list[tuple[str, float]] = []
        while self._heap and self._heap[0][0] <= now and len(taken) < most:
            entry = due, name = heapq.heappop(self._heap)
            if self._entries.get(name) is entry:
                del self._entries[name]
                taken.append((name, due))
        return taken

    def next_due(self) -> float | None:
        """Return the next due time; None if nothing is scheduled."""
        while self._heap and self._entries.get(self._heap[0][1]) is not self._heap[0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def lag_percentile(self, share: float) -> float | None:
        """Return how late checks started, in seconds: this percentile of the last few thousand."""
        if not self._lags:
            return None
        ordered = sorted(self._lags)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def record_lag(self, lag: float) -> None:
        """Record that a check started `lag` seconds late."""
        if len(self._lags) < _LAGS_KEPT:
            self._lags.append(lag)
        else:
            self._lags[self._next_lag] = lag
            self._next_lag = (self._next_lag + 1) % _LAGS_KEPT
