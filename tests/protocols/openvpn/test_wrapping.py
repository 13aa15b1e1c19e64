"""The wrappings against OpenVPN's own packets, and against forged ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.openvpn import vectors
from wgmon_tui.protocols.openvpn.profile import Wrapper, WrapperKind
from wgmon_tui.protocols.openvpn.wire import ControlBody, MalformedError, Opcode, build_body, parse_body
from wgmon_tui.protocols.openvpn.wrapping import (
    EARLY_NEGOTIATION,
    Plain,
    TlsAuth,
    TlsCrypt,
    UnauthenticError,
    Wrapping,
    make_wrapping,
)

RESET = build_body(ControlBody(number=0))
WRAPPED_KEY = vectors.TLS_CRYPT_V2_CLIENT_KEY[256:]


def test_a_plain_reset_is_that_of_openvpn() -> None:
    session_id = vectors.CLIENT_RESET_PLAIN[1:9]

    assert Plain().wrap(Opcode.HARD_RESET_CLIENT_V2, session_id, RESET, 0) == vectors.CLIENT_RESET_PLAIN


def test_a_tls_auth_reset_is_that_of_openvpn() -> None:
    packet = vectors.CLIENT_RESET_TLS_AUTH
    unix_time = int.from_bytes(packet[33:37], "big")

    wrapped = TlsAuth(vectors.STATIC_KEY, "SHA1", 1).wrap(
        Opcode.HARD_RESET_CLIENT_V2, packet[1:9], RESET, unix_time
    )

    assert wrapped == packet


def test_a_tls_crypt_reset_is_that_of_openvpn() -> None:
    packet = vectors.CLIENT_RESET_TLS_CRYPT
    unix_time = int.from_bytes(packet[13:17], "big")

    wrapped = TlsCrypt(vectors.STATIC_KEY).wrap(Opcode.HARD_RESET_CLIENT_V2, packet[1:9], RESET, unix_time)

    assert wrapped == packet


def test_a_control_packet_under_tls_auth_opens_with_the_direction_of_the_server() -> None:
    opened = TlsAuth(vectors.STATIC_KEY, "SHA1", 0).unwrap(vectors.CLIENT_CONTROL_TLS_AUTH)

    body = parse_body(opened.opcode, opened.body)
    assert (opened.opcode, body.number, body.payload[:3]) == (Opcode.CONTROL_V1, 1, b"\x16\x03\x01")


@pytest.mark.parametrize("direction", [None, 1])
def test_another_direction_does_not_authenticate(direction: int | None) -> None:
    with pytest.raises(UnauthenticError):
        TlsAuth(vectors.STATIC_KEY, "SHA1", direction).unwrap(vectors.CLIENT_RESET_TLS_AUTH)


@pytest.mark.parametrize("at", range(len(vectors.CLIENT_RESET_TLS_CRYPT)))
def test_no_byte_of_a_tls_crypt_packet_can_be_changed(at: int) -> None:
    server = TlsCrypt(vectors.STATIC_KEY, is_server=True)
    forged = bytearray(vectors.CLIENT_RESET_TLS_CRYPT)
    forged[at] ^= 0x10

    assert server.unwrap(vectors.CLIENT_RESET_TLS_CRYPT).body == RESET
    with pytest.raises((UnauthenticError, MalformedError)):
        server.unwrap(bytes(forged))


def test_only_packets_that_need_it_carry_the_wrapped_key() -> None:
    wrapping = TlsCrypt(vectors.TLS_CRYPT_V2_CLIENT_KEY[:256], WRAPPED_KEY)
    packets = {
        opcode: wrapping.wrap(opcode, bytes(8), RESET, 0)
        for opcode in (Opcode.HARD_RESET_CLIENT_V3, Opcode.CONTROL_V1, Opcode.CONTROL_WKC_V1)
    }

    carry = {opcode for opcode, packet in packets.items() if packet.endswith(WRAPPED_KEY)}
    assert carry == {Opcode.HARD_RESET_CLIENT_V3, Opcode.CONTROL_WKC_V1}
    first = int.from_bytes(packets[Opcode.HARD_RESET_CLIENT_V3][9:13], "big")
    assert first & 0xFF000000 == EARLY_NEGOTIATION


WRAPPINGS = (
    Wrapper(),
    *(
        Wrapper(WrapperKind.TLS_AUTH, vectors.STATIC_KEY, direction=each, digest="SHA256")
        for each in (None, 0, 1)
    ),
    Wrapper(WrapperKind.TLS_CRYPT, vectors.STATIC_KEY),
    Wrapper(WrapperKind.TLS_CRYPT_V2, vectors.STATIC_KEY, wrapped_key=WRAPPED_KEY),
)


def _server_of(wrapper: Wrapper) -> Wrapping:
    if wrapper.kind is WrapperKind.TLS_AUTH:
        direction = None if wrapper.direction is None else 1 - wrapper.direction
        return TlsAuth(wrapper.key, wrapper.digest, direction)
    return Plain() if wrapper.kind is WrapperKind.PLAIN else TlsCrypt(wrapper.key, is_server=True)


@pytest.mark.parametrize("wrapper", WRAPPINGS, ids=lambda each: f"{each.kind.value} {each.direction}")
def test_a_server_opens_what_a_client_wraps(wrapper: Wrapper) -> None:
    packet = make_wrapping(wrapper).wrap(Opcode.CONTROL_V1, b"12345678", b"\x00body of it", 1_700_000_000)

    assert _server_of(wrapper).unwrap(packet).body == b"\x00body of it"
    assert len(packet) == 9 + make_wrapping(wrapper).overhead + 11


@given(st.binary(max_size=200), st.sampled_from(WRAPPINGS))
def test_random_bytes_are_refused_and_nothing_else_is_raised(data: bytes, wrapper: Wrapper) -> None:
    try:
        opened = make_wrapping(wrapper).unwrap(data)
    except (MalformedError, UnauthenticError):
        return
    assert wrapper.kind is WrapperKind.PLAIN
    assert opened.session_id == data[1:9]


def test_a_key_does_not_show_in_a_repr() -> None:
    assert repr(vectors.STATIC_KEY)[2:12] not in repr(Wrapper(WrapperKind.TLS_CRYPT, vectors.STATIC_KEY))


def test_a_digest_that_this_machine_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        make_wrapping(Wrapper(WrapperKind.TLS_AUTH, vectors.STATIC_KEY, digest="nonsense"))
