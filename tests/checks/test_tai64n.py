"""Tests of TAI64N stamps, which must always increase, whatever the clock does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.tai64n import TAI64N_LENGTH, decode, encode, next_timestamp_ns

CLOCK = st.integers(0, 2**63 - 1)  # Unix nanoseconds, to the year 2262


@pytest.mark.parametrize(
    ("unix_ns", "stamp"),
    [
        (0, "400000000000000a" + "00000000"),
        (1, "400000000000000a" + "00000001"),
        (1_000_000_000, "400000000000000b" + "00000000"),
        (1_700_000_000_123_456_789, "400000006553f10a" + "075bcd15"),
    ],
)
def test_a_stamp_is_the_kernels(unix_ns: int, stamp: str) -> None:
    assert encode(unix_ns).hex() == stamp


@given(CLOCK)
def test_a_stamp_has_twelve_bytes_and_reads_back(unix_ns: int) -> None:
    assert len(encode(unix_ns)) == TAI64N_LENGTH
    assert decode(encode(unix_ns)) == unix_ns


def test_a_clock_before_1970_still_makes_a_stamp() -> None:
    assert encode(-1) < encode(0)
    assert decode(encode(-1)) == -1


@given(st.binary(max_size=30).filter(lambda stamp: len(stamp) != TAI64N_LENGTH))
def test_a_stamp_of_another_length_is_refused(stamp: bytes) -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        decode(stamp)


@given(st.binary(min_size=12, max_size=12))
def test_any_twelve_bytes_read_as_some_time(stamp: bytes) -> None:
    """A received stamp may not be a valid time, and its nanoseconds may exceed a second."""
    assert isinstance(decode(stamp), int)


@given(CLOCK, CLOCK)
def test_stamps_order_as_their_times_do(one: int, other: int) -> None:
    assert (encode(one) < encode(other)) == (one < other)


@given(CLOCK, st.lists(st.one_of(CLOCK, st.sampled_from([0, 1, 999_999_999, 1_000_000_000])), min_size=1))
def test_stamps_strictly_increase_whatever_the_clock_does(last: int, readings: list[int]) -> None:
    for now in readings:
        taken = next_timestamp_ns(last, now)
        assert encode(taken) > encode(last)
        last = taken


def test_a_clock_that_moves_on_is_followed() -> None:
    assert next_timestamp_ns(1_000, 5_000) == 5_000


def test_a_clock_that_stands_still_or_goes_back_costs_one_nanosecond() -> None:
    assert next_timestamp_ns(1_000, 1_000) == 1_001
    assert next_timestamp_ns(1_000, 3) == 1_001
