"""The IP packet around a captured payload. Sockets deliver only payloads, so the headers are rebuilt.

Layouts: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 768 (UDP), RFC 9293 (TCP). Pure functions.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from wgmon_tui.checks.transport import IpProtocol
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.checksum import internet_checksum, udp_checksum

Socket = tuple[Address, int]

_HOPS = 64
_DO_NOT_FRAGMENT = 0x4000
_PUSH_AND_ACKNOWLEDGE = 0x18
_WINDOW = 65535


@dataclass(frozen=True, slots=True)
class TcpNumbers:
    """Where a segment stands: the number of its first byte, and of the next byte of the other side."""

    sequence: int = 1
    acknowledged: int = 1


def ip_packet(
    source: Socket,
    destination: Socket,
    payload: bytes,
    protocol: IpProtocol = IpProtocol.UDP,
    numbers: TcpNumbers | None = None,
) -> bytes:
    """Build the IPv4 or IPv6 packet of a payload; both addresses have the same version.

    The payload of ICMP is the whole message. Its checksum is computed here, because a socket of ICMPv6 leaves
    that to the kernel.
    """
    addresses = source[0].packed + destination[0].packed
    is_ipv6 = source[0].version == 6
    match protocol:
        case IpProtocol.TCP:
            inside = _tcp(addresses, source[1], destination[1], payload, numbers or TcpNumbers())
        case IpProtocol.ICMP | IpProtocol.ICMPV6:
            protocol = IpProtocol.ICMPV6 if is_ipv6 else IpProtocol.ICMP
            inside = _icmp(addresses if is_ipv6 else b"", payload)
        case _:
            inside = _udp(addresses, source[1], destination[1], payload)
    if is_ipv6:
        return struct.pack("!IHBB", 6 << 28, len(inside), protocol, _HOPS) + addresses + inside
    fields = (0x45, 0, 20 + len(inside), 0, _DO_NOT_FRAGMENT, _HOPS, protocol)
    checksum = internet_checksum(struct.pack("!BBHHHBBH", *fields, 0) + addresses)
    return struct.pack("!BBHHHBBH", *fields, checksum) + addresses + inside


def _pseudo_header(addresses: bytes, length: int, protocol: IpProtocol) -> bytes:
    """The same sum for both versions (RFC 8200 §8.1)."""
    return addresses + struct.pack("!II", length, protocol)


def _udp(addresses: bytes, source: int, destination: int, payload: bytes) -> bytes:
    length = 8 + len(payload)
    without = struct.pack("!HHHH", source, destination, length, 0) + payload
    checksum = udp_checksum(_pseudo_header(addresses, length, IpProtocol.UDP) + without)
    return struct.pack("!HHHH", source, destination, length, checksum) + payload


def _tcp(addresses: bytes, source: int, destination: int, payload: bytes, numbers: TcpNumbers) -> bytes:
    def segment(checksum: int) -> bytes:
        ports = struct.pack("!HHII", source, destination, numbers.sequence, numbers.acknowledged)
        flags = struct.pack("!BBHHH", 5 << 4, _PUSH_AND_ACKNOWLEDGE, _WINDOW, checksum, 0)
        return ports + flags + payload

    pseudo_header = _pseudo_header(addresses, 20 + len(payload), IpProtocol.TCP)
    return segment(internet_checksum(pseudo_header + segment(0)))


def _icmp(addresses: bytes, message: bytes) -> bytes:
    """`addresses` are those of IPv6, whose checksum covers them (RFC 4443 §2.3)."""
    if len(message) < 4:
        return message
    covered = _pseudo_header(addresses, len(message), IpProtocol.ICMPV6) if addresses else b""
    without = message[:2] + bytes(2) + message[4:]
    return message[:2] + struct.pack("!H", internet_checksum(covered + without)) + message[4:]
