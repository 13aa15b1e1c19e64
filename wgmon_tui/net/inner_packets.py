"""Inner packets: building and parsing of the IP packets inside the tunnel. Needs no privileges.

Builds ICMP echo (RFC 792, RFC 4443), a DNS query (RFC 1035) and a TCP SYN (RFC 9293). Parses their answers,
ICMP errors from inside, and fragments of answers too large for the server's interface.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.checksum import internet_checksum, udp_checksum
from wgmon_tui.net.host_names import encode_host
from wgmon_tui.records import dataclass

ICMP, TCP, UDP, ICMPV6, FRAGMENT_HEADER = 1, 6, 17, 58, 44

_HOP_LIMIT = 64
_DONT_FRAGMENT = 0x4000
_ECHO = struct.Struct("!BBHHH")
_PACKED_SUM = struct.Struct("!H")
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_A, _NS, _IN = 1, 2, 1  # types and class of DNS
_DNS_RESPONSE = 0x80
_UNREACHABLE = {(4, 3), (6, 1)}


@dataclass(frozen=True, slots=True)
class EchoReply:
    """An echo reply; `size` is the size of the whole inner packet in bytes."""

    source: Address
    identifier: int
    sequence: int
    size: int


@dataclass(frozen=True, slots=True)
class InnerIcmp:
    """An ICMP error through the tunnel from `source`, about a packet to `original_destination`."""

    source: Address
    version: int
    type: int
    code: int
    original_destination: Address | None
    mtu: int | None = None

    @property
    def refuses(self) -> bool:
        """Whether it refuses the packet. Others, such as a redirect, come from a router that handled it."""
        return (self.version, self.type) in _UNREACHABLE


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """An answer of a name server; `rcode` is its response code (RFC 1035 §4.1.1), 0 for no error."""

    source: Address
    transaction: int
    rcode: int = 0


@dataclass(frozen=True, slots=True)
class TcpAnswer:
    """A TCP segment from `port` to `local_port`. `open` is true for SYN+ACK: the port accepts a connection.

    `is_reply` is true for a segment that acknowledges another one, or resets its connection.
    """

    source: Address
    port: int
    local_port: int
    open: bool
    is_reply: bool = False


@dataclass(frozen=True, slots=True)
class FragmentReceived:
    """A fragment of an answer too large for the server's interface.

    `echo` is the identifier and sequence number in the first fragment of an echo reply, else None.
    """

    source: Address
    offset: int
    echo: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class UnrecognisedPacket:
    """An inner packet that is malformed or answers no probe."""

    size: int


InnerPacket = EchoReply | InnerIcmp | DnsAnswer | TcpAnswer | FragmentReceived | UnrecognisedPacket


# Building


def echo_request(
    source: Address,
    destination: Address,
    identifier: int,
    sequence: int,
    size: int = 0,
    *,
    hop_limit: int | None = None,
    fill: Callable[[int], bytes] = bytes,
) -> bytes:
    """Build an ICMP echo request, padded so that the whole inner packet has at least `size` bytes.

    `fill` returns that many bytes of padding: zeros by default. IPv4 sets "don't fragment", so a hop with a
    smaller MTU must report it.
    """
    header = 20 if source.version == 4 else 40
    hop_limit = hop_limit or _HOP_LIMIT
    data = fill(max(16, size - header - 8))
    if source.version == 4:
        message = _ECHO.pack(8, 0, 0, identifier, sequence) + data
        message = message[:2] + _PACKED_SUM.pack(internet_checksum(message)) + message[4:]
        return wrap(source, destination, ICMP, message, hop_limit)
    message = _ECHO.pack(128, 0, 0, identifier, sequence) + data
    total = internet_checksum(pseudo_header(source, destination, ICMPV6, len(message)) + message)
    return wrap(source, destination, ICMPV6, message[:2] + _PACKED_SUM.pack(total) + message[4:], hop_limit)


def dns_query(
    source: Address,
    destination: Address,
    port: int,
    transaction: int,
    host: str | None = None,
    record_type: int = _A,
) -> bytes:
    """Build a query for the IPv4 address of `host`, or another `record_type`; without one, for the root.

    Every resolver knows the root. Both queries ask for recursion, as clients do.
    """
    message = dns_message(transaction, host, record_type)
    datagram = struct.pack("!HHHH", port, 53, 8 + len(message), 0) + message
    total = udp_checksum(pseudo_header(source, destination, UDP, len(datagram)) + datagram)
    return wrap(source, destination, UDP, datagram[:6] + _PACKED_SUM.pack(total) + datagram[8:])


def dns_message(transaction: int, host: str | None = None, record_type: int = _A) -> bytes:
    """The query alone, as a name server reads it."""
    question = _encode_name(host or "") + struct.pack("!HH", record_type if host else _NS, _IN)
    return struct.pack("!HHHHHH", transaction, 0x0100, 1, 0, 0, 0) + question


def _encode_name(host: str) -> bytes:
    """A name as DNS has it: each label after its length (RFC 1035 §3.1)."""
    labels = encode_host(host).encode("ascii").split(b".")
    return b"".join(bytes((len(label),)) + label for label in labels if label) + b"\0"


def tcp_syn(source: Address, destination: Address, port: int, destination_port: int, sequence: int) -> bytes:
    """Build a SYN. Any answer proves both directions of the path."""
    segment = struct.pack("!HHIIBBHHH", port, destination_port, sequence, 0, 5 << 4, _SYN, 64240, 0, 0)
    return _with_tcp_checksum(source, destination, segment)


def tcp_reset(
    source: Address, destination: Address, port: int, destination_port: int, sequence: int
) -> bytes:
    """Build a reset that ends the half-open connection after an answered SYN."""
    segment = struct.pack("!HHIIBBHHH", port, destination_port, sequence, 0, 5 << 4, _RST, 0, 0, 0)
    return _with_tcp_checksum(source, destination, segment)


def _with_tcp_checksum(source: Address, destination: Address, segment: bytes) -> bytes:
    total = internet_checksum(pseudo_header(source, destination, TCP, len(segment)) + segment)
    return wrap(source, destination, TCP, segment[:16] + _PACKED_SUM.pack(total) + segment[18:])


def wrap(
    source: Address, destination: Address, protocol: int, payload: bytes, hop_limit: int = _HOP_LIMIT
) -> bytes:
    """Put an IP header before a payload. IPv4 packets must not be fragmented."""
    if source.version == 6:
        header = bytes((6 << 4, 0, 0, 0)) + len(payload).to_bytes(2, "big") + bytes((protocol, hop_limit))
        return header + source.packed + destination.packed + payload
    return _header_v4(source, destination, protocol, 20 + len(payload), hop_limit) + payload


@lru_cache(1024)
def _header_v4(source: Address, destination: Address, protocol: int, size: int, hop_limit: int) -> bytes:
    """The header of a packet of `size` bytes. It is the same for each echo, and dear to make."""
    header = (
        struct.pack("!BBHHHBBH", 0x45, 0, size, 0, _DONT_FRAGMENT, hop_limit, protocol, 0)
        + source.packed
        + destination.packed
    )
    return header[:10] + _PACKED_SUM.pack(internet_checksum(header)) + header[12:]


def pseudo_header(source: Address, destination: Address, protocol: int, length: int) -> bytes:
    """What a checksum covers in addition to a payload of `length` bytes: RFC 9293 §3.1, RFC 8200 §8.1."""
    if source.version == 4:
        return source.packed + destination.packed + bytes((0, protocol)) + length.to_bytes(2, "big")
    return source.packed + destination.packed + length.to_bytes(4, "big") + bytes((0, 0, 0, protocol))


# Parsing


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What an IP packet carries. `protocol` is the number of the protocol of `payload`."""

    source: Address
    destination: Address
    protocol: int
    payload: bytes


def unwrap(inner: bytes) -> Unwrapped | None:
    """Take a decrypted packet out of its IP header; None for a fragment, extension headers or damage."""
    if len(inner) >= 20 and inner[0] >> 4 == 4:
        header, size = (inner[0] & 15) * 4, int.from_bytes(inner[2:4], "big")
        is_fragment = int.from_bytes(inner[6:8], "big") & 0x3FFF
        if header < 20 or not header <= size <= len(inner) or is_fragment:
            return None
        addresses = IPv4Address(inner[12:16]), IPv4Address(inner[16:20])
        return Unwrapped(*addresses, inner[9], inner[header:size])
    if len(inner) >= 40 and inner[0] >> 4 == 6:
        size = 40 + int.from_bytes(inner[4:6], "big")
        if size > len(inner):
            return None
        return Unwrapped(IPv6Address(inner[8:24]), IPv6Address(inner[24:40]), inner[6], inner[40:size])
    return None


def parse(inner: bytes) -> InnerPacket:
    """Parse a decrypted transport packet, without its padding. Never raises: the input is untrusted."""
    try:
        match inner[0] >> 4:
            case 4:
                return _parse_v4(inner)
            case 6:
                return _parse_v6(inner)
    except (IndexError, struct.error, ValueError):
        pass
    return UnrecognisedPacket(len(inner))


def _parse_v4(inner: bytes) -> InnerPacket:
    header, size = (inner[0] & 15) * 4, int.from_bytes(inner[2:4], "big")
    source = _address_v4(inner[12:16])
    if header < 20 or not header <= size <= len(inner):
        return UnrecognisedPacket(len(inner))
    flags = int.from_bytes(inner[6:8], "big")
    payload = inner[header:size]
    if flags & 0x3FFF:
        return _fragment(source, (flags & 0x1FFF) * 8, inner[9], payload)
    return _parse_payload(source, inner[9], payload, size)


@lru_cache(1024)
def _address_v4(packed: bytes) -> IPv4Address:
    return IPv4Address(packed)


def _parse_v6(inner: bytes) -> InnerPacket:
    size = 40 + (inner[4] << 8 | inner[5])
    source = IPv6Address(inner[8:24])
    if size > len(inner):
        return UnrecognisedPacket(len(inner))
    payload = inner[40:size]
    if inner[6] == FRAGMENT_HEADER:
        offset = int.from_bytes(payload[2:4], "big") & 0xFFF8
        return _fragment(source, offset, payload[0], payload[8:])
    return _parse_payload(source, inner[6], payload, size)


def _parse_payload(source: Address, protocol: int, payload: bytes, size: int) -> InnerPacket:
    if protocol in (ICMP, ICMPV6):
        return _parse_icmp(source, payload, size)
    if protocol == UDP and payload[:2] == b"\0\x35" and payload[10] & _DNS_RESPONSE:
        return DnsAnswer(source, int.from_bytes(payload[8:10], "big"), payload[11] & 15)
    if protocol == TCP:
        flags = payload[13]
        opened = flags & (_SYN | _ACK) == _SYN | _ACK
        port, local_port = struct.unpack_from("!HH", payload)
        return TcpAnswer(source, port, local_port, opened, is_reply=bool(flags & (_ACK | _RST)))
    return UnrecognisedPacket(size)


def _fragment(source: Address, offset: int, protocol: int, payload: bytes) -> FragmentReceived:
    whole = _parse_payload(source, protocol, payload, len(payload)) if offset == 0 else None
    echo = (whole.identifier, whole.sequence) if isinstance(whole, EchoReply) else None
    return FragmentReceived(source, offset, echo)


def _parse_icmp(source: Address, message: bytes, size: int) -> InnerPacket:
    kind, code, _, identifier, sequence = _ECHO.unpack_from(message)
    if kind == (0 if source.version == 4 else 129):
        return EchoReply(source, identifier, sequence, size)
    if source.version == 4 and kind in (3, 5, 11, 12):
        mtu = sequence if (kind, code) == (3, 4) else None
        return InnerIcmp(source, 4, kind, code, _address(message[24:28]), mtu)
    if source.version == 6 and kind < 128:
        mtu = int.from_bytes(message[4:8], "big") if kind == 2 else None
        return InnerIcmp(source, 6, kind, code, _address(message[32:48]), mtu)
    return UnrecognisedPacket(size)


def _address(packed: bytes) -> Address | None:
    """The destination in a quoted header; None if the quote is truncated."""
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed) if len(packed) == 16 else None
