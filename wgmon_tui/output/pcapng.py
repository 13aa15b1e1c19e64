"""pcapng files of UDP payloads, for Wireshark. Pure functions: records in, blocks of bytes out.

Sockets deliver only payloads, so this module rebuilds the IP and UDP headers with correct checksums. The
blocks are those of the pcapng specification (draft-ietf-opsawg-pcapng), little-endian:

    section header ──► interface ──► secrets, if there are any ──► one enhanced packet block per datagram
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.checksum import internet_checksum, udp_checksum

Socket = tuple[Address, int]

_SECTION_HEADER, _INTERFACE, _ENHANCED_PACKET, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_LENGTH_UNKNOWN = 2**64 - 1
_RAW_IP = 101  # LINKTYPE_RAW: a packet begins with its IP header
_WIREGUARD_KEY_LOG = 0x57474B4C

_END_OF_OPTIONS, _COMMENT = 0, 1
_APPLICATION, _NAME, _RESOLUTION, _FLAGS = 4, 2, 9, 2
_NANOSECONDS = b"\x09"
_INBOUND, _OUTBOUND = 1, 2
_LONGEST_OPTION = 4096

_UDP = 17
_HOPS = 64
_DO_NOT_FRAGMENT = 0x4000

Option = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class CapturedDatagram:
    """A captured UDP payload. `at_ns` is Unix time in nanoseconds; Wireshark shows `comment` with it."""

    at_ns: int
    source: Socket
    destination: Socket
    payload: bytes
    outbound: bool
    comment: str = ""


def capture(
    datagrams: Iterable[CapturedDatagram],
    *,
    application: str,
    interface: str,
    comment: str = "",
    key_log: str = "",
) -> Iterator[bytes]:
    """Yield a whole file, block by block.

    `key_log` are the lines of a WireGuard key log. Anyone with the file can then decrypt the packets.
    """
    yield _section_header(application, comment)
    yield _interface(interface)
    if key_log:
        yield _secrets(key_log.encode())
    for datagram in datagrams:
        yield _enhanced_packet(datagram)


# Blocks


def _section_header(application: str, comment: str) -> bytes:
    fixed = struct.pack("<IHHQ", _BYTE_ORDER_MAGIC, 1, 0, _LENGTH_UNKNOWN)
    return _block(_SECTION_HEADER, fixed, [(_APPLICATION, application.encode()), *_commented(comment)])


def _interface(name: str) -> bytes:
    fixed = struct.pack("<HHI", _RAW_IP, 0, 0)
    return _block(_INTERFACE, fixed, [(_NAME, _text(name)), (_RESOLUTION, _NANOSECONDS)])


def _secrets(key_log: bytes) -> bytes:
    return _block(_SECRETS, struct.pack("<II", _WIREGUARD_KEY_LOG, len(key_log)) + _padded(key_log))


def _enhanced_packet(datagram: CapturedDatagram) -> bytes:
    packet = ip_packet(datagram.source, datagram.destination, datagram.payload)
    at_ns = datagram.at_ns
    fixed = struct.pack("<IIIII", 0, at_ns >> 32, at_ns & 0xFFFFFFFF, len(packet), len(packet))
    flags = struct.pack("<I", _OUTBOUND if datagram.outbound else _INBOUND)
    return _block(_ENHANCED_PACKET, fixed + _padded(packet), [*_commented(datagram.comment), (_FLAGS, flags)])


def _block(kind: int, body: bytes, options: Sequence[Option] = ()) -> bytes:
    for code, value in options:
        body += struct.pack("<HH", code, len(value)) + _padded(value)
    if options:
        body += struct.pack("<HH", _END_OF_OPTIONS, 0)
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _commented(comment: str) -> list[Option]:
    return [(_COMMENT, _text(comment))] if comment else []


def _text(text: str) -> bytes:
    """Encode text as UTF-8 of limited length: an option's length field has 16 bits."""
    return text.encode(errors="backslashreplace")[:_LONGEST_OPTION].decode(errors="ignore").encode()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


# Rebuilt IP and UDP headers


def ip_packet(source: Socket, destination: Socket, payload: bytes) -> bytes:
    """Build the IPv4 or IPv6 packet of a UDP payload; both addresses have the same version."""
    addresses = source[0].packed + destination[0].packed
    udp = _udp(addresses, source[1], destination[1], payload)
    if source[0].version == 6:
        return struct.pack("!IHBB", 6 << 28, len(udp), _UDP, _HOPS) + addresses + udp
    fields = (0x45, 0, 20 + len(udp), 0, _DO_NOT_FRAGMENT, _HOPS, _UDP)
    checksum = internet_checksum(struct.pack("!BBHHHBBH", *fields, 0) + addresses)
    return struct.pack("!BBHHHBBH", *fields, checksum) + addresses + udp


def _udp(addresses: bytes, source: int, destination: int, payload: bytes) -> bytes:
    length = 8 + len(payload)
    pseudo_header = addresses + struct.pack("!II", length, _UDP)  # the same sum for both versions (RFC 8200)
    without = struct.pack("!HHHH", source, destination, length, 0) + payload
    checksum = udp_checksum(pseudo_header + without)
    return struct.pack("!HHHH", source, destination, length, checksum) + payload
