"""Raw HTTP client that can send any bytes, one by one if needed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.daemon.harness import PATIENCE_S
from wgmon_tui.daemon.metrics.listen import ListenAddress


@dataclass(frozen=True, slots=True)
class Answer:
    """A response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, where: ListenAddress) -> Client:
        return cls(*await asyncio.open_connection(str(where.address), where.port))

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: here"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await self.answer(has_body=method != "HEAD")

    async def answer(self, *, has_body: bool = True) -> Answer:
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            length = int(headers["content-length"]) if has_body else 0
            return Answer(int(first.split()[1]), headers, await self.reader.readexactly(length))

    async def read_until_closed(self) -> bytes:
        """Read until the server closes the connection; return what it sent."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""
            finally:
                self.writer.close()


async def get(where: ListenAddress, path: str, *, method: str = "GET", **headers: str) -> Answer:
    """Send one request over a new connection."""
    client = await Client.to(where)
    try:
        return await client.get(path, method=method, **headers)
    finally:
        client.writer.close()
