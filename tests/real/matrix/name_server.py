"""A name server inside the tunnel that gives every question the same response code, and its client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from tests.real.namespaces import entered
from wgmon_tui.net.addresses import Address

NO_ERROR, SERVFAIL, REFUSED = 0, 2, 5  # RFC 1035, section 4.1.1
_NAMES = {SERVFAIL: "SERVFAIL", REFUSED: "REFUSED"}
_PORT = 53
_LARGEST = 512
_HEADER = 12
# A query for the A record of tests.example, with recursion.
_QUERY = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x05tests\x07example\0\0\x01\0\x01"


def run_name_server(namespace: str, address: Address, rcode: int) -> Callable[[], None]:
    """Answer in a namespace, in the loop that runs now. Returns what ends it."""
    loop = asyncio.get_running_loop()
    with entered(namespace):
        listening = _socket(address)
        listening.bind((str(address), _PORT))

    def answer() -> None:
        query, client = listening.recvfrom(_LARGEST)
        if len(query) >= _HEADER:
            flags = bytes((0x80 | query[2], 0x80 | rcode))
            listening.sendto(query[:2] + flags + query[4:6] + bytes(6) + query[_HEADER:], client)

    def end() -> None:
        loop.remove_reader(listening)
        listening.close()

    loop.add_reader(listening, answer)
    return end


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
                answer = await loop.sock_recv(asking, _LARGEST)
        except TimeoutError:
            return "the name server does not answer"
        except OSError as failure:
            return failure.strerror or "the name server does not answer"
    return _NAMES.get(answer[3] & 0x0F, "")


def _socket(address: Address) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made
