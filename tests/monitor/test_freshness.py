"""Age of data: how old it is, when it is stale, and that a clock that is set changes neither for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.sample_fleet import NOW, QuietEngine, record, server
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.freshness import (
    DEEP_CHECK_S,
    ClockReading,
    LastCheck,
    age_s,
    format_stale_age,
    stale_after_s,
)
from wgmon_tui.monitor.staleness import StalenessScan, are_all_stale, newest_check_at

_SECONDS = st.floats(0, 1e6)
_STEPS = st.floats(-1e8, 1e8)


def one_up(*, made_here: bool = False) -> FleetState:
    fleet_state = QuietEngine([server("fra1")]).fleet_state
    record(fleet_state, "fra1", Verdict.HEALTHY, 0.01, NOW - 60)
    fleet_state.states["fra1"].last_check = LastCheck(NOW, 100.0, made_here)
    return fleet_state


def scanned(fleet_state: FleetState, wall: float, elapsed: float, *, is_checking: bool = False) -> Severity:
    StalenessScan(fleet_state).update(ClockReading(wall, elapsed), is_checking=is_checking)
    return fleet_state.states["fra1"].severity


@given(_SECONDS, _STEPS)
def test_a_clock_that_is_set_changes_no_age_of_a_check_made_here(passed: float, step: float) -> None:
    assert age_s(LastCheck(NOW, 0.0, made_here=True), ClockReading(NOW + passed + step, passed)) == passed


@given(_SECONDS, _STEPS)
def test_a_check_that_was_read_is_at_least_as_old_as_this_process_knows_it(
    passed: float, step: float
) -> None:
    assert age_s(LastCheck(NOW, 0.0), ClockReading(NOW + passed + step, passed)) >= passed


def test_after_three_intervals_a_server_counts_as_unknown() -> None:
    fleet_state, limit = one_up(), stale_after_s(server("fra1"))
    assert limit == 3 * 10.0 + 5.0
    assert scanned(fleet_state, NOW + limit - 1, 100 + limit - 1) is Severity.UP
    assert scanned(fleet_state, NOW + limit + 1, 100 + limit + 1) is Severity.UNKNOWN
    assert fleet_state.totals() == {Severity.UNKNOWN: 1}


def test_the_search_for_the_newest_check_ends_at_one_that_is_recent_enough() -> None:
    fleet_state = QuietEngine([server(name) for name in ("fra1", "nyc1", "syd1")]).fleet_state
    assert newest_check_at(fleet_state) is None
    for name, ago in (("nyc1", 5.0), ("syd1", 1.0)):
        fleet_state.states[name].last_check = LastCheck(NOW - ago, 100.0)
    assert newest_check_at(fleet_state) == newest_check_at(fleet_state, NOW) == NOW - 1
    assert newest_check_at(fleet_state, NOW - 10) == NOW - 5


def test_all_are_stale_only_if_every_checked_server_is() -> None:
    fleet_state = QuietEngine([server(name) for name in ("fra1", "nyc1", "syd1")]).fleet_state
    assert not are_all_stale(fleet_state)
    for name in ("nyc1", "syd1"):
        fleet_state.states[name].last_check = LastCheck(NOW, 100.0)
    fleet_state.set_age("nyc1", 60.0)
    assert not are_all_stale(fleet_state)
    fleet_state.set_age("syd1", 60.0)
    assert are_all_stale(fleet_state)
    fleet_state.set_age("nyc1", None)
    assert not are_all_stale(fleet_state)


def test_while_somebody_checks_a_deep_check_may_be_in_progress() -> None:
    fleet_state, limit = one_up(), stale_after_s(server("fra1"))
    late = limit + DEEP_CHECK_S
    assert scanned(fleet_state, NOW + late - 1, 100 + late - 1, is_checking=True) is Severity.UP
    assert scanned(fleet_state, NOW + late + 1, 100 + late + 1, is_checking=True) is Severity.UNKNOWN


def test_a_stale_server_stays_unknown_until_its_next_check_when_somebody_starts_to_check() -> None:
    fleet_state, late = one_up(), stale_after_s(server("fra1")) + 10
    scanned(fleet_state, NOW + late, 100 + late)
    assert scanned(fleet_state, NOW + late + 10, 110 + late, is_checking=True) is Severity.UNKNOWN
    assert fleet_state.states["fra1"].stale_age == 50.0
    record(fleet_state, "fra1", Verdict.HEALTHY, 0.01, NOW + late + 11)
    assert fleet_state.states["fra1"].severity is Severity.UP


def test_a_suspended_hour_makes_a_check_of_this_process_old() -> None:
    assert scanned(one_up(made_here=True), NOW, 100.0 + 3600.0) is Severity.UNKNOWN


def test_the_next_check_makes_it_fresh_and_keeps_since_when_it_is_up() -> None:
    fleet_state = one_up()
    since = fleet_state.states["fra1"].since
    scanned(fleet_state, NOW + 3600, 3700.0)
    record(fleet_state, "fra1", Verdict.HEALTHY, 0.01, NOW + 3601)
    shown = fleet_state.states["fra1"]
    assert (shown.severity, shown.since, shown.is_stale) == (Severity.UP, since, False)


def test_a_paused_server_is_not_stale() -> None:
    fleet_state = one_up()
    fleet_state.pause("fra1", True, NOW)
    assert scanned(fleet_state, NOW + 86400, 86500.0) is Severity.PAUSED


@pytest.mark.parametrize(
    ("age", "shown"),
    [(30.0, "30 s old"), (60.0, "1 min old"), (180.0, "3 min old")],
)
def test_an_age_is_written_in_words(age: float, shown: str) -> None:
    assert format_stale_age(age) == shown
