from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from tests.lab.echo_packets import echo_request_v4, echo_request_v6
from wgmon_tui.lab.inner_packets import InnerPacket, echo_reply, parse, time_exceeded


def sum_of_words(data: bytes) -> int:
    """RFC 1071 literally, carry by carry. 65535 if the included checksum is correct."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def parsed(packet: bytes) -> InnerPacket:
    found = parse(packet)
    assert found is not None
    return found


def answered(request: bytes) -> bytes:
    reply = echo_reply(parsed(request))
    assert reply is not None
    return reply


@given(st.binary(max_size=1400))
def test_an_ipv4_echo_comes_back_with_its_data_its_id_and_right_checksums(data: bytes) -> None:
    reply = answered(echo_request_v4("10.8.0.2", "10.8.0.1", data))
    packet = parsed(reply)
    assert (packet.source, packet.destination) == (IPv4Address("10.8.0.1"), IPv4Address("10.8.0.2"))
    assert packet.payload[:2] == b"\0\0"
    assert packet.payload[4:] == b"\x12\x34\0\x01" + data
    assert sum_of_words(reply[:20]) == 0xFFFF
    assert sum_of_words(packet.payload) == 0xFFFF


@given(st.binary(max_size=1400))
def test_an_ipv6_echo_comes_back_with_a_checksum_over_the_pseudo_header(data: bytes) -> None:
    reply = answered(echo_request_v6("fd00::2", "fd00::1", data))
    packet = parsed(reply)
    assert (packet.source, packet.destination) == (IPv6Address("fd00::1"), IPv6Address("fd00::2"))
    assert packet.payload[:2] == b"\x81\0"
    assert packet.payload[4:] == b"\x12\x34\0\x01" + data
    pseudo_header = reply[8:40] + len(packet.payload).to_bytes(4, "big") + b"\0\0\0\x3a"
    assert sum_of_words(pseudo_header + packet.payload) == 0xFFFF


@given(st.binary(max_size=1400), st.binary(max_size=15))
def test_an_ipv4_packet_at_its_end_is_told_of_by_the_router_and_quoted(data: bytes, padding: bytes) -> None:
    request = echo_request_v4("10.8.0.2", "10.8.0.9", data)
    told = time_exceeded(request + padding, parsed(request), IPv4Address("10.8.0.1"))
    assert told is not None
    packet = parsed(told)
    assert (packet.source, packet.destination) == (IPv4Address("10.8.0.1"), IPv4Address("10.8.0.2"))
    assert packet.payload[:2] == b"\x0b\0"
    assert packet.payload[4:] == bytes(4) + request[:548]
    assert sum_of_words(told[:20]) == sum_of_words(packet.payload) == 0xFFFF


@given(st.binary(max_size=1400), st.binary(max_size=15))
def test_an_ipv6_packet_at_its_end_is_told_of_by_the_router_and_quoted(data: bytes, padding: bytes) -> None:
    request = echo_request_v6("fd00::2", "fd00::9", data)
    told = time_exceeded(request + padding, parsed(request), IPv6Address("fd00::1"))
    assert told is not None
    packet = parsed(told)
    assert (packet.source, packet.destination) == (IPv6Address("fd00::1"), IPv6Address("fd00::2"))
    assert packet.payload[:2] == b"\3\0"
    assert packet.payload[4:] == bytes(4) + request[:1232]
    pseudo_header = told[8:40] + len(packet.payload).to_bytes(4, "big") + b"\0\0\0\x3a"
    assert sum_of_words(pseudo_header + packet.payload) == 0xFFFF


def test_an_error_about_an_error_is_not_sent() -> None:
    for request, router in (
        (echo_request_v4("10.8.0.2", "10.8.0.9"), IPv4Address("10.8.0.1")),
        (echo_request_v6("fd00::2", "fd00::9"), IPv6Address("fd00::1")),
    ):
        told = time_exceeded(request, parsed(request), router)
        assert told is not None
        assert time_exceeded(told, parsed(told), router) is None


@given(st.binary(max_size=15))
def test_the_padding_of_a_transport_packet_is_no_part_of_the_packet(padding: bytes) -> None:
    request = echo_request_v4("10.8.0.2", "10.8.0.1")
    assert parse(request + padding) == parse(request)


@given(st.binary(max_size=120))
def test_any_bytes_are_parsed_or_refused_and_never_raise(data: bytes) -> None:
    packet = parse(data)
    if packet is not None:
        assert packet.payload in data
        echo_reply(packet)
        time_exceeded(data, packet, packet.destination)


@given(st.integers(0, 27))
def test_a_packet_cut_short_is_refused(length: int) -> None:
    assert parse(echo_request_v4("10.8.0.2", "10.8.0.1", b"")[:length]) is None


def test_a_fragment_is_refused() -> None:
    request = bytearray(echo_request_v4("10.8.0.2", "10.8.0.1"))
    request[6] = 0x20  # more fragments
    assert parse(bytes(request)) is None


def test_an_echo_reply_is_not_answered() -> None:
    assert echo_reply(parsed(answered(echo_request_v4("10.8.0.2", "10.8.0.1")))) is None
    assert echo_reply(parsed(answered(echo_request_v6("fd00::2", "fd00::1")))) is None
