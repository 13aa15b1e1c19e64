"""The four messages on the wire, and a name for every byte of them (whitepaper §5.4.2 to §5.4.7).

The field lists are the one description of the wire format that the hex view, the JSON and the docs share.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

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
        """The message's name in the whitepaper's words."""
        return _LABELS[self]


_LABELS = {
    MessageType.INITIATION: "handshake initiation",
    MessageType.RESPONSE: "handshake response",
    MessageType.COOKIE_REPLY: "cookie reply",
    MessageType.TRANSPORT: "transport data",
}


@dataclass(frozen=True, slots=True)
class WireField:
    """One field of a message: `length` bytes from `offset`, and what they mean."""

    name: str
    offset: int
    length: int
    meaning: str

    @property
    def end(self) -> int:
        """The offset of the first byte after the field."""
        return self.offset + self.length


def _layout(*parts: tuple[str, int, str]) -> tuple[WireField, ...]:
    fields, offset = [], 0
    for name, length, meaning in parts:
        fields.append(WireField(name, offset, length, meaning))
        offset += length
    return tuple(fields)


_RESERVED = ("reserved", 3, "three zero bytes; servers drop anything else here without a word")
_MAC2 = (
    "mac2",
    16,
    "keyed hash over all before it, with the cookie as key; zeros unless a cookie was demanded",
)

FIELDS: dict[MessageType, tuple[WireField, ...]] = {
    MessageType.INITIATION: _layout(
        ("type", 1, "1: handshake initiation"),
        _RESERVED,
        ("sender", 4, "index the initiator picked for this attempt; the answer must name it as its receiver"),
        ("ephemeral", 32, "the initiator's one-time Curve25519 public key, in the clear"),
        (
            "static",
            48,
            "the initiator's public key, sealed for the server's key (32 bytes and a 16-byte tag)",
        ),
        ("timestamp", 28, "TAI64N time, sealed (12 bytes and a tag); must be later than every one before it"),
        ("mac1", 16, "keyed hash over all before it; the key comes from the server's public key"),
        _MAC2,
    ),
    MessageType.RESPONSE: _layout(
        ("type", 1, "2: handshake response"),
        _RESERVED,
        ("sender", 4, "index the server picked; our transport packets carry it as receiver"),
        ("receiver", 4, "the index that our initiation carried as sender"),
        ("ephemeral", 32, "the server's one-time Curve25519 public key, in the clear"),
        (
            "empty",
            16,
            "the tag over an empty text: opens only with the right static, ephemeral and preshared keys",
        ),
        (
            "mac1",
            16,
            "keyed hash over all before it; the key comes from our public key, so anyone can make it",
        ),
        _MAC2,
    ),
    MessageType.COOKIE_REPLY: _layout(
        ("type", 1, "3: cookie reply, the answer of a server under load"),
        _RESERVED,
        ("receiver", 4, "the index that our initiation carried as sender"),
        ("nonce", 24, "random nonce of the XChaCha20-Poly1305 seal"),
        (
            "cookie",
            32,
            "the cookie, sealed with the server's public key and bound to our mac1 (16 bytes and a tag)",
        ),
    ),
    MessageType.TRANSPORT: _layout(
        ("type", 1, "4: transport data"),
        _RESERVED,
        ("receiver", 4, "the index that the other side picked in the handshake"),
        (
            "counter",
            8,
            "little-endian packet number; the nonce of the seal, and what replay protection counts",
        ),
    ),
}

_EXACT_LENGTH = {
    MessageType.INITIATION: INITIATION_LENGTH,
    MessageType.RESPONSE: RESPONSE_LENGTH,
    MessageType.COOKIE_REPLY: COOKIE_REPLY_LENGTH,
}

_HEADERS = {bytes((kind, 0, 0, 0)): kind for kind in MessageType}


def message_type(packet: bytes) -> MessageType | None:
    """What `packet` claims to be; None where its type, reserved bytes or length are not WireGuard's."""
    kind = _HEADERS.get(packet[:4])
    if kind is None:
        return None
    if kind is MessageType.TRANSPORT:
        return kind if len(packet) >= TRANSPORT_OVERHEAD else None
    return kind if len(packet) == _EXACT_LENGTH[kind] else None


def label_of(packet: bytes) -> str:
    """The name of the message for a human: the whitepaper's word, "keepalive", or "not WireGuard"."""
    kind = message_type(packet)
    if kind is None:
        return "not WireGuard"
    if kind is MessageType.TRANSPORT and len(packet) == TRANSPORT_OVERHEAD:
        return "keepalive"
    return kind.label


def receiver_index(packet: bytes) -> int | None:
    """The index that `packet` is addressed to; None for initiations and for bytes that are not WireGuard."""
    kind = message_type(packet)
    if kind is None or kind is MessageType.INITIATION:
        return None
    offset = 8 if kind is MessageType.RESPONSE else 4
    return int.from_bytes(packet[offset : offset + INDEX_LENGTH], "little")


def sender_index(packet: bytes) -> int | None:
    """The index that the sender of a handshake message picked.

    Takes a message cut short as well: an ICMP error quotes at least the first eight bytes.
    """
    if len(packet) >= 8 and packet[:4] in (b"\x01\0\0\0", b"\x02\0\0\0"):
        return int.from_bytes(packet[4:8], "little")
    return None


def fields_of(packet: bytes) -> tuple[WireField, ...]:
    """Every byte of `packet` under a name, in order and without gaps."""
    kind = message_type(packet)
    if kind is None:
        return (
            (WireField("unknown", 0, len(packet), "bytes in no form that WireGuard sends"),) if packet else ()
        )
    fields = FIELDS[kind]
    if kind is MessageType.TRANSPORT:
        sealed = len(packet) - fields[-1].end
        meaning = (
            "the tag over an empty text: a keepalive"
            if sealed == MAC_LENGTH
            else "the inner IP packet, sealed, padded to a multiple of 16, and a 16-byte tag"
        )
        return (*fields, WireField("packet", fields[-1].end, sealed, meaning))
    return fields
