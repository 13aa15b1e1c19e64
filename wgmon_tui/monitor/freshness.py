"""Age of the data about a server, and the age from which it no longer counts. Pure, apart from `read_clocks`.

Two clocks are needed. The wall clock can be set; the elapsed clock cannot, and also runs while the machine is
suspended. For a check of this process the elapsed clock alone decides. For a check that was read from the
store there is only its Unix time. Its age is at least the time since this process learned of it, so that a
clock that was set back does not make old data fresh.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from wgmon_tui.config.models import Server
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_elapsed

INTERVALS = 3
"""Data is stale after this many intervals without a check."""

DEEP_CHECK_S = 120.0
"""Longest time that a deep check takes in addition to the timeout: a soak of half a minute, a second one that
confirms a cut, and the waits between them. It is allowed while somebody checks.
"""

_ELAPSED_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops CLOCK_MONOTONIC during suspend; macOS has no CLOCK_BOOTTIME, and does not stop it."""

_STEPS = ((10.0, 1.0), (60.0, 10.0), (3600.0, 60.0), (86400.0, 300.0))
"""Up to an age, the step in which it is shown. An age that changes every second would repaint every row."""

_LAST_STEP_S = 3600.0


class ClockReading(NamedTuple):
    """A reading of both clocks: Unix time, and seconds that only increase."""

    wall: float
    elapsed: float


@dataclass(frozen=True, slots=True)
class LastCheck:
    """The last check of a server that counts.

    `at` is its Unix time. `noticed_at` is the elapsed time at which this process learned of it.
    `made_here` means that this process made the check.
    """

    at: float
    noticed_at: float
    made_here: bool = False


def read_elapsed() -> float:
    """Read the elapsed clock, in seconds."""
    return time.clock_gettime(_ELAPSED_CLOCK)


def read_clocks() -> ClockReading:
    """Read both clocks."""
    return ClockReading(time.time(), read_elapsed())


def age_s(last_check: LastCheck, now: ClockReading) -> float:
    """Return the age of a check in seconds, never negative."""
    since_noticed = max(0.0, now.elapsed - last_check.noticed_at)
    return since_noticed if last_check.made_here else max(since_noticed, now.wall - last_check.at)


def stale_after_s(server: Server) -> float:
    """Return the age in seconds from which the data about a server is stale."""
    return INTERVALS * server.interval + server.timeout


def coarse_age_s(seconds: float) -> float:
    """Return an age rounded down to the step in which it is shown."""
    step = next((step for limit, step in _STEPS if seconds < limit), _LAST_STEP_S)
    return seconds // step * step


def format_stale_age(seconds: float) -> str:
    """Format the age of stale data: `30 s old`, `3 min old`."""
    return f"{'1 min' if 60.0 <= seconds < 120.0 else format_elapsed(seconds)} old"
