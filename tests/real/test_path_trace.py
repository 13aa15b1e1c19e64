"""Tests of the path trace through two routers to wireguard-go."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from ipaddress import IPv4Address, IPv6Address

import pytest

from tests.real.namespaces import RoutedPath, entered, firewall, forward, ip, join, namespace, no_firewall
from tests.real.server import stamps
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.net.udp_socket import DatagramSocket
from wgmon_tui.protocols.wireguard import tai64n
from wgmon_tui.protocols.wireguard.foreign_sessions import new_index
from wgmon_tui.protocols.wireguard.handshake import Attempt, Initiator
from wgmon_tui.protocols.wireguard.path_trace import HopAnswer, PathTrace, PathTracer

FIRST = ("10.77.1.1", "fd77:1::1")
SECOND = ("10.77.5.2", "fd77:5::2")
SERVER = ("10.77.2.2", "fd77:2::2")


@contextmanager
def two_routers() -> Iterator[tuple[RoutedPath, str]]:
    """Client, first router, second router, server. Returns the path and the second router."""
    with ExitStack() as stack:
        client, first, second, server = (stack.enter_context(namespace(role)) for role in "crqs")
        join(client, first, "to-client", net=1)
        join(second, first, "to-second", net=5)
        join(server, second, "to-server", net=2)
        forward(first)
        forward(second)
        ip(first, "route add 10.77.2.0/24 via 10.77.5.2\nroute add fd77:2::/64 via fd77:5::2")
        yield RoutedPath(client, first, server), second


@pytest.fixture(scope="module")
def traced() -> Iterator[tuple[WireguardGo, str]]:
    with two_routers() as (path, second):
        server = WireguardGo(path)
        try:
            yield server, second
        finally:
            server.stop()


async def trace(server: WireguardGo, version: int = 4, *, known: bool = True) -> PathTrace:
    key = server.new_peer()
    initiator = Initiator(key, server.public_key if known else key.public)
    address: IPv4Address | IPv6Address = server.endpoint(version)[0]

    def make_attempt() -> Attempt:
        return initiator.initiate(new_index(), tai64n.encode(next(stamps)))

    family = socket.AF_INET if version == 4 else socket.AF_INET6
    tracer = PathTracer(
        (str(address), server.endpoint(version)[1]), partial(DatagramSocket, family), make_attempt
    )
    with entered(server.path.client):
        return await tracer.run()


@pytest.mark.parametrize("version", [4, 6])
async def test_each_router_reports_itself_and_the_server_answers(
    traced: tuple[WireguardGo, str], version: int
) -> None:
    found = await trace(traced[0], version)
    is_v6 = version == 6
    assert [hop.addresses for hop in found.hops] == [(FIRST[is_v6],), (SECOND[is_v6],), (SERVER[is_v6],)]
    assert [hop.answer for hop in found.hops] == [HopAnswer.EXPIRED, HopAnswer.EXPIRED, HopAnswer.SERVER]
    assert [(hop.sent, hop.answered) for hop in found.hops] == [(3, 3)] * 3
    assert found.is_reached


async def test_the_trace_ends_at_the_router_that_drops_wireguard(
    traced: tuple[WireguardGo, str],
) -> None:
    server, _ = traced
    with server.path.filtered("udp dport 51820 drop"):
        found = await trace(server)
    assert not found.is_reached
    assert found.last_answering is not None
    assert found.last_answering.addresses == (FIRST[0],)


async def test_a_router_that_refuses_is_named_with_its_error(traced: tuple[WireguardGo, str]) -> None:
    server, second = traced
    firewall(second, "forward", "udp dport 51820 reject with icmp admin-prohibited")
    try:
        found = await trace(server)
    finally:
        no_firewall(second)
    last = found.hops[-1]
    assert (last.answer, last.addresses) == (HopAnswer.REFUSED, (SECOND[0],))
    assert last.refusal is not None
    assert (last.refusal.type, last.refusal.code) == (3, 13)


async def test_a_server_that_does_not_know_the_key_is_silent_behind_the_last_router(
    traced: tuple[WireguardGo, str],
) -> None:
    found = await trace(traced[0], known=False)
    assert not found.is_reached
    assert [hop.addresses for hop in found.hops if hop.answered] == [(FIRST[0],), (SECOND[0],)]
