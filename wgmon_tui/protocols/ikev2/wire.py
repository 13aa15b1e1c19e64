"""Messages of IKEv2 as bytes: the header, the chain of payloads, and their contents (RFC 7296 §3).

Everything here parses bytes of a stranger. A parser raises MalformedMessageError and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wgmon_tui.protocols.ikev2.iana_numbers import PayloadType, ProtocolId

NON_ESP_MARKER = bytes(4)
"""Before each IKE message on port 4500; ESP packets begin with an SPI that is not 0 (RFC 3948 §2.2)."""

HEADER_SIZE = 28
VERSION = 0x20
INITIATOR, RESPONSE = 0x08, 0x20
"""Flags: the sender began the IKE SA; the message answers a request."""

NO_SPI = bytes(8)

_HEADER = struct.Struct("!8s8sBBBBII")
_GENERIC = struct.Struct("!BBH")
_CRITICAL = 0x80
_MOST_PAYLOADS = 256


class MalformedMessageError(Exception):
    """Bytes that are no message of IKEv2. The message is a phrase."""


@dataclass(frozen=True, slots=True)
class IkeHeader:
    """The header of a message (RFC 7296 §3.1). `length` counts the whole message."""

    initiator_spi: bytes
    responder_spi: bytes
    first_payload: int
    exchange: int
    flags: int
    message_id: int
    length: int = 0
    version: int = VERSION

    @property
    def is_response(self) -> bool:
        """Whether the message answers a request."""
        return bool(self.flags & RESPONSE)

    @property
    def is_from_initiator(self) -> bool:
        """Whether the side that began the IKE SA sent it."""
        return bool(self.flags & INITIATOR)


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload without its generic header. `first_inner` is the kind of the first payload in an SK or SKF.

    `offset` is where the payload begins in its message.
    """

    kind: int
    body: bytes
    is_critical: bool = False
    first_inner: int = PayloadType.NONE
    offset: int = 0

    @property
    def end(self) -> int:
        """Where the payload ends in its message."""
        return self.offset + _GENERIC.size + len(self.body)


@dataclass(frozen=True, slots=True)
class IkeMessage:
    """A parsed message. Its encrypted payload is still closed."""

    header: IkeHeader
    payloads: tuple[Payload, ...]

    def find(self, kind: int) -> Payload | None:
        """The first payload of a kind."""
        return find_payload(self.payloads, kind)


def find_payload(payloads: Sequence[Payload], kind: int) -> Payload | None:
    """The first payload of a kind."""
    return next((each for each in payloads if each.kind == kind), None)


def encode_header(header: IkeHeader) -> bytes:
    """The 28 bytes of a header."""
    return _HEADER.pack(
        header.initiator_spi,
        header.responder_spi,
        header.first_payload,
        header.version,
        header.exchange,
        header.flags,
        header.message_id,
        header.length,
    )


def parse_header(data: bytes) -> IkeHeader:
    """Parse the header of a message without the marker of port 4500. Raises MalformedMessageError."""
    if len(data) < HEADER_SIZE:
        raise MalformedMessageError(f"only {len(data)} bytes, less than a header")
    spi_i, spi_r, first, version, exchange, flags, message_id, length = _HEADER.unpack_from(data)
    header = IkeHeader(spi_i, spi_r, first, exchange, flags, message_id, length, version)
    if version >> 4 != VERSION >> 4:
        raise MalformedMessageError(f"version {version >> 4}.{version & 15} of IKE, not 2")
    if length != len(data):
        raise MalformedMessageError(f"its header names {length} bytes, {len(data)} arrived")
    return header


def parse_message(data: bytes) -> IkeMessage:
    """Parse a message without the marker of port 4500. Raises MalformedMessageError."""
    header = parse_header(data)
    return IkeMessage(header, tuple(iterate_payloads(header.first_payload, data, HEADER_SIZE)))


def iterate_payloads(first: int, data: bytes, offset: int = 0) -> Iterator[Payload]:
    """Walk through a chain of payloads. SK and SKF end it. Raises MalformedMessageError."""
    kind = first
    for _ in range(_MOST_PAYLOADS):
        if kind == PayloadType.NONE:
            if offset != len(data):
                raise MalformedMessageError(f"{len(data) - offset} bytes after the last payload")
            return
        if len(data) - offset < _GENERIC.size:
            raise MalformedMessageError("a payload is cut off")
        following, reserved, length = _GENERIC.unpack_from(data, offset)
        if length < _GENERIC.size or offset + length > len(data):
            raise MalformedMessageError("the length of a payload is impossible")
        body = data[offset + _GENERIC.size : offset + length]
        if kind in (PayloadType.SK, PayloadType.SKF):
            if offset + length != len(data):
                raise MalformedMessageError("bytes after the encrypted payload")
            yield Payload(kind, body, bool(reserved & _CRITICAL), following, offset)
            return
        yield Payload(kind, body, bool(reserved & _CRITICAL), offset=offset)
        kind, offset = following, offset + length
    raise MalformedMessageError(f"more than {_MOST_PAYLOADS} payloads")


def encode_chain(payloads: Sequence[Payload]) -> bytes:
    """The bytes of a chain of payloads; the header before it names the first one."""
    following = [*(each.kind for each in payloads[1:]), PayloadType.NONE]
    return b"".join(
        _GENERIC.pack(kind, _CRITICAL if each.is_critical else 0, _GENERIC.size + len(each.body)) + each.body
        for each, kind in zip(payloads, following, strict=False)
    )


def generic_header(following: int, body_size: int) -> bytes:
    """The generic header of one payload."""
    return _GENERIC.pack(following, 0, _GENERIC.size + body_size)


def first_kind(payloads: Sequence[Payload]) -> int:
    """The kind of the first payload of a chain."""
    return payloads[0].kind if payloads else PayloadType.NONE


def encode_message(header: IkeHeader, payloads: Sequence[Payload]) -> bytes:
    """A message in cleartext. Length and first payload of the header are filled in."""
    chain = encode_chain(payloads)
    return encode_header(with_size(header, first_kind(payloads), len(chain))) + chain


def with_size(header: IkeHeader, first_payload: int, body_size: int) -> IkeHeader:
    """A header with the kind of its first payload and the size of all payloads."""
    return IkeHeader(
        header.initiator_spi,
        header.responder_spi,
        first_payload,
        header.exchange,
        header.flags,
        header.message_id,
        HEADER_SIZE + body_size,
        header.version,
    )


@dataclass(frozen=True, slots=True)
class NotifyPayload:
    """A notify payload (RFC 7296 §3.10)."""

    number: int
    data: bytes = b""
    protocol: int = ProtocolId.NONE
    spi: bytes = b""

    def to_payload(self) -> Payload:
        """The payload of this notification."""
        head = struct.pack("!BBH", self.protocol, len(self.spi), self.number)
        return Payload(PayloadType.NOTIFY, head + self.spi + self.data)


def parse_notification(body: bytes) -> NotifyPayload:
    """Parse a notify payload. Raises MalformedMessageError."""
    if len(body) < 4:
        raise MalformedMessageError("a notification is cut off")
    protocol, spi_size, number = struct.unpack_from("!BBH", body)
    if len(body) < 4 + spi_size:
        raise MalformedMessageError("the SPI of a notification is cut off")
    return NotifyPayload(number, body[4 + spi_size :], protocol, body[4 : 4 + spi_size])


def notifications(payloads: Sequence[Payload]) -> list[NotifyPayload]:
    """All notifications in a chain. Raises MalformedMessageError."""
    return [parse_notification(each.body) for each in payloads if each.kind == PayloadType.NOTIFY]


@dataclass(frozen=True, slots=True)
class KeyShare:
    """A key exchange payload: the number of the group, and the public value (RFC 7296 §3.4)."""

    group: int
    value: bytes

    def to_payload(self) -> Payload:
        """The payload of this key share."""
        return Payload(PayloadType.KE, struct.pack("!HH", self.group, 0) + self.value)


def parse_key_share(body: bytes) -> KeyShare:
    """Parse a key exchange payload. Raises MalformedMessageError."""
    if len(body) <= 4:
        raise MalformedMessageError("the key exchange is cut off")
    return KeyShare(struct.unpack_from("!H", body)[0], body[4:])


@dataclass(frozen=True, slots=True)
class Identification:
    """An identity as its payload has it (RFC 7296 §3.5)."""

    kind: int
    data: bytes

    @property
    def body(self) -> bytes:
        """The body of the payload, which the authentication of its side covers."""
        return struct.pack("!Bxxx", self.kind) + self.data


def parse_identification(body: bytes) -> Identification:
    """Parse an identification payload. Raises MalformedMessageError."""
    if len(body) < 4:
        raise MalformedMessageError("an identity is cut off")
    return Identification(body[0], body[4:])


@dataclass(frozen=True, slots=True)
class Authentication:
    """An authentication payload: the method, and the proof (RFC 7296 §3.8)."""

    method: int
    data: bytes

    def to_payload(self) -> Payload:
        """The payload of this proof."""
        return Payload(PayloadType.AUTH, struct.pack("!Bxxx", self.method) + self.data)


def parse_authentication(body: bytes) -> Authentication:
    """Parse an authentication payload. Raises MalformedMessageError."""
    if len(body) <= 4:
        raise MalformedMessageError("the authentication is cut off")
    return Authentication(body[0], body[4:])


def delete_ike_sa() -> Payload:
    """The payload that ends the IKE SA of its message (RFC 7296 §3.11)."""
    return Payload(PayloadType.DELETE, struct.pack("!BBH", ProtocolId.IKE, 0, 0))
