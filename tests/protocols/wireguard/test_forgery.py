"""Tests against forgery: every flipped bit, and random bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.wireguard.handshake_parties import (
    CLIENT,
    LOW_ORDER_POINTS,
    SERVER,
    SERVER_INDEX,
    attempt,
    complete_handshake,
    flip_bit,
    rejected,
    with_mac1,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.wireguard.cookie import CookieJar, cookie_key, open_cookie_reply
from wgmon_tui.protocols.wireguard.handshake import Attempt, RejectedError, Responder
from wgmon_tui.protocols.wireguard.primitives import AuthenticationError, dh
from wgmon_tui.protocols.wireguard.session import ReplayError
from wgmon_tui.protocols.wireguard.wire import FIELDS, MessageType

HANDS = complete_handshake()
COOKIE_REPLY = CookieJar(SERVER.public).reply(HANDS.attempt.packet, b"source", now_s=0.0)

# Bytes of every length, bytes under a right header, and the right length: the last get furthest.
GARBAGE = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda kind, rest: bytes((kind, 0, 0, 0)) + rest, st.integers(0, 5), st.binary(max_size=200)),
)
POINTS = st.one_of(st.binary(min_size=32, max_size=32), st.sampled_from(LOW_ORDER_POINTS))


def field(kind: MessageType, name: str) -> PacketField:
    return next(field for field in FIELDS[kind] if field.name == name)


def bits(*fields: PacketField) -> set[int]:
    return {bit for field in fields for bit in range(field.offset * 8, field.end * 8)}


def believes_response(packet: bytes) -> bool:
    try:
        HANDS.attempt.complete(packet)
    except RejectedError:
        return False
    return True


def opens_initiation(packet: bytes) -> bool:
    try:
        Responder(SERVER).open(packet)
    except RejectedError:
        return False
    return True


def test_no_bit_of_a_response_can_be_flipped_but_those_of_mac2() -> None:
    """Only a server under load checks mac2; an initiator ignores it, as in the kernel."""
    believed = {bit for bit in range(92 * 8) if believes_response(flip_bit(HANDS.response, bit))}
    assert believed == bits(field(MessageType.RESPONSE, "mac2"))


def test_who_makes_mac1_anew_can_change_nothing_in_a_response_but_the_servers_index() -> None:
    """The transcript contains no index, so the AEAD does not authenticate `sender`; nor does mac1."""
    ahead_of_mac1 = range(field(MessageType.RESPONSE, "mac1").offset * 8)
    believed = {
        bit
        for bit in ahead_of_mac1
        if believes_response(with_mac1(flip_bit(HANDS.response, bit), CLIENT.public))
    }
    assert believed == bits(field(MessageType.RESPONSE, "sender"))


def test_the_top_bit_of_the_ephemeral_changes_no_shared_secret_and_is_rejected_all_the_same() -> None:
    ephemeral = field(MessageType.RESPONSE, "ephemeral")
    same_point = flip_bit(HANDS.response, ephemeral.end * 8 - 1)
    assert dh(CLIENT.raw, same_point[ephemeral.offset : ephemeral.end]) == dh(
        CLIENT.raw, HANDS.response[ephemeral.offset : ephemeral.end]
    )
    with rejected(Reason.BAD_EMPTY):
        HANDS.attempt.complete(with_mac1(same_point, CLIENT.public))


def test_no_bit_of_an_initiation_can_be_flipped_but_those_of_mac2() -> None:
    opened = {bit for bit in range(148 * 8) if opens_initiation(flip_bit(HANDS.attempt.packet, bit))}
    assert opened == bits(field(MessageType.INITIATION, "mac2"))


def test_who_makes_mac1_anew_can_change_nothing_in_an_initiation_but_our_index() -> None:
    ahead_of_mac1 = range(field(MessageType.INITIATION, "mac1").offset * 8)
    opened = {
        bit
        for bit in ahead_of_mac1
        if opens_initiation(with_mac1(flip_bit(HANDS.attempt.packet, bit), SERVER.public))
    }
    assert opened == bits(field(MessageType.INITIATION, "sender"))


def test_no_bit_of_a_cookie_reply_can_be_flipped() -> None:
    for bit in range(len(COOKIE_REPLY) * 8):
        with pytest.raises(RejectedError):
            HANDS.attempt.open_cookie(flip_bit(COOKIE_REPLY, bit))


def test_no_bit_of_a_transport_packet_can_be_flipped_and_the_forgeries_use_up_no_number() -> None:
    hands = complete_handshake()
    packet = hands.client.seal(b"forty bytes of an inner packet, or so...")
    for bit in range(len(packet) * 8):
        with pytest.raises((AuthenticationError, ReplayError)):
            hands.server.open(flip_bit(packet, bit))
    assert hands.server.open(packet).startswith(b"forty")


@given(GARBAGE)
def test_garbage_is_rejected_by_everyone_in_their_own_words(packet: bytes) -> None:
    with pytest.raises(RejectedError):
        Responder(SERVER).open(packet)
    with pytest.raises(RejectedError):
        HANDS.attempt.complete(packet)
    with pytest.raises(RejectedError):
        HANDS.attempt.open_cookie(packet)
    with pytest.raises((AuthenticationError, ReplayError)):
        HANDS.client.open(packet)
    with pytest.raises(AuthenticationError):
        open_cookie_reply(packet, cookie_key(SERVER.public), HANDS.attempt.mac1)


@given(st.binary(max_size=200))
def test_the_cheap_test_of_mac1_takes_any_bytes(packet: bytes) -> None:
    assert not Responder(SERVER).has_valid_mac1(packet)


@given(POINTS, st.binary(min_size=76, max_size=76))
def test_an_initiation_of_garbage_under_a_right_mac1_is_rejected(point: bytes, sealed: bytes) -> None:
    packet = with_mac1(b"\x01\0\0\0" + bytes(4) + point + sealed + bytes(32), SERVER.public)
    with pytest.raises(RejectedError) as raised:
        Responder(SERVER).open(packet)
    assert raised.value.reason in {Reason.BAD_STATIC, Reason.LOW_ORDER}


@given(POINTS, st.binary(min_size=16, max_size=16))
def test_a_response_of_garbage_under_a_right_mac1_is_rejected(point: bytes, empty: bytes) -> None:
    sent = HANDS.attempt
    packet = b"\x02\0\0\0" + bytes(4) + sent.packet[4:8] + point + empty + bytes(32)
    with pytest.raises(RejectedError) as raised:
        sent.complete(with_mac1(packet, CLIENT.public))
    assert raised.value.reason in {Reason.BAD_EMPTY, Reason.LOW_ORDER}


@given(st.binary(min_size=56, max_size=56))
def test_a_cookie_reply_of_garbage_under_the_right_index_is_rejected(rest: bytes) -> None:
    sent = HANDS.attempt
    with rejected(Reason.BAD_COOKIE):
        sent.open_cookie(b"\x03\0\0\0" + sent.packet[4:8] + rest)


@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=100))
def test_a_transport_packet_of_garbage_under_the_right_index_opens_nothing(
    counter: int, sealed: bytes
) -> None:
    index = SERVER_INDEX.to_bytes(4, "little")
    with pytest.raises((AuthenticationError, ReplayError)):
        HANDS.server.open(b"\x04\0\0\0" + index + counter.to_bytes(8, "little") + sealed)


@given(st.lists(GARBAGE, max_size=5))
def test_an_attempt_survives_any_garbage_that_comes_before_its_answer(packets: list[bytes]) -> None:
    sent: Attempt = attempt()
    responder = Responder(SERVER)
    response, server = responder.respond(responder.open(sent.packet), SERVER_INDEX)
    for packet in packets:
        with contextlib.suppress(RejectedError):
            sent.complete(packet)
    assert server.open(sent.complete(response).keepalive()) == b""
