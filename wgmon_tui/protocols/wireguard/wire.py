"""The wire format of the four WireGuard messages (whitepaper §5.4.2 to §5.4.7).

The hex view, the JSON and the docs share the field lists of this module.
"""

from __future__ import annotations

from enum import IntEnum

from wgmon_tui.net.packet_fields import PacketField

INITIATION_LENGTH = 148
RESPONSE_LENGTH = 92
COOKIE_REPLY_LENGTH = 64
TRANSPORT_OVERHEAD = 32  # header 16, tag 16: an empty payload is a keepalive of exactly this length

MAC_LENGTH = 16
INDEX_LENGTH = 4


class MessageType(IntEnum):
    """The first byte on the wire."""

    INITIATION = 1
    RESPONSE = 2
    COOKIE_REPLY = 3
    TRANSPORT = 4

    @property
    def label(self) -> str:
        """The message's name in the whitepaper."""
        return _LABELS[self]


_LABELS = {
    MessageType.INITIATION: "handshake initiation",
    MessageType.RESPONSE: "handshake response",
    MessageType.COOKIE_REPLY: "cookie reply",
    MessageType.TRANSPORT: "transport data",
}


def _layout(*parts: tuple[str, int, str]) -> tuple[PacketField, ...]:
    fields, offset = [], 0
    for name, length, meaning in parts:
        fields.append(PacketField(name, offset, length, meaning, may_be_zero=name == _MAC2_NAME))
        offset += length
    return tuple(fields)


_RESERVED = ("reserved", 3, "three zero bytes; servers silently drop anything else here")
_MAC2_NAME = "mac2"
_MAC2 = (
    _MAC2_NAME,
    16,
    "keyed hash of all bytes before it, with the cookie as key; zeros unless a cookie was demanded",
)

FIELDS: dict[MessageType, tuple[PacketField, ...]] = {
    MessageType.INITIATION: _layout(
        ("type", 1, "1: handshake initiation"),
        _RESERVED,
        ("sender", 4, "index chosen by the initiator; the answer must carry it as receiver"),
        ("ephemeral", 32, "the initiator's one-time Curve25519 public key, in the clear"),
        (
            "static",
            48,
            "the initiator's public key, encrypted for the server (32 bytes and a 16-byte tag)",
        ),
        ("timestamp", 28, "TAI64N time, encrypted (12 bytes and a tag); must be later than all earlier ones"),
        ("mac1", 16, "keyed hash of all bytes before it; the key comes from the server's public key"),
        _MAC2,
    ),
    MessageType.RESPONSE: _layout(
        ("type", 1, "2: handshake response"),
        _RESERVED,
        ("sender", 4, "index chosen by the server; the client's transport packets carry it as receiver"),
        ("receiver", 4, "the index that the initiation carried as sender"),
        ("ephemeral", 32, "the server's one-time Curve25519 public key, in the clear"),
        (
            "empty",
            16,
            "tag over an empty text: verifies only with the right static, ephemeral and preshared keys",
        ),
        (
            "mac1",
            16,
            "keyed hash of all bytes before it; the key comes from a public key, so anyone can make it",
        ),
        _MAC2,
    ),
    MessageType.COOKIE_REPLY: _layout(
        ("type", 1, "3: cookie reply, the answer of a server under load"),
        _RESERVED,
        ("receiver", 4, "the index that the initiation carried as sender"),
        ("nonce", 24, "random nonce of XChaCha20-Poly1305"),
        (
            "cookie",
            32,
            "the cookie, encrypted under the server's public key, bound to mac1 (16 bytes and a tag)",
        ),
    ),
    MessageType.TRANSPORT: _layout(
        ("type", 1, "4: transport data"),
        _RESERVED,
        ("receiver", 4, "the index that the other side chose in the handshake"),
        (
            "counter",
            8,
            "little-endian packet number: the nonce, and the number for replay protection",
        ),
    ),
}

_EXACT_LENGTH = {
    MessageType.INITIATION: INITIATION_LENGTH,
    MessageType.RESPONSE: RESPONSE_LENGTH,
    MessageType.COOKIE_REPLY: COOKIE_REPLY_LENGTH,
}

_TRANSPORT_HEADER = bytes((MessageType.TRANSPORT, 0, 0, 0))
_HEADERS = {bytes((kind, 0, 0, 0)): kind for kind in MessageType}


def message_type(packet: bytes) -> MessageType | None:
    """The type that `packet` claims; None if type, reserved bytes or length are not WireGuard's."""
    kind = _HEADERS.get(packet[:4])
    if kind is None:
        return None
    if kind is MessageType.TRANSPORT:
        return kind if len(packet) >= TRANSPORT_OVERHEAD else None
    return kind if len(packet) == _EXACT_LENGTH[kind] else None


def label_of(packet: bytes) -> str:
    """The displayed name of a message: the whitepaper's name, "keepalive", or "not WireGuard"."""
    kind = message_type(packet)
    if kind is None:
        return "not WireGuard"
    if kind is MessageType.TRANSPORT and len(packet) == TRANSPORT_OVERHEAD:
        return "keepalive"
    return kind.label


def receiver_index(packet: bytes) -> int | None:
    """The index that `packet` is addressed to; None for initiations and for bytes that are not WireGuard."""
    if packet[:4] == _TRANSPORT_HEADER:  # nine of ten packets
        return int.from_bytes(packet[4:8], "little") if len(packet) >= TRANSPORT_OVERHEAD else None
    kind = message_type(packet)
    if kind is None or kind is MessageType.INITIATION:
        return None
    offset = 8 if kind is MessageType.RESPONSE else 4
    return int.from_bytes(packet[offset : offset + INDEX_LENGTH], "little")


def sender_index(packet: bytes) -> int | None:
    """The sender index of a handshake message.

    Accepts a truncated message too: an ICMP error quotes at least the first eight bytes.
    """
    if len(packet) >= 8 and packet[:4] in (b"\x01\0\0\0", b"\x02\0\0\0"):
        return int.from_bytes(packet[4:8], "little")
    return None


def fields_of(packet: bytes) -> tuple[PacketField, ...]:
    """The fields of `packet`, in order and without gaps."""
    kind = message_type(packet)
    if kind is None:
        return (PacketField("unknown", 0, len(packet), "not a WireGuard message"),) if packet else ()
    fields = FIELDS[kind]
    if kind is MessageType.TRANSPORT:
        sealed = len(packet) - fields[-1].end
        meaning = (
            "tag over an empty text: a keepalive"
            if sealed == MAC_LENGTH
            else "the inner IP packet, padded to a multiple of 16 and encrypted, and a 16-byte tag"
        )
        return (*fields, PacketField("packet", fields[-1].end, sealed, meaning))
    return fields
