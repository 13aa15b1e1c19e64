"""The fields of AmneziaWG's datagrams, for the hex view, the JSON and the exports."""

from __future__ import annotations

from dataclasses import replace

from wgmon_tui.net.packet_fields import PacketField
from wgmon_tui.protocols.amneziawg.layout import HEADER_LENGTH, LENGTHS, NONCE_LENGTH, PROTECTED_HEAD, Layout
from wgmon_tui.protocols.wireguard import wire
from wgmon_tui.protocols.wireguard.wire import MessageType

DECOY = "junk or signature packet"
UNFRAMED = "not AmneziaWG"


def label_of(datagram: bytes, layout: Layout) -> str:
    """The displayed name of a datagram."""
    kind = layout.find_kind(datagram)
    if kind is None:
        return DECOY if layout.is_decoy(datagram) else UNFRAMED
    if kind is MessageType.TRANSPORT and len(datagram) == layout.prefixes[-1] + LENGTHS[kind]:
        return "keepalive"
    return kind.label


def fields_of(datagram: bytes, layout: Layout) -> tuple[PacketField, ...]:
    """The fields of a datagram, in order and without gaps."""
    kind = layout.find_kind(datagram)
    if kind is None:
        meaning = (
            "random or invented bytes before an initiation, which the server drops"
            if layout.is_decoy(datagram)
            else "not a message of these parameters"
        )
        return (PacketField("unknown", 0, len(datagram), meaning),) if datagram else ()
    prefix = layout.prefixes[kind - 1]
    message = datagram[prefix:] if kind is MessageType.TRANSPORT else datagram[prefix:][: LENGTHS[kind]]
    found = [*_prefix(prefix, kind, layout)]
    header = layout.headers[kind - 1]
    meaning = f"H{kind:d}: a number of {header}, in place of message type {kind:d}: {kind.label}"
    found.append(PacketField("type", prefix, HEADER_LENGTH, meaning))
    plain = bytes((kind, 0, 0, 0)) + message[HEADER_LENGTH:]
    found += (replace(each, offset=each.offset + prefix) for each in wire.fields_of(plain)[2:])
    if layout.is_protected:
        hidden = prefix + (PROTECTED_HEAD if kind is MessageType.TRANSPORT else len(message))
        found = [_hidden(each) if prefix <= each.offset < hidden else each for each in found]
    if trailer := len(datagram) - prefix - len(message):
        found.append(
            PacketField("trailer", prefix + len(message), trailer, "random bytes, to hide the length")
        )
    return tuple(found)


def _prefix(length: int, kind: MessageType, layout: Layout) -> tuple[PacketField, ...]:
    if not length:
        return ()
    nonce = f"; the first {NONCE_LENGTH} are the nonce of header protection" if layout.is_protected else ""
    return (PacketField("prefix", 0, length, f"S{kind:d}: {length} random bytes{nonce}"),)


def _hidden(field: PacketField) -> PacketField:
    return replace(field, meaning=f"{field.meaning}; hidden by header protection")
