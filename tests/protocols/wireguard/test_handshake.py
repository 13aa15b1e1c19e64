"""Tests of the handshake between two parties, and of its failures."""

from __future__ import annotations

import pytest

from tests.protocols.wireguard.handshake_parties import (
    CLIENT,
    CLIENT_INDEX,
    LOW_ORDER_POINTS,
    OTHER_PSK,
    PSK,
    SERVER,
    SERVER_INDEX,
    STAMP,
    STRANGER,
    answer,
    attempt,
    complete_handshake,
    rejected,
    with_mac1,
)
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.protocols.wireguard.cookie import Mac1
from wgmon_tui.protocols.wireguard.handshake import Initiator, ReceivedInitiation, RejectedError, Responder
from wgmon_tui.protocols.wireguard.wire import (
    MessageType,
    label_of,
    message_type,
    receiver_index,
    sender_index,
)


@pytest.mark.parametrize("psk", [NO_PRESHARED_KEY, PSK], ids=["without psk", "with psk"])
def test_both_sides_agree(psk: PresharedKey) -> None:
    hands = complete_handshake(psk)
    assert hands.server.open(hands.client.seal(b"question")) == b"question" + bytes(8)
    assert hands.client.open(hands.server.seal(b"answer")) == b"answer" + bytes(10)


def test_the_responder_learns_who_knocks_and_when() -> None:
    knock = Responder(SERVER).open(attempt().packet)
    assert (knock.static, knock.timestamp, knock.sender) == (CLIENT.public, STAMP, CLIENT_INDEX)


def test_the_session_carries_the_index_that_each_side_picked() -> None:
    hands = complete_handshake()
    assert (hands.client.local_index, hands.client.remote_index) == (CLIENT_INDEX, SERVER_INDEX)
    assert (hands.server.local_index, hands.server.remote_index) == (SERVER_INDEX, CLIENT_INDEX)


def test_two_attempts_share_no_byte_of_their_ephemerals() -> None:
    initiator = Initiator(CLIENT, SERVER.public)
    first, second = (initiator.initiate(CLIENT_INDEX, STAMP) for _ in range(2))
    assert first.packet[8:40] != second.packet[8:40]


@pytest.mark.parametrize(
    ("clients", "servers"),
    [(PSK, NO_PRESHARED_KEY), (NO_PRESHARED_KEY, PSK), (PSK, OTHER_PSK)],
    ids=["client only", "server only", "different"],
)
def test_a_preshared_key_mismatch_shows_in_the_seal_over_empty_alone(
    clients: PresharedKey, servers: PresharedKey
) -> None:
    sent = attempt(clients)
    response, _ = answer(sent.packet, servers)
    assert message_type(response) is MessageType.RESPONSE
    assert receiver_index(response) == CLIENT_INDEX
    assert Mac1(CLIENT.public).verify(response)
    with rejected(Reason.BAD_EMPTY):
        sent.complete(response)


def test_the_preshared_key_of_a_response_is_found_among_those_we_know() -> None:
    sent = attempt(PSK)
    response, _ = answer(sent.packet, OTHER_PSK)
    assert sent.find_psk(response, [NO_PRESHARED_KEY, PSK, OTHER_PSK]) == OTHER_PSK


def test_the_servers_lack_of_a_preshared_key_is_told_from_the_same_response() -> None:
    sent = attempt(PSK)
    response, _ = answer(sent.packet, NO_PRESHARED_KEY)
    assert sent.find_psk(response, [OTHER_PSK, NO_PRESHARED_KEY]) == NO_PRESHARED_KEY


def test_a_preshared_key_that_we_do_not_know_is_not_guessed() -> None:
    sent = attempt(PSK)
    response, _ = answer(sent.packet, OTHER_PSK)
    assert sent.find_psk(response, [NO_PRESHARED_KEY, PSK]) is None


def test_a_forged_response_is_not_believed() -> None:
    """92 bytes of type 2, the right index and a valid mac1: all of it without a secret."""
    sent = attempt()
    forged = b"\x02\0\0\0" + b"\xaa" * 4 + sent.packet[4:8] + b"\x09" + bytes(31) + b"\xbb" * 16 + bytes(32)
    with rejected(Reason.BAD_EMPTY):
        sent.complete(with_mac1(forged, CLIENT.public))


def test_a_response_of_another_server_is_not_believed() -> None:
    sent = attempt()
    to_stranger = Initiator(CLIENT, STRANGER.public).initiate(CLIENT_INDEX, STAMP)
    stranger = Responder(STRANGER)
    response, _ = stranger.respond(stranger.open(to_stranger.packet), SERVER_INDEX)
    with rejected(Reason.BAD_EMPTY):
        sent.complete(response)


def test_a_response_to_another_index_is_another_attempts() -> None:
    response, _ = answer(attempt(sender=CLIENT_INDEX + 1).packet)
    with rejected(Reason.OTHER_INDEX):
        attempt().complete(response)


def test_a_response_to_an_attempt_with_the_same_index_but_another_ephemeral_is_not_believed() -> None:
    response, _ = answer(attempt().packet)
    with rejected(Reason.BAD_EMPTY):
        attempt().complete(response)


def test_a_response_with_a_wrong_mac1_is_refused() -> None:
    sent = attempt()
    response, _ = answer(sent.packet)
    with rejected(Reason.BAD_MAC1):
        sent.complete(response[:60] + bytes(16) + response[76:])


def test_a_response_whose_mac1_is_for_somebody_else_is_refused() -> None:
    sent = attempt()
    response, _ = answer(sent.packet)
    with rejected(Reason.BAD_MAC1):
        sent.complete(with_mac1(response, STRANGER.public))


def test_a_late_response_completes_the_older_attempt_that_it_answers() -> None:
    initiator = Initiator(CLIENT, SERVER.public)
    older = initiator.initiate(1, tai64n.encode(1_000))
    newer = initiator.initiate(2, tai64n.encode(2_000))
    late, server_of_older = answer(older.packet)
    prompt, server_of_newer = answer(newer.packet)

    of_newer = newer.complete(prompt)
    with rejected(Reason.OTHER_INDEX):
        newer.complete(late)
    of_older = older.complete(late)

    assert server_of_newer.open(of_newer.seal(b"new")).startswith(b"new")
    assert server_of_older.open(of_older.seal(b"old")).startswith(b"old")


def test_an_initiator_with_the_wrong_server_key_fails_at_mac1() -> None:
    lost = Initiator(CLIENT, STRANGER.public).initiate(CLIENT_INDEX, STAMP)
    assert not Responder(SERVER).has_valid_mac1(lost.packet)
    with rejected(Reason.BAD_MAC1):
        Responder(SERVER).open(lost.packet)


def test_an_initiation_sealed_for_another_server_does_not_open_even_under_the_right_mac1() -> None:
    lost = Initiator(CLIENT, STRANGER.public).initiate(CLIENT_INDEX, STAMP)
    with rejected(Reason.BAD_STATIC):
        Responder(SERVER).open(with_mac1(lost.packet, SERVER.public))


def test_who_seals_another_partys_public_key_cannot_seal_the_timestamp() -> None:
    impostor = PrivateKey(STRANGER.raw)
    impostor.public = CLIENT.public
    with rejected(Reason.BAD_TIMESTAMP):
        Responder(SERVER).open(Initiator(impostor, SERVER.public).initiate(CLIENT_INDEX, STAMP).packet)


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_an_initiator_refuses_a_server_key_of_low_order(point: bytes) -> None:
    with rejected(Reason.LOW_ORDER):
        Initiator(CLIENT, PublicKey(point))


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_an_initiator_refuses_an_ephemeral_of_low_order(point: bytes) -> None:
    sent = attempt()
    response, _ = answer(sent.packet)
    with rejected(Reason.LOW_ORDER):
        sent.complete(with_mac1(response[:12] + point + response[44:], CLIENT.public))


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_a_responder_refuses_an_ephemeral_of_low_order(point: bytes) -> None:
    packet = attempt().packet
    with rejected(Reason.LOW_ORDER):
        Responder(SERVER).open(with_mac1(packet[:8] + point + packet[40:], SERVER.public))


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_a_responder_refuses_a_sealed_static_key_of_low_order(point: bytes) -> None:
    nobody = PrivateKey(CLIENT.raw)
    nobody.public = PublicKey(point)
    with rejected(Reason.LOW_ORDER):
        Responder(SERVER).open(Initiator(nobody, SERVER.public).initiate(CLIENT_INDEX, STAMP).packet)


def test_a_responder_answers_no_ephemeral_of_low_order() -> None:
    knock = Responder(SERVER).open(attempt().packet)
    twisted = ReceivedInitiation(
        knock.sender, knock.static, knock.timestamp, LOW_ORDER_POINTS[0], knock.chain, knock.transcript
    )
    with rejected(Reason.LOW_ORDER):
        Responder(SERVER).respond(twisted, SERVER_INDEX)


@pytest.mark.parametrize("position", [1, 2, 3])
def test_reserved_bytes_that_are_not_zero_are_not_wireguard(position: int) -> None:
    hands = complete_handshake()
    whole = {MessageType.RESPONSE: hands.response, MessageType.INITIATION: hands.attempt.packet}
    spoiled = {kind: packet[:position] + b"\x01" + packet[position + 1 :] for kind, packet in whole.items()}
    with rejected(Reason.NOT_WIREGUARD):
        hands.attempt.complete(with_mac1(spoiled[MessageType.RESPONSE], CLIENT.public))
    with rejected(Reason.NOT_WIREGUARD):
        Responder(SERVER).open(with_mac1(spoiled[MessageType.INITIATION], SERVER.public))


@pytest.mark.parametrize("change", [slice(0, -1), slice(0, 0)], ids=["one byte short", "empty"])
def test_a_message_of_the_wrong_length_is_not_wireguard(change: slice) -> None:
    hands = complete_handshake()
    with rejected(Reason.NOT_WIREGUARD):
        hands.attempt.complete(hands.response[change])
    with rejected(Reason.NOT_WIREGUARD):
        Responder(SERVER).open(hands.attempt.packet[change])


def test_a_message_with_a_byte_behind_it_is_not_wireguard() -> None:
    hands = complete_handshake()
    with rejected(Reason.NOT_WIREGUARD):
        hands.attempt.complete(hands.response + b"\0")
    with rejected(Reason.NOT_WIREGUARD):
        Responder(SERVER).open(hands.attempt.packet + b"\0")


def test_a_message_of_another_kind_has_no_place() -> None:
    hands = complete_handshake()
    with rejected(Reason.UNEXPECTED_TYPE):
        hands.attempt.complete(hands.attempt.packet)
    with rejected(Reason.UNEXPECTED_TYPE):
        hands.attempt.open_cookie(hands.response)
    with rejected(Reason.UNEXPECTED_TYPE):
        Responder(SERVER).open(hands.response)


def test_the_messages_name_themselves_and_their_indexes() -> None:
    hands = complete_handshake()
    assert label_of(hands.attempt.packet) == "handshake initiation"
    assert sender_index(hands.attempt.packet) == CLIENT_INDEX
    assert label_of(hands.response) == "handshake response"
    assert (sender_index(hands.response), receiver_index(hands.response)) == (SERVER_INDEX, CLIENT_INDEX)


@pytest.mark.parametrize("reason", Reason)
def test_a_rejection_says_its_reason_in_words(reason: Reason) -> None:
    assert str(RejectedError(reason)) == reason.value
