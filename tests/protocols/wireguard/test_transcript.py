"""Tests of the package against the second implementation in reference.py, byte for byte."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.protocols.wireguard import reference
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.protocols.wireguard.cookie import CookieJar, cookie_key, mac2
from wgmon_tui.protocols.wireguard.handshake import Attempt, Initiator, ReceivedInitiation, Responder
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.wire import FIELDS, MessageType

GOLDEN: dict[str, bytes] = {
    name: bytes.fromhex(text)
    for name, text in json.loads(Path(__file__).with_name("transcript.json").read_text()).items()
}
CLIENT = PrivateKey(GOLDEN["initiator_static"])
SERVER = PrivateKey(GOLDEN["responder_static"])


@dataclass(frozen=True, slots=True)
class Variant:
    """A case with or without a preshared key; `suffix` ends the names of its values."""

    suffix: str
    psk: PresharedKey

    def __getitem__(self, name: str) -> bytes:
        return GOLDEN[name + self.suffix]


@pytest.fixture(params=["without psk", "with psk"])
def variant(request: pytest.FixtureRequest) -> Variant:
    if request.param == "with psk":
        return Variant("_with_psk", PresharedKey(GOLDEN["psk"]))
    return Variant("", NO_PRESHARED_KEY)


def index(name: str) -> int:
    return int.from_bytes(GOLDEN[name], "little")


def first_attempt(psk: PresharedKey = NO_PRESHARED_KEY) -> Attempt:
    return Initiator(CLIENT, SERVER.public, psk).initiate(
        index("initiator_index"), GOLDEN["timestamp"], ephemeral=GOLDEN["initiator_ephemeral"]
    )


def received() -> ReceivedInitiation:
    return Responder(SERVER).open(GOLDEN["initiation"])


def responders_session(variant: Variant) -> tuple[bytes, Session]:
    return Responder(SERVER).respond(
        received(), index("responder_index"), variant.psk, ephemeral=GOLDEN["responder_ephemeral"]
    )


def field(packet: bytes, kind: MessageType, name: str) -> bytes:
    where = next(field for field in FIELDS[kind] if field.name == name)
    return packet[where.offset : where.end]


def test_the_frozen_transcript_is_what_the_reference_makes() -> None:
    assert reference.transcript() == GOLDEN


def test_the_references_opening_hashes_are_those_that_implementations_publish() -> None:
    """The constants that other implementations store instead of computing them."""
    chain = reference.hash_(reference.CONSTRUCTION)
    assert chain.hex() == "60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36"
    assert reference.hash_(chain + reference.IDENTIFIER).hex() == (
        "2211b361081ac566691243db458ad5322d9c6c662293e8b70ee19c65ba079ef3"
    )


def test_public_keys() -> None:
    assert CLIENT.public == PublicKey(GOLDEN["initiator_public"])
    assert SERVER.public == PublicKey(GOLDEN["responder_public"])


def test_the_initiation() -> None:
    assert first_attempt().packet == GOLDEN["initiation"]


def test_a_preshared_key_changes_nothing_in_the_initiation() -> None:
    assert first_attempt(PresharedKey(GOLDEN["psk"])).packet == GOLDEN["initiation"]


def test_mac1_of_the_initiation() -> None:
    attempt = first_attempt()
    assert attempt.mac1 == GOLDEN["initiation_mac1"]
    assert field(attempt.packet, MessageType.INITIATION, "mac1") == GOLDEN["initiation_mac1"]


def test_the_initiation_with_a_cookie_carries_mac2() -> None:
    attempt = Initiator(CLIENT, SERVER.public).initiate(
        index("second_initiator_index"),
        GOLDEN["second_timestamp"],
        cookie=GOLDEN["cookie"],
        ephemeral=GOLDEN["second_initiator_ephemeral"],
    )
    assert attempt.packet == GOLDEN["initiation_with_cookie"]


def test_mac2() -> None:
    message = GOLDEN["initiation_with_cookie"][:-16]
    assert mac2(GOLDEN["cookie"], message) == GOLDEN["initiation_with_cookie_mac2"]


def test_the_responder_reads_who_knocks_and_when() -> None:
    knock = received()
    assert knock.static == CLIENT.public
    assert knock.timestamp == GOLDEN["timestamp"]
    assert knock.sender == index("initiator_index")


def test_the_response(variant: Variant) -> None:
    assert responders_session(variant)[0] == variant["response"]


def test_the_initiator_derives_the_transport_keys(variant: Variant) -> None:
    session = first_attempt(variant.psk).complete(variant["response"])
    assert session._send_key == variant["initiator_sends"]
    assert session._receive_key == variant["responder_sends"]
    assert (session.local_index, session.remote_index) == (index("initiator_index"), index("responder_index"))


def test_the_responder_derives_the_transport_keys(variant: Variant) -> None:
    _, session = responders_session(variant)
    assert session._send_key == variant["responder_sends"]
    assert session._receive_key == variant["initiator_sends"]
    assert (session.local_index, session.remote_index) == (index("responder_index"), index("initiator_index"))


def test_the_initiators_first_two_transport_packets(variant: Variant) -> None:
    session = first_attempt(variant.psk).complete(variant["response"])
    assert session.seal(GOLDEN["question"]) == variant["data"]
    assert session.keepalive() == variant["keepalive"]


def test_the_responders_first_transport_packet(variant: Variant) -> None:
    _, session = responders_session(variant)
    assert session.seal(GOLDEN["answer"]) == variant["data_back"]


def test_each_side_opens_the_references_packets(variant: Variant) -> None:
    client = first_attempt(variant.psk).complete(variant["response"])
    _, server = responders_session(variant)
    assert server.open(variant["data"]) == GOLDEN["question"] + b"\0"
    assert server.open(variant["keepalive"]) == b""
    assert client.open(variant["data_back"]) == GOLDEN["answer"]


def test_the_initiator_opens_the_references_cookie_reply() -> None:
    assert first_attempt().open_cookie(GOLDEN["cookie_reply"]) == GOLDEN["cookie"]


def test_the_reference_opens_our_cookie_reply() -> None:
    jar, source = CookieJar(SERVER.public), GOLDEN["cookie_source"]
    reply = jar.reply(GOLDEN["initiation"], source, now_s=0.0)
    assert reply[:8] == b"\x03\0\0\0" + GOLDEN["initiator_index"]
    opened = reference.open_xaead(
        reference.hash_(reference.LABEL_COOKIE + SERVER.public.raw),
        reply[8:32],
        reply[32:],
        GOLDEN["initiation_mac1"],
    )
    assert opened == jar.cookie_for(source, now_s=0.0)


def test_the_cookies_key_and_the_cookie_itself() -> None:
    jar = CookieJar(SERVER.public)
    jar._secret, jar._secret_created_s = GOLDEN["cookie_secret"], 0.0
    assert cookie_key(SERVER.public) == reference.hash_(b"cookie--" + GOLDEN["responder_public"])
    assert jar.cookie_for(GOLDEN["cookie_source"], now_s=1.0) == GOLDEN["cookie"]
