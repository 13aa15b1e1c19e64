"""Tests of faults of this machine beside a real server: a dead gateway, and a way there that is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.daemon.harness import PATIENCE_S
from tests.parameters import default_run
from tests.real.namespaces import CLIENT_V4, ROUTER_V4, SERVER_V4, ip
from tests.real.server import SHORT_S, prober_at, target
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.checks.context_evidence import ServerInitiated
from wgmon_tui.checks.evidence import (
    GatewaySilent,
)
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.protocols.wireguard.diagnose import diagnose

pytestmark = pytest.mark.repeated_if_starved

_ABSENT_GATEWAY = ROUTER_V4 + 98


@contextmanager
def dead_gateway(client: str) -> Iterator[None]:
    """Let the default route lead to an address that no machine has."""
    ip(client, f"route replace default via {_ABSENT_GATEWAY}")
    try:
        yield
    finally:
        ip(client, f"route replace default via {ROUTER_V4}")


@pytest.mark.parametrize(
    "timeout_s", default_run([SHORT_S], [SHORT_S, 8.0]), ids=["before the kernel gives up", "after it"]
)
async def test_a_dead_gateway_is_a_local_fault_that_names_it(
    wireguard_go: WireguardGo, timeout_s: float
) -> None:
    key = wireguard_go.new_peer()
    aim = target(wireguard_go, key, timeout_s=timeout_s)
    async with prober_at(wireguard_go) as prober:
        assert (await prober.check(target(wireguard_go, key), SERVER_V4)).handshake
        with dead_gateway(wireguard_go.path.client):
            check = await prober.check(aim, SERVER_V4)
    found = diagnose(check, aim.server)
    assert first_of_kind(GatewaySilent, check.evidence) == GatewaySilent(_ABSENT_GATEWAY, "uplink")
    assert found.verdict is Verdict.LOCAL_FAULT
    assert str(_ABSENT_GATEWAY) in found.summary


async def test_a_silent_server_behind_a_gateway_that_answers_is_not_the_gateways_fault(
    wireguard_go: WireguardGo,
) -> None:
    aim = target(wireguard_go, wireguard_go.new_peer(), timeout_s=SHORT_S)
    async with prober_at(wireguard_go) as prober:
        with wireguard_go.path.filtered(f"ip daddr {SERVER_V4} drop"):
            check = await prober.check(aim, SERVER_V4)
    assert first_of_kind(GatewaySilent, check.evidence) is None
    assert diagnose(check, aim.server).verdict is Verdict.SILENT


@pytest.mark.thorough
async def test_an_absent_server_on_the_own_network_is_unreachable_not_a_local_fault(
    wireguard_go: WireguardGo,
) -> None:
    aim = target(wireguard_go, wireguard_go.new_peer(), timeout_s=8.0)
    async with prober_at(wireguard_go) as prober:
        check = await prober.check(aim, _ABSENT_GATEWAY)
    assert diagnose(check, aim.server).verdict is Verdict.UNREACHABLE


async def test_initiations_of_a_server_whose_way_here_is_open_are_evidence(
    wireguard_go: WireguardGo,
) -> None:
    """The server has data for this identity, but no session: it initiates until this machine answers."""
    key = wireguard_go.new_peer()
    aim = target(wireguard_go, key, timeout_s=SHORT_S)
    async with prober_at(wireguard_go) as prober:
        with wireguard_go.path.filtered(f"ip saddr {CLIENT_V4} ip daddr {SERVER_V4} drop"):
            assert not (await prober.check(aim, SERVER_V4)).handshake
            wireguard_go.device.configure(
                f"[Peer]\nPublicKey = {key.public}\nEndpoint = {CLIENT_V4}:{prober.port_for(SERVER_V4)}\n"
                "PersistentKeepalive = 1\n"
            )
            check = await prober.check(aim, SERVER_V4)
            async with asyncio.timeout(PATIENCE_S):
                while not first_of_kind(ServerInitiated, check.evidence):
                    check = await prober.check(aim, SERVER_V4)
        found = diagnose(check, aim.server)
        assert found.verdict is Verdict.SILENT
        assert "This machine's packets do not arrive there" in found.summary
        assert not [each for each in found.causes if "does not know" in each.cause]
        assert (await prober.check(target(wireguard_go, key), SERVER_V4)).handshake
