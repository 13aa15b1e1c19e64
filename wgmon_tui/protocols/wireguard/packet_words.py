"""The packets of a check in words: the values of their fields, and what became of them."""

from __future__ import annotations

import base64

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import CookieDemanded, ForeignBytes, PacketRejected
from wgmon_tui.checks.protocol import PacketRemark
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.wireguard.wire import (
    MAC_LENGTH,
    MessageType,
    fields_of,
    label_of,
    message_type,
    receiver_index,
    sender_index,
)
from wgmon_tui.text import format_offset

_SAME_MOMENT = 1e-6
"""Seconds within which a packet and the evidence about it carry the same time."""

_TEXT_SHOWN = 48

FIELD_BY_REASON = {
    Reason.OTHER_INDEX: "receiver",
    Reason.OTHER_SESSION: "packet",
    Reason.BAD_MAC1: "mac1",
    Reason.BAD_EMPTY: "empty",
    Reason.BAD_COOKIE: "cookie",
    Reason.LOW_ORDER: "ephemeral",
}


def value_of(packet: bytes, field: PacketField) -> str | None:
    """The value of a field in words or numbers; None if it is encrypted, random or a keyed hash."""
    data = packet[field.offset : field.end]
    match field.name:
        case "type":
            label = label_of(packet)  # the meaning already names the type, except for a keepalive
            return None if label in field.meaning else label
        case "reserved":
            return "zeros, as required"
        case "sender" | "receiver":
            return f"{int.from_bytes(data, 'little'):#010x}"
        case "counter":
            return str(int.from_bytes(data, "little"))
        case "ephemeral":
            return base64.b64encode(data).decode()
        case "mac2":
            return "set: computed with a cookie" if any(data) else "zeros: no cookie was demanded"
        case "packet":
            inner = field.length - MAC_LENGTH
            return f"{inner} bytes of payload, padding included" if inner else "no payload"
        case "unknown":
            return _as_text(data)
    return None


def value_in_check(check: Check, number: int, field: PacketField) -> str | None:
    """The value of a field of packet `number`, and which initiation a received packet answers."""
    packet = check.exchange[number]
    value = value_of(packet.data, field)
    if field.name == "receiver" and packet.direction is Direction.RECEIVED:
        return f"{value}, {_describe_receiver(check.exchange[:number], packet.data, field)}"
    return value


def _as_text(data: bytes) -> str:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data[:_TEXT_SHOWN])
    return f'text: "{text}"' if len(data) <= _TEXT_SHOWN else f'text begins: "{text}"'


def _describe_receiver(before: tuple[Packet, ...], data: bytes, receiver: PacketField) -> str:
    index = int.from_bytes(data[receiver.offset : receiver.end], "little")
    for packet in before:
        if packet.direction is Direction.SENT and sender_index(packet.data) == index:
            return f"the sender of the initiation at {format_offset(packet.at)}"
    return "the sender of no initiation in this exchange"


def remark_on(check: Check, packet: Packet) -> PacketRemark | None:
    """The result of a received packet, from the evidence with the same time."""
    for evidence in check.evidence:
        match evidence:
            case PacketRejected(at, reason, length) if is_about(packet, at, length):
                return PacketRemark(f"rejected: {reason.value}", "bad")
            case ForeignBytes(at, length) if is_about(packet, at, length):
                return PacketRemark("rejected: not a WireGuard message", "bad")
            case CookieDemanded(at) if is_about(packet, at):
                return PacketRemark("authentic: the server is under load and demands a cookie", "quiet")
    if not _is_response(packet):
        return None
    if not _answers(packet, check):
        return PacketRemark("rejected: it answers no initiation of this check", "bad")
    if check.handshake and packet is _accepted_response(check):
        return PacketRemark("authentic: the tag over `empty` is valid", "good")
    return None


def find_decisive_field(check: Check) -> tuple[int, str] | None:
    """The field that caused a rejection, with the number of its packet; None without a rejection."""
    # A duplicated packet does not authenticate twice. If data passed, its rejection explains nothing.
    data_passed = check.tunnel is not None and check.tunnel.received > 0
    for number, packet in enumerate(check.exchange):
        for evidence in check.evidence:
            match evidence:
                case PacketRejected(at, reason, length) if is_about(packet, at, length) and not (
                    reason is Reason.OTHER_SESSION and data_passed
                ):
                    name = FIELD_BY_REASON.get(reason, "type")
                    if any(each.name == name for each in fields_of(packet.data)):
                        return number, name
                case ForeignBytes(at, length) if is_about(packet, at, length) and packet.data:
                    return number, fields_of(packet.data)[0].name
    return None


def _is_response(packet: Packet) -> bool:
    is_received = packet.direction is Direction.RECEIVED
    return is_received and message_type(packet.data) is MessageType.RESPONSE


def _answers(packet: Packet, check: Check) -> bool:
    asked = {sender_index(each.data) for each in check.exchange if each.direction is Direction.SENT}
    return receiver_index(packet.data) in asked


def _accepted_response(check: Check) -> Packet | None:
    """The response that completed the handshake: the last valid one, since none is accepted after it."""
    rejected = [each for each in check.evidence if isinstance(each, PacketRejected)]
    fitting = [
        packet
        for packet in check.exchange
        if _is_response(packet)
        and _answers(packet, check)
        and not any(is_about(packet, each.at, each.length) for each in rejected)
    ]
    return fitting[-1] if fitting else None


def is_about(packet: Packet, at: float, length: int | None = None) -> bool:
    """Whether evidence with this time and length is about a received packet."""
    received = packet.direction is Direction.RECEIVED
    return received and abs(at - packet.at) < _SAME_MOMENT and length in (None, len(packet.data))
