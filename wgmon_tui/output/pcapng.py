"""pcapng files of captured payloads, for Wireshark. Pure functions: records in, blocks of bytes out.

The blocks are those of the pcapng specification (draft-ietf-opsawg-pcapng), little-endian:

    section header ──► interface ──► secrets, if there are any ──► one enhanced packet block per packet
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wgmon_tui.checks.key_log import KeyLog
from wgmon_tui.checks.transport import IpProtocol
from wgmon_tui.output.ip_headers import Socket, TcpNumbers, ip_packet

_SECTION_HEADER, _INTERFACE, _ENHANCED_PACKET, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_LENGTH_UNKNOWN = 2**64 - 1
_RAW_IP = 101  # LINKTYPE_RAW: a packet begins with its IP header

_END_OF_OPTIONS, _COMMENT = 0, 1
_APPLICATION, _NAME, _RESOLUTION, _FLAGS = 4, 2, 9, 2
_NANOSECONDS = b"\x09"
_INBOUND, _OUTBOUND = 1, 2
_LONGEST_OPTION = 4096

Option = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """A captured payload. `at_ns` is Unix time in nanoseconds; Wireshark shows `comment` with it."""

    at_ns: int
    source: Socket
    destination: Socket
    payload: bytes
    outbound: bool
    comment: str = ""
    protocol: IpProtocol = IpProtocol.UDP
    numbers: TcpNumbers | None = None


def capture(
    packets: Iterable[CapturedPacket],
    *,
    application: str,
    interface: str,
    comment: str = "",
    key_logs: Sequence[KeyLog] = (),
) -> Iterator[bytes]:
    """Yield a whole file, block by block. Anyone with a file that has key logs can decrypt the packets.

    A key log whose format has no block is left out.
    """
    yield _section_header(application, comment)
    yield _interface(interface)
    for key_log in key_logs:
        if key_log.format.code:
            yield _secrets(key_log.format.code, key_log.lines().encode())
    for packet in packets:
        yield _enhanced_packet(packet)


# Blocks


def _section_header(application: str, comment: str) -> bytes:
    fixed = struct.pack("<IHHQ", _BYTE_ORDER_MAGIC, 1, 0, _LENGTH_UNKNOWN)
    return _block(_SECTION_HEADER, fixed, [(_APPLICATION, application.encode()), *_commented(comment)])


def _interface(name: str) -> bytes:
    fixed = struct.pack("<HHI", _RAW_IP, 0, 0)
    return _block(_INTERFACE, fixed, [(_NAME, _text(name)), (_RESOLUTION, _NANOSECONDS)])


def _secrets(code: int, lines: bytes) -> bytes:
    return _block(_SECRETS, struct.pack("<II", code, len(lines)) + _padded(lines))


def _enhanced_packet(captured: CapturedPacket) -> bytes:
    packet = ip_packet(
        captured.source, captured.destination, captured.payload, captured.protocol, captured.numbers
    )
    at_ns = captured.at_ns
    fixed = struct.pack("<IIIII", 0, at_ns >> 32, at_ns & 0xFFFFFFFF, len(packet), len(packet))
    flags = struct.pack("<I", _OUTBOUND if captured.outbound else _INBOUND)
    return _block(_ENHANCED_PACKET, fixed + _padded(packet), [*_commented(captured.comment), (_FLAGS, flags)])


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
