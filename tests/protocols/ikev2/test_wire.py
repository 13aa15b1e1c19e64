"""Messages as bytes, read again by scapy, which others wrote."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.ikev2.conversations import by_secret, converse
from tests.scapy_oracle import REASON, STANDS_IN, scapy_ikev2
from wgmon_tui.protocols.ikev2.child_payloads import parse_configuration, parse_selectors
from wgmon_tui.protocols.ikev2.offers import child_request, ike_offer
from wgmon_tui.protocols.ikev2.security_association import encode_proposals, parse_proposals, widest_offer
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.protocols.ikev2.wire import (
    INITIATOR,
    IkeHeader,
    MalformedMessageError,
    encode_message,
    parse_authentication,
    parse_identification,
    parse_key_share,
    parse_message,
    parse_notification,
)

if STANDS_IN:
    pytest.skip(REASON, allow_module_level=True)

HEADER = IkeHeader(bytes(range(1, 9)), bytes(8), 0, 34, INITIATOR, 0)


def first_request() -> bytes:
    ((data, _),) = converse(by_secret(with_child=True)).outgoing()
    return data


def test_scapy_reads_the_first_request() -> None:
    data = first_request()
    ours = parse_message(data)
    read = scapy_ikev2().IKEv2(data)
    assert (read.init_SPI, read.exch_type, read.length) == (ours.header.initiator_spi, 34, len(data))
    layers, layer = [], read.payload
    while layer:
        layers.append(type(layer).__name__.removeprefix("IKEv2_"))
        layer = layer.payload
    assert layers == ["SA", "KE", "Nonce", *["Notify"] * 5]
    assert bytes(scapy_ikev2().IKEv2(data)) == data


@pytest.mark.parametrize(
    "proposals", [ike_offer(Ikev2Settings()), widest_offer(), child_request(Ikev2Settings()).proposals]
)
def test_scapy_reads_the_same_transforms(proposals) -> None:  # type: ignore[no-untyped-def]
    data = encode_message(HEADER, [encode_proposals(proposals)])
    proposal = scapy_ikev2().IKEv2(data)[scapy_ikev2().IKEv2_SA].prop
    for expected in proposals:
        found, transform = [], proposal.trans
        while transform:
            found.append((transform.transform_type, transform.transform_id, transform.key_length or 0))
            transform = transform.payload
        assert found == [(each.type, each.number, each.key_bits) for each in expected.transforms]
        assert (proposal.proposal, proposal.proto) == (expected.number, expected.protocol)
        proposal = proposal.payload
    assert not proposal


@pytest.mark.parametrize(
    "proposals", [ike_offer(Ikev2Settings()), widest_offer(), child_request(Ikev2Settings()).proposals]
)
def test_proposals_are_read_as_they_were_written(proposals) -> None:  # type: ignore[no-untyped-def]
    assert parse_proposals(encode_proposals(proposals).body) == proposals


PARSERS = (
    parse_message,
    parse_proposals,
    parse_notification,
    parse_key_share,
    parse_identification,
    parse_authentication,
    parse_configuration,
    parse_selectors,
)


@given(st.binary(max_size=120), st.sampled_from(PARSERS))
def test_no_parser_raises_anything_else(data: bytes, parse) -> None:  # type: ignore[no-untyped-def]
    with suppress(MalformedMessageError):
        parse(data)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_request_raises_nothing_else(at: int, value: int) -> None:
    data = bytearray(first_request())
    data[at % len(data)] = value
    with suppress(MalformedMessageError):
        for payload in parse_message(bytes(data)).payloads:
            if payload.kind == 33:
                parse_proposals(payload.body)


def test_bytes_behind_the_last_payload_are_refused() -> None:
    data = first_request() + b"\x00"
    longer = data[:24] + len(data).to_bytes(4, "big") + data[28:]
    with pytest.raises(MalformedMessageError, match="after the last payload"):
        parse_message(longer)


def test_another_version_is_refused() -> None:
    data = first_request()
    with pytest.raises(MalformedMessageError, match=r"version 1\.0"):
        parse_message(data[:17] + b"\x10" + data[18:])


def selector(kind: int, first: str, last: str) -> bytes:
    ends = ip_address(first).packed + ip_address(last).packed
    return bytes((kind, 0)) + (8 + len(ends)).to_bytes(2, "big") + b"\0\0\xff\xff" + ends


def test_traffic_selectors_are_read_as_networks() -> None:
    body = b"\3\0\0\0" + selector(7, "10.50.0.0", "10.50.255.255") + selector(8, "fd00::", "fd00::ff")
    assert parse_selectors(body + bytes((9, 0, 0, 8, 0, 0, 0, 0))) == (
        ip_network("10.50.0.0/16"),
        ip_network("fd00::/120"),
    )


@pytest.mark.parametrize(
    "body",
    [selector(7, "10.0.0.9", "10.0.0.1"), selector(7, "10.0.0.1", "10.0.0.9")[:-1], b"\7\0\0\4"],
    ids=["backwards", "cut off", "too short"],
)
def test_damaged_traffic_selectors_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessageError, match="a traffic selector"):
        parse_selectors(b"\1\0\0\0" + body)
