"""The values of fields of IKEv2 messages and ESP packets, in words or numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.ikev2.decrypted_parts import esp_key, find_part, message_key
from wgmon_tui.protocols.ikev2.iana_numbers import (
    PAYLOAD_NAMES,
    AuthMethod,
    ExchangeType,
    PayloadType,
    notify_name,
)
from wgmon_tui.protocols.ikev2.message_fields import is_esp, without_marker
from wgmon_tui.protocols.ikev2.proposals import TransformType
from wgmon_tui.protocols.ikev2.security_association import group_word, parse_proposals
from wgmon_tui.protocols.ikev2.wire import INITIATOR, RESPONSE, MalformedMessageError, parse_header

_MOST_WORDS = 6
_SEALED = (PAYLOAD_NAMES[PayloadType.SK], PAYLOAD_NAMES[PayloadType.SKF])


def value_of(packet: bytes, field: PacketField, stored: str = "") -> str | None:
    """The value of a field; None if its bytes say all. `stored` is what encrypted parts held."""
    data = packet[field.offset : field.end]
    if is_esp(packet):
        return (
            find_part(stored, esp_key(packet)) if field.name == "encrypted packet" else _number(data, field)
        )
    if field.name in _SEALED:
        try:
            return find_part(stored, message_key(parse_header(without_marker(packet))))
        except MalformedMessageError:
            return None
    read = _VALUES.get(field.name.rpartition(": ")[2])
    return read(data) if read else None


def _number(data: bytes, field: PacketField) -> str | None:
    return str(int.from_bytes(data, "big")) if field.name == "sequence number" else None


def _as_number(data: bytes) -> str:
    return str(int.from_bytes(data, "big"))


def _payload(data: bytes) -> str:
    number = data[0]
    return PAYLOAD_NAMES.get(number, f"payload {number}") if number else "none"


def _exchange(data: bytes) -> str:
    known = data[0] in ExchangeType._value2member_map_
    return ExchangeType(data[0]).name if known else f"exchange {data[0]}"


def _flags(data: bytes) -> str:
    side = "initiator" if data[0] & INITIATOR else "responder"
    return f"{'response' if data[0] & RESPONSE else 'request'} of the {side}"


def _version(data: bytes) -> str:
    return f"{data[0] >> 4}.{data[0] & 15}"


def _group(data: bytes) -> str:
    return group_word(int.from_bytes(data, "big"))


def _method(data: bytes) -> str:
    known = data[0] in AuthMethod._value2member_map_
    return AuthMethod(data[0]).name.lower().replace("_", " ") if known else f"method {data[0]}"


def _notification(data: bytes) -> str | None:
    return notify_name(int.from_bytes(data[2:4], "big")) if len(data) >= 4 else None


def _proposals(data: bytes) -> str | None:
    """The chosen proposal, or how many are offered and the encryption of each."""
    try:
        found = parse_proposals(data)
    except MalformedMessageError:
        return None
    if len(found) == 1 and len({each.type for each in found[0].transforms}) == len(found[0].transforms):
        return str(found[0])
    offered = [each for proposal in found for each in proposal.transforms]
    groups = [group_word(each.number) for each in offered if each.type is TransformType.GROUP]
    listed = ", ".join(dict.fromkeys(groups[:_MOST_WORDS]))
    return f"{len(found)} proposals with {len(offered)} algorithms; groups {listed}"


_VALUES: Mapping[str, Callable[[bytes], str | None]] = {
    "next payload": _payload,
    "version": _version,
    "exchange type": _exchange,
    "flags": _flags,
    "message ID": _as_number,
    "length": _as_number,
    "group": _group,
    "method": _method,
    "type": _notification,
    PAYLOAD_NAMES[PayloadType.SA]: _proposals,
}
