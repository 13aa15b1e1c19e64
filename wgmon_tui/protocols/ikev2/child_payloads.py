"""The payloads that ask for a CHILD_SA: addresses, traffic selectors, proposal (RFC 7296 §3.13, §3.15)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, summarize_address_range

from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.ikev2.iana_numbers import PayloadType
from wgmon_tui.protocols.ikev2.security_association import SaProposal, encode_proposals
from wgmon_tui.protocols.ikev2.wire import MalformedMessageError, Payload

_CFG_REQUEST, _CFG_REPLY = 1, 2
_IP4_ADDRESS, _IP4_DNS, _IP6_ADDRESS, _IP6_DNS = 1, 3, 8, 10
_TS_IPV4, _TS_IPV6 = 7, 8
_MOST_SELECTORS = 64
_SELECTOR_HEADER = 8
_SELECTOR_SIZES = {_TS_IPV4: 4, _TS_IPV6: 16}
_ADDRESS_SIZES = {_IP4_ADDRESS: 4, _IP4_DNS: 4, _IP6_ADDRESS: 16, _IP6_DNS: 16}


@dataclass(frozen=True, slots=True)
class ChildRequest:
    """The CHILD_SA that a client asks for: the SPI for packets to it, and what it offers.

    It asks for an inner address too, as a client of remote access does.
    """

    spi: bytes
    proposals: tuple[SaProposal, ...]

    def to_payloads(self) -> tuple[Payload, ...]:
        """The payloads of IKE_AUTH, in their order."""
        return (
            _address_request(),
            encode_proposals(self.proposals),
            Payload(PayloadType.TSI, _everything()),
            Payload(PayloadType.TSR, _everything()),
        )


def _address_request() -> Payload:
    kinds = (_IP4_ADDRESS, _IP4_DNS, _IP6_ADDRESS, _IP6_DNS)
    attributes = b"".join(struct.pack("!HH", each, 0) for each in kinds)
    return Payload(PayloadType.CP, struct.pack("!Bxxx", _CFG_REQUEST) + attributes)


def _everything() -> bytes:
    """Traffic selectors for every address and port of both IP versions."""
    selectors = b"".join(
        struct.pack("!BBHHH", kind, 0, 8 + 2 * size, 0, 0xFFFF) + bytes(size) + b"\xff" * size
        for kind, size in _SELECTOR_SIZES.items()
    )
    return struct.pack("!Bxxx", 2) + selectors


@dataclass(frozen=True, slots=True)
class AssignedAddresses:
    """What a server assigned."""

    addresses: tuple[Address, ...] = ()
    name_servers: tuple[Address, ...] = ()


def parse_configuration(body: bytes) -> AssignedAddresses:
    """Read a configuration payload. Raises MalformedMessageError."""
    if len(body) < 4 or body[0] != _CFG_REPLY:
        raise MalformedMessageError("the configuration is no reply")
    found = list(_attributes(body))
    return AssignedAddresses(
        tuple(ip_address(value) for kind, value in found if kind in (_IP4_ADDRESS, _IP6_ADDRESS)),
        tuple(ip_address(value) for kind, value in found if kind in (_IP4_DNS, _IP6_DNS)),
    )


def _attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 4
    while offset < len(body):
        if len(body) - offset < 4:
            raise MalformedMessageError("the configuration is cut off")
        kind, size = struct.unpack_from("!HH", body, offset)
        value = body[offset + 4 : offset + 4 + size]
        if len(value) < size:
            raise MalformedMessageError("the configuration is cut off")
        wanted = _ADDRESS_SIZES.get(kind & 0x7FFF)
        if wanted is not None and size >= wanted:  # the address of IPv6 has a prefix length behind it
            yield kind & 0x7FFF, value[:wanted]
        offset += 4 + size


def parse_selectors(body: bytes) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks in a payload of traffic selectors. Raises MalformedMessageError."""
    offset, found = 4, list[IPv4Network | IPv6Network]()
    while offset < len(body) and len(found) < _MOST_SELECTORS:
        if len(body) - offset < _SELECTOR_HEADER:
            raise MalformedMessageError("a traffic selector is cut off")
        kind, _, length = struct.unpack_from("!BBH", body, offset)
        size = _SELECTOR_SIZES.get(kind)
        ends = body[offset + _SELECTOR_HEADER : offset + length]
        if length < _SELECTOR_HEADER or offset + length > len(body) or (size and len(ends) != 2 * size):
            raise MalformedMessageError("a traffic selector has a wrong length")
        if size:
            try:
                found += summarize_address_range(ip_address(ends[:size]), ip_address(ends[size:]))
            except ValueError:
                raise MalformedMessageError("a traffic selector ends before it begins") from None
        offset += length
    return tuple(found)
