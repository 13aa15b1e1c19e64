"""The page of the lab that proxies are checked with: HTTP on loopback, status 204."""

from __future__ import annotations

import asyncio

from wgmon_tui.lab.stream_server import LabStreamServer

_ANSWER = b"HTTP/1.1 204 No Content\r\nServer: lab\r\nConnection: close\r\n\r\n"


class LabPage(LabStreamServer):
    """The page. It answers one request per connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request."""
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_ANSWER)
