from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wgmon_tui.monitor.scheduler import FIRST_PER_S, JITTER, Scheduler

NAMES = [f"server-{number}" for number in range(20)]
INTERVAL = 10.0


def run(schedule: Scheduler, names: list[str], until: float) -> dict[str, list[float]]:
    """Check every server as an engine would whose checks take no time; return when each one was due."""
    schedule.schedule_first(names, 0.0)
    due_at: dict[str, list[float]] = {name: [] for name in names}
    while (now := schedule.next_due()) is not None and now <= until:
        for name, due in schedule.take_due(now):
            due_at[name].append(due)
            if len(due_at[name]) == 1:
                schedule.schedule_second(name, now, INTERVAL)
            else:
                schedule.schedule_next(name, due, INTERVAL)
    return due_at


@given(st.integers())
def test_every_server_is_checked_at_its_jittered_interval_and_none_starves(seed: int) -> None:
    due_at = run(Scheduler(Random(seed)), NAMES, until=200)
    for times in due_at.values():
        assert 0.5 * INTERVAL <= times[1] - times[0] <= 1.5 * INTERVAL
        for before, after in pairwise(times[1:]):
            assert (1 - JITTER) * INTERVAL - 1e-9 <= after - before <= (1 + JITTER) * INTERVAL + 1e-9
        assert times[-1] > 200 - (1 + JITTER) * INTERVAL


@given(st.integers())
def test_the_first_round_takes_each_server_once_and_is_spread(seed: int) -> None:
    schedule = Scheduler(Random(seed))
    schedule.schedule_first(NAMES, 100.0)
    taken = schedule.take_due(100.0 + len(NAMES) / FIRST_PER_S)
    assert sorted(name for name, _ in taken) == sorted(NAMES)
    dues = [due for _, due in taken]
    assert dues == pytest.approx([100.0 + position / FIRST_PER_S for position in range(len(NAMES))])


@given(st.integers(1, len(NAMES)))
def test_of_many_that_are_due_the_longest_overdue_are_taken_first_and_none_is_lost(most: int) -> None:
    schedule = Scheduler(Random(1))
    schedule.schedule_first(NAMES, 0.0)
    portions = []
    while portion := schedule.take_due(100.0, most):
        assert len(portion) <= most
        portions += portion
    assert sorted(name for name, _ in portions) == sorted(NAMES)
    assert [due for _, due in portions] == sorted(due for _, due in portions)


def test_two_schedules_that_start_together_are_not_in_step() -> None:
    one, two = (run(Scheduler(Random(seed)), NAMES, until=500) for seed in (1, 2))
    together = sum(
        any(abs(due - other) < 0.01 for other in two[name]) for name in NAMES for due in one[name][1:]
    )
    assert together < 0.05 * sum(len(times) for times in one.values())


def test_servers_that_start_together_drift_apart() -> None:
    due_at = run(Scheduler(Random(1)), NAMES, until=100)
    second_round = sorted(times[1] for times in due_at.values())
    assert second_round[-1] - second_round[0] > 0.5 * INTERVAL


def test_lag_is_how_late_checks_began() -> None:
    schedule = Scheduler(Random(1))
    assert schedule.lag_percentile(0.5) is None
    for late in range(100):
        schedule.record_lag(late / 100)
    assert schedule.lag_percentile(0.5) == pytest.approx(0.5)
    assert schedule.lag_percentile(1.0) == pytest.approx(0.99)


def test_lags_are_bounded_in_memory() -> None:
    schedule = Scheduler(Random(1))
    for lag in (1.0, 2.0):
        for _ in range(5000):
            schedule.record_lag(lag)
    assert len(schedule._lags) < 5000
    assert schedule.lag_percentile(0.0) == 2.0


class Appointments(RuleBasedStateMachine):
    """The schedule compared with a plain dictionary: each name has at most one due time, the last one set."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Scheduler(Random(1))
        self.now = 0.0
        self.appointments: dict[str, float] = {}

    @rule(name=st.sampled_from(NAMES[:4]), delay=st.floats(0, 20))
    def appoint(self, name: str, delay: float) -> None:
        self.schedule.schedule_at(name, self.now + delay)
        self.appointments[name] = self.now + delay

    @rule(name=st.sampled_from(NAMES[:4]))
    def cancel(self, name: str) -> None:
        self.schedule.unschedule(name)
        self.appointments.pop(name, None)

    @rule(seconds=st.floats(0, 15))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        due = {name: at for name, at in self.appointments.items() if at <= self.now}
        taken = self.schedule.take_due(self.now)
        assert dict(taken) == due
        assert len(taken) == len(due)
        assert [at for _, at in taken] == sorted(due.values())
        for name in due:
            del self.appointments[name]

    @precondition(lambda self: self.appointments)
    @rule()
    def sleep_until_the_next(self) -> None:
        due = self.schedule.next_due()
        assert due is not None
        self.time_passes(max(0.0, due - self.now))

    @invariant()
    def the_next_is_the_earliest(self) -> None:
        assert self.schedule.next_due() == min(self.appointments.values(), default=None)


TestAppointments = Appointments.TestCase
TestAppointments.settings = settings(stateful_step_count=30)
