"""Tests of inner packets: an independent parser by the RFCs, with independent checksums."""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.protocols.wireguard.inner_servers import ip_packet
from wgmon_tui.lab import inner_packets as stranger
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.inner_packets import (
    DnsAnswer,
    EchoReply,
    FragmentReceived,
    InnerIcmp,
    TcpAnswer,
    UnrecognisedPacket,
    dns_query,
    echo_request,
    parse,
    tcp_reset,
    tcp_syn,
)

OURS: dict[int, Address] = {4: IPv4Address("10.8.0.250"), 6: IPv6Address("fd00::250")}
THEIRS: dict[int, Address] = {4: IPv4Address("10.8.0.1"), 6: IPv6Address("fd00::1")}
HEADER = {4: 20, 6: 40}

Segment = Callable[[Address, Address, int, int, int], bytes]

both_versions = pytest.mark.parametrize("version", [4, 6])


def sum_of_words(data: bytes) -> int:
    """RFC 1071 literally, carry by carry. 65535 if the included checksum is correct."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def unwrapped(packet: bytes, protocol: int) -> bytes:
    """The payload of a packet from client to server, after checks of its IP header and checksums."""
    version = packet[0] >> 4
    if version == 4:
        kind, tos, total, _, flags, ttl, inner_received, _, source, to = struct.unpack(
            "!BBHHHBBH4s4s", packet[:20]
        )
        assert (kind, tos, total, flags, ttl) == (0x45, 0, len(packet), 0x4000, 64)
        assert sum_of_words(packet[:20]) == 0xFFFF
        payload = packet[20:]
    else:
        flow, length, inner_received, hops, source, to = struct.unpack("!IHBB16s16s", packet[:40])
        assert (flow, length, hops) == (0x60000000, len(packet) - 40, 64)
        payload = packet[40:]
    assert inner_received == protocol
    assert (source, to) == (OURS[version].packed, THEIRS[version].packed)
    # RFC 792's checksum covers the message alone; RFC 4443, 768 and 9293 put a pseudo-header before it.
    pseudo = b"" if protocol == 1 else source + to + struct.pack("!II", len(payload), protocol)
    assert sum_of_words(pseudo + payload) == 0xFFFF
    return payload


def from_them(version: int, protocol: int, payload: bytes, *, flags: int = 0) -> bytes:
    return ip_packet(THEIRS[version], OURS[version], protocol, payload, flags=flags)


# Echo


@both_versions
@given(st.data())
def test_an_echo_has_exactly_the_size_that_was_asked_for(version: int, data: st.DataObject) -> None:
    least = HEADER[version] + 8 + 16
    size = data.draw(st.integers(least, 9000))
    assert len(echo_request(OURS[version], THEIRS[version], 1, 2, size)) == size


@both_versions
@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 1500))
def test_an_echo_is_well_formed(version: int, identifier: int, sequence: int, size: int) -> None:
    packet = echo_request(OURS[version], THEIRS[version], identifier, sequence, size)
    message = unwrapped(packet, 1 if version == 4 else 58)
    kind, code, _, told, number = struct.unpack("!BBHHH", message[:8])
    assert (kind, code, told, number) == (8 if version == 4 else 128, 0, identifier, sequence)
    assert len(packet) >= size


@both_versions
@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 1500), st.binary(max_size=15))
def test_a_stranger_answers_it_and_the_answer_is_recognised(
    version: int, identifier: int, sequence: int, size: int, padding: bytes
) -> None:
    request = echo_request(OURS[version], THEIRS[version], identifier, sequence, size)
    received = stranger.parse(request + padding)
    assert received is not None
    reply = stranger.echo_reply(received)
    assert reply is not None
    assert parse(reply + padding) == EchoReply(THEIRS[version], identifier, sequence, len(request))


@both_versions
def test_our_own_request_coming_back_is_no_answer(version: int) -> None:
    request = echo_request(OURS[version], THEIRS[version], 1, 2)
    assert parse(request) == UnrecognisedPacket(len(request))


# DNS


@both_versions
@given(st.integers(1, 65535), st.integers(0, 65535))
def test_a_query_asks_for_the_name_servers_of_the_root(version: int, port: int, transaction: int) -> None:
    datagram = unwrapped(dns_query(OURS[version], THEIRS[version], port, transaction), 17)
    source, to, length, checksum = struct.unpack("!HHHH", datagram[:8])
    assert (source, to, length) == (port, 53, len(datagram))
    assert checksum != 0  # which would say that there is none (RFC 768); IPv6 drops such a datagram
    told, flags, *counts = struct.unpack("!6H", datagram[8:20])
    assert (told, flags, counts) == (transaction, 0x0100, [1, 0, 0, 0])  # recursion desired, one question
    assert datagram[20:] == b"\0" + struct.pack("!HH", 2, 1)  # the root, NS, IN


@both_versions
def test_a_checksum_that_comes_to_zero_is_sent_as_all_ones(version: int) -> None:
    def checksum(transaction: int) -> bytes:
        return dns_query(OURS[version], THEIRS[version], 50000, transaction)[HEADER[version] + 6 :][:2]

    # What a sum lacks, put into it as the number of the transaction, makes it all ones.
    assert checksum(int.from_bytes(checksum(0), "big")) == b"\xff\xff"


@both_versions
@pytest.mark.parametrize("code", range(6))
def test_any_answer_of_a_name_server_is_one(version: int, code: int) -> None:
    message = struct.pack("!6H", 0xBEEF, 0x8180 | code, 1, 0, 0, 0) + b"\0\0\2\0\1"
    datagram = struct.pack("!HHHH", 53, 50000, 8 + len(message), 0) + message
    assert parse(from_them(version, 17, datagram)) == DnsAnswer(THEIRS[version], 0xBEEF, code)


def test_a_named_query_asks_for_its_address_in_the_form_of_dns() -> None:
    datagram = unwrapped(dns_query(OURS[4], THEIRS[4], 50000, 7, "www.faß.example."), 17)
    assert datagram[20:] == b"\x03www\x0axn--fa-hia\x07example\0" + struct.pack("!HH", 1, 1)  # A, IN


def test_a_query_that_comes_back_is_no_answer() -> None:
    datagram = (
        struct.pack("!HHHH", 53, 50000, 25, 0) + struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + b"\0\0\2\0\1"
    )
    assert parse(from_them(4, 17, datagram)) == UnrecognisedPacket(45)


def test_a_datagram_from_another_port_answers_nothing() -> None:
    datagram = struct.pack("!HHHH", 123, 50000, 20, 0) + bytes(12)
    assert parse(from_them(4, 17, datagram)) == UnrecognisedPacket(40)


# TCP


@both_versions
@pytest.mark.parametrize(("make", "flags"), [(tcp_syn, 0x02), (tcp_reset, 0x04)])
def test_a_segment_is_a_bare_header_with_one_flag(version: int, make: Segment, flags: int) -> None:
    segment = unwrapped(make(OURS[version], THEIRS[version], 50000, 443, 0xDEADBEEF), 6)
    source, to, sequence, acknowledged, offset, flagged, window, _, urgent = struct.unpack(
        "!HHIIBBHHH", segment
    )
    assert (source, to, sequence) == (50000, 443, 0xDEADBEEF)
    assert (acknowledged, offset, flagged, urgent) == (0, 5 << 4, flags, 0)
    assert (window > 0) == (flagged == 0x02)


def segment_from_them(flags: int) -> bytes:
    return struct.pack("!HHIIBBHHH", 443, 50000, 9, 8, 5 << 4, flags, 1000, 0, 0)


@both_versions
@pytest.mark.parametrize(("flags", "opened"), [(0x12, True), (0x52, True), (0x14, False), (0x04, False)])
def test_what_comes_back_says_whether_the_port_is_open(version: int, flags: int, opened: bool) -> None:
    answer = parse(from_them(version, 6, segment_from_them(flags)))
    assert answer == TcpAnswer(THEIRS[version], 443, 50000, opened, is_reply=True)


# Errors from inside


@pytest.mark.parametrize(("kind", "code"), [(3, 1), (3, 3), (3, 13), (5, 1), (11, 0), (12, 0)])
def test_an_icmp_error_names_who_said_it_and_about_what(kind: int, code: int) -> None:
    quoted = echo_request(OURS[4], THEIRS[4], 1, 2)[:28]
    error = from_them(4, 1, struct.pack("!BBHI", kind, code, 0, 0) + quoted)
    assert parse(error) == InnerIcmp(THEIRS[4], 4, kind, code, THEIRS[4])


@pytest.mark.parametrize(("kind", "code"), [(1, 0), (1, 1), (1, 3), (1, 4), (3, 0), (4, 1)])
def test_an_icmpv6_error_names_who_said_it_and_about_what(kind: int, code: int) -> None:
    quoted = echo_request(OURS[6], THEIRS[6], 1, 2)[:48]
    error = from_them(6, 58, struct.pack("!BBHI", kind, code, 0, 0) + quoted)
    assert parse(error) == InnerIcmp(THEIRS[6], 6, kind, code, THEIRS[6])


def test_fragmentation_needed_names_an_mtu() -> None:
    quoted = echo_request(OURS[4], THEIRS[4], 1, 2)[:28]
    error = from_them(4, 1, struct.pack("!BBHHH", 3, 4, 0, 0, 1280) + quoted)
    assert parse(error) == InnerIcmp(THEIRS[4], 4, 3, 4, THEIRS[4], 1280)


def test_packet_too_big_names_an_mtu() -> None:
    quoted = echo_request(OURS[6], THEIRS[6], 1, 2)[:48]
    error = from_them(6, 58, struct.pack("!BBHI", 2, 0, 0, 1280) + quoted)
    assert parse(error) == InnerIcmp(THEIRS[6], 6, 2, 0, THEIRS[6], 1280)


@both_versions
def test_an_error_that_quotes_too_little_is_about_nobody_knows_what(version: int) -> None:
    kind, protocol = (3, 1) if version == 4 else (1, 58)
    error = parse(from_them(version, protocol, struct.pack("!BBHI", kind, 3, 0, 0) + b"\x45\0\0"))
    assert isinstance(error, InnerIcmp)
    assert error.original_destination is None


# Fragments


def reply_in_pieces(version: int, cut: int) -> list[bytes]:
    """An echo reply of 1000 bytes in two fragments, split at the server's interface."""
    message = struct.pack("!BBHHH", 0 if version == 4 else 129, 0, 0, 0x1234, 7) + bytes(992)
    pieces = ((0, message[:cut], True), (cut, message[cut:], False))
    if version == 4:
        return [from_them(4, 1, part, flags=more << 13 | at // 8) for at, part, more in pieces]
    return [from_them(6, 44, struct.pack("!BBHI", 58, 0, at | more, 99) + part) for at, part, more in pieces]


@both_versions
def test_the_first_piece_of_an_answer_says_to_which_question_it_belongs(version: int) -> None:
    first, second = reply_in_pieces(version, 512)
    assert parse(first) == FragmentReceived(THEIRS[version], 0, (0x1234, 7))
    assert parse(second) == FragmentReceived(THEIRS[version], 512, None)


@both_versions
def test_a_piece_of_something_else_belongs_to_none(version: int) -> None:
    if version == 4:
        piece = from_them(4, 17, bytes(64), flags=0x2000)
    else:
        piece = from_them(6, 44, struct.pack("!BBHI", 17, 0, 1, 99) + bytes(64))
    assert parse(piece) == FragmentReceived(THEIRS[version], 0, None)


# Anything else

ANY_REPLY = [
    *(from_them(version, 6, segment_from_them(0x12)) for version in (4, 6)),
    *(from_them(version, 17, struct.pack("!HHHHH", 53, 1, 10, 0, 9)) for version in (4, 6)),
    *(piece for version in (4, 6) for piece in reply_in_pieces(version, 16)),
    from_them(4, 1, struct.pack("!BBHI", 3, 3, 0, 0) + bytes(28)),
    from_them(6, 58, struct.pack("!BBHI", 2, 0, 0, 1280) + bytes(48)),
]


@given(st.binary(max_size=120))
@example(b"")
@example(b"\x40")
@example(b"\x60")
def test_any_bytes_are_read_or_refused_and_never_raise(data: bytes) -> None:
    parse(data)


@given(st.sampled_from(ANY_REPLY), st.data())
def test_nor_does_an_answer_that_is_cut_or_changed(packet: bytes, data: st.DataObject) -> None:
    cut = bytearray(packet[: data.draw(st.integers(0, len(packet)))])
    for position in data.draw(st.lists(st.integers(0, max(0, len(cut) - 1)), max_size=4)):
        cut[position : position + 1] = data.draw(st.binary(min_size=1, max_size=1))
    parse(bytes(cut))


@both_versions
def test_a_packet_that_says_it_is_longer_than_it_is_answers_nothing(version: int) -> None:
    whole = from_them(version, 6, segment_from_them(0x12))
    assert parse(whole[:-1]) == UnrecognisedPacket(len(whole) - 1)


@pytest.mark.parametrize("length", [0, 4])
def test_a_header_shorter_than_a_header_answers_nothing(length: int) -> None:
    packet = bytearray(from_them(4, 6, segment_from_them(0x12)))
    packet[0] = 0x40 | length
    assert parse(bytes(packet)) == UnrecognisedPacket(len(packet))


@given(st.integers(5, 15))
def test_ip_options_are_stepped_over(words: int) -> None:
    plain = from_them(4, 6, segment_from_them(0x12))
    options = bytes(words * 4 - 20)
    packet = bytearray(plain[:20] + options + plain[20:])
    packet[0] = 0x40 | words
    packet[2:4] = len(packet).to_bytes(2, "big")
    assert parse(bytes(packet)) == TcpAnswer(ip_address("10.8.0.1"), 443, 50000, True, is_reply=True)
