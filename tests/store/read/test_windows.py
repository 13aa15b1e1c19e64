"""A server's history by period: windows over all tiers and the journal, and its checks."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.read.rollup_rows import MIDNIGHT, MINUTE, checked, tally
from tests.store.sql_stores import HOUR, T0, Store
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store.maintenance.compaction import compact
from wgmon_tui.store.maintenance.rollups import UNWATCHED_HOLDS
from wgmon_tui.store.models import (
    EMPTY_PERIOD,
    PeriodState,
    PeriodSummary,
    StoredCheck,
    TimeBucket,
    TimelinePoint,
)

# No data


def test_of_a_server_without_history_nothing_was_seen(store: Store) -> None:
    assert store.history.window("nobody", T0, T0 + 60) == EMPTY_PERIOD
    assert store.history.buckets("nobody", T0, T0 + 60, 60) == []
    assert store.history.checks("nobody", T0, T0 + 60) == []
    assert store.history.uptimes(T0, T0 + 60) == {}


def test_a_server_that_is_known_but_was_never_checked_has_empty_buckets(store: Store) -> None:
    store.server()
    assert store.history.buckets("fra1", T0, T0 + 120, 60) == [
        TimeBucket(T0, 60, EMPTY_PERIOD),
        TimeBucket(T0 + 60, 60, EMPTY_PERIOD),
    ]
    assert store.history.window("fra1", T0, T0 + 120) == EMPTY_PERIOD


@pytest.mark.parametrize("end", [T0, T0 - 60])
def test_a_window_that_ends_before_it_begins_is_empty(store: Store, end: float) -> None:
    store.rolled("minutes", MINUTE, tally(up=60))
    assert store.history.window("fra1", T0, end) == EMPTY_PERIOD
    assert store.history.buckets("fra1", T0, end, 60) == []
    assert store.history.buckets("fra1", T0, end, 10) == []


# The tiers


def test_a_window_takes_hours_and_at_its_ends_minutes(store: Store) -> None:
    for hour in range(3):
        store.rolled("hours", HOUR + hour, tally(up=3000, down=600))
        for minute in range(60):
            store.rolled("minutes", MINUTE + hour * 60 + minute, tally(up=50, down=10))
    seen = store.history.window("fra1", T0 + 1800, T0 + 2 * 3600 + 600)
    assert (seen.up, seen.down) == (1500 + 3000 + 500, 300 + 600 + 100)


def test_a_window_within_an_hour_takes_minutes(store: Store) -> None:
    store.rolled("hours", HOUR, tally(up=3600))
    for minute in range(60):
        store.rolled("minutes", MINUTE + minute, tally(up=60))
    assert store.history.window("fra1", T0 + 600, T0 + 1200) == PeriodSummary(up=600)


def test_where_minutes_are_forgotten_a_window_takes_whole_hours(store: Store) -> None:
    for hour in range(4):
        store.rolled("hours", HOUR + hour, tally(up=3600))
    store.rolled("minutes", MINUTE + 3 * 60, tally(up=60))
    assert store.history.window("fra1", T0 + 1800, T0 + 2 * 3600) == PeriodSummary(up=2 * 3600)
    assert store.history.window("fra1", T0 + 1200, T0 + 1800) == PeriodSummary(up=3600)


def test_a_window_takes_whole_days_and_at_its_ends_hours_and_minutes(store: Store) -> None:
    day = int(MIDNIGHT // 86_400)
    for number in range(4):
        store.rolled("days", day + number, tally(up=86_000, down=400))
    for hour in range(4 * 24):
        store.rolled("hours", day * 24 + hour, tally(up=3000, down=600))
        store.rolled("minutes", (day * 24 + hour) * 60 + 30, tally(up=50, down=10))
    seen = store.history.window("fra1", MIDNIGHT + 22 * 3600 + 1800, MIDNIGHT + 3 * 86_400 + 2 * 3600 + 2400)
    assert (seen.up, seen.down) == (50 + 3000 + 2 * 86_000 + 2 * 3000 + 50, 10 + 600 + 2 * 400 + 2 * 600 + 10)


def test_where_hours_are_forgotten_a_window_takes_whole_days_and_buckets_are_days(store: Store) -> None:
    day = int(MIDNIGHT // 86_400)
    for number in range(4):
        store.rolled("days", day + number, tally(up=80_000))
    for hour in range(3 * 24, 4 * 24):
        store.rolled("hours", day * 24 + hour, tally(up=3600))
    asked = MIDNIGHT + 86_400 + 7 * 3600
    assert store.history.window("fra1", asked, asked + 600) == PeriodSummary(up=80_000)
    assert store.history.window("fra1", asked, MIDNIGHT + 3 * 86_400 + 7200) == PeriodSummary(
        up=2 * 80_000 + 7200
    )
    buckets = store.history.buckets("fra1", asked, MIDNIGHT + 3 * 86_400 + 7200, 3600)
    assert [(bucket.start - MIDNIGHT, bucket.length, bucket.seen.up) for bucket in buckets] == [
        (86_400, 86_400, 80_000),
        (2 * 86_400, 86_400, 80_000),
        (3 * 86_400, 3600, 3600),
        (3 * 86_400 + 3600, 3600, 3600),
    ]
    store.now = MIDNIGHT + 4 * 86_400
    store.rolled("days", day, tally(down=86_400), "ams2")
    assert store.history.uptimes(MIDNIGHT + 600, MIDNIGHT + 1200) == {"fra1": 1.0, "ams2": 0.0}


def test_percentiles_of_a_window_are_of_all_its_checks(store: Store) -> None:
    store.rolled("hours", HOUR, tally(rtts=(0.1,) * 90))
    store.rolled("hours", HOUR + 1, tally(rtts=(1.0,) * 10))
    seen = store.history.window("fra1", T0, T0 + 7200)
    assert seen.p50 == pytest.approx(0.1, rel=0.02)
    assert seen.p95 == pytest.approx(1.0, rel=0.02)
    assert (seen.checks, seen.lost) == (100, 0)


def test_other_servers_are_not_in_it(store: Store) -> None:
    for name in ("fra1", "ams2"):
        store.rolled("hours", HOUR, tally(up=60), name)
        store.rolled("minutes", MINUTE, tally(up=60), name)
        store.packed([checked(0)], name)
    assert store.history.window("ams2", T0, T0 + 3600) == PeriodSummary(up=60)
    assert len(store.history.checks("ams2", T0, T0 + 3600)) == 1


def test_a_young_store_has_forgotten_nothing(store: Store) -> None:
    store.rolled("minutes", MINUTE + 37, tally(up=60))
    store.rolled("hours", HOUR, tally(up=60))
    assert {bucket.length for bucket in store.history.buckets("fra1", T0, T0 + 3600, 60)} == {60}


# Not in a rollup yet


def test_the_journal_counts_at_once(store: Store) -> None:
    store.journal(checked(0), checked(10, PeriodState.UP, None), checked(20, PeriodState.DOWN, None))
    store.now = T0 + 25
    seen = store.history.window("fra1", T0, T0 + 3600)
    assert (seen.checks, seen.lost, seen.up, seen.down) == (3, 2, 20, 5)
    assert store.history.uptimes(T0, T0 + 3600) == {"fra1": 0.8}


def test_what_is_written_between_two_questions_is_in_the_second_answer(store: Store) -> None:
    store.journal(checked(0))
    store.now = T0 + 15
    assert store.history.window("fra1", T0, T0 + 3600).checks == 1
    store.journal(checked(10))
    assert store.history.window("fra1", T0, T0 + 3600).checks == 2
    assert store.history.window("ams1", T0, T0 + 3600) == EMPTY_PERIOD


@pytest.mark.parametrize("apart", [3, 100_000])
def test_rows_are_found_however_far_apart_a_wrong_clock_has_put_them(store: Store, apart: int) -> None:
    for minute in (MINUTE, MINUTE + 1, MINUTE + apart):
        store.rolled("minutes", minute, tally(up=60))
    store.now = T0 + apart * 60.0 + 120
    buckets = store.history.buckets("fra1", T0 - 3600, store.now, 60)
    assert [bucket.start - T0 for bucket in buckets if bucket.seen.up] == [0, 60, apart * 60]


def test_what_the_rollups_hold_already_is_not_counted_again(store: Store) -> None:
    ids = store.journal(checked(0), checked(10), checked(20))
    store.rolled("minutes", MINUTE, tally(up=10, rtts=(0.25, 0.25)))
    store.rolled("hours", HOUR, tally(up=10, rtts=(0.25, 0.25)))
    store.packed([checked(0), checked(10)])
    store.current(T0 + 10, as_of=ids[1])
    store.now = T0 + 20
    for end in (T0 + 60, T0 + 3600):
        seen = store.history.window("fra1", T0, end)
        assert (seen.checks, seen.up) == (3, 20)
    assert [past.at - T0 for past in store.history.checks("fra1", T0, T0 + 60)] == [0, 10, 20]


def test_a_state_holds_up_to_now_and_no_longer_than_it_may(store: Store) -> None:
    store.current(T0, PeriodState.UP)
    for now, up in ((T0 + 20, 20), (T0 + 35, 35), (T0 + 36, 0)):
        store.now = now
        assert store.history.window("fra1", T0, T0 + 3600).up == up


def test_a_paused_server_is_paused_until_now(store: Store) -> None:
    store.journal(TimelinePoint(T0, PeriodState.PAUSED))
    store.now = T0 + UNWATCHED_HOLDS
    assert store.history.window("fra1", T0, T0 + 3600) == PeriodSummary(paused=UNWATCHED_HOLDS)
    assert store.history.uptimes(T0, T0 + 3600) == {}


def test_the_future_is_empty(store: Store) -> None:
    store.journal(checked(0), checked(10))
    store.now = T0 + 15
    buckets = store.history.buckets("fra1", T0, T0 + 40, 10)
    assert [bucket.seen.up for bucket in buckets] == [10, 5, 0, 0]


# Checks


def test_checks_come_in_the_order_of_time_from_packs_and_journal(store: Store) -> None:
    store.packed([checked(0), checked(70), TimelinePoint(T0 + 71, PeriodState.PAUSED)])
    store.journal(checked(130), TimelinePoint(T0 + 131, PeriodState.PAUSED), checked(125))
    assert [past.at - T0 for past in store.history.checks("fra1", T0, T0 + 600)] == [0, 70, 125, 130]
    assert [past.at - T0 for past in store.history.checks("fra1", T0 + 1, T0 + 125)] == [70]


def test_checks_of_all_time_are_found_even_where_a_clock_was_wrong_by_years(store: Store) -> None:
    year = 365 * 86_400
    store.packed([checked(-20 * year), checked(0), checked(20 * year)])
    assert len(store.history.checks("fra1", 0.0, 2.0**40)) == 3
    assert len(store.history.checks("fra1", float("-inf"), float("inf"))) == 3


def test_a_check_comes_back_with_all_that_the_journal_knows(store: Store) -> None:
    past = StoredCheck(T0, None, "here", Verdict.DNS_FAILURE, True, None)
    full = StoredCheck(T0 + 1, None, "there", Verdict.SLOW, False, 0.75, 3, 2, 0.5)
    store.journal(
        TimelinePoint(T0, PeriodState.DOWN, past), TimelinePoint(T0 + 1, PeriodState.DEGRADED, full)
    )
    assert store.history.checks("fra1", T0, T0 + 60) == [past, full]


# Compaction

_steps = st.tuples(
    st.integers(10, 340).map(lambda tenths: tenths / 10),
    st.sampled_from(
        [PeriodState.UP, PeriodState.UP, PeriodState.DEGRADED, PeriodState.DOWN, PeriodState.UNKNOWN]
    ),
    st.none() | st.sampled_from([0.02, 0.3, 5.0]),
)


def answers(store: Store, end: float) -> list[object]:
    """Return all answers about the time up to `end`, as numbers."""
    history = store.history
    asked = [
        bucket
        for length in (10, 60, 300, 3600, 86_400)
        for bucket in history.buckets("fra1", T0, end, length)
    ]
    windows = [history.window("fra1", start, end) for start in (MIDNIGHT, T0)]
    windows.append(history.window("fra1", T0 + 120, end - 60))
    return [figure for seen in (*windows, *(each.seen for each in asked)) for figure in astuple(seen)]


@given(st.lists(_steps, min_size=1, max_size=40), st.data())
def test_compaction_at_any_time_changes_no_answer(
    steps: list[tuple[float, PeriodState, float | None]], data: st.DataObject
) -> None:
    at, moments = data.draw(st.sampled_from([0.0, 7000.0])), []  # the day is over after 7,200 s
    for gap, state, rtt in steps:
        at += gap
        moments.append(checked(at, state, rtt))
    end = T0 + at + data.draw(st.integers(1, 30))
    often = data.draw(st.integers(1, 3))
    with TemporaryDirectory() as directory:
        plain, compacted = Store(Path(directory) / "plain.db"), Store(Path(directory) / "compacted.db")
        plain.journal(*moments)
        for number, moment in enumerate(moments):
            compacted.journal(moment)
            if number % often == 0:
                list(compact(compacted.connection, moment.at // 60 * 60, moment.at))
        plain.now = compacted.now = end
        assert answers(compacted, end) == pytest.approx(answers(plain, end), abs=0.005)
        assert compacted.history.uptimes(T0, end) == pytest.approx(plain.history.uptimes(T0, end))
        window = plain.history.window("fra1", T0, end).uptime
        assert plain.history.uptimes(T0, end).get("fra1") == pytest.approx(window)
        assert len(compacted.history.checks("fra1", T0, end)) == len(moments)
        plain.close()
        compacted.close()
