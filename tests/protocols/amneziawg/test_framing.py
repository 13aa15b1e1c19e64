"""The framing of AmneziaWG, from both ends and against anything that arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.amneziawg.profiles import (
    PROFILES,
    PROTECTION_KEY,
    VERSION_1,
    VERSION_1_5,
    VERSION_2,
    VERSION_3_TRAILERS,
    framing,
    parameters,
)
from tests.protocols.wireguard.handshake_parties import CLIENT, CLIENT_INDEX, SERVER, SERVER_INDEX, STAMP
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.protocols.amneziawg import chacha20
from wgmon_tui.protocols.amneziawg.framing import AmneziaFraming
from wgmon_tui.protocols.amneziawg.parameters import LEAST_PROTECTED_PREFIX, Parameters
from wgmon_tui.protocols.amneziawg.trials import ParameterSet
from wgmon_tui.protocols.wireguard.cookie import CookieJar, Mac1
from wgmon_tui.protocols.wireguard.handshake import Initiator, RejectedError, Responder
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.wire import (
    COOKIE_REPLY_LENGTH,
    INITIATION_LENGTH,
    RESPONSE_LENGTH,
    TRANSPORT_OVERHEAD,
    MessageType,
    message_type,
    receiver_index,
    sender_index,
)

KEYS = (None, PROTECTION_KEY)


def pairs() -> list[tuple[Parameters, bytes | None]]:
    return [
        (each, key)
        for each in PROFILES
        for key in KEYS
        if not key or min(each.prefixes) >= LEAST_PROTECTED_PREFIX
    ]


def ends(profile: Parameters, key: bytes | None) -> tuple[AmneziaFraming, AmneziaFraming]:
    return framing(profile, CLIENT.public, key), framing(profile, SERVER.public, key)


def shake_hands(client: AmneziaFraming, server: AmneziaFraming) -> tuple[Session, Session]:
    """Complete a handshake through both framings; gives the sessions of client and server."""
    attempt = Initiator(CLIENT, SERVER.public).initiate(
        CLIENT_INDEX, STAMP, header=client.initiation_header()
    )
    initiation = server.unframe(client.frame(MessageType.INITIATION, attempt.packet))
    assert initiation is not None
    responder = Responder(SERVER)
    opened = responder.open(initiation)
    response, server_session = responder.respond(
        opened, SERVER_INDEX, header=server.header(MessageType.RESPONSE)
    )
    plain = client.unframe(server.frame(MessageType.RESPONSE, response))
    assert plain is not None
    return attempt.complete(plain), server_session


@pytest.mark.parametrize(("profile", "key"), pairs())
def test_a_handshake_and_data_pass_in_both_directions(profile: Parameters, key: bytes | None) -> None:
    client, server = ends(profile, key)
    ours, theirs = shake_hands(client, server)
    for sender, receiver, sending, receiving in (
        (client, server, ours, theirs),
        (server, client, theirs, ours),
    ):
        arrived = receiver.unframe(sender.frame(MessageType.TRANSPORT, sending.seal(b"inner packet")))
        assert arrived is not None
        assert receiving.open(arrived)[:12] == b"inner packet"


@pytest.mark.parametrize(("profile", "key"), pairs())
def test_a_cookie_reply_to_a_framed_initiation_opens(profile: Parameters, key: bytes | None) -> None:
    client, server = ends(profile, key)
    attempt = Initiator(CLIENT, SERVER.public).initiate(
        CLIENT_INDEX, STAMP, header=client.initiation_header()
    )
    found = server.find_message(client.frame(MessageType.INITIATION, attempt.packet))
    assert found is not None
    jar = CookieJar(SERVER.public)
    reply = client.unframe(server.frame(MessageType.COOKIE_REPLY, jar.reply(found[1], b"source", 0.0)))
    assert reply is not None
    cookie = attempt.open_cookie(reply)
    again = Initiator(CLIENT, SERVER.public).initiate(
        CLIENT_INDEX, STAMP, cookie, header=client.initiation_header()
    )
    found = server.find_message(client.frame(MessageType.INITIATION, again.packet))
    assert found is not None
    assert jar.verify(found[1], b"source", 0.0)


def test_the_lengths_are_those_of_the_messages_and_prefixes() -> None:
    client, _ = ends(VERSION_2, None)
    lengths = [
        len(client.frame(kind, bytes(length)))
        for kind, length in zip(
            MessageType,
            (INITIATION_LENGTH, RESPONSE_LENGTH, COOKIE_REPLY_LENGTH, TRANSPORT_OVERHEAD),
            strict=True,
        )
    ]
    assert lengths == [64 + 148, 32 + 92, 24 + 64, 16 + 32]


def test_header_protection_hides_the_first_16_bytes_of_a_transport_message_and_no_more() -> None:
    client, _ = ends(VERSION_2, PROTECTION_KEY)
    message = b"\x04\0\0\0" + bytes(range(4, 64))
    datagram = client.frame(MessageType.TRANSPORT, message)
    assert datagram[16 + 16 :] == message[16:]
    head = chacha20.xor(PROTECTION_KEY, datagram[:12], datagram[16:32])
    assert head[4:] == message[4:16]
    assert 7000 <= int.from_bytes(head[:4], "little") <= 8000


def test_header_protection_hides_a_handshake_message_whole() -> None:
    client, server = ends(VERSION_2, PROTECTION_KEY)
    message = client.initiation_header() + bytes(INITIATION_LENGTH - 4)
    datagram = client.frame(MessageType.INITIATION, message)
    assert chacha20.xor(PROTECTION_KEY, datagram[:12], datagram[64:]) == message
    assert server.find_message(datagram) == (MessageType.INITIATION, message)


def test_a_trailer_is_cut_off_only_where_it_is_agreed() -> None:
    client, server = ends(VERSION_3_TRAILERS, None)
    shake_hands(client, server)
    datagram = framing(VERSION_2, CLIENT.public).frame(MessageType.RESPONSE, b"\xb8\x0b\0\0" + bytes(88))
    without = framing(VERSION_2, CLIENT.public)
    assert without.unframe(datagram) is not None
    assert without.unframe(datagram + b"trailer") is None


def test_handshake_messages_with_trailers_differ_in_length() -> None:
    client, _ = ends(VERSION_3_TRAILERS, None)
    message = client.initiation_header() + bytes(INITIATION_LENGTH - 4)
    lengths = {len(client.frame(MessageType.INITIATION, message)) for _ in range(30)}
    assert len(lengths) > 1
    assert max(lengths) <= 500


def test_a_response_with_a_mac1_over_the_plain_type_is_refused() -> None:
    client, server = ends(VERSION_1, None)
    attempt = Initiator(CLIENT, SERVER.public).initiate(
        CLIENT_INDEX, STAMP, header=client.initiation_header()
    )
    initiation = server.unframe(client.frame(MessageType.INITIATION, attempt.packet))
    assert initiation is not None
    responder = Responder(SERVER)
    response, _ = responder.respond(responder.open(initiation), SERVER_INDEX)
    assert Mac1(CLIENT.public).verify(response)
    wrong = server.header(MessageType.RESPONSE) + response[4:]
    plain = client.unframe(server.frame(MessageType.RESPONSE, wrong))
    assert plain is not None
    with pytest.raises(RejectedError) as refused:
        attempt.complete(plain)
    assert refused.value.reason is Reason.BAD_MAC1


def test_signature_packets_come_first_then_the_junk_packets() -> None:
    client, _ = ends(VERSION_1_5, None)
    first, second, *junk = client.make_decoys()
    assert first.startswith(b"\xc7\0\0\0\x01\x08")
    assert second.isdigit()
    assert len(junk) == 2
    assert all(10 <= len(each) <= 50 for each in junk)


def test_the_repr_hides_the_key_of_header_protection() -> None:
    assert repr(PROTECTION_KEY) not in repr(ParameterSet(VERSION_2, PROTECTION_KEY))
    assert PROTECTION_KEY.hex() not in repr(framing(VERSION_2, CLIENT.public, PROTECTION_KEY))
    assert repr(PROTECTION_KEY) not in repr(framing(VERSION_2, CLIENT.public, PROTECTION_KEY))


@pytest.mark.parametrize(("profile", "key"), pairs())
@pytest.mark.parametrize("quoted", [500, 100])
def test_a_quote_of_a_sent_initiation_shows_its_index(
    profile: Parameters, key: bytes | None, quoted: int
) -> None:
    client, _ = ends(profile, key)
    attempt = Initiator(CLIENT, SERVER.public).initiate(
        CLIENT_INDEX, STAMP, header=client.initiation_header()
    )
    datagram = client.frame(MessageType.INITIATION, attempt.packet)
    assert sender_index(client.unframe_quote(datagram[:quoted])) == CLIENT_INDEX


def test_a_quote_of_a_sent_transport_message_shows_the_receiver() -> None:
    client, server = ends(VERSION_2, PROTECTION_KEY)
    ours, _ = shake_hands(client, server)
    datagram = client.frame(MessageType.TRANSPORT, ours.seal(b"data"))
    assert receiver_index(client.unframe_quote(datagram)) == SERVER_INDEX


@given(parameters(), st.sampled_from(KEYS), st.binary(max_size=600))
def test_whatever_arrives_is_a_plain_message_or_nothing(
    profile: Parameters, key: bytes | None, datagram: bytes
) -> None:
    client, _ = ends(profile, key)
    plain = client.unframe(datagram)
    assert plain is None or message_type(plain) is not None
    client.unframe_quote(datagram)


@given(parameters(), st.sampled_from(KEYS), st.sampled_from(MessageType), st.integers(0, 100))
def test_a_message_comes_out_as_it_went_in(
    profile: Parameters, key: bytes | None, kind: MessageType, more: int
) -> None:
    client, server = ends(profile, key)
    length = {1: 148, 2: 92, 3: 64, 4: 32 + more}[kind]
    body = bytes(byte % 256 for byte in range(length - 4))
    found = server.find_message(client.frame(kind, client.header(kind) + body))
    assert found is not None
    assert found[0] is kind or profile.random_trailers  # a trailer can make two kinds fit
    assert profile.random_trailers or found[1][4:] == body


@given(parameters(), st.integers(0, 3))
def test_another_prefix_length_or_header_gives_nothing(profile: Parameters, index: int) -> None:
    client, _ = ends(profile, None)
    other = framing(Parameters(0, 0, 0, *profile.prefixes, *(Parameters().headers)), SERVER.public)
    kind = tuple(MessageType)[index]
    length = {1: 148, 2: 92, 3: 64, 4: 48}[kind]
    datagram = client.frame(kind, client.header(kind) + bytes(length - 4))
    found = other.find_message(datagram)
    assert found is None or found[0] is not kind
