"""IP and ICMP of a lab server: enough to answer pings and to act as a router.

Echo and "time exceeded" follow RFC 792 for IPv4 and RFC 4443 for IPv6. Fragments and IPv6 extension headers
get no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui.net.addresses import Address

_ICMP = 1
TCP = 6
_ICMPV6 = 58
_V4_HEADER = 20
_V6_HEADER = 40
_V4_FRAGMENT_MASK = 0x3FFF  # more-fragments flag and fragment offset
_TTL = 64
_V4_ICMP_ERRORS = (3, 4, 5, 11, 12)
_V4_QUOTED = 548  # with headers 576, the most that a router may send (RFC 1812 §4.3.2.3)
_V6_QUOTED = 1232  # with headers 1280 (RFC 4443 §3.3)


@dataclass(frozen=True, slots=True)
class InnerPacket:
    """An IP packet from the tunnel, without padding."""

    source: Address
    destination: Address
    protocol: int
    hop_limit: int
    payload: bytes


def parse(inner: bytes) -> InnerPacket | None:
    """Parse the IP packet at the start of `inner`; None if it is incomplete."""
    version = inner[0] >> 4 if inner else 0
    if version == 4 and len(inner) >= _V4_HEADER:
        header, total = (inner[0] & 15) * 4, int.from_bytes(inner[2:4], "big")
        fragment = int.from_bytes(inner[6:8], "big") & _V4_FRAGMENT_MASK
        if fragment or not _V4_HEADER <= header <= total <= len(inner):
            return None
        addresses = IPv4Address(inner[12:16]), IPv4Address(inner[16:20])
        return InnerPacket(*addresses, inner[9], inner[8], inner[header:total])
    if version == 6 and len(inner) >= _V6_HEADER:
        total = _V6_HEADER + int.from_bytes(inner[4:6], "big")
        if total > len(inner):
            return None
        addresses_v6 = IPv6Address(inner[8:24]), IPv6Address(inner[24:40])
        return InnerPacket(*addresses_v6, inner[6], inner[7], inner[_V6_HEADER:total])
    return None


def echo_reply(packet: InnerPacket) -> bytes | None:
    """Build the answer to an echo request; None for any other packet."""
    if isinstance(packet.destination, IPv4Address):
        if packet.protocol != _ICMP or packet.payload[:2] != b"\x08\0" or len(packet.payload) < 8:
            return None
        message = _with_checksum(b"\0\0", packet.payload[4:], pseudo_header=b"")
        return _ipv4(packet.destination, packet.source, message)
    if packet.protocol != _ICMPV6 or packet.payload[:2] != b"\x80\0" or len(packet.payload) < 8:
        return None
    return _icmpv6(packet.destination, packet.source, b"\x81\0", packet.payload[4:])


def time_exceeded(inner: bytes, packet: InnerPacket, router: Address) -> bytes | None:
    """Build the error that `router` sends for an expired packet; None if none may be sent.

    An ICMP error never answers an ICMP error.
    """
    kind = packet.payload[:1]
    header = (inner[0] & 15) * 4 if isinstance(router, IPv4Address) else _V6_HEADER
    unpadded = inner[: header + len(packet.payload)]
    if isinstance(router, IPv4Address):
        if packet.protocol == _ICMP and (not kind or kind[0] in _V4_ICMP_ERRORS):
            return None
        message = _with_checksum(b"\x0b\0", bytes(4) + unpadded[:_V4_QUOTED], pseudo_header=b"")
        return _ipv4(router, packet.source, message)
    if packet.protocol == _ICMPV6 and (not kind or kind[0] < 128):
        return None
    return _icmpv6(router, packet.source, b"\3\0", bytes(4) + unpadded[:_V6_QUOTED])


def tcp_packet(to: InnerPacket, sequence: int, acknowledged: int, flags: int, data: bytes) -> bytes:
    """Build a TCP segment that answers one, with the ports of that one (RFC 9293 §3.1)."""
    source, destination = to.destination, to.source
    ports = to.payload[2:4] + to.payload[:2]
    numbers = sequence.to_bytes(4, "big") + acknowledged.to_bytes(4, "big")
    before, after = ports + numbers + bytes((0x50, flags)) + b"\xff\xff", b"\0\0" + data
    length = len(before) + 2 + len(after)
    pseudo = source.packed + destination.packed + length.to_bytes(4, "big") + TCP.to_bytes(4, "big")
    segment = before + _checksum(pseudo + before + b"\0\0" + after) + after
    if isinstance(source, IPv4Address):
        return _ipv4(source, destination, segment, TCP)
    header = b"\x60\0\0\0" + length.to_bytes(2, "big") + bytes((TCP, _TTL))
    return header + source.packed + destination.packed + segment


def _icmpv6(source: Address, destination: Address, kind: bytes, rest: bytes) -> bytes:
    length = len(kind) + 2 + len(rest)
    addresses = source.packed + destination.packed
    pseudo = addresses + length.to_bytes(4, "big") + _ICMPV6.to_bytes(4, "big")
    header = b"\x60\0\0\0" + length.to_bytes(2, "big") + bytes((_ICMPV6, _TTL))
    return header + addresses + _with_checksum(kind, rest, pseudo)


def _with_checksum(kind: bytes, rest: bytes, pseudo_header: bytes) -> bytes:
    return kind + _checksum(pseudo_header + kind + b"\0\0" + rest) + rest


def _ipv4(source: Address, destination: Address, message: bytes, protocol: int = _ICMP) -> bytes:
    length = (_V4_HEADER + len(message)).to_bytes(2, "big")
    before = b"\x45\0" + length + bytes(4) + bytes((_TTL, protocol))
    addresses = source.packed + destination.packed
    return before + _checksum(before + addresses) + addresses + message


def _checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071).

    65536 leaves 1 when divided by 65535, so the ones' complement sum of all words is one remainder.
    """
    padded = data + bytes(len(data) % 2)
    remainder = int.from_bytes(padded, "big") % 0xFFFF
    folded = remainder if remainder or not any(padded) else 0xFFFF
    return (0xFFFF - folded).to_bytes(2, "big")
