"""A TCP server of the lab. No connection that it accepts outlives it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress

from wgmon_tui.lab.started_server import StartedServer
from wgmon_tui.net.addresses import Endpoint

_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LabStreamServer(StartedServer):
    """A TCP server. The constructor binds the port; `start` begins to answer. Raises OSError."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._tls = tls
        self._socket = bind(host, port)
        self.endpoint = Endpoint(host, self._socket.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._connections = _Connections(self.serve)

    async def start(self) -> None:
        """Start to answer."""
        self._server = await asyncio.start_server(self._connections.accept, sock=self._socket, ssl=self._tls)

    async def stop(self) -> None:
        """Stop answering and close the port."""
        if self._server:
            self._server.close()
        await self._connections.end()
        self._socket.close()

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""


def bind(host: str, port: int = 0) -> socket.socket:
    """A TCP socket at an address that listens to nothing yet; port 0 for any that is free. Raises OSError."""
    opened = socket.socket()
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened


class _Connections:
    """Serves each connection in a task, and closes it then. `accept` is the callback of `start_server`."""

    def __init__(self, serve: _Serve) -> None:
        self._serve = serve
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection. No coroutine: a task that is cancelled before its first step closes nothing."""
        task = asyncio.get_running_loop().create_task(self._run(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._open.pop)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                await self._serve(reader, writer)
        finally:
            writer.close()

    async def end(self) -> None:
        """End all of them. The server accepts no more, but may have one that it has not passed on yet."""
        await asyncio.sleep(0)
        tasks = dict(self._open)
        for task, writer in tasks.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # in which the transports close their sockets
