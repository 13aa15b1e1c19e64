from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.monitor.rtt_window import CAPACITY, RttWindow

_some = st.lists(st.none() | st.floats(0, 60, width=16), max_size=50)
rtts = st.builds(lambda some, times, more: some * times + more, _some, st.integers(1, 7), _some)
"""From none to over three times as many as are kept."""


def samples_of(values: list[float | None]) -> RttWindow:
    samples = RttWindow()
    for value in values:
        samples.add(value)
    return samples


def nearest_rank(values: list[float], percent: int) -> float:
    """Return the percentile by definition: the least value that `percent` percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent * len(ordered) / 100) - 1)]


@given(rtts)
def test_the_last_results_are_kept_in_order_and_older_ones_forgotten(values: list[float | None]) -> None:
    samples = samples_of(values)
    assert samples.recent(CAPACITY) == values[-CAPACITY:]
    assert len(samples) == min(len(values), CAPACITY)


@given(rtts, rtts)
def test_replaced_samples_leave_none_of_those_before(
    values: list[float | None], before: list[float | None]
) -> None:
    samples = samples_of(before)
    samples.replace_all([math.nan if value is None else value for value in values])
    assert samples.recent(CAPACITY) == values[-CAPACITY:]
    samples.add(0.5)
    assert samples.recent(CAPACITY) == [*values, 0.5][-CAPACITY:]


@given(rtts, st.integers(0, 2 * CAPACITY))
def test_recent_gives_so_many_of_the_last(values: list[float | None], count: int) -> None:
    kept = values[-CAPACITY:]
    assert samples_of(values).recent(count) == kept[len(kept) - min(count, len(kept)) :]


@given(rtts)
def test_loss_is_the_share_of_none(values: list[float | None]) -> None:
    kept = values[-CAPACITY:]
    expected = sum(value is None for value in kept) / len(kept) if kept else None
    assert samples_of(values).loss() == expected


@pytest.mark.parametrize("percent", [0, 50, 90, 95, 99, 100])
@given(values=rtts)
def test_percentiles_are_nearest_rank_over_the_answered(percent: int, values: list[float | None]) -> None:
    answered = [value for value in values[-CAPACITY:] if value is not None]
    expected = nearest_rank(answered, percent) if answered else None
    assert samples_of(values).percentiles(percent / 100) == (expected,)


def test_several_percentiles_come_together() -> None:
    samples = samples_of([float(value) for value in range(1, 101)])
    assert samples.percentiles(0.5, 0.95, 0.99) == (50, 95, 99)


@given(st.floats(1e-4, 60))
def test_a_time_is_kept_within_half_a_thousandth(rtt: float) -> None:
    assert samples_of([rtt]).recent(1) == [pytest.approx(rtt, rel=0.0005)]


@given(st.lists(st.floats(width=32), max_size=2 * CAPACITY))
def test_whatever_a_damaged_store_holds_is_taken(values: list[float]) -> None:
    samples = RttWindow()
    samples.replace_all(values)
    lost = sum(map(math.isnan, values[-CAPACITY:]))
    assert samples.recent(CAPACITY).count(None) == lost
    assert all(0.0 <= value <= 65504.0 for value in samples.recent(CAPACITY) if value is not None)


def test_before_the_first_check_there_are_no_statistics() -> None:
    samples = RttWindow()
    assert samples.loss() is None
    assert samples.percentiles(0.5, 0.95) == (None, None)
    assert samples.recent(10) == []
