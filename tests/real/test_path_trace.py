"""Tests of the path trace through three routers to wireguard-go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface

import pytest

from tests.parameters import default_run
from tests.real.namespaces import (
    RoutedPath,
    entered,
    firewall,
    forward,
    ip,
    join,
    namespace,
    no_firewall,
    run,
)
from tests.real.prerequisites import require
from tests.real.server import prober_at, target
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.context_evidence import ForeignSession
from wgmon_tui.checks.path_trace import HopAnswer, PathTrace, TraceOptions, conclusion
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard import path_tracer
from wgmon_tui.protocols.wireguard.targets import Target

pytestmark = pytest.mark.skipif(not PLATFORM.has_error_queue, reason="no trace without an error queue")

ROUTERS = (("10.77.1.1", "fd77:1::1"), ("10.77.5.2", "fd77:5::2"), ("10.77.6.2", "fd77:6::2"))
"""The addresses from which the routers report, version 4 and 6, nearest first."""

SERVER = ("10.77.2.2", "fd77:2::2")
EXPIRED = HopAnswer.EXPIRED


@dataclass(frozen=True)
class TracedPath:
    """The server behind three routers, and the namespaces of the routers, nearest first."""

    server: WireguardGo
    routers: tuple[str, str, str]

    @contextmanager
    def filtered(self, hop: int, rule: str, hook: str = "forward") -> Iterator[None]:
        """Apply one nftables rule in the router `hop`, counted from 1."""
        firewall(self.routers[hop - 1], hook, rule)
        try:
            yield
        finally:
            no_firewall(self.routers[hop - 1])

    def target(self, *, version: int = 4, known: bool = True) -> Target:
        """A peer that the server knows, or one whose key it does not know."""
        key = self.server.new_peer()
        public_key = self.server.public_key if known else key.public
        return target(self.server, key, version=version, public_key=public_key, timeout_s=2.0)


@contextmanager
def three_routers() -> Iterator[tuple[RoutedPath, tuple[str, str, str]]]:
    """Namespaces client - router - router - router - server."""
    with ExitStack() as stack:
        client, first, second, third, server = (stack.enter_context(namespace(role)) for role in "cqrts")
        join(client, first, "to-client", net=1)
        join(second, first, "to-second", net=5)
        join(third, second, "to-third", net=6)
        join(server, third, "to-server", net=2)
        for router in (first, second, third):
            forward(router)
        for net in (2, 6):
            ip(first, f"route add 10.77.{net}.0/24 via 10.77.5.2\nroute add fd77:{net}::/64 via fd77:5::2")
        ip(second, "route add 10.77.2.0/24 via 10.77.6.2\nroute add fd77:2::/64 via fd77:6::2")
        yield RoutedPath(client, first, server), (first, second, third)


@pytest.fixture(scope="module")
def path() -> Iterator[TracedPath]:
    require("ip", "nft", "wireguard-go", "wg", root=True)
    with three_routers() as (routed, routers):
        server = WireguardGo(routed)
        try:
            yield TracedPath(server, routers)
        finally:
            server.stop()


async def trace(path: TracedPath, aim: Target, options: TraceOptions | None = None) -> PathTrace:
    async with prober_at(path.server) as prober:
        return await prober.trace_path(aim, options or TraceOptions(), lambda _: None)


def addresses(found: PathTrace) -> list[str]:
    return [" ".join(hop.addresses) for hop in found.hops]


def pinged_hop(path: TracedPath, hop_limit: int) -> str:
    """The router that reports an expired ping: another program's view of the path."""
    with entered(path.server.path.client):
        command = f"ping -n -c 1 -W 2 -t {hop_limit} {SERVER[0]} || true"
        output = run("sh", "-c", command)
    return next(line.split()[1] for line in output.splitlines() if line.startswith("From "))


@pytest.mark.parametrize("version", default_run([4], [4, 6]))
async def test_each_router_reports_itself_and_the_server_answers(path: TracedPath, version: int) -> None:
    found = await trace(path, path.target(version=version))
    is_v6 = version == 6
    assert addresses(found) == [*(router[is_v6] for router in ROUTERS), SERVER[is_v6]]
    assert [hop.answer for hop in found.hops] == [EXPIRED, EXPIRED, EXPIRED, HopAnswer.SERVER]
    assert [(hop.sent, hop.answered) for hop in found.hops] == [(3, 3)] * 4
    assert all(0 < rtt < 1 for hop in found.hops for rtt in hop.rtts)
    assert found.is_reached
    assert conclusion(found) == ("The server answered 3 of 3 initiations, at hop 4.",)


async def test_the_hops_are_those_that_ping_sees(path: TracedPath) -> None:
    require("ping")
    found = await trace(path, path.target(), TraceOptions(rounds=1))
    assert addresses(found)[:3] == [pinged_hop(path, hop_limit) for hop_limit in (1, 2, 3)]


async def test_nothing_answers_after_the_hop_before_a_drop_of_udp(path: TracedPath) -> None:
    with path.filtered(3, "meta l4proto udp drop", hook="prerouting"):
        found = await trace(path, path.target())
    assert not found.is_reached
    assert addresses(found) == [ROUTERS[0][0], ROUTERS[1][0], ""]
    assert found.tried >= 8
    assert conclusion(found)[0] == f"Nothing answers after hop 2 ({ROUTERS[1][0]})."


@pytest.mark.thorough
async def test_a_filter_of_initiations_shows_though_ping_passes(path: TracedPath) -> None:
    with path.filtered(2, "meta l4proto udp @th,64,32 0x01000000 drop"):
        found = await trace(path, path.target())
        require("ping")
        with entered(path.server.path.client):
            run("ping", "-n", "-c", "1", "-W", "2", SERVER[0])
    assert addresses(found) == [ROUTERS[0][0], ROUTERS[1][0], ""]
    assert not found.is_reached


@pytest.mark.thorough
async def test_a_router_that_limits_its_reports_is_no_loss(path: TracedPath) -> None:
    rule = "icmp type time-exceeded limit rate over 1/minute burst 1 packets drop"
    with path.filtered(2, rule, hook="output"):
        found = await trace(path, path.target(), TraceOptions(rounds=4))
    limited, server = found.hops[1], found.hops[3]
    assert limited.answered < limited.sent == 4
    assert (server.answered, server.loss) == (4, 0.0)
    assert found.has_less_loss_behind(limited)


async def test_a_router_that_refuses_is_named_with_its_error(path: TracedPath) -> None:
    with path.filtered(2, "udp dport 51820 reject with icmp admin-prohibited"):
        found = await trace(path, path.target())
    last = found.hops[-1]
    assert (last.answer, last.addresses, last.is_quoted) == (HopAnswer.REFUSED, (ROUTERS[1][0],), True)
    assert last.refusal is not None
    assert (last.refusal.type, last.refusal.code, last.refusal.from_target) == (3, 13, False)
    assert conclusion(found)[0].startswith(f"Hop 2 ({ROUTERS[1][0]}) refuses the packets for hop 3: ")


@pytest.mark.thorough
async def test_a_server_that_does_not_know_the_key_is_silent_behind_the_last_router(path: TracedPath) -> None:
    found = await trace(path, path.target(known=False))
    assert not found.is_reached
    assert addresses(found) == [*(router[0] for router in ROUTERS), ""]


async def test_other_packets_of_the_socket_keep_their_hop_limit(path: TracedPath) -> None:
    aim = path.target()
    async with prober_at(path.server) as prober:
        tracing = asyncio.create_task(prober.trace_path(aim, TraceOptions(), lambda _: None))
        other = path.target()
        checks = [await prober.check(other, path.server.endpoint(4)[0]) for _ in range(10)]
        found = await tracing
    assert all(check.handshake and check.handshake.retransmits == 0 for check in checks)
    assert found.is_reached


async def test_the_server_stays_healthy_during_and_after_a_trace(
    path: TracedPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks take turns with the trace, and the server keeps the endpoint and the session of the check."""
    monkeypatch.setattr(path_tracer, "_LONGEST_TURN_S", 0.0)
    aim = path.target()
    aim = replace(aim, server=replace(aim.server, timeout=5.0))
    address = path.server.endpoint(4)[0]
    async with prober_at(path.server) as prober:
        await prober.check(aim, address)
        port = prober.port_for(address)
        tracing = asyncio.create_task(prober.trace_path(aim, TraceOptions(rounds=6), lambda _: None))
        during = []
        while not tracing.done():
            during.append(await prober.check(aim, address))
        found, after = await tracing, await prober.check(aim, address)
        endpoints = path.server.device.endpoints()
    assert found.is_reached
    assert len(during) >= 2
    assert all(check.handshake and check.handshake.retransmits == 0 for check in [*during, after])
    assert not [each for check in [*during, after] for each in check.evidence]
    assert f"10.77.1.2:{port}" in endpoints


@pytest.mark.thorough
async def test_the_server_keeps_the_session_of_the_last_check_so_no_other_client_is_suspected(
    path: TracedPath,
) -> None:
    aim = path.target()
    own = (ip_interface(f"10.7.0.{path.server._peers}/32"),)
    entry = replace(aim.server, timeout=5.0, tunnel=True, tunnel_ping=(ip_address("10.7.0.1"),))
    aim = replace(aim, server=entry, tunnel_addresses=own)
    address = path.server.endpoint(4)[0]
    async with prober_at(path.server) as prober:
        first = await prober.check(aim, address)
        found = await prober.trace_path(aim, TraceOptions(), lambda _: None)
        after = [await prober.check(aim, address) for _ in range(2)]
        assert prober._demultiplexer.foreign_sessions.find(
            (str(address), aim.server.endpoint.port), aim.private_key.public
        ) is None  # fmt: skip
    assert found.is_reached
    for check in (first, *after):
        assert check.tunnel is not None
        assert check.tunnel.received
        assert not any(isinstance(each, ForeignSession) for each in check.evidence)
