"""STUN messages of a relay probe, with the examples of RFC 5769."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.control_planes import stun

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
"""The response of RFC 5769 §2.2."""

IPV6_ADDRESS = bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
"""XOR-MAPPED-ADDRESS of RFC 5769 §2.3, of the same transaction."""


def test_a_request_has_the_software_and_the_fingerprint_that_derp_servers_ask_for() -> None:
    request = stun.make_request(TRANSACTION)
    assert request[:20] == bytes.fromhex("000100142112a442") + TRANSACTION
    assert request[20:32] == bytes.fromhex("80220008") + b"tailnode"
    assert request[32:36] == bytes.fromhex("80280004")
    assert struct.unpack(">I", request[36:]) == (stun.fingerprint(request[:32]),)


def test_a_fingerprint_is_that_of_the_rfc() -> None:
    assert stun.fingerprint(IPV4_RESPONSE[:-8]) == 0xC07D4C96


def test_the_address_of_an_answer_is_that_of_the_rfc() -> None:
    assert stun.is_answer(IPV4_RESPONSE, TRANSACTION)
    assert stun.mapped_address(IPV4_RESPONSE) == (ip_address("192.0.2.1"), 32853)
    version_6 = IPV4_RESPONSE[:20] + IPV6_ADDRESS
    assert stun.mapped_address(version_6) == (ip_address("2001:db8:1234:5678:11:2233:4455:6677"), 32853)


@pytest.mark.parametrize("cut", [0, 19, 20, 40, len(IPV4_RESPONSE) - 1])
def test_an_answer_that_is_cut_is_none(cut: int) -> None:
    assert not stun.is_answer(IPV4_RESPONSE[:cut], TRANSACTION)


def test_an_answer_to_another_request_is_none() -> None:
    assert not stun.is_answer(IPV4_RESPONSE, bytes(12))
    assert not stun.is_answer(stun.make_request(TRANSACTION), TRANSACTION)


@given(st.binary(max_size=120))
def test_no_bytes_raise(data: bytes) -> None:
    stun.is_answer(data, TRANSACTION)
    stun.mapped_address(IPV4_RESPONSE[:20] + data)
