"""Tests of rounds that another process requests from the engine."""

from __future__ import annotations

import asyncio

import pytest

from tests.monitor.test_engine import Desk, at_work, watched
from tests.protocols.wireguard.harness import ScriptedServer, healthy
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.requested_rounds import NotCheckedHereError, RequestedRounds
from wgmon_tui.protocols.wireguard.prober import Prober


def start_checks(engine: Engine) -> list[str]:
    return [task.get_name() for task in engine._in_flight.values() if not task.done()]


async def test_a_requested_round_is_recorded_and_handed_over() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(watched(server))) as desk:
        await desk.run_round()
        outcome = await desk.engine.request_round("fra1", CheckDepth(deep=True))
        assert (await desk.run_round())[1] is outcome is desk.server_state().last
        assert outcome.port_monitor is not None  # only a deep check has one


async def test_requests_wait_for_the_round_in_flight_and_run_one_after_the_other() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(watched(server))) as desk:
        requests = [desk.engine.request_round("fra1", CheckDepth()) for _ in range(3)]
        outcomes = await asyncio.gather(*requests)
        starts = [outcome.check.started_at for outcome in outcomes]
        assert starts == sorted(set(starts))
        assert len(start_checks(desk.engine)) <= 1


async def test_a_request_that_nobody_waits_for_is_left_out() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(watched(server))) as desk:
        await desk.run_round()
        given_up, wanted = (desk.engine.request_round("fra1", CheckDepth()) for _ in range(2))
        given_up.cancel()
        assert await wanted is (await desk.run_round())[1]
        await desk.in_flight()
        assert desk.rounds.empty()


@pytest.mark.parametrize("end", ["pause", "remove"])
async def test_the_end_of_the_checks_of_a_server_refuses_its_requests(end: str) -> None:
    async with ScriptedServer(healthy) as server:
        desk = Desk().watch(watched(server))
        request = desk.engine.request_round("fra1", CheckDepth())
        if end == "pause":
            desk.engine.pause(["fra1"], True)
        else:
            desk.engine.watch([], {}, {})
        with pytest.raises(NotCheckedHereError, match="fra1"):
            await request


async def test_a_server_that_is_not_checked_here_is_refused_at_once() -> None:
    async with ScriptedServer(healthy) as server:
        desk = Desk().watch(watched(server))
        desk.engine.pause(["fra1"], True)
        for name in ("fra1", "unknown"):
            with pytest.raises(NotCheckedHereError, match=name):
                desk.engine.request_round(name, CheckDepth())


async def test_a_round_may_bring_its_own_prober() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(watched(server))) as desk:
        await desk.run_round()
        prober = Prober(timestamps=desk.prober._timestamps, vantage="other")
        await prober.open()
        outcome = await desk.engine.request_round("fra1", CheckDepth(), prober)
        await prober.close()
        assert outcome.check.vantage == "other"


async def test_a_queue_without_requests_is_forgotten() -> None:
    requested = RequestedRounds()
    requested.add("fra1", CheckDepth(), None).cancel()
    assert not requested.is_waiting("fra1")
    assert requested.take("fra1") is None
    assert requested._waiting == {}
