"""What carries the packets of one session: a UDP socket with a port of its own, or a TCP connection.

A server tells sessions apart by address and port, so each check has new ones.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import Protocol

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.connecting_udp_socket import open_udp_socket
from wgmon_tui.net.udp_socket import Datagram, QueuedError

_LENGTH_BYTES = 2
_LONGEST_TCP_PACKET = 64 * 1024
_LONGEST_FIRST_PACKET = 2048
"""The most that a server sends first: its answer to the reset. Text and TLS read as longer lengths."""
_FOREIGN_KEPT = 256
_FOREIGN_WAIT_S = 0.1
_MOST_WAITING = 1024
"""Packets that wait to be read. A flood fills no memory."""


class LinkClosedError(Exception):
    """The server closed the TCP connection."""


class ForeignBytesError(Exception):
    """The first bytes of a TCP connection cannot be those of OpenVPN. `data` holds them."""

    def __init__(self, data: bytes) -> None:
        super().__init__("not a packet of OpenVPN")
        self.data = data


class Link(Protocol):
    """Sends and receives whole packets."""

    @property
    def errors(self) -> list[QueuedError]:
        """The ICMP errors about sent packets."""

    def frame(self, packet: bytes) -> bytes:
        """The bytes that carry a packet."""

    def send(self, packet: bytes) -> int:
        """Send a packet and return the Unix time in nanoseconds. Raises OSError and LinkClosedError."""

    async def receive(self, timeout_s: float) -> tuple[bytes, int] | None:
        """The next packet and its time; None if none comes in time.

        Raises LinkClosedError, and ForeignBytesError for bytes of another protocol.
        """

    def close(self) -> None:
        """Close it."""


class UdpLink:
    """An unconnected socket that takes packets from the server alone."""

    def __init__(self, address: Address, port: int) -> None:
        """Open it. Raises OSError if this machine cannot send there."""
        self.errors: list[QueuedError] = []
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._destination = (str(address), port)
        self._source = socket.getaddrinfo(*self._destination, family, socket.SOCK_DGRAM)[0][4][:2]
        self._waiting: asyncio.Queue[tuple[bytes, int] | None] = asyncio.Queue(_MOST_WAITING)
        self._loop = asyncio.get_running_loop()
        self._socket = open_udp_socket(family, self._on_datagram, self._on_error)
        self._socket.attach(self._loop)

    def frame(self, packet: bytes) -> bytes:
        """The packet itself."""
        return packet

    def send(self, packet: bytes) -> int:
        """Send a packet."""
        return self._socket.send(packet, self._destination)

    async def receive(self, timeout_s: float) -> tuple[bytes, int] | None:
        """The next packet; None too if an ICMP error comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(timeout_s, 0.0)):
                return await self._waiting.get()
        return None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close(self._loop)

    def _on_datagram(self, datagram: Datagram) -> None:
        if datagram.source == self._source and not self._waiting.full():
            self._waiting.put_nowait((datagram.data, datagram.received_ns))

    def _on_error(self, error: QueuedError) -> None:
        if error.destination == self._source and len(self.errors) < _MOST_WAITING:
            self.errors.append(error)
            if not self._waiting.full():
                self._waiting.put_nowait(None)


class TcpLink:
    """A connection, on which each packet follows its length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.errors: list[QueuedError] = []
        self._reader, self._writer = reader, writer
        self._length: int | None = None
        self._has_received = False

    @classmethod
    async def open(cls, address: Address, port: int) -> TcpLink:
        """Connect. Raises OSError."""
        reader, writer = await asyncio.open_connection(str(address), port, limit=_LONGEST_TCP_PACKET)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    def frame(self, packet: bytes) -> bytes:
        """The packet after its length."""
        return len(packet).to_bytes(_LENGTH_BYTES, "big") + packet

    def send(self, packet: bytes) -> int:
        """Send a packet."""
        if self._writer.is_closing():
            raise LinkClosedError
        sent_ns = time.time_ns()
        self._writer.write(self.frame(packet))
        return sent_ns

    async def receive(self, timeout_s: float) -> tuple[bytes, int] | None:
        """The next packet. What was read of one that is not whole stays for the next call."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(timeout_s, 0.0)):
                return await self._read_packet()
        return None

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def _read_packet(self) -> tuple[bytes, int]:
        """Read length and content. Each is taken whole, so a timeout between them loses nothing."""
        try:
            if self._length is None:
                head = await self._reader.readexactly(_LENGTH_BYTES)
                self._length = int.from_bytes(head, "big")
                if not self._has_received and not 0 < self._length <= _LONGEST_FIRST_PACKET:
                    raise ForeignBytesError(head + await self._read_what_is_there())
            packet = await self._reader.readexactly(self._length)
        except (asyncio.IncompleteReadError, OSError):
            raise LinkClosedError from None
        self._length, self._has_received = None, True
        return packet, time.time_ns()

    async def _read_what_is_there(self) -> bytes:
        """The bytes that came with the first ones."""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_FOREIGN_WAIT_S):
                return await self._reader.read(_FOREIGN_KEPT)
        return b""
