"""The packets of a check in words: the values of their fields, and what became of them."""

from __future__ import annotations

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import CookieDemanded, ForeignBytes, PacketRejected
from wgmon_tui.checks.protocol import PacketRemark
from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.amneziawg.layout import Layout
from wgmon_tui.protocols.amneziawg.wire import fields_of
from wgmon_tui.protocols.wireguard import packet_words
from wgmon_tui.protocols.wireguard.packet_words import FIELD_BY_REASON, is_about
from wgmon_tui.protocols.wireguard.wire import MessageType


def value_in_check(check: Check, number: int, field: PacketField) -> str | None:
    """The value of a field of packet `number`; None if it is hidden, encrypted or random."""
    layout, packet = Layout.parse(check.framing), check.exchange[number]
    if layout is None or "hidden" in field.meaning:
        return None
    if field.name == "type":
        return str(int.from_bytes(packet.data[field.offset : field.end], "little"))
    return packet_words.value_of(packet.data, field)


def remark_on(check: Check, packet: Packet) -> PacketRemark | None:
    """The result of a received packet, from the evidence with the same time."""
    for evidence in check.evidence:
        match evidence:
            case PacketRejected(at, reason, length) if is_about(packet, at, length):
                return PacketRemark(f"rejected: {reason.value}", "bad")
            case ForeignBytes(at, length) if is_about(packet, at, length):
                return PacketRemark("rejected: not a message of these parameters", "bad")
            case CookieDemanded(at) if is_about(packet, at):
                return PacketRemark("authentic: the server is under load and demands a cookie", "quiet")
    if check.handshake and packet is _last_response(check):
        return PacketRemark("authentic: the tag over `empty` is valid", "good")
    return None


def find_decisive_field(check: Check) -> tuple[int, str] | None:
    """The field that caused a rejection, with the number of its packet; None without a rejection."""
    layout = Layout.parse(check.framing)
    if layout is None or (check.tunnel and check.tunnel.received):
        return None
    for number, packet in enumerate(check.exchange):
        names = [each.name for each in fields_of(packet.data, layout)]
        for evidence in check.evidence:
            match evidence:
                case PacketRejected(at, reason, length) if is_about(packet, at, length):
                    if (name := FIELD_BY_REASON.get(reason, "type")) in names:
                        return number, name
                case ForeignBytes(at, length) if is_about(packet, at, length) and names:
                    return number, names[0]
    return None


def _last_response(check: Check) -> Packet | None:
    layout = Layout.parse(check.framing)
    rejected = [each for each in check.evidence if isinstance(each, PacketRejected)]
    found = [
        packet
        for packet in check.exchange
        if layout
        and packet.direction is Direction.RECEIVED
        and layout.find_kind(packet.data) is MessageType.RESPONSE
        and not any(is_about(packet, each.at, each.length) for each in rejected)
    ]
    return found[-1] if found else None
