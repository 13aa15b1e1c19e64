"""Tunnel stage: questions to name servers and TCP ports behind a server."""

from __future__ import annotations

from collections.abc import Iterable

from tests.protocols.wireguard.harness import check, evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    INNER_V4,
    TUNNEL_V4,
    TunnelServer,
    make_tunnel_target,
    no_answer,
    service,
)
from tests.protocols.wireguard.tunnel_answers import BRIEF_S, TUNNEL_DNS, TUNNEL_TCP, without_rtt
from wgmon_tui.checks.check import Check, Tunnel
from wgmon_tui.checks.evidence import InnerService
from wgmon_tui.lab.inner_packets import parse
from wgmon_tui.net.addresses import NameServer


def answers_of(result: Check) -> dict[str, str | None]:
    return {each.kind: each.answer for each in evidence_of_kind(InnerService, result)}


async def test_services_that_answer() -> None:
    async with TunnelServer(service(tcp_flags=0x12)) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, tcp=TUNNEL_TCP))
        await server.wait_for_packets(6)
    assert answers_of(result) == {"dns": "answered", "tcp": "open"}
    assert without_rtt(result.tunnel) == Tunnel(2, 2, None, None, passive=False)
    segments = [
        parsed.payload for content in server.inner_received if (parsed := parse(content)) and content[9] == 6
    ]
    assert [segment[13] for segment in segments] == [0x02, 0x04]  # a SYN, then a reset: nothing stays open


async def test_a_port_that_refuses_is_closed_and_proves_the_way_there_and_back() -> None:
    async with TunnelServer(service(tcp_flags=0x14)) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, tcp=TUNNEL_TCP))
    assert answers_of(result) == {"tcp": "closed"}
    assert without_rtt(result.tunnel) == Tunnel(1, 1, None, None, passive=False)


async def test_a_service_question_that_gets_lost_is_asked_again() -> None:
    def hears_every_second_time(packet: bytes) -> Iterable[bytes]:
        again = server.inner_received.count(packet) > 1
        return service(tcp_flags=0x12)(packet) if again else ()

    async with TunnelServer(hears_every_second_time) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, tcp=TUNNEL_TCP, timeout=BRIEF_S)
        result = await check(prober, target)
    assert answers_of(result) == {"dns": "answered", "tcp": "open"}
    assert without_rtt(result.tunnel) == Tunnel(2, 2, None, None, passive=False)


async def test_services_that_do_not_answer() -> None:
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, tcp=TUNNEL_TCP, timeout=BRIEF_S)
        result = await check(prober, target)
    assert answers_of(result) == {"dns": None, "tcp": None}
    assert result.tunnel == Tunnel(2, 0, None, None, passive=False)


async def test_the_response_code_of_a_name_server_is_kept() -> None:
    async with TunnelServer(service(tcp_flags=0x12, rcode=2)) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, ours=(TUNNEL_V4,))
        result = await check(prober, target)
    assert evidence_of_kind(InnerService, result) == [InnerService("dns", str(INNER_V4), "answered", 2)]


async def test_a_name_server_is_asked_for_the_name_that_is_set() -> None:
    asked = NameServer(INNER_V4, "www.example.net")
    async with TunnelServer(service(tcp_flags=0x12)) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, dns=(asked,), ours=(TUNNEL_V4,)))
    [found] = evidence_of_kind(InnerService, result)
    assert found == InnerService("dns", f"www.example.net@{INNER_V4}", "answered")
    assert any(b"\x03www\x07example\x03net\0" in content for content in server.inner_received)
