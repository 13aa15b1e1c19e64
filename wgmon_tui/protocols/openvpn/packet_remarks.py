"""What became of the packets of a check, and which of them decided it."""

from __future__ import annotations

from collections.abc import Iterator

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.protocol import PacketRemark
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.events import NOT_OPENVPN, UNAUTHENTIC
from wgmon_tui.protocols.openvpn.observations import describe, find, values_of
from wgmon_tui.protocols.openvpn.packet_fields import (
    ENCRYPTED,
    REJECTED_NOTE,
    PacketLayout,
    fields_of,
    unframe,
)
from wgmon_tui.protocols.openvpn.settings import NAME
from wgmon_tui.protocols.openvpn.wire import DATA_OPCODES, opcode_of

_SAME_MOMENT_S = 1e-6
"""Within which a packet and the evidence of it have the same time."""

_GOOD = (observations.ANSWERED, observations.KEYS, observations.PUSHED)
_BAD = (observations.TLS_FAILED, observations.AUTH_FAILED, observations.ENDED)
_SEALS = ("HMAC", "tag")
"""The fields that prove that a packet is authentic."""


def remark_on(check: Check, packet: Packet) -> PacketRemark | None:
    """What became of a received packet: by itself, by what was in it, or by what followed at once."""
    if packet.direction is Direction.SENT:
        return None
    layout = PacketLayout.parse(check.framing)
    data = unframe(packet.data, layout)
    opcode = opcode_of(data)
    found = (_of_evidence(check, each) for each in _all_about(check, packet))
    if told := next((each for each in found if each), None):
        return told
    if opcode is None:
        return PacketRemark(NOT_OPENVPN, "bad")
    return _of_note(check, packet, layout) if opcode in DATA_OPCODES else None


def _all_about(check: Check, packet: Packet) -> Iterator[ProtocolEvidence]:
    """The evidence that came of this packet: it has the same time."""
    for each in check.evidence:
        if not isinstance(each, ProtocolEvidence) or each.protocol != NAME or each.at is None:
            continue
        if abs(each.at - packet.at) < _SAME_MOMENT_S:
            yield each


def _of_evidence(check: Check, evidence: ProtocolEvidence) -> PacketRemark | None:
    if evidence.kind == observations.REJECTED:
        return PacketRemark(f"rejected: {values_of(evidence, 1)[0]}", "bad")
    if evidence.kind == observations.TLS:
        mismatch = find(observations.MISMATCH, check.evidence)
        if mismatch and values_of(mismatch, 1)[0] != "data-ciphers":
            return PacketRemark(f"the certificate does not fit: {describe(mismatch)}", "bad")
        return PacketRemark("TLS is complete, and the certificate is accepted", "good")
    if evidence.kind in _GOOD:
        return PacketRemark(f"accepted: {describe(evidence)}", "good")
    return PacketRemark(describe(evidence), "bad") if evidence.kind in _BAD else None


def _of_note(check: Check, packet: Packet, layout: PacketLayout | None) -> PacketRemark | None:
    """A packet of the data channel, by what the session noted of it."""
    number = next(at for at, each in enumerate(check.exchange) if each is packet)
    note = layout.notes.get(number) if layout else None
    if note is None:
        return None
    is_rejected = note.startswith(REJECTED_NOTE)
    return PacketRemark(note, "bad") if is_rejected else PacketRemark(f"authentic: {note}", "good")


def find_decisive_field(check: Check) -> tuple[int, str] | None:
    """The last packet of a failed check that was not accepted, and the field that tells why."""
    if check.failed_stage is None:
        return None
    layout = PacketLayout.parse(check.framing)
    for number in reversed(range(len(check.exchange))):
        remark = remark_on(check, check.exchange[number])
        if remark is None or remark.tone != "bad":
            continue
        names = [each.name for each in fields_of(check.exchange[number].data, layout)]
        wanted = _SEALS if UNAUTHENTIC in remark.text else (ENCRYPTED, "TLS")
        return number, next((each for each in names if each in wanted), names[0])
    return None
