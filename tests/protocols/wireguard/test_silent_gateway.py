"""Tests of the gateway's neighbour entry as evidence: which silence is this machine's fault."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

import pytest

from wgmon_tui.checks.evidence import Evidence, GatewaySilent, IcmpError, Silence
from wgmon_tui.net.neighbours import NeighbourState
from wgmon_tui.net.netlink import RoutingSocket
from wgmon_tui.net.routes import NextHop
from wgmon_tui.protocols.wireguard import silent_gateway
from wgmon_tui.protocols.wireguard.silent_gateway import find_silent_default_gateway, find_silent_gateway

SERVER, GATEWAY = IPv4Address("192.0.2.7"), IPv4Address("10.98.0.1")
FOUND = GatewaySilent(GATEWAY, "eth0")
KERNEL = RoutingSocket()
SILENT = (Silence(5.0),)
OWN_ERROR = (IcmpError(3.0, 4, 3, 1, "10.98.0.2", from_target=False),)
ROUTERS_ERROR = (IcmpError(3.0, 4, 3, 1, "10.98.0.1", from_target=False),)


@pytest.fixture(autouse=True)
def _second_look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent_gateway, "_SECOND_LOOK_S", 0.0)
    monkeypatch.setattr(silent_gateway, "is_own_address", lambda _, address: str(address) == "10.98.0.2")


def machine(
    monkeypatch: pytest.MonkeyPatch, *states: NeighbourState | None, gateway: IPv4Address | None = GATEWAY
) -> None:
    """Pretend this route, and these states of its neighbour entry, one for each look."""
    looks = iter(states)
    monkeypatch.setattr(silent_gateway, "find_next_hop", lambda *_: NextHop(gateway, "eth0", 2))
    monkeypatch.setattr(silent_gateway, "find_neighbour_state", lambda *_: next(looks))


@pytest.mark.parametrize("evidence", [SILENT, OWN_ERROR])
async def test_a_failed_entry_of_the_gateway_makes_silence_a_local_fault(
    monkeypatch: pytest.MonkeyPatch, evidence: Sequence[Evidence]
) -> None:
    machine(monkeypatch, NeighbourState.FAILED)
    assert await find_silent_gateway(KERNEL, SERVER, evidence) == FOUND


async def test_an_incomplete_entry_counts_if_it_stays_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, NeighbourState.INCOMPLETE, NeighbourState.INCOMPLETE)
    assert await find_silent_gateway(KERNEL, SERVER, SILENT) == FOUND
    machine(monkeypatch, NeighbourState.INCOMPLETE, NeighbourState.REACHABLE)
    assert await find_silent_gateway(KERNEL, SERVER, SILENT) is None


async def test_the_kernels_own_error_counts_even_if_the_entry_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, None)
    assert await find_silent_gateway(KERNEL, SERVER, OWN_ERROR) == FOUND


@pytest.mark.parametrize(
    "state",
    [None, *(each for each in NeighbourState if not each.is_unresolved)],
)
async def test_silence_behind_a_gateway_that_is_not_unresolved_is_not_its_fault(
    monkeypatch: pytest.MonkeyPatch, state: NeighbourState | None
) -> None:
    machine(monkeypatch, state)
    assert await find_silent_gateway(KERNEL, SERVER, SILENT) is None


@pytest.mark.parametrize("evidence", [SILENT, OWN_ERROR])
async def test_a_server_on_this_machines_own_network_has_no_gateway(
    monkeypatch: pytest.MonkeyPatch, evidence: Sequence[Evidence]
) -> None:
    machine(monkeypatch, NeighbourState.FAILED, gateway=None)
    assert await find_silent_gateway(KERNEL, SERVER, evidence) is None


async def test_an_error_of_a_router_is_not_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, NeighbourState.FAILED)
    assert await find_silent_gateway(KERNEL, SERVER, ROUTERS_ERROR) is None


async def test_a_name_that_does_not_resolve_puts_the_default_gateway_in_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, NeighbourState.FAILED)
    assert await find_silent_default_gateway(KERNEL) == FOUND
