from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.store.maintenance.rollups import (
    LATE_S,
    UNWATCHED_HOLDS,
    Rollup,
    max_gap_s,
    roll,
    split,
    total_of,
)
from wgmon_tui.store.models import PeriodState, PeriodSummary, StoredCheck, TimelinePoint

START = 1_700_000_040.0
"""The beginning of a minute."""
MINUTE = int(START // 60)
HOLDS = 35.0

RTT = 0.02


def check(
    at: float, verdict: Verdict = Verdict.HEALTHY, rtt: float | None = RTT, *, is_deciding: bool = True
) -> StoredCheck:
    return StoredCheck(at, None, "here", verdict, is_deciding, rtt)


def moment(
    after: float, state: PeriodState = PeriodState.UP, found: StoredCheck | None = None
) -> TimelinePoint:
    return TimelinePoint(START + after, state, found)


seconds = st.floats(0, 100)
tallies = st.builds(
    lambda checks, spent, rtts: _tally(checks, spent, rtts),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(PeriodState), seconds),
    st.lists(st.floats(0.001, 5), max_size=5),
)


def _tally(lost: int, spent: dict[PeriodState, float], rtts: list[float]) -> Rollup:
    tally = Rollup()
    for rtt in (*rtts, *[None] * lost):
        tally.add_check(check(START, rtt=rtt))
    for state, length in spent.items():
        tally.add_time(state, length)
    return tally


# Totals


def test_an_answered_check_brings_its_round_trip_time_and_a_lost_one_counts_as_lost() -> None:
    tally = Rollup()
    tally.add_check(check(START))
    tally.add_check(check(START, Verdict.SILENT, None))
    found = tally.summary()
    assert (found.checks, found.lost, found.loss) == (2, 1, 0.5)
    assert found.p50 == pytest.approx(RTT, rel=0.02)


@pytest.mark.parametrize(
    "uncounted",
    [
        check(START, is_deciding=False),
        check(START, Verdict.LOCAL_FAULT, None),
        check(START, Verdict.MISCONFIGURED, None),
    ],
    ids=["another address of the round", "our own fault", "our own file"],
)
def test_what_does_not_speak_for_the_server_is_not_counted(uncounted: StoredCheck) -> None:
    tally = Rollup()
    tally.add_check(uncounted)
    assert tally == Rollup()


def test_uptime_counts_only_time_with_a_known_state() -> None:
    tally = Rollup()
    for state, spent in zip(PeriodState, (60.0, 30.0, 10.0, 500.0, 600.0, 700.0), strict=True):
        tally.add_time(state, spent)
    found = tally.summary()
    assert (found.counted, found.uptime) == (100, 0.9)
    assert (found.unknown, found.paused, found.maintenance) == (500, 600, 700)


@pytest.mark.parametrize(
    ("found", "worst"),
    [
        (PeriodSummary(up=50, degraded=9, down=1), Severity.DOWN),
        (PeriodSummary(up=50, degraded=9), Severity.DEGRADED),
        (PeriodSummary(up=50, unknown=9), Severity.UP),
        (PeriodSummary(unknown=9, paused=5), None),
    ],
)
def test_the_worst_state_is_of_the_time_seen(found: PeriodSummary, worst: Severity | None) -> None:
    assert found.worst is worst


def test_where_nothing_was_seen_there_is_no_share() -> None:
    nothing = total_of([])
    assert nothing == PeriodSummary()
    assert (nothing.uptime, nothing.loss, nothing.p99) == (None, None, None)


@given(tallies)
def test_a_row_brings_back_the_same_tally(tally: Rollup) -> None:
    assert Rollup.from_row(tally.to_row()) == tally


@given(tallies, tallies)
def test_what_is_merged_is_what_was_in_both(one: Rollup, other: Rollup) -> None:
    both, parts = total_of([one, other]), (one.summary(), other.summary())
    for total, *each in zip(astuple(both)[:8], *(astuple(part)[:8] for part in parts), strict=True):
        assert total == pytest.approx(sum(each))
    merged = Rollup()
    merged.merge(one)
    merged.merge(other)
    assert merged.summary() == both


# Time


def test_a_state_holds_until_the_next_moment() -> None:
    rolled = roll([moment(0), moment(10, PeriodState.DOWN), moment(15, PeriodState.UP), moment(20)], HOLDS)
    assert list(rolled) == [MINUTE]
    assert (rolled[MINUTE].summary().up, rolled[MINUTE].summary().down) == (15, 5)


def test_time_is_counted_in_the_minutes_in_which_it_passed() -> None:
    rolled = roll([moment(50), moment(75, PeriodState.DOWN), moment(80)], HOLDS)
    assert {number - MINUTE: (each.summary().up, each.summary().down) for number, each in rolled.items()} == {
        0: (10, 0),
        1: (15, 5),
    }


def test_after_the_last_point_time_counts_only_up_to_the_given_end() -> None:
    assert roll([moment(0)], HOLDS) == {}
    assert roll([moment(0)], HOLDS, until=START + 30)[MINUTE].summary() == PeriodSummary(up=30)
    assert roll([moment(0)], HOLDS, until=START - 30) == {}


def test_a_gap_without_checks_is_not_counted() -> None:
    rolled = roll([moment(0), moment(HOLDS + 1, PeriodState.DOWN), moment(HOLDS + 11)], HOLDS)
    assert total_of(rolled.values()) == PeriodSummary(down=10)


@pytest.mark.parametrize("state", [PeriodState.PAUSED, PeriodState.MAINTENANCE])
def test_a_state_that_no_check_confirms_holds_longer(state: PeriodState) -> None:
    confirmed = roll([moment(0, state), moment(UNWATCHED_HOLDS, state)], HOLDS)
    nobody = roll([moment(0, state), moment(UNWATCHED_HOLDS + 1, state)], HOLDS)
    assert sum(tally.seconds[state] for tally in confirmed.values()) == UNWATCHED_HOLDS
    assert nobody == {}


def test_a_check_that_ended_late_counts_no_second_twice() -> None:
    rolled = roll([moment(10), moment(20), moment(14, PeriodState.DOWN), moment(25)], HOLDS)
    assert rolled[MINUTE].summary() == PeriodSummary(up=10, down=5)


def test_a_clock_that_was_set_back_counts_no_time_backwards_and_goes_on_there() -> None:
    back = LATE_S + 3600
    moments = [
        moment(0),
        moment(10),
        moment(10 - back, PeriodState.DOWN),
        moment(20 - back, PeriodState.DOWN),
    ]
    rolled = roll(moments, HOLDS)
    assert rolled[MINUTE].summary() == PeriodSummary(up=10)
    assert total_of(rolled.values()) == PeriodSummary(up=10, down=10)


def test_a_clock_a_year_ahead_makes_no_year_of_it() -> None:
    assert roll([moment(0), moment(365 * 86_400.0)], HOLDS) == {}
    assert roll([moment(0, PeriodState.PAUSED), moment(365 * 86_400.0)], HOLDS) == {}


def test_a_check_counts_in_the_minute_in_which_it_began() -> None:
    at = START + 119
    rolled = roll([moment(119, PeriodState.UP, check(at))], HOLDS)
    assert {number - MINUTE: each.checks for number, each in rolled.items()} == {1: 1}


def test_hours_are_rolled_as_minutes_are() -> None:
    rolled = roll([moment(0), moment(30)], HOLDS, length=3600.0)
    assert rolled == {int(START // 3600): Rollup(seconds={**Rollup().seconds, PeriodState.UP: 30.0})}


_gaps = st.lists(st.tuples(st.floats(0.1, 90), st.sampled_from(PeriodState), st.booleans()), max_size=12)


@given(_gaps, st.data())
def test_rolling_in_two_parts_comes_to_the_same(
    gaps: list[tuple[float, PeriodState, bool]], data: st.DataObject
) -> None:
    at, moments = START, [moment(0)]
    for gap, state, answered in gaps:
        at += gap
        moments.append(TimelinePoint(at, state, check(at, rtt=RTT if answered else None)))
    cut = data.draw(st.integers(1, len(moments)))
    last = moments[cut - 1]
    parts = [roll(moments[:cut], HOLDS), roll([TimelinePoint(last.at, last.state), *moments[cut:]], HOLDS)]
    at_once, in_parts = roll(moments, HOLDS), [tally for part in parts for tally in part.values()]
    assert astuple(total_of(in_parts)) == pytest.approx(astuple(total_of(at_once.values())))


@given(st.floats(0, 2e9), st.floats(0, 1e5), st.sampled_from([1.0, 10.0, 60.0, 3600.0]))
def test_a_stretch_is_split_without_loss(start: float, length: float, of: float) -> None:
    end = start + min(length, 500 * of)
    parts = list(split(start, end, of))
    assert sum(part for _, part in parts) == pytest.approx(end - start)
    assert all(0 < part <= of for _, part in parts)
    assert [number for number, _ in parts] == sorted({number for number, _ in parts})


def test_a_state_may_hold_three_intervals_and_a_timeout() -> None:
    assert max_gap_s(10, 5) == HOLDS
