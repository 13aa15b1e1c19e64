"""Tunnel stage: the keepalive by which a server says that it receives data, and the one that ends a check."""

from __future__ import annotations

import asyncio

import pytest

from tests.protocols.wireguard.harness import PATIENCE_S, check, evidence_of_kind, opened_prober
from tests.protocols.wireguard.inner_servers import (
    INNER_V4,
    SETUP,
    TUNNEL_V4,
    TunnelServer,
    answer_pings,
    deep_check,
    make_tunnel_target,
    no_answer,
)
from tests.protocols.wireguard.tunnel_answers import BRIEF_S, TUNNEL_DNS
from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.evidence import InnerHop, PassiveKeepalive
from wgmon_tui.lab.models import LabBehaviour, LabMode
from wgmon_tui.lab.server import LabServer
from wgmon_tui.protocols.wireguard import tunnel_stage
from wgmon_tui.protocols.wireguard.wire import label_of

# The passive keepalive

SOON = LabBehaviour(LabMode.DATA_DROPPED, keepalive_after=0.2)


async def test_a_server_that_receives_our_data_and_drops_it_says_so_by_a_keepalive() -> None:
    async with LabServer(SETUP, SOON) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4,), timeout=BRIEF_S))
    [keepalive] = evidence_of_kind(PassiveKeepalive, result)
    assert keepalive.after is not None
    assert 0.15 < keepalive.after < tunnel_stage.KEEPALIVE_TIMEOUT_S
    assert keepalive.waited == tunnel_stage.KEEPALIVE_TIMEOUT_S
    assert result.tunnel == Tunnel(2, 0, None, None, passive=False)


async def test_it_says_so_without_any_inner_address() -> None:
    async with LabServer(SETUP, SOON) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, timeout=BRIEF_S))
    [keepalive] = evidence_of_kind(PassiveKeepalive, result)
    assert keepalive.after is not None
    assert result.tunnel == Tunnel(2, 0, None, None, passive=True)


async def test_it_says_so_to_an_identity_without_tunnel_addresses() -> None:
    async with LabServer(SETUP, SOON) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, ours=()))
    [keepalive] = evidence_of_kind(PassiveKeepalive, result)
    assert keepalive.after is not None
    assert result.tunnel == Tunnel(0, 0, None, None, passive=True)


@pytest.fixture
def endless_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keepalive is waited for so long that only data ends the wait, however slow this machine is."""
    monkeypatch.setattr(tunnel_stage, "KEEPALIVE_TIMEOUT_S", 3600.0)


async def test_a_server_that_receives_none_of_it_sends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel_stage, "KEEPALIVE_TIMEOUT_S", 0.2)
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(server.endpoint, ours=()))
    assert evidence_of_kind(PassiveKeepalive, result) == [PassiveKeepalive(None, 0.2)]
    assert server.inner_received == [b"", bytes(16)]  # the session confirmed, and something to acknowledge


@pytest.mark.usefixtures("endless_wait")
async def test_nobody_waits_for_it_where_data_comes_back() -> None:
    async with asyncio.timeout(PATIENCE_S), LabServer(SETUP) as lab, opened_prober() as prober:
        result = await deep_check(prober, make_tunnel_target(lab.endpoint, ping=(INNER_V4,)))
    assert evidence_of_kind(PassiveKeepalive, result) == []


@pytest.mark.usefixtures("endless_wait")
async def test_data_that_comes_while_the_keepalive_is_waited_for_ends_the_wait() -> None:
    async with asyncio.timeout(PATIENCE_S), TunnelServer(no_answer) as server, opened_prober() as prober:
        checking = asyncio.create_task(
            deep_check(prober, make_tunnel_target(server.endpoint, ours=(TUNNEL_V4,), timeout=0.1))
        )
        await server.wait_for_packets(6)
        assert server.session is not None
        [late] = answer_pings(server.inner_received[-1])
        await asyncio.sleep(0.2)
        server.send(server.session.seal(late), server.sources[-1])
        result = await checking
    assert evidence_of_kind(PassiveKeepalive, result) == []
    assert [hop.source for hop in evidence_of_kind(InnerHop, result)] == [INNER_V4]


async def test_a_quick_look_of_an_identity_without_tunnel_addresses_sends_no_data_at_all() -> None:
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        result = await check(prober, make_tunnel_target(server.endpoint, ours=()))
        await server.wait_for_packets(2)
    assert result.tunnel is None
    assert server.inner_received == [b""]


# What is left behind


async def test_after_data_came_a_keepalive_closes_the_conversation() -> None:
    async with TunnelServer(answer_pings) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, ping=(INNER_V4,), ours=(TUNNEL_V4,))
        result = await check(prober, target)
        await server.wait_for_packets(5)
    assert [bool(content) for content in server.inner_received] == [False, True, True, False]
    assert label_of(result.exchange[-1].data) == "keepalive"


async def test_where_no_data_came_there_is_nothing_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel_stage, "KEEPALIVE_TIMEOUT_S", 0.2)
    async with TunnelServer(no_answer) as server, opened_prober() as prober:
        target = make_tunnel_target(server.endpoint, dns=TUNNEL_DNS, timeout=0.1, ours=(TUNNEL_V4,))
        result = await deep_check(prober, target)
    assert server.inner_received[0] == b""
    assert all(server.inner_received[1:])
    assert label_of(result.exchange[-1].data) == "transport data"
