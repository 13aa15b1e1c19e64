"""What became of the packets of a check, and which of them decided it."""

from __future__ import annotations

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.protocol import PacketRemark
from wgmon_tui.protocols.ikev2.evidence_kinds import EvidenceKind
from wgmon_tui.protocols.ikev2.iana_numbers import FIRST_STATUS, PAYLOAD_NAMES, PayloadType, notify_name
from wgmon_tui.protocols.ikev2.message_fields import without_marker
from wgmon_tui.protocols.ikev2.wire import MalformedMessageError, notifications, parse_message

_SAME_MOMENT_S = 0.05
_VERDICTS = {
    EvidenceKind.SERVER_REJECTED: PacketRemark("the server's proof was not accepted", "bad"),
    EvidenceKind.SERVER_PROVEN: PacketRemark("the server's proof was accepted", "good"),
    EvidenceKind.REFUSED: PacketRemark("the server refuses", "bad"),
    EvidenceKind.EAP_ENDED: PacketRemark("the server ended EAP", "bad"),
    EvidenceKind.SA_INIT: PacketRemark("accepted", "good"),
    EvidenceKind.ENDED: PacketRemark("the session is over", "quiet"),
}


def remark_on(check: Check, packet: Packet) -> PacketRemark | None:
    """What became of a received packet: cleartext errors by themselves, the others by what followed."""
    if packet.direction is Direction.SENT:
        return None
    if error := _find_error(packet):
        return PacketRemark(f"the server refuses: {error}", "bad")
    for each in all_of_kind(ProtocolEvidence, check.evidence):
        is_near = each.at is not None and 0.0 <= each.at - packet.at <= _SAME_MOMENT_S
        if is_near and each.kind in _VERDICTS and not _has_later(check, packet, each.at or 0.0):
            return _VERDICTS[EvidenceKind(each.kind)]
    return None


def _has_later(check: Check, packet: Packet, at: float) -> bool:
    """Whether another packet came between this one and a moment."""
    return any(each.direction is Direction.RECEIVED and packet.at < each.at <= at for each in check.exchange)


def _find_error(packet: Packet) -> str:
    """The name of the first error in a message in cleartext; "" without one."""
    try:
        found = notifications(parse_message(without_marker(packet.data)).payloads)
    except MalformedMessageError:
        return ""
    return next((notify_name(each.number) for each in found if each.number < FIRST_STATUS), "")


def find_decisive_field(check: Check) -> tuple[int, str] | None:
    """The last received packet of a failed check, and its error or its encrypted part."""
    if check.handshake is not None:
        return None
    for number in reversed(range(len(check.exchange))):
        packet = check.exchange[number]
        if packet.direction is Direction.SENT:
            continue
        if error := _find_error(packet):
            return number, error
        remark = remark_on(check, packet)
        if remark is not None and remark.tone == "bad":
            return number, PAYLOAD_NAMES[PayloadType.SK]
    return None
