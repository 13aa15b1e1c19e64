"""Tests of the event loop's lag: what it measures, and what a starved check means."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.protocols.wireguard.harness import (
    ScriptedServer,
    check,
    evidence_of_kind,
    healthy,
    make_target,
    opened_prober,
    response_to,
)
from tests.protocols.wireguard.sample_evidence import SERVER, SILENCE
from tests.protocols.wireguard.sample_evidence import check as unanswered
from wgmon_tui.checks.check import Handshake
from wgmon_tui.checks.evidence import Evidence, MachineStarved, Silence
from wgmon_tui.checks.evidence_selection import is_only_silence
from wgmon_tui.checks.loop_lag import STARVED_S, TICK_S, LoopLag
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.protocols.wireguard.diagnose import diagnose

BLOCKED_S = STARVED_S + 2 * TICK_S
PATIENCE_S = 30.0


async def test_a_blocked_loop_shows_as_lag_at_once_and_afterwards() -> None:
    lag = LoopLag()
    lag.start()
    began = time.monotonic()
    time.sleep(BLOCKED_S)  # noqa: ASYNC251  the loop must be blocked
    assert lag.worst_since(began) >= STARVED_S
    await asyncio.sleep(TICK_S)
    assert lag.worst_since(began) >= STARVED_S
    assert lag.worst_since(time.monotonic()) < STARVED_S
    lag.stop()


async def test_a_check_of_a_starved_process_carries_the_evidence() -> None:
    def blocks(initiation: bytes) -> Iterable[bytes]:
        time.sleep(BLOCKED_S)
        return (response_to(initiation),)

    async with ScriptedServer(blocks) as server, opened_prober() as prober:
        found = await check(prober, make_target(server.endpoint))
        assert evidence_of_kind(MachineStarved, found)[0].lag >= STARVED_S
        server.script = healthy
        async with asyncio.timeout(PATIENCE_S):  # the machine may really be starved now and then
            while evidence_of_kind(MachineStarved, await check(prober, make_target(server.endpoint))):
                pass


STARVED = MachineStarved(1.2)


def test_a_starved_check_without_an_answer_is_silence_too_so_that_late_answers_are_awaited() -> None:
    assert is_only_silence([Silence(5.0), STARVED])


def slow(*evidence: Evidence) -> tuple[Verdict, str]:
    found = diagnose(unanswered(*evidence, handshake=Handshake(0.9)), replace(SERVER, tunnel=False))
    return found.verdict, found.summary


def test_a_starved_machine_calls_no_server_slow() -> None:
    assert slow()[0] is Verdict.SLOW
    verdict, summary = slow(STARVED)
    assert verdict is Verdict.LOCAL_FAULT
    assert verdict.severity is Severity.UNKNOWN
    assert "waited 1.20 s for the processor" in summary


def test_a_server_that_is_slow_by_more_than_the_lag_is_slow() -> None:
    too_slow = unanswered(STARVED, handshake=Handshake(SERVER.slow + STARVED.lag + 0.1))
    assert diagnose(too_slow, replace(SERVER, tunnel=False)).verdict is Verdict.SLOW


def test_silence_is_silence_on_a_starved_machine_too() -> None:
    """The kernel keeps what arrives until this process reads it."""
    assert diagnose(unanswered(SILENCE, STARVED), SERVER).verdict is Verdict.SILENT


async def test_of_a_lag_that_began_before_a_check_only_the_rest_counts() -> None:
    lag = LoopLag()
    with lag.running():
        time.sleep(BLOCKED_S)  # noqa: ASYNC251  the loop must be blocked
        began = time.monotonic()
        await asyncio.sleep(TICK_S)
        assert lag.find_starvation(began) is None


async def test_the_timer_runs_until_the_last_check_ends() -> None:
    lag = LoopLag()
    with lag.running():
        with lag.running():
            began = time.monotonic()
        time.sleep(BLOCKED_S)  # noqa: ASYNC251  the loop must be blocked
        assert lag.find_starvation(began) is not None
    began = time.monotonic()
    time.sleep(BLOCKED_S)  # noqa: ASYNC251  the loop must be blocked
    assert lag.find_starvation(began) is None, "nobody measures now"


STOPPED = """\
import asyncio, sys, time
from wgmon_tui.checks.loop_lag import LoopLag

async def main():
    lag, began = LoopLag(), time.monotonic()
    with lag.running():
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print(lag.find_starvation(began))

asyncio.run(main())
"""


@pytest.mark.thorough
def test_a_process_that_is_stopped_knows_it_afterwards() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(BLOCKED_S)
        process.send_signal(signal.SIGCONT)
        process.stdin.write("\n")
        process.stdin.close()
        assert process.stdout.readline().startswith("MachineStarved(")
