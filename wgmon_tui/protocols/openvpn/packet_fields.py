"""The named fields of OpenVPN's packets, and what was in the encrypted ones.

Sources: openvpn.net/community-resources/openvpn-protocol; doc/tls-crypt-v2.txt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.openvpn.data_channel import CIPHERS
from wgmon_tui.protocols.openvpn.profile import Wrapper, WrapperKind
from wgmon_tui.protocols.openvpn.wire import (
    DATA_OPCODES,
    MOST_ACKS,
    SESSION_ID_LENGTH,
    WRAPPED_KEY_OPCODES,
    ControlBody,
    Opcode,
    opcode_of,
)

DIGEST_LENGTHS = {"SHA1": 20, "SHA224": 28, "SHA256": 32, "SHA384": 48, "SHA512": 64, "MD5": 16}
REJECTED_NOTE = "rejected: "
"""How the note of a packet begins that was not accepted."""
ENCRYPTED = "encrypted"
"""The name of the field whose content only the keys reveal."""

_LAYOUT = re.compile(r"(plain|tls-auth|tls-crypt|tls-crypt-v2) ([0-9]{1,3}) (aead|cbc) ([0-9]{1,3})( tcp)?")
_TAG_LENGTH, _AEAD_TAG, _IV = 32, 16, 16
_LONGEST_NOTE = 120
_LENGTH_BYTES = 2
_UNKNOWN = "not a packet of OpenVPN"
_TLS_RECORDS = {20: "change of cipher", 21: "alert", 22: "handshake", 23: "application data"}


@dataclass(frozen=True, slots=True)
class PacketLayout:
    """What decides where the fields of a packet are: wrapping and cipher. It is `Check.framing` as text.

    `digest` and `data_digest` are the lengths of the HMACs, in bytes. `notes` say what was in encrypted
    packets, by the number of the packet: they hold no secret and no payload.
    """

    kind: WrapperKind = WrapperKind.PLAIN
    digest: int = 0
    is_aead: bool = True
    data_digest: int = 0
    notes: dict[int, str] = field(default_factory=dict)
    is_tcp: bool = False

    @classmethod
    def of(
        cls, wrapper: Wrapper, cipher: str = "", auth: str = "SHA1", *, is_tcp: bool = False
    ) -> PacketLayout:
        """The layout of a session. Before the push reply, the cipher is not known."""
        kind = CIPHERS.get(cipher.upper())
        is_signed = wrapper.kind is WrapperKind.TLS_AUTH
        return cls(
            wrapper.kind,
            DIGEST_LENGTHS.get(wrapper.digest.upper(), 20) if is_signed else 0,
            kind is None or kind.is_aead,
            DIGEST_LENGTHS.get(auth.upper(), 20),
            is_tcp=is_tcp,
        )

    @classmethod
    def parse(cls, framing: str) -> PacketLayout | None:
        """Inverse of `str`; None for text of another version, or of another machine that is not one."""
        head, *lines = framing.split("\n")
        match = _LAYOUT.fullmatch(head)
        if match is None:
            return None
        notes = {}
        for line in lines:
            number, _, note = line.partition(" ")
            if number.isascii() and number.isdecimal() and len(number) < 4 and note.isprintable():
                notes[int(number)] = note[:_LONGEST_NOTE]
        kind, is_aead = WrapperKind(match[1]), match[3] == "aead"
        return cls(kind, int(match[2]), is_aead, int(match[4]), notes, bool(match[5]))

    def __str__(self) -> str:
        cipher = "aead" if self.is_aead else "cbc"
        transport = " tcp" if self.is_tcp else ""
        head = f"{self.kind.value} {self.digest} {cipher} {self.data_digest}{transport}"
        return "\n".join((head, *(f"{number} {note}" for number, note in self.notes.items())))


def unframe(packet: bytes, layout: PacketLayout | None) -> bytes:
    """The packet without its length, which stands before it over TCP."""
    return packet[_LENGTH_BYTES:] if layout and layout.is_tcp else packet


def label_of(packet: bytes, layout: PacketLayout | None = None) -> str:
    """The name of a packet."""
    packet = unframe(packet, layout)
    opcode = opcode_of(packet)
    return opcode.label if opcode is not None else _UNKNOWN


def fields_of(packet: bytes, layout: PacketLayout | None) -> tuple[PacketField, ...]:
    """The fields of a packet, in order and without gaps. Without a layout, only its header is known."""
    if layout and layout.is_tcp and len(packet) >= _LENGTH_BYTES:
        inner = fields_of(packet[_LENGTH_BYTES:], replace(layout, is_tcp=False))
        moved = (replace(each, offset=each.offset + _LENGTH_BYTES) for each in inner)
        return (PacketField("length", 0, _LENGTH_BYTES, "the bytes of the packet behind it"), *moved)
    opcode = opcode_of(packet)
    if opcode is None:
        return (PacketField("unknown", 0, len(packet), _UNKNOWN),)[: len(packet)]
    made = _data_fields(opcode, layout) if opcode in DATA_OPCODES else _control_fields(packet, layout)
    return tuple(_fit(made, len(packet)))


_Part = tuple[str, int, str]
"""Name, length and meaning; a length of -1 is the rest, and one below that the rest up to so many bytes."""


def _fit(parts: Iterator[_Part], length: int) -> Iterator[PacketField]:
    """Place parts one after the other, as far as the packet goes."""
    at = 0
    for name, size, meaning in parts:
        wanted = length - at if size == _REST else length - at + size + 1 if size < _REST else size
        taken = max(0, min(wanted, length - at))
        if taken:
            yield PacketField(name, at, taken, meaning, may_be_zero=name in _MAY_BE_ZERO)
        at += taken
    if at < length:
        yield PacketField("rest", at, length - at, "bytes that are no part of such a packet")


_REST = -1
_MAY_BE_ZERO = ("number", "packet id")


def _up_to(trailer: int) -> int:
    """The length that stands for the rest without so many bytes at its end."""
    return -1 - trailer if trailer else _REST


def _data_fields(opcode: Opcode, layout: PacketLayout | None) -> Iterator[_Part]:
    yield "opcode and key id", 1, "five bits of opcode, three of the key of this session"
    if opcode is Opcode.DATA_V2:
        yield "peer id", 3, "which client it is, so that its address may change"
    if layout is None:
        yield ENCRYPTED, _REST, "its cipher is not known"
    elif layout.is_aead:
        yield "packet id", 4, "counts the packets of this key; a repeated one is dropped"
        yield "tag", _AEAD_TAG, "proves that packet id and content are authentic"
        yield ENCRYPTED, _REST, "an IP packet, a keepalive or a message of OpenVPN"
    else:
        yield "HMAC", layout.data_digest, "proves that all that follows is authentic"
        yield "initialization vector", _IV, "random; it makes equal packets differ"
        yield ENCRYPTED, _REST, "packet id, and an IP packet, a keepalive or a message of OpenVPN"


def _control_fields(packet: bytes, layout: PacketLayout | None) -> Iterator[_Part]:
    yield "opcode and key id", 1, "five bits of opcode, three of the key of this session"
    yield "session id", SESSION_ID_LENGTH, "random; chosen by the side that sends this packet"
    kind = layout.kind if layout else None
    if kind is None:
        yield "body", _REST, "its wrapping is not known"
        return
    if layout is not None and kind is WrapperKind.TLS_AUTH:
        yield "HMAC", layout.digest, "made with the tls-auth key; a server drops a packet without a right one"
    if kind is not WrapperKind.PLAIN:
        yield "packet id", 4, "counts the packets of this session, against replays"
        yield "time", 4, "seconds since 1970, against replays"
    if kind in (WrapperKind.TLS_CRYPT, WrapperKind.TLS_CRYPT_V2):
        yield "tag", _TAG_LENGTH, "made with the tls-crypt key; a server drops a packet without a right one"
        trailer = _wrapped_key_length(packet) if kind is WrapperKind.TLS_CRYPT_V2 else 0
        yield ENCRYPTED, _up_to(trailer), "acknowledgements, number and a piece of TLS"
        if trailer:
            yield "wrapped key", trailer, "this client's key, encrypted for the server"
        return
    body_at = 1 + SESSION_ID_LENGTH + (layout.digest + 8 if layout and kind is WrapperKind.TLS_AUTH else 0)
    yield from _body_fields(packet, body_at)


def _wrapped_key_length(packet: bytes) -> int:
    """The length of the client's wrapped key at the end of a packet; its last two bytes are that length."""
    length = int.from_bytes(packet[-2:], "big")
    return length if opcode_of(packet) in WRAPPED_KEY_OPCODES and 2 < length < len(packet) else 0


def _body_fields(packet: bytes, at: int) -> Iterator[_Part]:
    """What follows the wrapping, where it is not encrypted."""
    count = packet[at] if len(packet) > at else 0
    yield "number of acknowledgements", 1, "how many packets of the other side arrived"
    if 0 < count <= MOST_ACKS:
        yield "acknowledgements", 4 * count, "the numbers of these packets"
        yield "acknowledged session id", SESSION_ID_LENGTH, "the session id of the other side"
    if opcode_of(packet) is Opcode.ACK_V1:
        return
    yield "number", 4, "counts the control packets of this side; a lost one is sent again"
    yield "TLS", _REST, "a piece of the TLS stream"


def describe_tls(payload: bytes) -> str:
    """What kind of TLS record begins here."""
    return f"TLS {_TLS_RECORDS[payload[0]]}" if payload and payload[0] in _TLS_RECORDS else "piece of TLS"


def describe_body(body: ControlBody) -> str:
    """What is in the body of a control packet, in a few words."""
    numbers = ", ".join(map(str, body.acks))
    acks = f"acknowledges {numbers}" if numbers else "acknowledges nothing"
    if body.number is None:
        return acks
    return f"number {body.number}, {acks}, {describe_tls(body.payload) if body.payload else 'no TLS'}"


def value_of(packet: bytes, number: int, found: PacketField, layout: PacketLayout | None) -> str | None:
    """The value of a field, in words or numbers; None if there is nothing to say."""
    content = packet[found.offset : found.end]
    match found.name:
        case "opcode and key id":
            return f"{label_of(packet, layout)}, key {content[0] & 7}"
        case "length" | "peer id" | "packet id" | "number" | "number of acknowledgements":
            return str(int.from_bytes(content, "big"))
        case "acknowledgements":
            return ", ".join(
                str(int.from_bytes(content[at : at + 4], "big")) for at in range(0, len(content), 4)
            )
        case "time":
            return f"{int.from_bytes(content, 'big')} s"
        case "TLS":
            return describe_tls(content)
    return layout.notes.get(number) if layout and found.name == ENCRYPTED else None
