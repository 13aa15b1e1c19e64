"""A writer whose checks run in worker processes: the same guarantees as without any."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.daemon.harness import until, write_config
from tests.workers.harness import ReceivedStamps, Workplace, is_running, kill, working
from wgmon_tui.checks.context_evidence import IdentityUsedElsewhere
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab import peer as lab_peer
from wgmon_tui.lab.models import LabMode
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.workers import worker_process


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Workplace]:
    monkeypatch.setattr(lab_peer.PeerState, "accept_initiation", lab_peer.PeerState.accept_initiation)
    async with working(tmp_path) as found:
        yield found


def severities(place: Workplace) -> set[Severity]:
    return {each.severity for each in place.writer.fleet_state.states.values()}


async def test_the_workers_check_each_their_servers_and_end_with_the_writer(place: Workplace) -> None:
    await place.each_checked(2)
    assert severities(place) == {Severity.UP}
    evidence = [each for _, outcome in place.rounds for each in outcome.check.evidence]
    assert not [each for each in evidence if isinstance(each, IdentityUsedElsewhere)]
    first, second = place.workers
    assert first.servers + second.servers == len(place.servers)
    assert min(first.checks, second.checks) >= 2 or 0 in (first.servers, second.servers)
    place.running.cancel()
    await asyncio.gather(place.running, return_exceptions=True)
    assert not is_running(first.pid)
    assert not is_running(second.pid)


async def test_a_killed_worker_starts_again_and_none_of_its_servers_is_called_down(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamps = ReceivedStamps()
    stamps.watch(monkeypatch)
    busiest = max(range(2), key=lambda number: place.workers[number].servers)
    before = place.workers[busiest].pid
    place.rounds.clear()
    kill(before)
    await place.restarted(busiest, before)
    await until(lambda: {name for name, _ in place.rounds} >= {each.name for each in place.servers})
    await place.each_checked(2)
    assert {outcome.diagnosis.verdict for _, outcome in place.rounds} == {Verdict.HEALTHY}
    assert severities(place) == {Severity.UP}
    assert stamps.refused == 0
    assert all(one < other for seen in stamps.by_peer.values() for one, other in pairwise(seen))
    [line] = place.log
    assert line.startswith(f"worker {busiest + 1} (pid {before}) ended: signal 9; it starts again in 0.5 s")


@pytest.mark.thorough  # the test below sees a failure too
async def test_a_failure_is_seen_and_its_recovery_too(place: Workplace) -> None:
    place.labs[0].set_mode(LabMode.CLOSED)
    await until(lambda: place.writer.fleet_state.states["fra0"].severity is Severity.DOWN)
    place.labs[0].set_mode(LabMode.HEALTHY)
    await until(lambda: severities(place) == {Severity.UP})


async def test_when_all_fall_silent_at_once_the_uplink_is_blamed_whichever_worker_checks(
    place: Workplace,
) -> None:
    for lab in place.labs:
        lab.set_mode(LabMode.SILENT)
    states = place.writer.fleet_state.states.values()
    await until(
        lambda: {each.last.diagnosis.verdict for each in states if each.last} == {Verdict.LOCAL_FAULT}
    )
    assert not [each for each in states if each.incident]


@pytest.mark.thorough
async def test_a_changed_key_is_used_at_once_and_no_check_is_made_twice(place: Workplace) -> None:
    changed = replace(place.servers[0], public_key=PrivateKey.generate().public, note="another peer")
    write_config(place.directory / "config", changed, *place.servers[1:-1])
    await until(lambda: any("reloaded: 3 servers" in line for line in place.log))
    await until(lambda: place.writer.fleet_state.states["fra0"].severity is Severity.DOWN)
    assert sum(each.servers for each in place.workers) == 3
    write_config(place.directory / "config", *place.servers)
    await until(lambda: severities(place) == {Severity.UP} and len(place.writer.fleet_state.states) == 4)


async def test_pause_resume_and_a_requested_round(place: Workplace) -> None:
    engine = place.writer.engine
    place.writer.pause(["fra1"], True)
    await place.writer.engine.request_round("fra2", CheckDepth(deep=True))
    place.rounds.clear()
    await until(lambda: [name for name, _ in place.rounds].count("fra2") >= 3)
    assert [name for name, _ in place.rounds].count("fra1") <= 1  # that in flight
    place.writer.pause(["fra1"], False)
    outcome = await engine.request_round("fra1", CheckDepth(deep=True, explain=True))
    assert outcome.diagnosis.verdict is Verdict.HEALTHY


@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="no trace without an error queue")
async def test_the_worker_of_a_server_traces_its_path(place: Workplace) -> None:
    progress: list[PathTrace] = []
    options = TraceOptions(rounds=2, max_hops=2, timeout=0.3)
    trace = await place.writer.trace_path("fra0", options, progress.append)
    assert trace.is_finished
    assert trace.hops
    assert progress


@pytest.mark.thorough
@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="no trace without an error queue")
async def test_a_trace_ends_in_words_when_its_worker_does(place: Workplace) -> None:
    begun = asyncio.Event()
    options = TraceOptions(rounds=10, max_hops=2, timeout=5.0)
    tracing = asyncio.create_task(place.writer.trace_path("fra0", options, lambda _: begun.set()))
    async with asyncio.timeout(30):
        await begun.wait()
    for worker in place.workers:
        kill(worker.pid)
    with pytest.raises(TraceRefusedError, match="has ended; try again"):
        await tracing


@pytest.mark.thorough
async def test_a_check_that_ends_two_workers_is_a_fault_of_this_machine(place: Workplace) -> None:
    place.labs[0].set_mode(LabMode.SILENT)
    state = place.writer.fleet_state.states["fra0"]
    before = state.severity
    pool = place.writer._workers
    assert pool is not None
    number = next(each for each in range(2) if "fra0" in pool._workers[each].servers)
    requested = asyncio.ensure_future(place.writer.engine.request_round("fra0", CheckDepth()))
    worker = pool._workers[number]
    for _ in range(2):
        await until(
            lambda: any(each.is_sent and each.server.name == "fra0" for each in worker._checks.values())
        )
        pid = place.workers[number].pid
        kill(pid)
        await place.restarted(number, pid)
    outcome = await requested
    assert outcome.diagnosis.verdict is Verdict.LOCAL_FAULT
    assert "two worker processes of wgmon-tui ended" in " ".join(outcome.diagnosis.evidence)
    assert state.severity in (before, Severity.UNKNOWN, Severity.UP)


@pytest.mark.thorough
async def test_a_worker_that_hangs_is_killed_and_starts_again(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "_SILENT_S", 2.5)
    before = place.workers[0].pid
    os.kill(before, signal.SIGSTOP)
    try:
        await place.restarted(0, before)
    finally:
        if is_running(before):
            kill(before)
    assert any("it hung for" in line for line in place.log)
