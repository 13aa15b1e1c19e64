"""The packets of a check in the words of its protocol: names, fields and their values."""

from __future__ import annotations

from wgmon_tui.checks.check import Check, Packet
from wgmon_tui.checks.protocol import PacketRemark
from wgmon_tui.checks.registry import UnknownProtocolError, find_protocol
from wgmon_tui.checks.transport import UDP, PacketTransport
from wgmon_tui.net.packet_fields import PacketField


def label_of(check: Check, packet: Packet) -> str:
    """The displayed name of a packet."""
    try:
        return find_protocol(check.protocol).label_of(packet.data, check.framing)
    except UnknownProtocolError:  # stored by a later version
        return "packet"


def fields_of(check: Check, packet: Packet) -> tuple[PacketField, ...]:
    """The fields of a packet, in order and without gaps."""
    try:
        return find_protocol(check.protocol).fields_of(packet.data, check.framing)
    except UnknownProtocolError:
        size = len(packet.data)
        return (PacketField("unknown", 0, size, "a protocol that this version does not know"),)[:size]


def value_of(check: Check, number: int, field: PacketField) -> str | None:
    """The value of a field of packet `number`, in words or numbers; None if there is nothing to say."""
    try:
        return find_protocol(check.protocol).value_of(check, number, field)
    except UnknownProtocolError:
        return None


def remark_on(check: Check, packet: Packet) -> PacketRemark | None:
    """What became of a packet; None if there is nothing to say."""
    try:
        return find_protocol(check.protocol).remark_on(check, packet)
    except UnknownProtocolError:
        return None


def find_decisive_field(check: Check) -> tuple[int, str] | None:
    """The packet and the name of the field that decided a failed check; None if there is none."""
    try:
        return find_protocol(check.protocol).find_decisive_field(check)
    except UnknownProtocolError:
        return None


def is_unasked(check: Check, packet: Packet) -> bool:
    """Whether a server sends such a packet of its own accord, so that it answers nothing."""
    try:
        return find_protocol(check.protocol).is_unasked(packet.data, check.framing)
    except UnknownProtocolError:
        return False


def transport_of(check: Check, packet: Packet) -> PacketTransport:
    """What carried a packet."""
    try:
        return find_protocol(check.protocol).transport_of(check, packet)
    except UnknownProtocolError:
        return UDP
