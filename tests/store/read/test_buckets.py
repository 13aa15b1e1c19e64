"""Buckets of a server: their length, and what only hours, minutes or the journal remember."""

from __future__ import annotations

import pytest

from tests.store.read.rollup_rows import MIDNIGHT, MINUTE, checked, tally
from tests.store.sql_stores import HOUR, T0, Store
from wgmon_tui.store.models import PeriodState, PeriodSummary, TimeBucket


def spans(buckets: list[TimeBucket]) -> list[tuple[float, float]]:
    return [(bucket.start - T0, bucket.length) for bucket in buckets]


def test_buckets_lie_on_multiples_of_their_length_without_gaps(store: Store) -> None:
    store.rolled("minutes", MINUTE + 7, tally(up=60))
    store.rolled("hours", HOUR, tally(up=60))
    buckets = store.history.buckets("fra1", T0 + 30, T0 + 1201, 600)
    assert spans(buckets) == [(0, 600), (600, 600), (1200, 600)]
    assert [bucket.seen.up for bucket in buckets] == [60, 0, 0]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (60.0, 60.0),
        (150.0, 120.0),
        (3599.0, 3540.0),
        (3600.0, 3600.0),
        (9000.0, 7200.0),
        (86_400.0, 86_400.0),
        (200_000.0, 172_800.0),
    ],
)
def test_a_length_is_cut_to_whole_minutes_hours_or_days(store: Store, asked: float, given: float) -> None:
    store.rolled("minutes", MINUTE, tally(up=60))
    store.rolled("hours", HOUR, tally(up=60))
    assert {bucket.length for bucket in store.history.buckets("fra1", T0, T0 + 9000, asked)} == {given}


def test_buckets_of_several_hours_add_them_up(store: Store) -> None:
    for hour in range(8):
        store.rolled("hours", HOUR + hour, tally(up=3600))
    start = (HOUR // 4 + 1) * 4 * 3600.0
    buckets = store.history.buckets("fra1", start, start + 4 * 3600, 4 * 3600)
    assert buckets == [TimeBucket(start, 4 * 3600, PeriodSummary(up=4 * 3600))]


def test_buckets_of_several_days_add_them_up(store: Store) -> None:
    first = int(MIDNIGHT // 86_400) // 2 * 2
    for day in range(2):
        store.rolled("days", first + day, tally(up=86_400))
    buckets = store.history.buckets("fra1", first * 86_400.0, (first + 2) * 86_400.0, 2 * 86_400)
    assert buckets == [TimeBucket(first * 86_400.0, 2 * 86_400, PeriodSummary(up=2 * 86_400))]


def test_what_only_hours_remember_comes_in_hours(store: Store) -> None:
    for hour in range(3):
        store.rolled("hours", HOUR + hour, tally(up=3600))
    store.rolled("minutes", MINUTE + 60 + 50, tally(up=60))
    buckets = store.history.buckets("fra1", T0, T0 + 7800, 300)
    assert spans(buckets) == [(0, 3600), (3600, 3600), (7200, 300), (7500, 300)]
    assert [bucket.seen.up for bucket in buckets] == [3600, 3600, 0, 0]


def test_what_only_minutes_remember_comes_in_minutes(store: Store) -> None:
    for minute in range(3):
        store.rolled("minutes", MINUTE + minute, tally(up=60))
    store.rolled("hours", HOUR, tally(up=180))
    store.packed([checked(120), checked(150, rtt=None)])
    buckets = store.history.buckets("fra1", T0 + 60, T0 + 180, 30)
    assert spans(buckets) == [(60, 60), (120, 30), (150, 30)]
    assert [(bucket.seen.up, bucket.seen.checks, bucket.seen.lost) for bucket in buckets] == [
        (60, 0, 0),
        (30, 1, 0),
        (0, 1, 1),
    ]


def test_seconds_come_from_packs_and_journal(store: Store) -> None:
    moments = [checked(after, PeriodState.UP, 0.25 if after != 70 else None) for after in range(0, 120, 10)]
    store.packed(moments[:6])
    ids = store.journal(*moments)
    store.current(T0 + 50, as_of=ids[5])
    store.now = T0 + 115
    buckets = store.history.buckets("fra1", T0, T0 + 120, 30)
    assert spans(buckets) == [(0, 30), (30, 30), (60, 30), (90, 30)]
    assert [bucket.seen.checks for bucket in buckets] == [3, 3, 3, 3]
    assert [bucket.seen.lost for bucket in buckets] == [0, 0, 1, 0]
    assert [bucket.seen.up for bucket in buckets] == [30, 30, 30, 25]


def test_a_state_reaches_into_a_window_of_seconds_from_before_it(store: Store) -> None:
    store.packed([checked(0, PeriodState.DOWN, None), checked(30, PeriodState.DOWN, None)])
    [bucket] = store.history.buckets("fra1", T0 + 10, T0 + 20, 10)
    assert bucket.seen == PeriodSummary(down=10)
