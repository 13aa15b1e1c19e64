"""Checks and rollups that tests of the history write."""

from __future__ import annotations

from tests.store.sql_stores import HOUR, T0
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store.maintenance.rollups import Rollup
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint

MINUTE = HOUR * 60
MIDNIGHT = HOUR // 24 * 86_400.0
"""The beginning of the day of T0."""


def checked(after: float, state: PeriodState = PeriodState.UP, rtt: float | None = 0.25) -> TimelinePoint:
    """Return a check that began this many seconds after T0."""
    verdict = Verdict.SILENT if rtt is None else Verdict.HEALTHY
    return TimelinePoint(T0 + after, state, StoredCheck(T0 + after, None, "here", verdict, True, rtt))


def tally(up: float = 0.0, down: float = 0.0, rtts: tuple[float | None, ...] = ()) -> Rollup:
    made = Rollup()
    made.add_time(PeriodState.UP, up)
    made.add_time(PeriodState.DOWN, down)
    for rtt in rtts:
        made.add_check(StoredCheck(T0, None, "here", Verdict.HEALTHY, True, rtt))
    return made
