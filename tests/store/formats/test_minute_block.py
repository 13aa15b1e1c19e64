from __future__ import annotations

import math
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import pack as packed_by_hand

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store.formats.minute_block import SLUGS, STATES, pack, pack_samples, unpack, unpack_samples
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint

MINUTE = 28_333_334
START = MINUTE * 60.0
ADDRESS = ip_address("192.0.2.7")

_rtts = st.none() | st.floats(0, 100, width=32)
_counts = st.none() | st.integers(0, 60_000)
_addresses: st.SearchStrategy[IPv4Address | IPv6Address | None] = st.none() | st.ip_addresses()


@st.composite
def moments(draw: st.DrawFn) -> TimelinePoint:
    at = START + draw(st.integers(0, 59_999)) / 1000
    state = draw(st.sampled_from(PeriodState))
    if draw(st.integers(0, 9)) == 0:
        return TimelinePoint(at, state)
    check = StoredCheck(
        at,
        draw(_addresses),
        draw(st.text(max_size=63).filter(str.isprintable)),
        draw(st.sampled_from(Verdict)),
        draw(st.booleans()),
        draw(_rtts),
    )
    if draw(st.booleans()):
        return TimelinePoint(at, state, check)
    with_tunnel = StoredCheck(
        check.at,
        check.address,
        check.vantage,
        check.verdict,
        check.is_deciding,
        check.rtt,
        draw(st.integers(0, 60_000)),
        draw(_counts),
        draw(_rtts),
    )
    return TimelinePoint(at, state, with_tunnel)


def usual(count: int) -> list[TimelinePoint]:
    """Return a minute of a healthy server."""
    return [
        TimelinePoint(
            START + at,
            PeriodState.UP,
            StoredCheck(START + at, ADDRESS, "here", Verdict.HEALTHY, True, 0.25, 3, 3, 0.5),
        )
        for at in range(0, 60, 60 // count)
    ]


@given(st.lists(moments(), max_size=12))
def test_what_is_packed_comes_back_in_its_order(some: list[TimelinePoint]) -> None:
    back = unpack(MINUTE, pack(MINUTE, some))
    assert len(back) == len(some)
    for one, other in zip(back, some, strict=True):
        assert one.at == pytest.approx(other.at, abs=0.0011)
        assert one.state is other.state
        assert (one.check is None) == (other.check is None)
        if one.check and other.check:
            assert one.check.at == one.at
            assert _but_time(one.check) == _but_time(other.check)


def _but_time(check: StoredCheck) -> tuple[object, ...]:
    return (
        check.address,
        check.vantage,
        check.verdict,
        check.is_deciding,
        check.rtt,
        check.tunnel_sent,
        check.tunnel_received,
        check.tunnel_rtt,
    )


def test_more_addresses_than_a_byte_can_number() -> None:
    addresses = [ip_address(number) for number in range(1, 302)]
    some = [
        TimelinePoint(
            START, PeriodState.DOWN, StoredCheck(START, address, "here", Verdict.SILENT, False, None)
        )
        for address in addresses
    ]
    assert unpack(MINUTE, pack(MINUTE, some)) == some


@pytest.mark.parametrize("after", [-0.001, 60.0])
def test_a_moment_of_another_minute_is_refused(after: float) -> None:
    with pytest.raises(ValueError, match="outside minute"):
        pack(MINUTE, [TimelinePoint(START + after, PeriodState.UP)])


def test_a_later_row_can_be_packed_behind_those_before() -> None:
    early, late = usual(6)[:4], usual(6)[4:]
    assert unpack(MINUTE, pack(MINUTE, [*unpack(MINUTE, pack(MINUTE, early)), *late])) == usual(6)


@given(st.lists(st.floats(0, 59.9999), max_size=12))
def test_packing_again_moves_no_moment(afters: list[float]) -> None:
    once = pack(MINUTE, [TimelinePoint(START + after, PeriodState.UP) for after in afters])
    back = unpack(MINUTE, once)
    assert [moment.at - START for moment in back] == pytest.approx(afters, abs=0.0011)
    assert all(moment.at < START + 60 for moment in back)
    assert pack(MINUTE, back) == once


@given(st.binary(max_size=80))
def test_bytes_that_are_no_pack_never_raise(data: bytes) -> None:
    unpack(MINUTE, data)
    unpack(MINUTE, b"\x01" + data)


@given(st.lists(moments(), min_size=1, max_size=6), st.data())
def test_a_pack_that_was_cut_off_holds_nothing(some: list[TimelinePoint], data: st.DataObject) -> None:
    whole = pack(MINUTE, some)
    assert unpack(MINUTE, whole[: data.draw(st.integers(0, len(whole) - 1))]) == []


@given(st.lists(moments(), min_size=1, max_size=4), st.data())
def test_a_pack_with_a_byte_turned_over_never_raises(some: list[TimelinePoint], data: st.DataObject) -> None:
    spoiled = bytearray(pack(MINUTE, some))
    place = data.draw(st.integers(0, len(spoiled) - 1))
    spoiled[place] ^= data.draw(st.integers(1, 255))
    unpack(MINUTE, bytes(spoiled))


def test_a_pack_of_a_later_version_is_read_as_empty() -> None:
    assert unpack(MINUTE, b"\x02" + pack(MINUTE, usual(6))[1:]) == []


def test_a_verdict_of_a_later_version_leaves_its_moment_without_a_check() -> None:
    whole = bytearray(pack(MINUTE, usual(6)))
    verdicts = len(whole) - 6 * (8 + 4 + 1 + 1)
    whole[verdicts] = 250
    back = unpack(MINUTE, bytes(whole))
    assert back == [TimelinePoint(START, PeriodState.UP), *usual(6)[1:]]


def test_every_verdict_has_its_number_for_good() -> None:
    assert set(SLUGS) == {verdict.slug for verdict in Verdict}
    assert len(set(SLUGS)) == len(SLUGS) < 250
    assert (SLUGS[0], SLUGS[5], SLUGS[14], SLUGS[18]) == (
        "healthy",
        "inner-dead",
        "silent",
        "misconfigured",
    )


def test_every_state_has_its_number_for_good() -> None:
    assert set(STATES) == set(PeriodState)
    assert STATES[:5] == (
        PeriodState.UP,
        PeriodState.DEGRADED,
        PeriodState.DOWN,
        PeriodState.UNKNOWN,
        PeriodState.PAUSED,
    )


def test_the_stored_form_stays_readable() -> None:
    by_hand = (
        packed_by_hand("<BBHH", 1, 0, 2, 1)
        + b"\x04\x09here192.0.2.7"
        + packed_by_hand("<2H2B2B2f", 0, 10_500, 1, 15, 0 | 8, 2 | 8, 0.25, math.nan)
    )
    some = [
        TimelinePoint(
            START, PeriodState.UP, StoredCheck(START, ADDRESS, "here", Verdict.HEALTHY, True, 0.25)
        ),
        TimelinePoint(
            START + 10.5,
            PeriodState.DOWN,
            StoredCheck(START + 10.5, ADDRESS, "here", Verdict.SILENT, True, None),
        ),
    ]
    assert unpack(MINUTE, by_hand) == some
    assert pack(MINUTE, some) == by_hand


def test_a_usual_minute_takes_about_twenty_bytes_a_check() -> None:
    assert len(pack(MINUTE, usual(6))) == 6 + 2 + len("here192.0.2.7") + 6 * 16


@given(st.lists(st.floats(0, 60, width=32) | st.just(math.nan), max_size=120))
def test_samples_come_back(rtts: list[float]) -> None:
    back = unpack_samples(pack_samples(rtts))
    assert [None if math.isnan(each) else each for each in back] == [
        None if math.isnan(each) else each for each in rtts
    ]


@given(st.binary(max_size=30))
def test_spoiled_samples_never_raise(data: bytes) -> None:
    assert len(unpack_samples(data)) == len(data) // 4
