"""Tests of soaks with wireguard-go behind a relay that cuts flows off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface

import pytest

from tests.real.namespaces import RoutedPath, run
from tests.real.relay import Relay
from tests.real.relay_settings import Killer, Per, RelaySettings, both_ways
from tests.real.server import prober_at, target
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.evidence import FlowCut, Soak
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Endpoint

pytestmark = [pytest.mark.thorough, pytest.mark.repeated_if_starved]


@dataclass
class Relayed:
    """A server behind a relay."""

    server: WireguardGo
    relay: Relay

    async def probe(self, *, soak: bool, **changes: object) -> Round:
        ours = self.server.new_peer()
        aim = target(self.server, ours)
        address, port = self.relay.endpoint
        entry = replace(
            aim.server,
            endpoint=Endpoint(str(address), port),
            tunnel=True,
            tunnel_ping=(ip_address("10.7.0.1"),),
            **changes,  # type: ignore[arg-type]
        )
        shown = run("wg", "show", self.server.interface, "allowed-ips").splitlines()
        allowed = next(line for line in shown if line.startswith(str(ours.public)))
        own = tuple(map(ip_interface, allowed.split("\t")[1].split()))
        aim = replace(aim, server=entry, tunnel_addresses=own)
        async with prober_at(self.server) as prober:
            with self.server.vantage():
                return await run_check_round(prober, entry, aim, CheckDepth(soak=soak))


@asynccontextmanager
async def behind(path: RoutedPath, server: WireguardGo, settings: RelaySettings) -> AsyncIterator[Relayed]:
    relay = Relay(path, server.endpoint(4), settings)
    try:
        yield Relayed(server, relay)
    finally:
        relay.close()


@pytest.mark.parametrize("per", Per)
@pytest.mark.parametrize("spares", [True, False], ids=["handshakes pass", "handshakes are cut"])
async def test_a_soak_finds_after_how_many_packets_a_flow_is_cut(
    path: RoutedPath, wireguard_go: WireguardGo, per: Per, spares: bool
) -> None:
    killer = Killer(packets=60, per=per, spares_handshakes=spares)
    async with behind(path, wireguard_go, RelaySettings(killer=killer)) as relayed:
        outcome = await relayed.probe(soak=True)
    assert outcome.diagnosis.verdict is Verdict.DIES_AFTER
    cut = first_of_kind(FlowCut, outcome.check.evidence)
    assert cut is not None
    assert 50 <= cut.packets <= 60


async def test_a_soak_finds_after_how_many_bytes_a_flow_is_cut(
    path: RoutedPath, wireguard_go: WireguardGo
) -> None:
    killer = Killer(size=40_000, per=Per.SESSION)
    async with behind(path, wireguard_go, RelaySettings(killer=killer)) as relayed:
        outcome = await relayed.probe(soak=True)
    assert outcome.diagnosis.verdict is Verdict.DIES_AFTER
    cut = first_of_kind(FlowCut, outcome.check.evidence)
    assert cut is not None
    assert 35_000 <= cut.size <= 43_000


@pytest.mark.parametrize("seconds", [1.0, 5.0, 20.0])
async def test_a_soak_finds_after_how_many_seconds_a_flow_is_cut(
    path: RoutedPath, wireguard_go: WireguardGo, seconds: float
) -> None:
    killer = Killer(seconds=seconds, per=Per.SESSION)
    async with behind(path, wireguard_go, RelaySettings(killer=killer)) as relayed:
        outcome = await relayed.probe(soak=True)
    assert outcome.diagnosis.verdict is Verdict.DIES_AFTER
    cut = first_of_kind(FlowCut, outcome.check.evidence)
    assert cut is not None
    # The relay counts from its first packet; on a busy machine it comes and goes late.
    assert max(0.1, seconds - 2.0) <= cut.after <= seconds + 2.0


async def test_echoes_over_eight_seconds_find_a_flow_that_dies_after_five(
    path: RoutedPath, wireguard_go: WireguardGo
) -> None:
    killer = Killer(seconds=5.0, per=Per.SESSION)
    async with behind(path, wireguard_go, RelaySettings(killer=killer)) as relayed:
        outcome = await relayed.probe(soak=False, tunnel_count=15, tunnel_over=8.0)
    assert outcome.diagnosis.verdict is Verdict.DIES_AFTER
    assert first_of_kind(Soak, outcome.check.evidence) is None


@pytest.mark.parametrize(
    "settings",
    [RelaySettings(), both_ways(even_loss=0.15), both_ways(largest_datagram=1200), both_ways(delay_s=0.325)],
    ids=["clean", "lossy", "small packets only", "slow"],
)
async def test_loss_size_limits_and_delay_cut_no_flow(
    path: RoutedPath, wireguard_go: WireguardGo, settings: RelaySettings
) -> None:
    async with behind(path, wireguard_go, settings) as relayed:
        outcome = await relayed.probe(soak=True)
    assert outcome.diagnosis.verdict is not Verdict.DIES_AFTER
    soak = first_of_kind(Soak, outcome.check.evidence)
    assert soak is not None
    assert soak.sent >= 100
