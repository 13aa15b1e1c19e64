"""Short forms of forged_answers: one check of a healthy server beside each attack."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.harm.forged_answers import check_beside
from tests.protocols.wireguard.forged_packets import ICMP_KINDS, IcmpForger
from tests.protocols.wireguard.harness import evidence_of_kind, opened_prober
from tests.protocols.wireguard.hostile_path import ATTACKS, Attack, HostilePath, all_at_once
from tests.protocols.wireguard.inner_servers import INNER_V4, SETUP, TUNNEL_V4, make_tunnel_target
from wgmon_tui.checks.evidence import IcmpError, Soak
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.models import LabBehaviour
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.resolver import Lookup
from wgmon_tui.protocols.wireguard.diagnose import diagnose

RTT_S = 0.3


@pytest.fixture(autouse=True)
def raw_sockets() -> None:
    """ICMP errors are forged with raw sockets."""
    try:
        IcmpForger().__exit__(None, None, None)
    except PermissionError:
        pytest.skip("raw sockets need root")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.__name__)
async def test_a_healthy_server_stays_healthy_beside(attack: Attack) -> None:
    [outcome] = await check_beside(attack, RTT_S)
    assert not outcome.is_false, outcome


@pytest.mark.thorough
async def test_a_soak_beside_every_attack_finds_nothing() -> None:
    async with (
        LabServer(SETUP) as lab,
        HostilePath(lab.endpoint, 0.02, all_at_once) as path,
        opened_prober() as prober,
    ):
        target = make_tunnel_target(path.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,))
        [check] = await prober.check_all(target, deep=True, soak=True)
    assert diagnose(check, target.server).verdict is Verdict.HEALTHY
    [soak] = evidence_of_kind(Soak, check)
    assert soak.received == soak.sent


async def test_every_address_of_a_name_stays_healthy_while_errors_about_each_of_them_come() -> None:
    slowly = LabBehaviour(latency=RTT_S)
    async with (
        LabServer(SETUP, slowly) as first,
        LabServer(SETUP, slowly, host="127.0.0.2", port=first.endpoint.port) as second,
        opened_prober() as prober,
    ):
        addresses = tuple(ip_address(each.endpoint.host) for each in (first, second))
        prober._resolver._cache["fra1.example"] = Lookup(addresses, float("inf"))
        target = make_tunnel_target(
            Endpoint("fra1.example", first.endpoint.port), ping=(INNER_V4,), ours=(TUNNEL_V4,), timeout=1.0
        )
        target = replace(target, server=replace(target.server, slow=60.0))
        forging = asyncio.create_task(_report(prober.ports[0], addresses, first.endpoint.port))
        checks = await prober.check_all(target)
        forging.cancel()
    assert [diagnose(check, target.server).verdict for check in checks] == [Verdict.HEALTHY] * 2
    assert all(evidence_of_kind(IcmpError, check) for check in checks)


async def _report(port: int, servers: tuple[object, ...], server_port: int) -> None:
    with IcmpForger() as forger:
        while True:
            for server in servers:
                for kind in ICMP_KINDS[4]:
                    forger.send(kind, ("127.0.0.1", port), (str(server), server_port))
            await asyncio.sleep(0.02)
