"""Tests of the engine against servers on loopback: what it checks, when, and how it ends."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Self

import pytest

from tests.protocols.wireguard.harness import (
    ANSWER_TIMEOUT_S,
    IDENTITY,
    PATIENCE_S,
    SERVER,
    ScriptedServer,
    healthy,
    silence,
    timestamps,
)
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target

pytestmark = pytest.mark.repeated_if_starved(0.05)
"""Half the shortest timeout of these checks."""

RARELY_S = 60.0
"""An interval so long that only a request can cause a second round."""


def watched(server: ScriptedServer, name: str = "fra1", *, interval: float = RARELY_S) -> Server:
    """Return a server checked by the handshake alone, of which every check counts at once.

    Other tests cover the rest.
    """
    return Server(
        name,
        server.endpoint,
        SERVER.public,
        "bastion",
        interval=interval,
        timeout=ANSWER_TIMEOUT_S,
        tunnel=False,
        explain=False,
        fail_after=1,
        recover_after=1,
    )


def by_handshake_alone(lab: LabServer, name: str) -> Server:
    """Return a server with experiments but without tunnel data; every check counts at once."""
    return Server(
        name,
        lab.endpoint,
        lab.public_key,
        "bastion",
        interval=RARELY_S,
        timeout=0.3,
        tunnel=False,
        fail_after=1,
        recover_after=1,
    )


class Desk:
    """An engine, its finished rounds, the resulting events, and the task that runs it."""

    def __init__(self) -> None:
        self.prober = Prober(timestamps=timestamps)
        self.engine = Engine(self.prober, random=Random(1))
        self.rounds: asyncio.Queue[tuple[str, Round]] = asyncio.Queue()
        self.events: list[IncidentEvent] = []
        self.engine.listen(self._note)
        self.running: asyncio.Task[None] | None = None

    def _note(
        self, server_state: ServerState, outcome: Round | None, events: tuple[IncidentEvent, ...]
    ) -> None:
        self.events += events
        if outcome:
            self.rounds.put_nowait((server_state.server.name, outcome))

    def watch(self, *servers: Server) -> Self:
        targets = {server.name: Target(server, IDENTITY) for server in servers}
        self.engine.watch(servers, targets, {})
        return self

    def server_state(self, name: str = "fra1") -> ServerState:
        return self.engine.fleet_state.states[name]

    async def run_round(self) -> tuple[str, Round]:
        """Return the next finished round. Fails if the engine has ended or takes far too long."""
        assert self.running
        coming = asyncio.ensure_future(self.rounds.get())
        await asyncio.wait({coming, self.running}, timeout=PATIENCE_S, return_when="FIRST_COMPLETED")
        if not coming.done():
            coming.cancel()
            pytest.fail("no round")
        return coming.result()

    async def in_flight(self) -> None:
        """Wait until every running check has ended."""
        await asyncio.gather(*self.engine._in_flight.values())


@asynccontextmanager
async def at_work(desk: Desk) -> AsyncIterator[Desk]:
    desk.running = asyncio.create_task(desk.engine.run())
    try:
        yield desk
    finally:
        desk.running.cancel()
        await asyncio.gather(desk.running, return_exceptions=True)


# When


async def test_the_first_round_comes_at_once() -> None:
    async with ScriptedServer(healthy) as server:
        names = [f"server-{number}" for number in range(10)]
        async with at_work(Desk().watch(*(watched(server, name) for name in names))) as desk:
            seen = [(await desk.run_round())[0] for _ in names]
    assert sorted(seen) == names


async def test_a_single_server_is_checked_again_and_again_at_its_interval() -> None:
    async with (
        ScriptedServer(healthy) as server,
        at_work(Desk().watch(watched(server, interval=0.05))) as desk,
    ):
        rounds = [(await desk.run_round())[1] for _ in range(10)]
    starts = [each.check.started_at for each in rounds]
    assert 9 * 0.05 * 0.7 < starts[-1] - starts[0] < 3
    assert all(each.diagnosis.verdict is Verdict.HEALTHY for each in rounds)


async def test_a_server_that_comes_later_is_checked_at_once() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch()) as desk:
        await asyncio.sleep(0)  # the engine now sleeps, with nothing scheduled
        desk.watch(watched(server))
        assert (await desk.run_round())[0] == "fra1"


async def test_recheck_does_not_wait_for_the_interval() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(watched(server))) as desk:
        await desk.run_round()
        desk.engine.recheck(["fra1", "nobody"])
        await desk.run_round()


async def test_recheck_in_the_moment_in_which_a_check_ends_is_not_lost() -> None:
    async with ScriptedServer(healthy) as server:
        desk = Desk().watch(watched(server))

        def ask_in_the_next_turn_of_the_loop(*_: object) -> None:
            # The check's task is then done, but its callbacks have not run yet.
            asyncio.get_running_loop().call_soon(desk.engine.recheck, ["fra1"])

        desk.engine.listen(ask_in_the_next_turn_of_the_loop)
        async with at_work(desk):
            await desk.run_round()
            await desk.run_round()


async def test_a_server_is_not_checked_twice_at_the_same_time() -> None:
    async with ScriptedServer(silence) as server:
        impatient = dataclasses.replace(watched(server), timeout=0.1)
        async with at_work(Desk().watch(impatient)) as desk:
            await server.wait_for_packets(1)
            for _ in range(5):
                desk.engine.recheck(["fra1"])
                await asyncio.sleep(0)
            assert len(desk.engine._in_flight) == 1
            await desk.run_round()
            next_due = desk.engine.schedule.next_due()
            assert next_due is not None
            assert next_due - asyncio.get_running_loop().time() > RARELY_S / 3
    assert len(server.initiations) == 2  # of one check


# What


async def test_the_fleet_state_follows_the_diagnoses() -> None:
    identity_known = LabSetup(SERVER, (LabPeer(IDENTITY.public),))
    async with LabServer(identity_known) as lab:
        server = by_handshake_alone(lab, "fra1")
        async with at_work(Desk().watch(server)) as desk:
            seen = []
            for mode in (
                LabMode.HEALTHY,
                LabMode.UNDER_LOAD,
                LabMode.SILENT,
                LabMode.CLOSED,
                LabMode.HEALTHY,
            ):
                lab.set_mode(mode)
                desk.engine.recheck(["fra1"])
                await desk.run_round()
                seen.append((desk.server_state().status_word, desk.server_state().severity))
    assert seen == [
        ("healthy", Severity.UP),
        ("under-load", Severity.DEGRADED),
        ("silent", Severity.DOWN),
        ("port-closed", Severity.DOWN),
        ("healthy", Severity.UP),
    ]


async def test_of_many_servers_only_the_broken_one_is_down() -> None:
    labs = [
        LabServer(LabSetup(PrivateKey.generate(), (LabPeer(IDENTITY.public),)), LabBehaviour(mode))
        for mode in (LabMode.HEALTHY, LabMode.WRONG_PSK, LabMode.HEALTHY)
    ]
    servers = [by_handshake_alone(lab, f"server-{number}") for number, lab in enumerate(labs)]
    for lab in labs:
        await lab.start()
    async with at_work(Desk().watch(*servers)) as desk:
        for _ in labs:
            await desk.run_round()
        words = [desk.server_state(server.name).status_word for server in servers]
    for lab in labs:
        await lab.stop()
    assert words == ["healthy", "psk-mismatch", "healthy"]


async def test_a_server_without_its_keys_is_unknown_with_the_reason() -> None:
    line = 'servers.toml: server "fra1": key preshared_key_file: no such file'
    async with ScriptedServer(healthy) as server:
        desk = Desk()
        desk.engine.watch([watched(server)], {}, {"fra1": line})
        async with at_work(desk):
            _, outcome = await desk.run_round()
    assert (outcome.diagnosis.verdict, outcome.diagnosis.summary) == (Verdict.MISCONFIGURED, line)
    assert desk.server_state().severity is Severity.UNKNOWN
    assert desk.server_state().samples.loss() is None
    assert server.received == []


# Pause


async def test_a_paused_server_is_not_checked_until_it_is_resumed() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(watched(server))) as desk:
        await desk.run_round()
        desk.engine.pause(["fra1", "nobody"], True)
        desk.engine.recheck(["fra1"])
        assert desk.engine.schedule.next_due() is None
        assert desk.server_state().severity is Severity.PAUSED
        desk.engine.pause(["fra1"], False)
        await desk.run_round()
        assert desk.server_state().severity is Severity.UP


async def test_a_server_that_the_file_pauses_is_not_checked() -> None:
    async with ScriptedServer(healthy) as server:
        paused, other = dataclasses.replace(watched(server), paused=True), watched(server, "nyc1")
        async with at_work(Desk().watch(paused, other)) as desk:
            assert (await desk.run_round())[0] == "nyc1"
    assert len(server.initiations) == 1


async def test_a_pause_during_a_check_ends_with_that_check() -> None:
    async with ScriptedServer(silence) as server:
        impatient = dataclasses.replace(watched(server, interval=0.01), timeout=0.1)
        async with at_work(Desk().watch(impatient)) as desk:
            await server.wait_for_packets(1)
            desk.engine.pause(["fra1"], True)
            await desk.run_round()
            assert desk.engine.schedule.next_due() is None


# Adding and removing servers


async def test_a_server_that_is_removed_during_its_check_is_forgotten() -> None:
    async with ScriptedServer(silence) as server:
        impatient = dataclasses.replace(watched(server), timeout=0.1)
        async with at_work(Desk().watch(impatient)) as desk:
            await server.wait_for_packets(1)
            desk.watch()
            await desk.in_flight()
            assert desk.engine.schedule.next_due() is None
            assert desk.rounds.empty()
            assert desk.engine.fleet_state.states == {}


async def test_a_server_that_is_removed_and_added_again_during_its_check_is_checked_again() -> None:
    async with ScriptedServer(silence) as server:
        impatient = dataclasses.replace(watched(server), timeout=0.1)
        async with at_work(Desk().watch(impatient)) as desk:
            await server.wait_for_packets(1)
            desk.watch()
            desk.watch(impatient)
            server.script = healthy
            await desk.in_flight()
            await desk.run_round()
            assert desk.server_state().severity is Severity.UP


async def test_a_changed_server_is_checked_where_it_is_now() -> None:
    async with (
        ScriptedServer(healthy) as old,
        ScriptedServer(healthy) as new,
        at_work(Desk().watch(watched(old))) as desk,
    ):
        await desk.run_round()
        desk.watch(watched(new))
        desk.engine.recheck(["fra1"])
        await desk.run_round()
        assert len(desk.server_state().samples) == 2
    assert len(old.initiations) == len(new.initiations) == 1


# How it ends


async def test_a_listener_that_raises_ends_the_engine_with_its_error() -> None:
    def raises(*_: object) -> None:
        raise ZeroDivisionError

    async with ScriptedServer(healthy) as server:
        desk = Desk().watch(watched(server))
        desk.engine.listen(raises)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ZeroDivisionError):
                await desk.engine.run()
    assert desk.prober.ports == ()


async def test_a_fault_in_a_check_ends_the_engine_with_its_error() -> None:
    def has_no_stamp(_: PublicKey) -> bytes:
        raise ZeroDivisionError

    async with ScriptedServer(healthy) as server:
        engine = Engine(Prober(timestamps=has_no_stamp))
        engine.watch([watched(server)], {"fra1": Target(watched(server), IDENTITY)}, {})
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ZeroDivisionError):
                await engine.run()


async def test_cancelled_it_gives_up_its_checks_and_closes_its_sockets() -> None:
    async with ScriptedServer(silence) as server:
        desk = Desk().watch(watched(server))
        async with at_work(desk):
            await server.wait_for_packets(1)
        assert desk.running is not None
        assert desk.running.cancelled()
        assert desk.engine._in_flight == {}
        assert desk.prober.ports == ()
        assert desk.rounds.empty()


async def test_the_rate_counts_finished_checks() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(watched(server))) as desk:
        assert desk.engine.checks_per_second == 0
        await desk.run_round()
        assert desk.engine.checks_per_second == pytest.approx(1 / 5)
