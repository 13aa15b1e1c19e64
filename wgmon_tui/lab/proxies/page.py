"""The page of the lab that proxies are checked with: HTTP on loopback, status 204."""

from __future__ import annotations

import asyncio
import socket

from wgmon_tui.lab.proxies.connections import Connections
from wgmon_tui.net.addresses import Endpoint

_MOST_BYTES = 1 << 16
_ANSWER = b"HTTP/1.1 204 No Content\r\nServer: lab\r\nConnection: close\r\n\r\n"


class LabPage:
    """The page. The constructor binds the port. Raises OSError."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket()
        self._socket.bind((host, 0))
        self.endpoint = Endpoint(host, self._socket.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._connections = Connections(_answer)

    async def start(self) -> None:
        """Start to answer."""
        self._server = await asyncio.start_server(
            self._connections.accept, sock=self._socket, limit=_MOST_BYTES
        )

    async def stop(self) -> None:
        """Stop answering and close the port."""
        if self._server:
            self._server.close()
        await self._connections.end()
        self._socket.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_ANSWER)
