"""The messages of OpenVPN as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.openvpn import vectors
from wgmon_tui.protocols.openvpn.wire import (
    RESEND_WRAPPED_KEY,
    ControlBody,
    MalformedError,
    Opcode,
    build_body,
    early_negotiation_flags,
    opcode_of,
    parse_body,
)

BODIES = st.builds(
    ControlBody,
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8).map(tuple),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=60),
)


def test_the_acknowledgement_of_a_control_packet_names_session_and_number() -> None:
    packet = vectors.CLIENT_CONTROL_WITH_ACK

    body = parse_body(Opcode.CONTROL_V1, packet[9:])

    assert body == ControlBody((0,), bytes.fromhex("eafebfa4418ae31b"), 1, b"\x16\x03\x01")


def test_a_pure_acknowledgement_has_no_number() -> None:
    body = parse_body(Opcode.ACK_V1, vectors.CLIENT_ACK_PLAIN[9:])

    assert body == ControlBody((0,), bytes.fromhex("dd85db535623b02e"))


@given(BODIES)
def test_a_body_survives_its_bytes(body: ControlBody) -> None:
    assert parse_body(Opcode.CONTROL_V1, build_body(body)) == body


@given(st.binary(max_size=80), st.sampled_from([Opcode.ACK_V1, Opcode.CONTROL_V1]))
def test_random_bytes_are_malformed_or_a_body(data: bytes, opcode: Opcode) -> None:
    try:
        body = parse_body(opcode, data)
    except MalformedError:
        return
    assert len(body.acks) <= 8


@pytest.mark.parametrize("length", range(13))
def test_a_cut_off_body_is_malformed(length: int) -> None:
    whole = build_body(ControlBody((7,), b"12345678", 1))

    with pytest.raises(MalformedError):
        parse_body(Opcode.CONTROL_V1, whole[:length])


def test_a_server_that_keeps_no_state_asks_for_the_wrapped_key() -> None:
    unknown, flags = b"\x00\x09\x00\x03abc", b"\x00\x01\x00\x02\x00\x01"

    assert early_negotiation_flags(unknown + flags) == RESEND_WRAPPED_KEY
    assert early_negotiation_flags(b"") == 0


@pytest.mark.parametrize("payload", [b"\x00", b"\x00\x01\x00\x02\x00", b"\x00\x01\x00"])
def test_a_cut_off_negotiation_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedError):
        early_negotiation_flags(payload)


def test_an_unknown_opcode_is_none() -> None:
    assert opcode_of(b"\xf8") is None
    assert opcode_of(b"") is None
    assert opcode_of(vectors.CLIENT_RESET_PLAIN) is Opcode.HARD_RESET_CLIENT_V2
