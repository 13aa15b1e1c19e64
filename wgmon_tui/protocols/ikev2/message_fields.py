"""The named fields of an IKEv2 message: the header, and each payload (RFC 7296 §3)."""

from __future__ import annotations

from collections.abc import Iterator

from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.ikev2.decrypted_parts import esp_key, find_part, message_key
from wgmon_tui.protocols.ikev2.iana_numbers import (
    PAYLOAD_NAMES,
    ExchangeType,
    PayloadType,
    notify_name,
)
from wgmon_tui.protocols.ikev2.wire import (
    HEADER_SIZE,
    NON_ESP_MARKER,
    MalformedMessageError,
    Payload,
    iterate_payloads,
    parse_header,
    parse_notification,
)

_LEAST_ESP = 8 + 16

_HEADER_FIELDS = (
    ("initiator SPI", 0, 8, "chosen by the side that began: this one"),
    ("responder SPI", 8, 8, "chosen by the server; zeros until it has answered"),
    ("next payload", 16, 1, "the kind of the first payload"),
    ("version", 17, 1, "2.0"),
    ("exchange type", 18, 1, "34 is IKE_SA_INIT, 35 IKE_AUTH, 37 INFORMATIONAL"),
    ("flags", 19, 1, "0x08: sent by the side that began. 0x20: answers a request"),
    ("message ID", 20, 4, "counts requests; a response repeats the number of its request"),
    ("length", 24, 4, "of the whole message, in bytes"),
)
_MAY_BE_ZERO = ("responder SPI", "message ID")
_BODIES: dict[int, tuple[tuple[str, int, str], ...]] = {
    PayloadType.KE: (("group", 2, "the number of the Diffie-Hellman group"), ("reserved", 2, "zeros")),
    PayloadType.AUTH: (("method", 1, "how the side proves its identity"), ("reserved", 3, "zeros")),
}
_MEANINGS = {
    PayloadType.SA: "the proposals: algorithms that are offered or chosen",
    PayloadType.KE: "the public value of this side's Diffie-Hellman exchange",
    PayloadType.NONCE: "random bytes that go into every key",
    PayloadType.NOTIFY: "the data of the notification",
    PayloadType.VENDOR: "a mark of the software that sends it",
    PayloadType.SK: "initialization vector, encrypted payloads and checksum",
    PayloadType.SKF: "initialization vector, a part of the encrypted payloads, and checksum",
    PayloadType.CERTREQ: "the authorities whose certificates this side accepts",
}


def without_marker(packet: bytes) -> bytes:
    """A message without the marker that begins it on port 4500."""
    return packet[len(NON_ESP_MARKER) :] if _has_marker(packet) else packet


def _has_marker(packet: bytes) -> bool:
    # No SPI of an initiator is 0, so four zeros cannot begin a message without the marker.
    return packet.startswith(NON_ESP_MARKER) and len(packet) > len(NON_ESP_MARKER)


def is_for_nat_port(packet: bytes) -> bool:
    """Whether a packet is one of port 4500: a message with the marker, or ESP (RFC 3948 §2)."""
    return _has_marker(packet) or is_esp(packet)


def label_of(packet: bytes) -> str:
    """The name of a message: its exchange, and whether it is a request."""
    try:
        header = parse_header(without_marker(packet))
    except MalformedMessageError:
        return "ESP" if is_esp(packet) else "unknown"
    known = header.exchange in ExchangeType._value2member_map_
    name = ExchangeType(header.exchange).name if known else f"exchange {header.exchange}"
    return f"{name} {'response' if header.is_response else 'request'}"


def fields_of(packet: bytes, stored: str = "") -> tuple[PacketField, ...]:
    """The fields of a message, or of an ESP packet, in order and without gaps.

    `stored` tells what its encrypted part held (decrypted_parts.py).
    """
    if is_esp(packet):
        return _esp_fields(packet, find_part(stored, esp_key(packet)))
    start = len(NON_ESP_MARKER) if _has_marker(packet) else 0
    message = packet[start:]
    found = [PacketField("non-ESP marker", 0, start, "on port 4500: no ESP follows")] if start else []
    try:
        header = parse_header(message)
        payloads = list(iterate_payloads(header.first_payload, message, HEADER_SIZE))
    except MalformedMessageError:
        rest = PacketField("unknown", start, len(packet) - start, "not a message of IKEv2")
        return (*found, rest) if rest.length else tuple(found)
    found += [
        PacketField(name, start + at, size, meaning, name in _MAY_BE_ZERO)
        for name, at, size, meaning in _HEADER_FIELDS
    ]
    names: dict[str, int] = {}
    for payload in payloads:
        found += _payload_fields(payload, start, names, find_part(stored, message_key(header)))
    return tuple(found)


def is_esp(packet: bytes) -> bool:
    """Whether a packet is ESP: no message of IKEv2, and long enough for one block or checksum."""
    if len(packet) <= _LEAST_ESP or _has_marker(packet):
        return False
    try:
        parse_header(packet)
    except MalformedMessageError:
        return True
    return False


def _esp_fields(packet: bytes, held: str | None) -> tuple[PacketField, ...]:
    held_words = f"; decrypted: {held}" if held else ""
    return (
        PacketField("SPI", 0, 4, "the CHILD_SA and its direction; its receiver chose it"),
        PacketField("sequence number", 4, 4, "counts the packets of this direction"),
        PacketField(
            "encrypted packet",
            8,
            len(packet) - 8,
            f"initialization vector, an encrypted IP packet, and checksum{held_words}",
        ),
    )


def _payload_fields(
    payload: Payload, start: int, names: dict[str, int], held: str | None
) -> Iterator[PacketField]:
    name = _name_of(payload)
    names[name] = names.get(name, 0) + 1
    if names[name] > 1:
        name = f"{name} {names[name]}"
    at = start + payload.offset
    yield PacketField(f"{name}: header", at, 4, "kind of the next payload, critical bit, length")
    at += 4
    end = start + payload.end
    for part, size, meaning in _parts_of(payload):
        length = min(size, end - at)
        if length > 0:
            yield PacketField(f"{name}: {part}", at, length, meaning)
            at += length
    if at < end:
        meaning = _MEANINGS.get(PayloadType(payload.kind), "") if _is_known(payload) else ""
        if held and payload.kind in (PayloadType.SK, PayloadType.SKF):
            meaning += f"; decrypted: {held}"
        yield PacketField(name, at, end - at, meaning or "the content of this payload")


def _is_known(payload: Payload) -> bool:
    return payload.kind in PayloadType._value2member_map_


def _name_of(payload: Payload) -> str:
    if payload.kind == PayloadType.NOTIFY:
        try:
            return notify_name(parse_notification(payload.body).number)
        except MalformedMessageError:
            return "notify"
    return PAYLOAD_NAMES.get(payload.kind, f"payload {payload.kind}")


def _parts_of(payload: Payload) -> tuple[tuple[str, int, str], ...]:
    if payload.kind == PayloadType.NOTIFY:
        spi_size = payload.body[1] if len(payload.body) > 1 else 0
        head = ("type", 4, "protocol, size of the SPI, and number of the notification")
        return (head, ("SPI", spi_size, "the SPI that it is about")) if spi_size else (head,)
    if payload.kind == PayloadType.SKF:
        return (("fragment", 4, "the number of this fragment, and of all"),)
    return _BODIES.get(payload.kind, ())
