"""Layout of an exchange: events in order, and structural differences from a good exchange."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui import sample_exchanges
from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.evidence import IcmpError, LateAnswer, PacketRejected, SocketError
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.tui.server.exchange_layout import (
    CursorStop,
    ExchangeComparison,
    ExchangeLayout,
    LineTone,
    PacketHeading,
    RemarkLine,
    compare,
    explain,
    initial_stop,
    lay_out,
)
from wgmon_tui.tui.server.hex_layout import HexLine

GOOD = sample_exchanges.healthy()


def headings(layout: ExchangeLayout) -> list[tuple[str, str, str, str]]:
    return [
        (line.direction, line.time, line.label, line.size)
        for line in layout.lines
        if isinstance(line, PacketHeading)
    ]


def remarks(layout: ExchangeLayout) -> list[str]:
    return [line.text for line in layout.lines if isinstance(line, RemarkLine)]


def with_packets(*exchange: Packet) -> Check:
    return replace(GOOD, exchange=exchange)


def against_good(check: Check) -> ExchangeLayout:
    return lay_out(check, 200, compare(check, GOOD))


def test_each_packet_has_a_heading_with_its_way_time_name_and_length() -> None:
    assert headings(lay_out(GOOD, 80)) == [
        ("→ sent", "+0.000 ms", "handshake initiation", "148 bytes"),
        ("← received", "+12.41 ms", "handshake response", "92 bytes"),
        ("→ sent", "+12.61 ms", "keepalive", "32 bytes"),
    ]


def test_packets_of_the_tunnel_stage_are_named_and_timed_like_the_others() -> None:
    assert headings(lay_out(sample_exchanges.data_passes(), 80))[2:] == [
        ("→ sent", "+12.60 ms", "keepalive", "32 bytes"),
        ("→ sent", "+12.80 ms", "transport data", "96 bytes"),
        ("← received", "+23.80 ms", "transport data", "96 bytes"),
        ("→ sent", "+24.00 ms", "keepalive", "32 bytes"),
    ]


def test_what_did_not_come_back_through_the_tunnel_stands_at_the_end() -> None:
    said = remarks(lay_out(sample_exchanges.data_dead(), 80))
    assert said[-1] == "through the tunnel 10.8.0.1 answered 0 of 1 echoes"


def test_seconds_are_written_as_seconds() -> None:
    late = sample_exchanges.check([sample_exchanges.sent(2.5, sample_exchanges.initiate().packet)])
    assert headings(lay_out(late, 80))[0][1] == "+2.500 s"


def test_ascii_alone_draws_arrows_of_ascii() -> None:
    layout = lay_out(sample_exchanges.silent(), 80, compare(with_packets(), GOOD), ascii_only=True)
    assert all(text.isascii() for heading in headings(layout) for text in heading)
    assert all(text.isascii() for text in remarks(layout))


def test_an_authentic_response_is_called_so() -> None:
    assert remarks(lay_out(GOOD, 80)) == ["authentic: the tag over `empty` is valid"]


def test_a_response_to_somebody_else_is_not_called_authentic() -> None:
    astray = bytearray(GOOD.exchange[1].data)
    astray[8] ^= 1
    asked, answer, confirmed = GOOD.exchange
    check = sample_exchanges.check(
        [asked, sample_exchanges.received(0.005, bytes(astray)), answer, confirmed], rtt=0.01241
    )
    assert remarks(lay_out(check, 80)) == [
        "rejected: it answers no initiation of this check",
        "authentic: the tag over `empty` is valid",
    ]


def test_a_rejected_packet_carries_the_reason_under_its_heading() -> None:
    lines = lay_out(sample_exchanges.psk_mismatch(), 200).lines
    at = next(
        index for index, line in enumerate(lines) if isinstance(line, PacketHeading) and line.packet == 1
    )
    fate = lines[at + 1]
    assert isinstance(fate, RemarkLine)
    assert fate.tone is LineTone.BAD
    assert fate.text.startswith("rejected: authentication failed")


def test_a_cookie_reply_says_what_the_server_demands() -> None:
    said = remarks(lay_out(sample_exchanges.under_load(), 80))
    assert said[0] == "authentic: the server is under load and demands a cookie"


def test_foreign_bytes_are_not_believed() -> None:
    layout = lay_out(sample_exchanges.foreign(), 80)
    assert headings(layout)[1][2] == "not WireGuard"
    assert "rejected: not a WireGuard message" in remarks(layout)


def test_an_icmp_error_stands_between_the_packets_at_its_time() -> None:
    packet = sample_exchanges.initiate().packet
    error = IcmpError(0.1, 4, 3, 13, "198.51.100.1", False)
    check = sample_exchanges.check(
        [sample_exchanges.sent(0.0, packet), sample_exchanges.sent(0.25, packet)], error
    )
    order = [
        line.time if isinstance(line, PacketHeading) else line.text
        for line in lay_out(check, 200).lines
        if isinstance(line, PacketHeading | RemarkLine)
    ]
    assert order[0] == "+0.000 ms"
    assert order[1].startswith("+100.00 ms  198.51.100.1 reports: communication administratively prohibited")
    assert order[2] == "+250.00 ms"


def test_silence_and_late_answers_stand_at_the_end() -> None:
    check = sample_exchanges.check(
        [sample_exchanges.sent(0.0, sample_exchanges.initiate().packet)], LateAnswer(7.5)
    )
    last = lay_out(check, 80).lines[-1]
    assert isinstance(last, RemarkLine)
    assert last.text.startswith("an authentic answer arrived late")
    assert remarks(lay_out(sample_exchanges.silent(), 80)) == ["no authentic answer within 5.00 s"]


def test_what_our_own_system_refused_is_told() -> None:
    said = remarks(lay_out(sample_exchanges.check((), SocketError(0.0, "EPERM")), 200))
    assert said == ["+0.000 ms  this machine could not send (EPERM): the firewall of this machine blocks it"]


@given(st.integers(20, 200))
def test_no_line_of_words_is_wider_than_the_view(width: int) -> None:
    for check in (sample_exchanges.psk_mismatch(), sample_exchanges.foreign(), sample_exchanges.silent()):
        layout = lay_out(check, width, compare(check, GOOD))
        assert all(len(text) + 6 <= max(width, 26) for text in remarks(layout))


@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(20, 160))
def test_any_bytes_are_laid_out_in_full_and_every_field_is_a_stop(payloads: list[bytes], width: int) -> None:
    check = sample_exchanges.check(
        sample_exchanges.received(number / 10, data) for number, data in enumerate(payloads)
    )
    layout = lay_out(check, width)
    dumps = [line for line in layout.lines if isinstance(line, HexLine)]
    for number, data in enumerate(payloads):
        assert b"".join(line.data for line in dumps if line.packet == number) == data
    in_sight = dict.fromkeys(CursorStop(line.packet, span.field) for line in dumps for span in line.spans)
    assert list(layout.stops) == list(in_sight)
    for stop in layout.stops:
        assert explain(check, stop).name


def test_an_exchange_has_the_form_of_itself() -> None:
    assert compare(GOOD, GOOD) == ExchangeComparison()


def test_new_keys_and_seals_are_no_difference_in_form() -> None:
    response = sample_exchanges.respond(sample_exchanges.initiate(), sample_exchanges.OTHER_PSK)
    other = (GOOD.exchange[0], sample_exchanges.received(0.5, response), GOOD.exchange[2])
    assert other[1].data != GOOD.exchange[1].data
    assert compare(with_packets(*other), GOOD) == ExchangeComparison()


def test_packets_that_never_came_are_named() -> None:
    assert remarks(against_good(sample_exchanges.silent()))[-2:] == [
        "≠ missing: handshake response, 92 bytes; the last good exchange received it at +12.41 ms",
        "≠ missing: keepalive, 32 bytes; the last good exchange sent it at +12.61 ms",
    ]


def test_a_packet_that_a_good_exchange_has_not_is_marked() -> None:
    check = sample_exchanges.under_load()
    assert compare(check, GOOD).extra == {1, 2}
    assert remarks(against_good(check)).count("≠ not in the last good exchange") == 2


def test_a_mac2_that_became_set_is_a_difference() -> None:
    with_cookie = (
        sample_exchanges.sent(0.0, sample_exchanges.initiate(sample_exchanges.COOKIE).packet),
        *GOOD.exchange[1:],
    )
    assert compare(with_packets(*with_cookie), GOOD).differing == {
        CursorStop(0, 7): "mac2: set here, zeros in the last good exchange"
    }


def test_echoes_that_come_back_in_another_order_are_no_difference() -> None:
    short, long = (sample_exchanges.received(0.1, b"\x04\0\0\0" + bytes(12 + 16 + size)) for size in (32, 48))
    assert compare(with_packets(short, long), with_packets(long, short)) == ExchangeComparison()


def test_another_length_of_the_same_message_is_a_difference() -> None:
    longer = sample_exchanges.sent(0.1, b"\x04\0\0\0" + bytes(12 + 16 + 32))
    shorter = sample_exchanges.sent(0.1, b"\x04\0\0\0" + bytes(12 + 16 + 16))
    assert compare(with_packets(longer), with_packets(shorter)).differing == {
        CursorStop(0, 4): "packet: 48 bytes here, 32 in the last good exchange"
    }


@given(st.lists(st.binary(max_size=160), max_size=4), st.lists(st.binary(max_size=160), max_size=4))
def test_comparing_accounts_for_every_packet_of_both_sides(ours: list[bytes], theirs: list[bytes]) -> None:
    here = tuple(sample_exchanges.received(0.0, data) for data in ours)
    there = tuple(sample_exchanges.received(0.0, data) for data in theirs)
    found = compare(with_packets(*here), with_packets(*there))
    assert len(here) - len(found.extra) == len(there) - len(found.missing)
    assert {stop.packet for stop in found.differing}.isdisjoint(found.extra)


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (sample_exchanges.healthy(), "type"),
        (sample_exchanges.psk_mismatch(), "empty"),
        (sample_exchanges.foreign(), "unknown"),
        (sample_exchanges.silent(), "type"),
    ],
)
def test_the_cursor_starts_on_the_field_that_made_us_not_believe(check: Check, name: str) -> None:
    stop = initial_stop(check)
    assert stop is not None
    assert explain(check, stop).name == name


def test_a_tunnel_packet_that_does_not_open_is_shown_first_unless_data_passed() -> None:
    check = sample_exchanges.data_passes()
    doubled = PacketRejected(0.0238, Reason.OTHER_SESSION, len(check.exchange[4].data))
    check = replace(check, evidence=(*check.evidence, doubled))
    assert initial_stop(check) == CursorStop(0, 0)
    dead = replace(check, tunnel=sample_exchanges.data_dead().tunnel)
    assert initial_stop(dead) == CursorStop(4, 4)
    assert explain(dead, CursorStop(4, 4)).name == "packet"


def test_without_packets_there_is_no_field_to_start_on() -> None:
    assert initial_stop(sample_exchanges.unresolved()) is None
    assert initial_stop(sample_exchanges.check([Packet(0.1, GOOD.exchange[1].direction, b"")])) is None


def test_a_field_is_explained_with_its_place_and_meaning() -> None:
    told = explain(GOOD, CursorStop(1, 5))
    assert (told.packet, told.name, told.location) == (
        "handshake response",
        "empty",
        "bytes 44 to 59, length 16",
    )
    assert told.meaning.startswith("tag over an empty text")


def test_a_receiver_index_is_traced_to_our_initiation() -> None:
    assert explain(GOOD, CursorStop(1, 3)).value == "0x01020304, the sender of the initiation at +0.000 ms"
    alone = sample_exchanges.check([GOOD.exchange[1]])
    assert (
        explain(alone, CursorStop(0, 3)).value == "0x01020304, the sender of no initiation in this exchange"
    )
