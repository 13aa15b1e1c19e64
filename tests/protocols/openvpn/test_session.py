"""Links and sessions: what carries packets, and that nothing outlasts its deadline."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.net.udp_socket import QueuedError
from wgmon_tui.protocols.openvpn.client import Client
from wgmon_tui.protocols.openvpn.events import Rejected
from wgmon_tui.protocols.openvpn.links import LinkClosedError, TcpLink, UdpLink
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.openvpn.wrapping import Plain

LOCALHOST = ip_address("127.0.0.1")


class FloodingLink:
    """A link on which a packet has always arrived."""

    def __init__(self, packet: bytes) -> None:
        self.errors: list[QueuedError] = []
        self._packet = packet

    def frame(self, packet: bytes) -> bytes:
        return packet

    def send(self, packet: bytes) -> int:
        return time.time_ns()

    async def receive(self, timeout_s: float) -> tuple[bytes, int] | None:
        await asyncio.sleep(0)
        return self._packet, time.time_ns()

    def close(self) -> None:
        pass


@asynccontextmanager
async def tcp_pair() -> AsyncIterator[tuple[TcpLink, asyncio.StreamWriter]]:
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), "127.0.0.1", 0)
    async with server:
        link = await TcpLink.open(LOCALHOST, server.sockets[0].getsockname()[1])
        writer = await accepted
        try:
            yield link, writer
        finally:
            link.close()
            writer.close()


@pytest.mark.parametrize("packet", [b"", bytes(40), b"\x38" * 26, b"\x48" * 100], ids=len)
async def test_a_flood_ends_at_the_deadline_and_fills_no_memory(packet: bytes) -> None:
    session = ControlSession(Client(Plain()), FloodingLink(packet), CheckLog())

    began = time.monotonic()
    is_done = await session.run(lambda: bool(session.client.remote_session_id), 0.2)

    assert not is_done
    assert 0.2 <= time.monotonic() - began < 20.0
    assert len(session.events) <= 64
    assert {type(each) for each in session.events} == {Rejected}
    assert len(session.log.exchange) <= 64


async def test_a_packet_in_pieces_over_tcp_is_whole_although_the_wait_ended_between_them() -> None:
    async with tcp_pair() as (link, writer):
        writer.write(b"\x00\x05he")
        assert await link.receive(0.1) is None
        writer.write(b"llo\x00\x02ok")

        first, second = await link.receive(2.0), await link.receive(2.0)

    assert first is not None
    assert second is not None
    assert (first[0], second[0]) == (b"hello", b"ok")


async def test_a_connection_that_the_server_closes_is_closed_for_the_session() -> None:
    async with tcp_pair() as (link, writer):
        writer.close()
        session = ControlSession(Client(Plain()), link, CheckLog())
        assert not await session.run(lambda: False, 5.0)
        assert session.is_closed
        with pytest.raises(LinkClosedError):
            await link.receive(1.0)


async def test_over_tcp_a_packet_is_sent_and_logged_after_its_length() -> None:
    async with tcp_pair() as (link, _):
        session = ControlSession(Client(Plain()), link, CheckLog())
        session.flush()

    assert session.log.exchange[0].data[:3] == b"\x00\x0e\x38"


async def test_over_udp_only_the_server_is_heard() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as stranger:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        link = UdpLink(LOCALHOST, server.getsockname()[1])
        try:
            link.send(b"hello")
            await asyncio.sleep(0)
            _, source = await asyncio.get_running_loop().sock_recvfrom(server, 100)
            stranger.sendto(b"from a stranger", source)
            server.sendto(b"from the server", source)
            received = await link.receive(2.0)
        finally:
            link.close()

    assert received is not None
    assert received[0] == b"from the server"


async def test_a_closed_port_ends_the_wait_with_its_error() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    link = UdpLink(LOCALHOST, port)
    try:
        link.send(b"hello")
        assert await link.receive(5.0) is None
        assert len(link.errors) == 1
    finally:
        link.close()


async def test_a_cancellation_that_comes_with_a_packet_is_not_lost() -> None:
    """Or the check goes on, and the end of the program waits for it."""
    link = UdpLink(LOCALHOST, 9)
    try:
        receiving = asyncio.create_task(link.receive(30.0))
        await asyncio.sleep(0)  # until it waits
        link._waiting.put_nowait((b"a packet", 0))
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving
    finally:
        link.close()
