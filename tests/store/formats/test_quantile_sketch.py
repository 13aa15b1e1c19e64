from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.store.formats.quantile_sketch import (
    ERROR,
    LARGEST,
    SMALLEST,
    QuantileSketch,
    stored_percentiles,
)

rtts = st.floats(SMALLEST, LARGEST)
some = st.lists(rtts, max_size=60)
shares = st.floats(0, 1)
_A_HAIR = 1e-9
"""What a logarithm may round away at a border."""


def sketch_of(values: list[float]) -> QuantileSketch:
    sketch = QuantileSketch()
    for value in values:
        sketch.add(value)
    return sketch


def nearest_rank(values: list[float], share: float) -> float:
    """Return the percentile by definition: the least value that this share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@given(st.lists(rtts, min_size=1, max_size=60), shares)
def test_a_percentile_is_within_the_promised_error_of_the_true_one(values: list[float], share: float) -> None:
    [found] = sketch_of(values).percentiles(share)
    true = nearest_rank(values, share)
    assert found is not None
    assert abs(found - true) <= (ERROR + _A_HAIR) * true


@given(some, some)
def test_merging_gives_the_sketch_of_all_values(some: list[float], others: list[float]) -> None:
    merged = sketch_of(some)
    merged.merge(sketch_of(others))
    assert merged == sketch_of(some + others)
    assert len(merged) == len(some) + len(others)


@given(some)
def test_a_merged_sketch_stays_as_it_was(values: list[float]) -> None:
    source, merged = sketch_of(values), QuantileSketch()
    merged.merge(source)
    merged.add(1.0)
    assert source == sketch_of(values)


@given(some, st.integers(1, 70_000), shares)
def test_stored_percentiles_are_those_of_the_sketch(values: list[float], times: int, share: float) -> None:
    sketch = sketch_of(values)
    sketch.counts = {bucket: count * times for bucket, count in sketch.counts.items()}
    assert stored_percentiles(sketch.to_bytes(), share, 1.0) == sketch.percentiles(share, 1.0)


@given(st.binary(max_size=40))
def test_unreadable_bytes_have_no_percentiles(data: bytes) -> None:
    found = stored_percentiles(data, 0.5)
    assert (found == (None,)) is not bool(QuantileSketch.from_bytes(data).counts)


@given(some, st.integers(1, 70_000))
def test_bytes_bring_back_the_same_sketch(values: list[float], times: int) -> None:
    sketch = sketch_of(values)
    sketch.counts = {bucket: count * times for bucket, count in sketch.counts.items()}
    assert QuantileSketch.from_bytes(sketch.to_bytes()) == sketch


def test_an_empty_sketch_takes_no_bytes_and_knows_no_percentiles() -> None:
    assert QuantileSketch().to_bytes() == b""
    assert QuantileSketch.from_bytes(b"") == QuantileSketch()
    assert QuantileSketch().percentiles(0.5, 0.99) == (None, None)


@given(st.binary(max_size=40), shares)
def test_bytes_that_are_no_sketch_never_raise_and_can_be_worked_with(data: bytes, share: float) -> None:
    sketch = QuantileSketch.from_bytes(data)
    sketch.merge(sketch_of([0.02]))
    assert sketch.percentiles(share) != (None,)
    assert QuantileSketch.from_bytes(sketch.to_bytes()).percentiles(share) == sketch.percentiles(share)


@given(st.lists(rtts, min_size=1, max_size=20), st.data())
def test_a_sketch_that_lost_its_end_reads_as_an_empty_one_or_a_shorter_one(
    values: list[float], data: st.DataObject
) -> None:
    whole = sketch_of(values).to_bytes()
    cut = QuantileSketch.from_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert len(cut.counts) < len(sketch_of(values).counts)


def test_the_stored_form_stays_readable() -> None:
    # One byte per gap and two per count; first 248; gaps 0, 3; counts 256, 1282.
    stored = bytes.fromhex("01f800000300010205")
    sketch = QuantileSketch({248: 256, 251: 1282})
    assert QuantileSketch.from_bytes(stored) == sketch
    assert sketch.to_bytes() == stored
    assert sketch.percentiles(0.1, 0.9) == pytest.approx((0.01995, 0.02250), rel=1e-3)


@pytest.mark.parametrize(("count", "size"), [(255, 1), (256, 2), (65_535, 2), (65_536, 4), (2**32 - 1, 4)])
def test_a_bucket_takes_as_many_bytes_as_its_count_needs(count: int, size: int) -> None:
    sketch = QuantileSketch({248: count})
    stored = sketch.to_bytes()
    assert len(stored) == 3 + 1 + size
    assert QuantileSketch.from_bytes(stored) == sketch


@pytest.mark.parametrize(("gap", "size"), [(255, 1), (256, 2)])
def test_two_buckets_far_apart_are_read_as_they_were_written(gap: int, size: int) -> None:
    sketch = QuantileSketch({10: 1, 10 + gap: 1})
    stored = sketch.to_bytes()
    assert len(stored) == 3 + 2 * size + 2
    assert QuantileSketch.from_bytes(stored) == sketch


def test_more_values_than_four_bytes_can_count_are_stored_as_the_most_they_can() -> None:
    assert QuantileSketch.from_bytes(QuantileSketch({248: 2**32}).to_bytes()) == QuantileSketch(
        {248: 2**32 - 1}
    )


def test_what_lies_beyond_any_network_counts_as_the_limit() -> None:
    low, high = sketch_of([0.0, -1.0, 1e-12]), sketch_of([math.inf, 1e9])
    assert low.percentiles(1) == pytest.approx((SMALLEST,), rel=ERROR + _A_HAIR)
    assert high.percentiles(0) == pytest.approx((LARGEST,), rel=ERROR + _A_HAIR)


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        QuantileSketch().add(math.nan)


def test_an_hour_of_a_usual_server_takes_less_than_a_hundred_bytes() -> None:
    random = Random(7)
    hour = [0.02 * random.lognormvariate(0, 0.15) for _ in range(360)] + [5.0]
    assert len(sketch_of(hour).to_bytes()) < 100
