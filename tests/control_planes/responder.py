"""A server that answers like a control plane, with faults, on loopback."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TLS_HELLO = b"\x16"


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is sent as it is if it is bytes, else as JSON. With `cut`, the connection ends in its midst."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False

    def head_and_body(self) -> tuple[bytes, bytes]:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        lines = [f"HTTP/1.1 {self.status} as it is", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join((*lines, "", "")).encode(), body


@dataclass
class Responder:
    """`answers` by path; a path that is not there gets 404. `heard` has the head of each request."""

    answers: dict[str, Answer]
    tls: ssl.SSLContext | None = None
    closes: bool = False
    """Whether it ends the connection after each answer without saying so."""
    deaf: bool = False
    """Whether it accepts connections and never answers."""
    heard: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def paths(self) -> list[str]:
        """The paths of the requests, in order."""
        return [head.split(" ")[1] for head in self.heard]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                if self.deaf:
                    await reader.read()
                    return
                first = await reader.readexactly(1)
                if first == _TLS_HELLO:
                    writer.write(Answer({}, 400).head_and_body()[0])
                    return
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                self.heard.append(head)
                answer = self.answers.get(head.split(" ")[1], Answer({"message": "not found"}, 404))
                if answer.hang:
                    await reader.read()
                    return
                start, body = answer.head_and_body()
                writer.write(start + (body[: len(body) // 2] if answer.cut else body))
                await writer.drain()
                if answer.cut or self.closes:
                    return
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def responding(
    answers: Mapping[str, Answer],
    *,
    tls: ssl.SSLContext | None = None,
    closes: bool = False,
    deaf: bool = False,
) -> AsyncIterator[Responder]:
    """A responder that runs until the end of the block."""
    responder = Responder(dict(answers), tls, closes, deaf)
    server = await asyncio.start_server(responder.serve, "127.0.0.1", 0, ssl=tls)
    responder.port = server.sockets[0].getsockname()[1]
    try:
        yield responder
    finally:
        server.close()


@asynccontextmanager
async def responding_on(path: Path, answers: Mapping[str, Answer]) -> AsyncIterator[Responder]:
    """A responder on a Unix socket that runs until the end of the block."""
    responder = Responder(dict(answers))
    server = await asyncio.start_unix_server(responder.serve, path)
    try:
        yield responder
    finally:
        server.close()
