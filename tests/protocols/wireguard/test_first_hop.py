"""Tunnel stage: when the first hop is probed beside the targets, or instead of them."""

from __future__ import annotations

from collections.abc import Iterable

from tests.protocols.wireguard.harness import check, evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    ANOTHER_V4,
    INNER_V4,
    INNER_V6,
    SETUP,
    TunnelServer,
    answer_pings,
    make_tunnel_target,
)
from tests.protocols.wireguard.tunnel_answers import BRIEF_S, answer_v4_pings, echoes
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import InnerHop
from wgmon_tui.lab.server import LabServer


def hops(result: Check) -> dict[int, object]:
    return {each.version: each.source for each in evidence_of_kind(InnerHop, result)}


async def test_a_version_that_no_target_covers_is_probed_at_the_first_hop() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4,)))
    assert hops(result) == {6: INNER_V6}
    assert result.tunnel is not None
    assert (result.tunnel.sent, result.tunnel.received) == (2, 2)  # the targets alone


async def test_a_version_in_which_nothing_answers_is_recorded_as_silent() -> None:
    async with TunnelServer(answer_v4_pings) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=BRIEF_S))
    assert hops(result) == {6: None}


async def test_where_all_targets_are_silent_the_first_hop_of_every_version_is_probed() -> None:
    async with LabServer(SETUP) as lab, opened_prober() as prober:
        target = make_tunnel_target(lab.endpoint, ping=(ANOTHER_V4,), timeout=BRIEF_S)
        result = await check(prober, target)
    assert echoes(result) == {str(ANOTHER_V4): (2, 0)}
    assert hops(result) == {4: INNER_V4, 6: INNER_V6}


async def test_where_the_targets_of_one_version_are_silent_its_first_hop_is_probed() -> None:
    async with TunnelServer(answer_v4_pings) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4, INNER_V6), timeout=BRIEF_S)
        result = await check(prober, target)
    assert echoes(result) == {str(INNER_V4): (2, 2), str(INNER_V6): (2, 0)}
    assert hops(result) == {6: None}


async def test_a_first_hop_that_is_probed_beside_targets_is_asked_twice() -> None:
    seen: list[bytes] = []

    def loses_the_first(packet: bytes) -> Iterable[bytes]:
        if packet[0] >> 4 == 4:
            return answer_pings(packet)
        seen.append(packet)
        return answer_pings(packet) if seen.count(packet) > 1 else ()

    async with TunnelServer(loses_the_first) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ping=(INNER_V4,), timeout=BRIEF_S))
    assert hops(result)[6] is not None
