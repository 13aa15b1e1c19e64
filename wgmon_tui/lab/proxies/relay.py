"""A proxy server on loopback, whatever its protocol: it connects to the page of the lab and nowhere else."""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import IPv4Address

from wgmon_tui.lab.stream_server import LabStreamServer
from wgmon_tui.net.addresses import Endpoint

IPV4, NAME = 1, 3
"""Types of an address (RFC 1928 §5). The lab needs no others."""

_CHUNK = 1 << 16


class LabProxyServer(LabStreamServer):
    """A proxy that connects its clients to one page, and refuses every other destination."""

    def __init__(
        self,
        page: Endpoint,
        *,
        latency: float = 0.0,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(host, tls)
        self._page, self._latency = page, latency

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
