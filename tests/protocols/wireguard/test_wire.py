"""Tests of the wire format: packet types, indices, and a field for every byte."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.protocols.wireguard.handshake_parties import CLIENT_INDEX, SERVER, SERVER_INDEX, complete_handshake
from wgmon_tui.protocols.wireguard.cookie import CookieJar
from wgmon_tui.protocols.wireguard.wire import (
    FIELDS,
    MessageType,
    fields_of,
    label_of,
    message_type,
    receiver_index,
    sender_index,
)

LENGTHS = {MessageType.INITIATION: 148, MessageType.RESPONSE: 92, MessageType.COOKIE_REPLY: 64}
HANDS = complete_handshake()
COOKIE_REPLY = CookieJar(SERVER.public).reply(HANDS.attempt.packet, b"source", now_s=0.0)
DATA = HANDS.client.seal(b"data")

PACKETS = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda kind, rest: bytes((kind, 0, 0, 0)) + rest, st.integers(0, 5), st.binary(max_size=200)),
    st.sampled_from(sorted(LENGTHS)).flatmap(
        lambda kind: st.binary(min_size=LENGTHS[kind] - 4, max_size=LENGTHS[kind] - 4).map(
            lambda rest: bytes((kind, 0, 0, 0)) + rest
        )
    ),
)


@pytest.mark.parametrize(("kind", "length"), LENGTHS.items())
def test_a_handshake_message_has_one_length_only(kind: MessageType, length: int) -> None:
    header = bytes((kind, 0, 0, 0))
    assert message_type(header + bytes(length - 4)) is kind
    assert message_type(header + bytes(length - 5)) is None
    assert message_type(header + bytes(length - 3)) is None


def test_transport_data_has_room_for_header_and_tag_at_least() -> None:
    assert message_type(b"\x04\0\0\0" + bytes(28)) is MessageType.TRANSPORT
    assert message_type(b"\x04\0\0\0" + bytes(27)) is None
    assert message_type(b"\x04\0\0\0" + bytes(1400)) is MessageType.TRANSPORT


@pytest.mark.parametrize("header", ["00000000", "05000000", "01000001", "02010000", "04000100", "0400"])
def test_another_header_is_not_wireguard(header: str) -> None:
    start = bytes.fromhex(header)
    for length in (32, 64, 92, 148):
        assert message_type(start.ljust(length, b"\xff")) is None


@pytest.mark.parametrize(
    ("packet", "label"),
    [
        (HANDS.attempt.packet, "handshake initiation"),
        (HANDS.response, "handshake response"),
        (COOKIE_REPLY, "cookie reply"),
        (DATA, "transport data"),
        (HANDS.client.keepalive(), "keepalive"),
        (b"", "not WireGuard"),
        (b"HTTP/1.1 400 Bad Request", "not WireGuard"),
    ],
    ids=["initiation", "response", "cookie reply", "data", "keepalive", "nothing", "HTTP"],
)
def test_a_packet_has_a_name(packet: bytes, label: str) -> None:
    assert label_of(packet) == label


@pytest.mark.parametrize(
    ("packet", "sender", "receiver"),
    [
        (HANDS.attempt.packet, CLIENT_INDEX, None),
        (HANDS.response, SERVER_INDEX, CLIENT_INDEX),
        (COOKIE_REPLY, None, CLIENT_INDEX),
        (DATA, None, SERVER_INDEX),
        (b"not WireGuard at all, and as long as a keepalive", None, None),
    ],
    ids=["initiation", "response", "cookie reply", "data", "foreign"],
)
def test_a_packet_names_its_indexes(packet: bytes, sender: int | None, receiver: int | None) -> None:
    assert (sender_index(packet), receiver_index(packet)) == (sender, receiver)


def test_the_eight_bytes_that_an_icmp_error_quotes_still_name_the_sender() -> None:
    assert sender_index(HANDS.attempt.packet[:8]) == CLIENT_INDEX
    assert sender_index(HANDS.attempt.packet[:7]) is None


@pytest.mark.parametrize(("kind", "length"), LENGTHS.items())
def test_the_fields_of_a_handshake_message_add_up_to_its_length(kind: MessageType, length: int) -> None:
    assert FIELDS[kind][-1].end == length


def test_a_field_holds_what_its_name_says() -> None:
    held = {field.name: HANDS.response[field.offset : field.end] for field in fields_of(HANDS.response)}
    assert held["type"] == b"\x02"
    assert held["reserved"] == bytes(3)
    assert held["sender"] == SERVER_INDEX.to_bytes(4, "little")
    assert held["receiver"] == CLIENT_INDEX.to_bytes(4, "little")
    assert held["mac2"] == bytes(16)


def test_the_last_field_of_transport_data_tells_a_keepalive_from_data() -> None:
    assert "keepalive" in fields_of(HANDS.client.keepalive())[-1].meaning
    assert "inner IP packet" in fields_of(DATA)[-1].meaning


@given(PACKETS)
@example(b"")
@example(HANDS.attempt.packet)
@example(COOKIE_REPLY)
@example(DATA)
def test_the_fields_cover_every_byte_once_and_in_order(packet: bytes) -> None:
    end = 0
    for field in fields_of(packet):
        assert field.offset == end
        assert field.length > 0
        assert field.name
        assert field.meaning
        end = field.end
    assert end == len(packet)


@given(PACKETS)
def test_any_bytes_have_a_label_a_type_and_indexes_or_none(packet: bytes) -> None:
    kind = message_type(packet)
    assert (label_of(packet) == "not WireGuard") is (kind is None)
    assert (receiver_index(packet) is None) is (kind in {None, MessageType.INITIATION})
    if kind in {MessageType.INITIATION, MessageType.RESPONSE}:
        assert sender_index(packet) is not None
