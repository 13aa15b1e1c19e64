"""Rollups of one server by minute, hour and day: the one rule that turns checks into time per state.

A state holds until the server's next timeline point. If that takes longer than a state may hold, no check ran
in between, and the time is not counted. Time that runs backwards (the clock was set) is not counted either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field

from wgmon_tui.records import dataclass
from wgmon_tui.store.formats.quantile_sketch import QuantileSketch, stored_percentiles
from wgmon_tui.store.models import PeriodState, PeriodSummary, StoredCheck, TimelinePoint

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0

COLUMNS = "checks, lost, up_s, degraded_s, down_s, unknown_s, paused_s, maintenance_s, sketch"
"""The rollup columns of `minutes`, `hours` and `days`, in the order of the row."""

Row = tuple[int, int, float, float, float, float, float, float, bytes]

_STATES = (
    PeriodState.UP,
    PeriodState.DEGRADED,
    PeriodState.DOWN,
    PeriodState.UNKNOWN,
    PeriodState.PAUSED,
    PeriodState.MAINTENANCE,
)
"""In the order of COLUMNS."""

_SHARES = (0.5, 0.95, 0.99)
"""The percentiles of a summary."""

_UNWATCHED = (PeriodState.PAUSED, PeriodState.MAINTENANCE)
UNWATCHED_HOLDS = 600.0
"""Maximum seconds that these states hold. No check confirms them, but the writer does, every minute. Time
without a writer is not counted as paused.
"""


_LONGEST_GAP_S = 31 * 86_400.0
"""Longer than any state holds, in seconds: minutes are counted one by one, and a value may be damaged."""

LATE_S = 60.0
"""A late check can end up to this many seconds after another that began later. Its state then counts from the
time already reached. A point further back was written after the clock was set back.
"""


def max_gap_s(interval: float, timeout: float) -> float:
    """Return how many seconds a state holds without another check, for a server's interval and timeout."""
    return 3 * interval + timeout


@dataclass(slots=True)
class Rollup:
    """Totals of one server over one period: `seconds` by state, the rest over checks."""

    checks: int = 0
    lost: int = 0
    seconds: dict[PeriodState, float] = field(default_factory=lambda: dict.fromkeys(_STATES, 0.0))
    sketch: QuantileSketch = field(default_factory=QuantileSketch)

    def add_check(self, check: StoredCheck) -> None:
        """Count a check, unless it is not the deciding one or had a local fault."""
        if not check.is_counted:
            return
        self.checks += 1
        if check.rtt is None:
            self.lost += 1
        else:
            self.sketch.add(check.rtt)

    def add_time(self, state: PeriodState, seconds: float) -> None:
        """Count time spent in a state."""
        self.seconds[state] += seconds

    def merge(self, other: Rollup) -> None:
        """Add the totals of another rollup."""
        self.checks += other.checks
        self.lost += other.lost
        for state, seconds in other.seconds.items():
            self.seconds[state] += seconds
        self.sketch.merge(other.sketch)

    def copy(self) -> Rollup:
        """Return the same totals, to be changed alone."""
        counts = self.sketch.counts.copy()
        return Rollup(self.checks, self.lost, self.seconds.copy(), QuantileSketch(counts))

    def to_row(self) -> Row:
        """Return the values of COLUMNS."""
        up, degraded, down, unknown, paused, maintenance = self.seconds.values()
        sketch = self.sketch.to_bytes()
        return self.checks, self.lost, up, degraded, down, unknown, paused, maintenance, sketch

    @classmethod
    def from_row(cls, row: Row) -> Rollup:
        """Build a rollup from the values of COLUMNS."""
        checks, lost, *seconds, sketch = row
        return cls(checks, lost, dict(zip(_STATES, seconds, strict=True)), QuantileSketch.from_bytes(sketch))

    def summary(self) -> PeriodSummary:
        """Convert to a summary record."""
        return PeriodSummary(
            self.checks, self.lost, *self.seconds.values(), *self.sketch.percentiles(*_SHARES)
        )


def summary_of_row(row: Row) -> PeriodSummary:
    """Summarise the values of COLUMNS."""
    return PeriodSummary(*row[:-1], *stored_percentiles(row[-1], *_SHARES))


def total_of(rollups: Iterable[Rollup]) -> PeriodSummary:
    """Sum several rollups."""
    total = Rollup()
    for rollup in rollups:
        total.merge(rollup)
    return total.summary()


def roll(
    moments: Iterable[TimelinePoint],
    max_gap_s: float,
    *,
    until: float | None = None,
    length: float = MINUTE_S,
) -> dict[int, Rollup]:
    """Sum the timeline points of one server, in the order in which they happened, by minute.

    The keys are `int(at // length)`. Time is counted between the points. After the last point it is counted
    only up to `until`, if given. To continue an earlier call, put first a point without a check, at the time
    and in the state of the last one. `max_gap_s` is the result of the function of that name, in seconds.
    """
    rollups: dict[int, Rollup] = {}

    def of(number: int) -> Rollup:
        rollup = rollups.get(number)
        if rollup is None:
            rollup = rollups[number] = Rollup()
        return rollup

    def add_time(state: PeriodState, start: float, end: float) -> None:
        if not counts(state, start, end, max_gap_s):
            return
        number = int(start // length)
        if end <= (number + 1) * length:  # nearly always
            of(number).seconds[state] += end - start
            return
        for number, seconds in split(start, end, length):
            of(number).seconds[state] += seconds

    before: tuple[float, PeriodState] | None = None
    for moment in moments:
        at = moment.at
        if before and before[0] - LATE_S <= at < before[0]:
            at = before[0]
        if moment.check is not None:
            of(int(at // length)).add_check(moment.check)
        if before:
            add_time(before[1], before[0], at)
        before = at, moment.state
    if before and until is not None:
        add_time(before[1], before[0], until)
    return rollups


def counts(state: str, start: float, end: float, max_gap_s: float) -> bool:
    """Return whether the state at `start` held until the next point at `end`."""
    return 0 < end - start <= (UNWATCHED_HOLDS if state in _UNWATCHED else min(max_gap_s, _LONGEST_GAP_S))


def split(start: float, end: float, length: float) -> Iterator[tuple[int, float]]:
    """Split a period into the minutes it touches: the number of each, and the seconds in it."""
    number = int(start // length)
    while start < end:
        border = min(end, (number + 1) * length)
        if border > start:
            yield number, border - start
            start = border
        number += 1
