"""Relays on loopback, and probes of them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import cast

from tests.control_planes.responder import Answer
from wgmon_tui.config.relay_addresses import parse_relay
from wgmon_tui.control_planes.relay_probes import ProbedRelay, probe_relays
from wgmon_tui.net.resolver import Resolver

DERP = {"/derp/probe": Answer(b""), "/derp": Answer(b"", 101, {"Upgrade": "DERP", "Connection": "Upgrade"})}
NETBIRD = {"/relay": Answer(b"", 101, {"Upgrade": "websocket", "Connection": "Upgrade"})}


@asynccontextmanager
async def stun_server(answer: Callable[[bytes, tuple[str, int]], bytes | None]) -> AsyncIterator[int]:
    """A UDP server on loopback; `answer` makes its answer to each datagram."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if (sent := answer(data, addr)) is not None:
                self.transport.sendto(sent, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def success(request: bytes, address: tuple[str, int]) -> bytes:
    port = address[1] ^ 0x2112
    value = struct.pack(">BBHI", 0, 1, port, int(ip_address(address[0])) ^ 0x2112A442)
    return struct.pack(">HH", 0x0101, 12) + request[4:20] + struct.pack(">HH", 0x0020, 8) + value


async def probe(text: str, timeout_s: float = 15.0, authorities: bytes = b"") -> ProbedRelay:
    [found] = await probe_relays([parse_relay(text)], authorities, Resolver(), timeout_s)
    return found
