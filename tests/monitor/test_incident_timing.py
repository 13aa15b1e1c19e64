"""Tests of incident timing: quick rechecks, and no verdict before the uplink is known to work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from math import nan

import pytest

from tests.monitor.sample_rounds import rounds
from tests.monitor.test_engine import Desk, at_work, watched
from tests.protocols.wireguard.harness import SERVER, ScriptedServer, healthy, silence
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor import rechecks, uplink_doubts
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, Incident, IncidentEvent
from wgmon_tui.monitor.known_state import KnownState
from wgmon_tui.monitor.loss_window import Losses, LossWindow, window_of
from wgmon_tui.net.addresses import Endpoint

pytestmark = pytest.mark.repeated_if_starved(0.05)
"""Half the shortest timeout of these checks."""

UP, DOWN = Severity.UP, Severity.DOWN
TRIO = ("fra1", "nyc1", "syd1")
HALF_MINUTE_S = 30.0


@pytest.fixture(autouse=True)
def at_the_pace_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "RECHECK_S", 0.05)
    monkeypatch.setattr(uplink_doubts, "DOUBT_S", 0.3)


def damped(server: ScriptedServer, name: str = "fra1", *, interval: float = 3600.0) -> Server:
    """Return a server with the usual thresholds. Its interval is so long that only rechecks run."""
    return replace(watched(server, name, interval=interval), timeout=0.1, fail_after=2, recover_after=2)


def happened(desk: Desk) -> list[tuple[EventKind, str]]:
    return [(event.kind, event.incident.server) for event in desk.events]


# Quick rechecks


async def test_an_outage_is_settled_by_checks_that_follow_at_once() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(damped(server))) as desk:
        await rounds(desk, ["fra1"])
        server.script = silence
        await rounds(desk, ["fra1"])
        assert (desk.server_state().severity, desk.server_state().progress) == (UP, (1, 2))
        await desk.run_round()
        assert desk.server_state().severity is DOWN
        assert happened(desk) == [(EventKind.OPENED, "fra1")]
        due = desk.engine.schedule.next_due()
        assert due is not None
        assert (
            due - asyncio.get_running_loop().time() > HALF_MINUTE_S
        )  # a settled state needs no quick recheck


async def test_a_check_that_is_lost_is_no_incident() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(damped(server))) as desk:
        await rounds(desk, ["fra1"])
        server.script = silence
        await rounds(desk, ["fra1"])
        server.script = healthy
        await desk.run_round()
        assert (desk.server_state().severity, desk.server_state().progress) == (UP, None)
    assert desk.events == []


async def test_the_very_first_failure_gets_quick_rechecks_too() -> None:
    async with ScriptedServer(silence) as server, at_work(Desk().watch(damped(server))) as desk:
        await desk.run_round()
        assert desk.server_state().severity is Severity.UNKNOWN
        await desk.run_round()
        assert desk.server_state().severity is DOWN


async def test_a_server_that_comes_back_is_up_after_two_checks() -> None:
    async with ScriptedServer(silence) as server, at_work(Desk().watch(damped(server))) as desk:
        await rounds(desk, ["fra1", "fra1"])
        server.script = healthy
        await rounds(desk, ["fra1"])
        await desk.run_round()
        assert desk.server_state().severity is UP
    assert [event.kind for event in desk.events] == [EventKind.OPENED, EventKind.CLOSED]
    assert len({event.incident.id for event in desk.events}) == 1


async def test_quick_rechecks_are_never_more_frequent_than_the_interval() -> None:
    async with ScriptedServer(healthy) as server:
        quick = damped(server, interval=0.02)
        async with at_work(Desk().watch(quick)) as desk:
            await desk.run_round()
            desk.engine._rechecks.schedule_recheck("fra1", 1.0, 0.02)
            due = desk.engine.schedule.next_due()
            assert due is not None
            assert due - asyncio.get_running_loop().time() < 0.03


async def test_where_many_fall_at_once_each_waits_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "RECHECKS_PER_S", 0.05)
    async with ScriptedServer(silence) as server, at_work(Desk().watch(damped(server))) as desk:
        await desk.run_round()
        due = desk.engine.schedule.next_due()
        assert due is not None
        assert due - asyncio.get_running_loop().time() > HALF_MINUTE_S / 2


# Known loss

LOSES_A_SIXTH = LossWindow((Losses(2, 1), *[Losses(1)] * 4) * 4, is_lossy=True)


def known_as_lossy(desk: Desk) -> ServerState:
    server_state = desk.server_state()
    server_state.losses = tuple((address, LOSES_A_SIXTH) for address, _ in server_state.losses)
    return server_state


async def test_one_silent_check_of_a_lossy_server_is_part_of_its_loss() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(damped(server))) as desk:
        await rounds(desk, ["fra1"])
        server_state = known_as_lossy(desk)
        server.script = silence
        await rounds(desk, ["fra1"])
        assert server_state.last
        diagnosis = server_state.last.diagnosis
        assert diagnosis.verdict is Verdict.LOSSY
        assert "3 of 22 initiations were lost" in diagnosis.summary
        assert diagnosis.causes[0].cause.startswith("packets are lost on the path")
        assert window_of(server_state.losses, server_state.last.check.address).checks[-1] == Losses(2, 2)


async def test_an_outage_of_a_lossy_server_is_known_after_checks_that_follow_at_once() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(damped(server))) as desk:
        await rounds(desk, ["fra1"])
        server_state = known_as_lossy(desk)
        server.script = silence
        await rounds(desk, ["fra1"])
        assert server_state.status_word == "lossy"
        followed = [(await desk.run_round())[1].diagnosis.verdict for _ in range(2)]
        assert followed == [Verdict.SILENT, Verdict.SILENT]
        assert server_state.severity is DOWN
        assert happened(desk)[0] == (EventKind.OPENED, "fra1")


# In doubt


async def test_in_a_small_fleet_witnesses_are_asked_and_the_failure_counts() -> None:
    async with (
        ScriptedServer(healthy) as well,
        ScriptedServer(healthy) as ill,
        at_work(Desk().watch(damped(ill), damped(well, "nyc1"), damped(well, "syd1"))) as desk,
    ):
        await rounds(desk, TRIO)
        ill.script = silence
        await rounds(desk, ["fra1"])
        assert (
            desk.server_state().severity,
            desk.server_state().status_word,
            desk.server_state().progress,
        ) == (UP, "silent", None)
        asked = {(await desk.run_round())[0] for _ in range(2)}
        assert asked == {"nyc1", "syd1"}
        assert desk.server_state().progress == (1, 2)
        while desk.server_state().severity is UP:
            await desk.run_round()
    assert happened(desk) == [(EventKind.OPENED, "fra1")]


async def test_who_is_down_already_troubles_no_witnesses() -> None:
    async with (
        ScriptedServer(healthy) as well,
        ScriptedServer(silence) as ill,
        at_work(Desk().watch(damped(ill), damped(well, "nyc1"), damped(well, "syd1"))) as desk,
    ):
        while desk.server_state().severity is not DOWN:
            await desk.run_round()
        await desk.in_flight()
        asked = len(well.initiations)
        await rounds(desk, ["fra1"])
        assert desk.engine._doubts.witnesses == set()
    assert len(well.initiations) == asked


@pytest.mark.thorough  # this test is about the seconds of a doubtful failure
@pytest.mark.parametrize("size", [3, 6])
async def test_an_uplink_that_fails_for_a_while_opens_no_incident(size: int) -> None:
    names = [f"server-{number}" for number in range(size)]
    async with ScriptedServer(healthy) as server:
        fleet = [damped(server, name, interval=0.4) for name in names]
        async with at_work(Desk().watch(*fleet)) as desk:

            async def until_all_are(severity: Severity) -> None:
                while any(desk.server_state(name).severity is not severity for name in names):
                    await desk.run_round()

            await until_all_are(UP)
            for _ in range(2):
                server.script = silence
                await until_all_are(Severity.UNKNOWN)
                assert {desk.server_state(name).status_word for name in names} == {"local-fault"}
                server.script = healthy
                await until_all_are(UP)
    assert desk.events == []


async def test_a_start_without_an_uplink_blames_no_healthy_server() -> None:
    async with ScriptedServer(silence) as server:
        desk = Desk().watch(*(damped(server, name) for name in TRIO))
        for name in TRIO:
            desk.engine.restore(name, KnownState(severity=UP, since=1.0, damping=Damping(UP, (UP, UP))))
        async with at_work(desk):
            while {desk.server_state(name).status_word for name in TRIO} != {"local-fault"}:
                await desk.run_round()
    assert desk.events == []


# Witnesses, and requests from outside

KNOWN = Incident("abc", "fra1", "local", 50.0, Verdict.SILENT, DOWN, "Nothing came back.")


async def test_an_incident_goes_on_over_a_restart_as_the_same_one() -> None:
    async with ScriptedServer(healthy) as server:
        desk = Desk().watch(damped(server))
        desk.engine.restore(
            "fra1",
            KnownState(
                severity=DOWN,
                since=50.0,
                damping=Damping(DOWN, (DOWN, DOWN), failed_at=60.0),
                samples=[0.02, nan],
                verdict=Verdict.SILENT,
                port_monitor="open|filtered",
                incident=KNOWN,
            ),
        )
        server_state = desk.server_state()
        assert (
            server_state.severity,
            server_state.since,
            server_state.status_word,
            server_state.incident,
        ) == (DOWN, 50.0, "silent", KNOWN)
        assert server_state.samples.recent(5) == pytest.approx([0.02, None], rel=0.0005)
        async with at_work(desk):
            await desk.run_round()
            await desk.run_round()
    [event] = desk.events
    assert (event.kind, event.incident.id, desk.server_state().severity) == (EventKind.CLOSED, "abc", UP)


async def test_a_restore_of_an_unknown_server_or_after_its_first_check_is_ignored() -> None:
    async with ScriptedServer(healthy) as server, at_work(Desk().watch(damped(server))) as desk:
        await desk.run_round()
        for name in ("nobody", "fra1"):
            desk.engine.restore(
                name, KnownState(severity=DOWN, since=1.0, damping=Damping(DOWN), incident=KNOWN)
            )
        assert (desk.server_state().severity, desk.server_state().incident) == (UP, None)


async def test_a_server_that_was_paused_stays_so_over_a_restart() -> None:
    async with ScriptedServer(healthy) as server:
        desk = Desk().watch(damped(server))
        desk.engine.restore("fra1", KnownState(severity=UP, since=50.0, damping=Damping(UP), paused=True))
        assert desk.server_state().severity is Severity.PAUSED
        assert desk.engine.schedule.next_due() is None


class ListenerCalls:
    """The calls of a listener, without the rounds."""

    def __init__(self, desk: Desk) -> None:
        self.calls: list[tuple[str, Severity, list[tuple[EventKind, str, str]]]] = []
        desk.engine.listen(self._listen)

    def _listen(
        self, server_state: ServerState, outcome: Round | None, events: Iterable[IncidentEvent]
    ) -> None:
        if outcome is None:
            fields = [(event.kind, event.who, event.note) for event in events]
            self.calls.append((server_state.server.name, server_state.severity, fields))


NOT_CHECKED = Server("fra1", Endpoint("192.0.2.7", 51820), SERVER.public, "bastion")


def down() -> Desk:
    """Return an idle engine, with an incident that another process opened."""
    desk = Desk().watch(NOT_CHECKED)
    desk.engine.restore("fra1", KnownState(severity=DOWN, since=50.0, damping=Damping(DOWN), incident=KNOWN))
    return desk


def test_listeners_get_who_acknowledged_and_paused() -> None:
    desk = down()
    listener = ListenerCalls(desk)
    desk.engine.acknowledge(["fra1", "nobody"], "alice", "on my way")
    desk.engine.pause(["fra1", "nobody"], True, "bob")
    desk.engine.pause(["fra1"], True, "carol")
    desk.engine.pause(["fra1"], False)
    assert listener.calls == [
        ("fra1", DOWN, [(EventKind.ACKNOWLEDGED, "alice", "on my way")]),
        ("fra1", Severity.PAUSED, [(EventKind.CLOSED, "bob", "paused")]),
        ("fra1", Severity.UNKNOWN, []),
    ]


def test_a_server_that_leaves_the_file_ends_its_incident() -> None:
    desk = down()
    listener = ListenerCalls(desk)
    desk.watch()
    assert listener.calls == [("fra1", DOWN, [(EventKind.CLOSED, "", "left servers.toml")])]
    assert desk.engine.fleet_state.states == {}


def test_a_pause_in_the_file_or_its_removal_takes_effect() -> None:
    desk = Desk().watch(NOT_CHECKED)
    paused = replace(NOT_CHECKED, paused=True)
    desk.watch(paused)
    assert (desk.server_state().severity, desk.server_state().paused_by) == (Severity.PAUSED, "servers.toml")
    desk.engine.pause(["fra1"], False, "alice")
    desk.watch(replace(paused, tags=("eu",)))
    assert desk.server_state().severity is Severity.UNKNOWN  # another line of the entry changed
    desk.engine.pause(["fra1"], True, "alice")
    desk.watch(NOT_CHECKED)
    assert desk.server_state().severity is Severity.UNKNOWN
    assert desk.engine.schedule.next_due() is not None
