"""The named fields of messages and ESP packets, with what their encrypted parts held."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.ikev2.esp_sessions import SUITES, request, sessions
from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.ikev2.decrypted_parts import DecryptedParts, esp_key, find_part, message_key
from wgmon_tui.protocols.ikev2.esp import NON_ESP_MARKER, EspContent
from wgmon_tui.protocols.ikev2.iana_numbers import AuthMethod, ExchangeType, IdType, PayloadType
from wgmon_tui.protocols.ikev2.message_fields import fields_of, label_of
from wgmon_tui.protocols.ikev2.packet_values import value_of
from wgmon_tui.protocols.ikev2.payload_words import describe_content, describe_payloads
from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.protocol import PROTOCOL
from wgmon_tui.protocols.ikev2.security_association import SaProposal, encode_proposals
from wgmon_tui.protocols.ikev2.wire import (
    Authentication,
    Identification,
    IkeHeader,
    Payload,
    encode_message,
    parse_header,
)

SEALED = encode_message(
    IkeHeader(b"\1" * 8, b"\2" * 8, 0, ExchangeType.IKE_AUTH, 0x20, 1), (Payload(PayloadType.SK, bytes(40)),)
)
INSIDE = (
    Payload(PayloadType.IDR, Identification(IdType.FQDN, b"gw.example.net").body),
    Authentication(AuthMethod.SHARED_KEY, b"secret proof").to_payload(),
)


def find(fields: tuple[PacketField, ...], name: str) -> PacketField:
    return next(each for each in fields if each.name == name)


def check_gapless(packet: bytes, stored: str = "") -> None:
    at = 0
    for each in fields_of(packet, stored):
        assert each.offset == at
        at = each.end
    assert at == len(packet)


def test_an_encrypted_message_tells_what_it_held() -> None:
    parts = DecryptedParts()
    parts.add(message_key(parse_header(SEALED)), describe_payloads(INSIDE))
    field = find(PROTOCOL.fields_of(SEALED, str(parts)), "encrypted payloads")
    assert "decrypted: responder's identity: gw.example.net; authentication: shared key" in field.meaning
    assert "decrypted" not in find(fields_of(SEALED), "encrypted payloads").meaning


def test_no_proof_is_noted() -> None:
    assert "secret proof" not in describe_payloads(INSIDE)
    assert b"secret proof".hex() not in describe_payloads(INSIDE)


def test_an_esp_packet_has_its_fields_and_tells_what_it_held() -> None:
    packet, parts = sessions(SUITES[0])[0].seal(request()), DecryptedParts()
    parts.add(esp_key(packet), describe_content(EspContent(4, request())))
    fields = fields_of(packet, str(parts))
    assert [each.name for each in fields] == ["SPI", "sequence number", "encrypted packet"]
    assert fields[-1].meaning.endswith("decrypted: echo request from 10.9.0.2 to 10.9.0.1")
    assert label_of(packet) == "ESP"


def test_a_request_and_its_response_are_told_apart() -> None:
    parts = DecryptedParts()
    parts.add("1q", "the request")
    assert find_part(str(parts), "1r") is None
    assert find_part(str(parts), "1q") == "the request"


@pytest.mark.parametrize(
    ("packet", "port"), [(SEALED, None), (NON_ESP_MARKER + SEALED, 4500), (bytes(range(1, 60)), 4500)]
)
def test_an_export_shows_the_port_of_each_packet(packet: bytes, port: int | None) -> None:
    check = Check("gw", "local", Endpoint("gw", 500), None, 0.0, None)
    sent = Packet(0.0, Direction.SENT, packet)
    assert PROTOCOL.transport_of(check, sent).server_port == port
    assert PROTOCOL.transport_of(replace(check, endpoint=Endpoint("gw", 4711)), sent).server_port is None


@pytest.mark.parametrize("size", [0, 1, 8, 27, 28, 100])
def test_zeros_and_the_marker_have_fields_without_gaps(size: int) -> None:
    check_gapless(bytes(size))
    check_gapless(NON_ESP_MARKER + SEALED[:size])


def values(packet: bytes, stored: str = "") -> dict[str, str]:
    found = ((each.name, value_of(packet, each, stored)) for each in fields_of(packet))
    return {name: value for name, value in found if value is not None}


def test_fields_have_values_in_words() -> None:
    found = values(NON_ESP_MARKER + SEALED, "1r responder's identity: gw")
    assert found["exchange type"] == "IKE_AUTH"
    assert found["flags"] == "response of the responder"
    assert found["message ID"] == "1"
    assert found["encrypted payloads"] == "responder's identity: gw"


def test_a_choice_is_told_and_an_offer_counted() -> None:
    choice = SaProposal(parse_proposal("aes256-sha256-ecp256").transforms)
    offered = (SaProposal(parse_proposal("aes256-sha256-ecp256-modp2048").transforms), choice)
    found = [
        values(encode_message(IkeHeader(b"1" * 8, b"2" * 8, 0, 34, 0x08, 0), (encode_proposals(each),)))
        for each in ((choice,), offered)
    ]
    assert found[0]["security association"] == "aes256-sha256-prfsha256-ecp256"
    assert found[1]["security association"] == "2 proposals with 9 algorithms; groups ecp256, modp2048"


@given(st.binary(max_size=300), st.text(max_size=100))
def test_any_bytes_have_fields_without_gaps(packet: bytes, stored: str) -> None:
    check_gapless(packet, stored)
    assert label_of(packet)
    values(packet, stored)


@given(st.lists(st.builds(Payload, st.integers(0, 255), st.binary(max_size=60)), max_size=4))
def test_any_payload_has_words_on_one_line(payloads: list[Payload]) -> None:
    parts = DecryptedParts()
    parts.add("1q", describe_payloads(payloads))
    assert str(parts).isprintable()


@given(st.integers(0, 255), st.binary(max_size=80))
def test_any_content_has_words(next_header: int, data: bytes) -> None:
    assert describe_content(EspContent(next_header, data))
