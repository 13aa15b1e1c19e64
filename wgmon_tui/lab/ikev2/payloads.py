"""Payloads of the embedded IKEv2 responder: choices among offers, addresses, and selectors."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from hashlib import sha1
from ipaddress import IPv4Address, ip_address

from wgmon_tui.protocols.ikev2.esp import EspAlgorithms
from wgmon_tui.protocols.ikev2.iana_numbers import PayloadType, ProtocolId
from wgmon_tui.protocols.ikev2.proposals import Transform
from wgmon_tui.protocols.ikev2.security_association import SaProposal
from wgmon_tui.protocols.ikev2.wire import IkeHeader, Payload

Source = tuple[str, int]

_RESPONSE = 0x20
_CFG_REPLY, _IP4_ADDRESS, _IP4_DNS = 2, 1, 3
_TS_IPV4 = 7


def answer_to(header: IkeHeader, own_spi: bytes | None = None) -> IkeHeader:
    """The header of the answer to a request."""
    spi = header.responder_spi if own_spi is None else own_spi
    return IkeHeader(header.initiator_spi, spi, 0, header.exchange, _RESPONSE, header.message_id)


def choose(own: Sequence[Sequence[Transform]], offered: Sequence[SaProposal]) -> SaProposal | None:
    """The first own proposal of which one that is offered has an algorithm of each type."""
    for wanted in own:
        for each in offered:
            both = [transform for transform in each.transforms if transform in wanted]
            kinds = {transform.type for transform in each.transforms}
            if kinds == {transform.type for transform in both}:
                first = {transform.type: transform for transform in reversed(both)}
                ordered = tuple(first[kind] for kind in sorted(kinds))
                return SaProposal(ordered, each.protocol, b"", each.number)
    return None


def choose_for_esp(offered: Sequence[SaProposal]) -> SaProposal | None:
    """The first offered proposal for ESP, with the first algorithm of each type."""
    for each in offered:
        first = {transform.type: transform for transform in reversed(each.transforms)}
        chosen = SaProposal(
            tuple(first[kind] for kind in sorted(first)), each.protocol, each.spi, each.number
        )
        try:
            EspAlgorithms.of(chosen.transforms)
        except ValueError:
            continue
        if each.protocol == ProtocolId.ESP and len(each.spi) == 4:
            return chosen
    return None


def numbers(data: bytes) -> frozenset[int]:
    """The numbers of a notification, two bytes each."""
    return frozenset(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2]))


def nat_hash(spi_i: bytes, spi_r: bytes, at: Source) -> bytes:
    """SHA-1 over SPIs, address and port (RFC 7296 §2.23)."""
    packed = ip_address(at[0]).packed + at[1].to_bytes(2, "big")
    return sha1(spi_i + spi_r + packed).digest()  # noqa: S324  the RFC says so


def configuration(address: IPv4Address, name_server: IPv4Address) -> Payload:
    """The address of a client, and its name server (RFC 7296 §3.15)."""
    attributes = ((_IP4_ADDRESS, address), (_IP4_DNS, name_server))
    body = b"".join(struct.pack("!HH", kind, 4) + value.packed for kind, value in attributes)
    return Payload(PayloadType.CP, struct.pack("!Bxxx", _CFG_REPLY) + body)


def selectors(first: IPv4Address, last: IPv4Address) -> bytes:
    """One traffic selector with all ports (RFC 7296 §3.13)."""
    return struct.pack("!BxxxBBHHH", 1, _TS_IPV4, 0, 16, 0, 0xFFFF) + first.packed + last.packed
