"""An HTTP server inside the tunnel of a lab server, on a TCP of its own (RFC 9293).

It answers one request of a connection with one short segment, and closes. So it needs no window and no timer:
a client that misses something sends its own segment again, and gets the answer again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from wgmon_tui.lab.inner_packets import TCP, InnerPacket, tcp_packet

PORT = 80
_FIN, _SYN, _RST, _PUSH, _ACK = 1, 2, 4, 8, 16
_END_OF_HEADERS = b"\r\n\r\n"
_MOST_CONNECTIONS = 64
_LARGEST_REQUEST = 8192
_LEAST_HEADER = 20
_MODULUS = 2**32

RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\nready\n"
)

_Key = tuple[bytes, int, bytes, int]


@dataclass(slots=True)
class _Connection:
    """`expected` is the number of the client's next byte, `sent` that of the next byte to it."""

    first: int
    expected: int
    sent: int
    request: bytearray = field(default_factory=bytearray)
    is_answered: bool = False


class InnerHttp:
    """Takes TCP packets to the server's addresses, and returns the packets that answer them."""

    def __init__(self) -> None:
        self._connections: dict[_Key, _Connection] = {}

    def answer(self, packet: InnerPacket) -> list[bytes]:
        """Answer a packet; nothing for one that is no TCP."""
        segment = packet.payload
        header = (segment[12] >> 4) * 4 if len(segment) >= _LEAST_HEADER else 0
        if packet.protocol != TCP or not _LEAST_HEADER <= header <= len(segment):
            return []
        source, destination = (int.from_bytes(segment[at : at + 2]) for at in (0, 2))
        sequence, flags = int.from_bytes(segment[4:8]), segment[13]
        key = packet.source.packed, source, packet.destination.packed, destination
        found = self._connections.get(key)
        if flags & _RST:
            self._connections.pop(key, None)
            return []
        if flags & _SYN and destination == PORT:
            found = found or self._open(key, sequence)
            return [self._reply(packet, found, _SYN | _ACK, sequence=found.first)]
        if found is None:
            return [self._refuse(packet, sequence, len(segment) - header, flags)]
        return self._receive(packet, found, sequence, segment[header:], is_end=bool(flags & _FIN))

    def _open(self, key: _Key, sequence: int) -> _Connection:
        if len(self._connections) >= _MOST_CONNECTIONS:
            self._connections.pop(next(iter(self._connections)))
        first = int.from_bytes(os.urandom(4))
        found = _Connection(first, (sequence + 1) % _MODULUS, (first + 1) % _MODULUS)
        self._connections[key] = found
        return found

    def _receive(
        self, packet: InnerPacket, found: _Connection, sequence: int, data: bytes, *, is_end: bool
    ) -> list[bytes]:
        if not data and not is_end:
            return []
        if sequence == found.expected and len(found.request) < _LARGEST_REQUEST:
            found.request += data
            found.expected = (found.expected + len(data) + is_end) % _MODULUS
        if _END_OF_HEADERS not in found.request:
            return [self._reply(packet, found, _ACK)]
        if is_end and found.is_answered:
            end = (found.sent + len(RESPONSE) + 1) % _MODULUS
            return [self._reply(packet, found, _ACK, sequence=end)]
        found.is_answered = True
        return [self._reply(packet, found, _ACK | _PUSH | _FIN, RESPONSE)]

    def _reply(
        self,
        packet: InnerPacket,
        found: _Connection,
        flags: int,
        data: bytes = b"",
        sequence: int | None = None,
    ) -> bytes:
        number = found.sent if sequence is None else sequence
        return tcp_packet(packet, number, found.expected, flags, data)

    def _refuse(self, packet: InnerPacket, sequence: int, length: int, flags: int) -> bytes:
        acknowledged = sequence + length + bool(flags & _SYN) + bool(flags & _FIN)
        return tcp_packet(packet, 0, acknowledged % _MODULUS, _RST | _ACK, b"")
