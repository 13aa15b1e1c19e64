"""What the encrypted parts of packets say, in words: names and identities, but no proof, nonce or key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wgmon_tui.net import inner_packets
from wgmon_tui.net.inner_packets import EchoReply, InnerIcmp
from wgmon_tui.protocols.ikev2.esp import NO_NEXT_HEADER, EspContent
from wgmon_tui.protocols.ikev2.iana_numbers import PAYLOAD_NAMES, AuthMethod, PayloadType, notify_name
from wgmon_tui.protocols.ikev2.identities import format_identity
from wgmon_tui.protocols.ikev2.security_association import parse_proposals
from wgmon_tui.protocols.ikev2.wire import (
    MalformedMessageError,
    Payload,
    parse_authentication,
    parse_identification,
    parse_notification,
)

_ECHO_REQUESTS = ((inner_packets.ICMP, b"\x08"), (inner_packets.ICMPV6, b"\x80"))


def describe_payloads(payloads: Sequence[Payload]) -> str:
    """The payloads inside of an encrypted message."""
    return "; ".join(_describe(each) for each in payloads) or "no payload"


def _describe(payload: Payload) -> str:
    """A payload and what it says."""
    name = PAYLOAD_NAMES.get(payload.kind, f"payload {payload.kind}")
    try:
        said = " ".join(_content_of(payload))
    except MalformedMessageError:
        said = "damaged"
    return f"{name}: {said}" if said else name


def _content_of(payload: Payload) -> Iterator[str]:
    match payload.kind:
        case PayloadType.IDI | PayloadType.IDR:
            yield format_identity(parse_identification(payload.body))
        case PayloadType.AUTH:
            method = parse_authentication(payload.body).method
            known = method in AuthMethod._value2member_map_
            yield AuthMethod(method).name.lower().replace("_", " ") if known else f"method {method}"
        case PayloadType.NOTIFY:
            yield notify_name(parse_notification(payload.body).number)
        case PayloadType.SA:
            yield ", ".join(map(str, parse_proposals(payload.body)))
        case PayloadType.CERT | PayloadType.CERTREQ | PayloadType.EAP | PayloadType.CP:
            yield f"{len(payload.body)} bytes"


def describe_content(content: EspContent) -> str:
    """What an ESP packet held."""
    if content.next_header == NO_NEXT_HEADER:
        return "a dummy packet"
    found = inner_packets.parse(content.data)
    match found:
        case EchoReply(source=source, sequence=sequence):
            return f"echo reply {sequence} from {source}"
        case InnerIcmp(source=source, type=kind, code=code):
            return f"ICMP error {kind}.{code} from {source}"
    carried = inner_packets.unwrap(content.data)
    if carried is None:
        return f"a packet of {len(content.data)} bytes"
    is_echo = (carried.protocol, carried.payload[:1]) in _ECHO_REQUESTS
    what = "echo request" if is_echo else f"IP protocol {carried.protocol}"
    return f"{what} from {carried.source} to {carried.destination}"
