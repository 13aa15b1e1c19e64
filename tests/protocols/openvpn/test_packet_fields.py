from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout, fields_of, label_of, value_of
from wgmon_tui.protocols.openvpn.profile import Wrapper, WrapperKind
from wgmon_tui.protocols.openvpn.wire import ControlBody, Opcode, build_body
from wgmon_tui.protocols.openvpn.wrapping import Plain, TlsAuth, TlsCrypt

KEY = bytes(range(256))
SESSION, OTHER = b"clientid", b"serverid"
BODY = build_body(ControlBody((0, 3), OTHER, 2, b"\x16\x03\x01"))
TLS_AUTH = PacketLayout.of(Wrapper(WrapperKind.TLS_AUTH, KEY, digest="SHA256"))
TLS_CRYPT = PacketLayout.of(Wrapper(WrapperKind.TLS_CRYPT, KEY))
TLS_CRYPT_V2 = PacketLayout.of(Wrapper(WrapperKind.TLS_CRYPT_V2, KEY, bytes(290)))
PLAIN = PacketLayout.of(Wrapper())
CBC = PacketLayout.of(Wrapper(), "AES-256-CBC", "SHA256")


def names(packet: bytes, layout: PacketLayout | None) -> list[tuple[str, int]]:
    return [(each.name, each.length) for each in fields_of(packet, layout)]


def values(packet: bytes, layout: PacketLayout) -> dict[str, str | None]:
    return {each.name: value_of(packet, 0, each, layout) for each in fields_of(packet, layout)}


def test_a_plain_control_packet() -> None:
    packet = Plain().wrap(Opcode.CONTROL_V1, SESSION, BODY, 0)
    assert label_of(packet) == "control"
    assert names(packet, PLAIN) == [
        ("opcode and key id", 1),
        ("session id", 8),
        ("number of acknowledgements", 1),
        ("acknowledgements", 8),
        ("acknowledged session id", 8),
        ("number", 4),
        ("TLS", 3),
    ]
    found = values(packet, PLAIN)
    assert (found["acknowledgements"], found["number"], found["TLS"]) == ("0, 3", "2", "TLS handshake")


def test_an_acknowledgement_has_no_number() -> None:
    packet = Plain().wrap(Opcode.ACK_V1, SESSION, build_body(ControlBody((1,), OTHER)), 0)
    assert names(packet, PLAIN)[-1] == ("acknowledged session id", 8)


def test_tls_auth_puts_hmac_and_packet_id_before_the_body() -> None:
    packet = TlsAuth(KEY, "SHA256").wrap(Opcode.CONTROL_V1, SESSION, BODY, 1_700_000_000)
    assert names(packet, TLS_AUTH)[2:6] == [
        ("HMAC", 32),
        ("packet id", 4),
        ("time", 4),
        ("number of acknowledgements", 1),
    ]
    assert values(packet, TLS_AUTH)["time"] == "1700000000 s"


def test_tls_crypt_hides_the_body() -> None:
    packet = TlsCrypt(KEY).wrap(Opcode.CONTROL_V1, SESSION, BODY, 0)
    assert names(packet, TLS_CRYPT)[2:] == [
        ("packet id", 4),
        ("time", 4),
        ("tag", 32),
        ("encrypted", len(BODY)),
    ]


def test_tls_crypt_v2_ends_with_the_wrapped_key() -> None:
    wrapped = bytes(288) + b"\x01\x22"
    packet = TlsCrypt(KEY, wrapped).wrap(Opcode.HARD_RESET_CLIENT_V3, SESSION, BODY, 0)
    assert names(packet, TLS_CRYPT_V2)[-2:] == [("encrypted", len(BODY)), ("wrapped key", 290)]


@pytest.mark.parametrize(
    ("layout", "parts"),
    [
        (PLAIN, [("packet id", 4), ("tag", 16), ("encrypted", 76)]),
        (CBC, [("HMAC", 32), ("initialization vector", 16), ("encrypted", 48)]),
        (None, [("encrypted", 96)]),
    ],
)
def test_data_packets_follow_the_cipher(layout: PacketLayout | None, parts: list[tuple[str, int]]) -> None:
    packet = bytes((9 << 3, 0, 0, 7)) + bytes(96)
    assert names(packet, layout) == [("opcode and key id", 1), ("peer id", 3), *parts]


def test_a_note_says_what_was_encrypted() -> None:
    layout = PacketLayout.parse(f"{TLS_CRYPT}\n3 keepalive\nnot a note\n99999 x\n4 \x1b[31m")
    assert layout is not None
    assert layout.notes == {3: "keepalive"}
    encrypted = PacketField("encrypted", 0, 1, "")
    assert value_of(b"\x48", 3, encrypted, layout) == "keepalive"
    assert value_of(b"\x48", 4, encrypted, layout) is None


@pytest.mark.parametrize("layout", [PLAIN, CBC, TLS_AUTH, TLS_CRYPT, TLS_CRYPT_V2])
def test_a_layout_is_read_as_it_was_written(layout: PacketLayout) -> None:
    assert PacketLayout.parse(str(layout)) == layout


@given(st.text())
def test_no_text_raises(text: str) -> None:
    PacketLayout.parse(text)


@given(st.binary(max_size=400), st.sampled_from([PLAIN, CBC, TLS_AUTH, TLS_CRYPT, TLS_CRYPT_V2, None]))
def test_fields_have_no_gaps(packet: bytes, layout: PacketLayout | None) -> None:
    at = 0
    for each in fields_of(packet, layout):
        assert each.offset == at
        assert each.length > 0
        value_of(packet, 0, each, layout)
        at = each.end
    assert at == len(packet)


def test_over_tcp_a_packet_follows_its_length() -> None:
    layout = PacketLayout.of(Wrapper(), is_tcp=True)
    packet = Plain().wrap(Opcode.CONTROL_V1, SESSION, BODY, 0)
    framed = len(packet).to_bytes(2, "big") + packet

    assert PacketLayout.parse(str(layout)) == layout
    assert label_of(framed, layout) == "control"
    assert names(framed, layout) == [("length", 2), *names(packet, PLAIN)]
    assert values(framed, layout)["length"] == str(len(packet))
    assert values(framed, layout)["opcode and key id"] == "control, key 0"
