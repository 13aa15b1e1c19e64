"""A proxy server on loopback, whatever its protocol: it connects to the page of the lab and nowhere else."""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import ABC, abstractmethod
from ipaddress import IPv4Address
from types import TracebackType
from typing import Self

from wgmon_tui.lab.proxies.connections import Connections
from wgmon_tui.net.addresses import Endpoint

IPV4, NAME = 1, 3
"""Types of an address (RFC 1928 §5). The lab needs no others."""

_CHUNK = 1 << 16


class LabProxyServer(ABC):
    """A proxy server. The constructor binds the port; `start` begins to answer. Raises OSError."""

    def __init__(
        self,
        page: Endpoint,
        *,
        latency: float = 0.0,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._page, self._latency, self._tls = page, latency, tls
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, 0))
        self.endpoint = Endpoint(host, self._socket.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._connections = Connections(self.serve)

    async def start(self) -> None:
        """Start to answer."""
        self._server = await asyncio.start_server(self._connections.accept, sock=self._socket, ssl=self._tls)

    async def stop(self) -> None:
        """Stop answering and close the port."""
        if self._server:
            self._server.close()
        await self._connections.end()
        self._socket.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""

    async def connect(self, place: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the page, after the latency of this server. Raises ConnectionRefusedError for others."""
        await asyncio.sleep(self._latency)
        if place != self._page:
            raise ConnectionRefusedError
        return await asyncio.open_connection(place.host, place.port)


def parse_place(data: bytes) -> tuple[Endpoint, int]:
    """A SOCKS5 address at the start of some bytes, and its length. Raises ValueError."""
    if len(data) < 2:
        raise ValueError("no address")
    size = 4 if data[0] == IPV4 else data[1]
    start = 1 if data[0] == IPV4 else 2
    if data[0] not in (IPV4, NAME) or len(data) < start + size + 2:
        raise ValueError("no address that the lab knows")
    raw, end = data[start : start + size], start + size
    host = str(IPv4Address(raw)) if data[0] == IPV4 else raw.decode("ascii")
    return Endpoint(host, int.from_bytes(data[end : end + 2], "big")), end + 2


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy a stream to its end."""
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
