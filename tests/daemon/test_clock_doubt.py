"""A clock far ahead of everything known: nothing is sent with its time until the operator trusts it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, Program, healthy, running_writer, until, write_config
from wgmon_tui.checks import tai64n
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.lab.server import LabServer
from wgmon_tui.store.identity_lock import identity_digest

DAY_NS = 86_400 * 10**9


def write_last_stamp(state: Path, *, days_ago: int) -> None:
    """Write a last timestamp as old as if the clock had jumped this far ahead since."""
    stamps = state / "stamps"
    stamps.mkdir(parents=True)
    at_ns = time.time_ns() - days_ago * DAY_NS
    (stamps / identity_digest(CLIENT.public).hex()).write_bytes(tai64n.encode(at_ns))


def greatest_stamp(lab: LabServer) -> int:
    """The stamp that the server remembers of the identity; 0 if it saw none."""
    seen = lab._peers[CLIENT.public]._greatest_stamp
    return tai64n.decode(seen) if any(seen) else 0


async def test_run_holds_its_checks_until_the_operator_trusts_the_clock(tmp_path: Path) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    write_last_stamp(state, days_ago=3650)
    async with healthy("fra1") as (lab, server):
        write_config(config, server)
        program = Program("--config", config, "--state", state, "run")
        try:
            line = await asyncio.to_thread(program.line_with, "checks are held")
            assert "3650 d later" in line
            assert "poison the identity" in line
            assert "wgmon-tui doctor --trust-clock" in line
            assert greatest_stamp(lab) == 0
            trust = Program("--state", state, "doctor", "--trust-clock")
            code, out, err = await asyncio.to_thread(trust.end)
            assert (code, err) == (0, "")
            assert "is trusted" in out
            await until(lambda: greatest_stamp(lab))
            await asyncio.to_thread(program.line_with, "resolved: checks are held")
        finally:
            program.process.kill()
            program.end()


@pytest.mark.thorough
async def test_probe_without_a_terminal_warns_and_sends_nothing(tmp_path: Path) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    write_last_stamp(state, days_ago=3650)
    async with healthy("fra1") as (lab, server):
        write_config(config, server)
        program = Program("--config", config, "--state", state, "probe", "--quick")
        code, out, err = await asyncio.to_thread(program.end)
        assert code == 3
        assert "far ahead" in out
        assert err.count("checks are held") == 1
        assert greatest_stamp(lab) == 0


@pytest.mark.thorough
async def test_probe_after_a_month_without_use_sends(tmp_path: Path) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    write_last_stamp(state, days_ago=29)
    async with healthy("fra1") as (_, server):
        write_config(config, server)
        program = Program("--config", config, "--state", state, "probe", "--quick")
        code, _, err = await asyncio.to_thread(program.end)
        assert (code, err) == (0, "")


async def test_a_jump_while_it_runs_is_reported_once_and_no_server_sees_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, state, jumped_ns, real = tmp_path / "config", tmp_path / "state", [0], time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + jumped_ns[0])
    monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9)
    async with healthy("fra1") as (lab, server):
        write_config(config, server)
        writer = build_writer(state, load_config(config), WriterLock.acquire(state), config_dir=config)
        async with running_writer(writer):
            await until(lambda: greatest_stamp(lab))
            assert not any("clock" in line for line in writer.warnings)
            writer.mute(["fra1"], real() / 1e9 + 3600)
            jumped_ns[0] = 730 * DAY_NS
            before = greatest_stamp(lab)
            await until(lambda: greatest_stamp(lab) > before)
            assert greatest_stamp(lab) < real() + DAY_NS
            [line] = list(writer.warnings)
            assert line.startswith("the clock of this machine jumped forward by 730 d")
            assert "poison identities" in line
            assert list(writer.warnings) == [line]
            writer.engine._timers.apply()
            assert writer.fleet_state.states["fra1"].muted_until is not None
