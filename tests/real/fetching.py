"""Fetching 300 kB over TCP: the service, the client of it, and what the client got.

The service sends a short header at once, reads a request, and sends the body. So packets of every size go
both ways, and what arrived tells how far a client came.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

from tests.real.namespaces import entered
from wgmon_tui.net.addresses import Address

PORT = 7000
HEADER, REQUEST, BODY = 204, 30_000, 300_000  # bytes
COMPLETE = HEADER + BODY


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits: without any new byte, and for all of them, in seconds.

    It waits `idle_s` before it sends its request, as somebody who reads what a remote shell printed.
    """

    without_progress_s: float = 6.0
    altogether_s: float = 30.0
    idle_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes that a client received, in how many seconds; `error` is what its system reported.

    `has_roamed`: the server answered from another address than the one that was asked, and the client
    sends there now.
    """

    received: int
    seconds: float
    error: str = ""
    has_roamed: bool = False

    @property
    def is_complete(self) -> bool:
        return self.received >= COMPLETE

    def __str__(self) -> str:
        if self.is_complete:
            return f"{self.received}/{COMPLETE} in {self.seconds:.1f} s"
        error = f" ({self.error})" if self.error else ""
        return f"{self.received} bytes, then nothing{error}" if self.received else f"nothing{error}"


def listening_socket(namespace: str) -> socket.socket:
    """A socket for the service, on all addresses of a namespace."""
    with entered(namespace):
        return socket.create_server(("", PORT), family=socket.AF_INET6, dualstack_ipv6=True)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection."""
    try:
        # Cancelled at the end of a scene, which Python 3.11 would report as an error of the connection.
        with contextlib.suppress(
            ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            writer.write(bytes(HEADER))
            await reader.readexactly(REQUEST)
            writer.write(bytes(BODY))
            await writer.drain()
    finally:
        writer.close()


async def fetch(namespace: str, address: Address, port: int, patience: Patience) -> Fetched:
    """Fetch from a namespace. What fails is part of the result."""
    loop = asyncio.get_running_loop()
    with entered(namespace):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
    began, received, error = loop.time(), 0, ""
    latest = began + patience.altogether_s
    with connection:
        sending = None
        try:
            async with asyncio.timeout(patience.without_progress_s) as limit:
                await loop.sock_connect(connection, (str(address), port))
                if patience.idle_s:
                    limit.reschedule(None)
                    await asyncio.sleep(patience.idle_s)
                    limit.reschedule(loop.time() + patience.without_progress_s)
                sending = asyncio.ensure_future(loop.sock_sendall(connection, bytes(REQUEST)))
                while received < COMPLETE and (chunk := await loop.sock_recv(connection, 65536)):
                    received += len(chunk)
                    limit.reschedule(min(latest, loop.time() + patience.without_progress_s))
        except TimeoutError:
            pass
        except OSError as failure:
            error = failure.strerror or ""
        finally:
            if sending:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    return Fetched(received, loop.time() - began, error)


def worst(fetched: list[Fetched]) -> Fetched:
    """The result for a client that needs all of them."""
    return min(fetched, key=lambda each: (each.received, -each.seconds))
