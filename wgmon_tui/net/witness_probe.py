"""One question to a host that should always answer: a DNS query on port 53, else a TCP connection."""

from __future__ import annotations

import asyncio
import os
import socket

from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.resolver import ResolutionError, Resolver

DNS_PORT = 53

_ATTEMPTS = 2
_PATIENCE_S = 1.0  # for each attempt
_ROOT_QUERY = bytes.fromhex("0100 0001 0000 0000 0000 00 0002 0001")
"""A query for the name servers of the root, after its two bytes of id (RFC 1035, section 4.1)."""


async def does_answer(endpoint: Endpoint, resolver: Resolver) -> bool:
    """Return whether anything at an endpoint answers. A refusal is an answer, too. Never raises."""
    try:
        addresses = await resolver.resolve(endpoint, _PATIENCE_S)
    except ResolutionError:
        return False
    ask = _does_name_server_answer if endpoint.port == DNS_PORT else _does_port_answer
    for _ in range(_ATTEMPTS):
        # All at once: a machine without IPv6 must not wait for it.
        if any(await asyncio.gather(*(ask(address, endpoint.port) for address in addresses))):
            return True
    return False


class _Question(asyncio.DatagramProtocol):
    """One query on a connected socket, so that an ICMP port unreachable arrives as an error."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._id = os.urandom(2)
        self.query = self._id + _ROOT_QUERY

    def datagram_received(self, data: bytes, _: object) -> None:
        if data[:2] == self._id:
            self._finish(answered=True)

    def error_received(self, error: Exception) -> None:
        self._finish(answered=isinstance(error, ConnectionRefusedError))

    def _finish(self, *, answered: bool) -> None:
        if not self.answered.done():
            self.answered.set_result(answered)


async def _does_name_server_answer(address: Address, port: int) -> bool:
    loop = asyncio.get_running_loop()
    try:
        transport, question = await loop.create_datagram_endpoint(_Question, remote_addr=(str(address), port))
    except OSError:
        return False
    try:
        transport.sendto(question.query)
        async with asyncio.timeout(_PATIENCE_S):
            return await question.answered
    except TimeoutError:
        return False
    finally:
        transport.close()


async def _does_port_answer(address: Address, port: int) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as asked:
        asked.setblocking(False)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.get_running_loop().sock_connect(asked, (str(address), port))
        except ConnectionRefusedError:
            return True
        except OSError:  # TimeoutError among them
            return False
        return True
