"""A name server inside the tunnel that gives every question the same response code, and its client."""

from __future__ import annotations

import asyncio
import socket

from tests.real.namespaces import entered
from wgmon_tui.net.addresses import Address

NO_ERROR, SERVFAIL, REFUSED = 0, 2, 5  # RFC 1035, section 4.1.1
_NAMES = {SERVFAIL: "SERVFAIL", REFUSED: "REFUSED"}
_PORT = 53
# A query for the A record of tests.example, with recursion.
_QUERY = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x05tests\x07example\0\0\x01\0\x01"
_HEADER = 12


class NameServer(asyncio.DatagramProtocol):
    """Answers with the question, no records, and one response code."""

    def __init__(self, rcode: int) -> None:
        self._rcode = rcode
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) < _HEADER or self._transport is None:
            return
        flags = bytes((0x80 | data[2], 0x80 | self._rcode))
        self._transport.sendto(data[:2] + flags + data[4:6] + bytes(6) + data[_HEADER:], addr)


async def run_name_server(namespace: str, address: Address, rcode: int) -> asyncio.BaseTransport:
    """Start a name server in a namespace; the caller must close it."""
    with entered(namespace):
        listening = _socket(address)
        listening.bind((str(address), _PORT))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(rcode), sock=listening
    )
    return transport


async def look_up(namespace: str, resolver: Address, timeout_s: float) -> str:
    """Look a name up as a client's system does. Returns why that failed, or ""."""
    loop = asyncio.get_running_loop()
    with entered(namespace):
        asking = _socket(resolver)
    with asking:
        try:
            async with asyncio.timeout(timeout_s):
                await loop.sock_connect(asking, (str(resolver), _PORT))
                await loop.sock_sendall(asking, _QUERY)
                answer = await loop.sock_recv(asking, 512)
        except TimeoutError:
            return "the name server does not answer"
        except OSError as failure:
            return failure.strerror or "the name server does not answer"
    return _NAMES.get(answer[3] & 0x0F, "")


def _socket(address: Address) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
