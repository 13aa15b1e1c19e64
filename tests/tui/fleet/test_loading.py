"""Servers appear on the fleet screen while they are read. The reading thread waits where a test says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.harness import quick_server, until, write_config
from tests.parameters import default_run
from tests.tui.app_harness import Face, face
from tests.tui.sample_fleet import QuietEngine, server
from wgmon_tui.config import servers_toml
from wgmon_tui.config.shard import Shard
from wgmon_tui.daemon import store_follower
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.role import RoleManager
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.monitor.controller import LoadingProgress
from wgmon_tui.tui.app import WgmonApp

_NAMES = tuple(f"server-{number}" for number in range(6))
_WAITS_AT = _NAMES[4]
"""The server before which the reading thread waits. Two servers are read at a time."""


@contextmanager
def reading_slowly(monkeypatch: pytest.MonkeyPatch, module: Any, function: str) -> Iterator[threading.Event]:
    """Read two servers at a time with `function` of `module`, and wait in the third part for the event."""
    read, go_on = getattr(module, function), threading.Event()

    def wait_and_read(*arguments: Any) -> Any:
        if _WAITS_AT in arguments[0]:
            go_on.wait()
        return read(*arguments)

    monkeypatch.setattr(module, "_PART", 2)
    monkeypatch.setattr(module, function, wait_and_read)
    try:
        yield go_on
    finally:
        go_on.set()


def fleet_in(tmp_path: Path) -> tuple[Path, Path]:
    config, state = tmp_path / "config", tmp_path / "state"
    write_config(config, *map(quick_server, _NAMES))
    return config, state


def totals_of(it: Face) -> str:
    """The line of totals; on a busy machine, a line above it may say that nobody answers."""
    return "\n".join(it.lines()[:2])


async def shown(role_manager: RoleManager, go_on: threading.Event) -> tuple[str, str]:
    """The screen while the reading waits, and once it is complete."""
    app, before = WgmonApp(role_manager, title="bastion"), asyncio.all_tasks()
    async with app.run_test(size=(140, 24)) as pilot:
        it = Face(app, QuietEngine(), pilot)
        try:
            await until(lambda: "server-3" in "\n".join(it.lines()))
            await until(lambda: "4 of 6 servers" in totals_of(it))
            meanwhile = "\n".join(it.lines())
        finally:
            go_on.set()  # the app waits for the reading thread when it ends
        await until(lambda: "server-5" in "\n".join(it.lines()))
        await until(lambda: "of 6 servers" not in totals_of(it))
        at_last = "\n".join(it.lines())
    await ended(before)
    return meanwhile, at_last


async def ended(before: set[asyncio.Task[object]]) -> None:
    """Wait for the tasks that came since: the engine closes its store."""
    await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)


async def test_servers_of_a_long_file_appear_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, state = fleet_in(tmp_path)
    with reading_slowly(monkeypatch, servers_toml, "_block") as go_on:
        role_manager = RoleManager(config, state, reads_later=True)
        meanwhile, at_last = await shown(role_manager, go_on)
    assert "4 of 6 servers · reading servers.toml" in meanwhile
    assert not any(name in meanwhile for name in _NAMES[4:])
    assert all(name in at_last for name in _NAMES)


@pytest.mark.parametrize("read_only", default_run([False], [False, True]))
async def test_servers_of_a_long_history_appear_while_a_viewer_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    config, state = fleet_in(tmp_path)
    writer = build_writer(state, load_config(config), WriterLock.acquire(state))
    try:
        writer.pause([_NAMES[0]], True)
        await asyncio.wrap_future(writer._recorder.flush())
        with reading_slowly(monkeypatch, store_follower, "server_from_entry") as go_on:
            role_manager = RoleManager(config, state, read_only=read_only)
            meanwhile, at_last = await shown(role_manager, go_on)
    finally:
        writer.close()
    assert "4 of 6 servers · reading the history" in meanwhile
    assert "paused" in next(line for line in meanwhile.splitlines() if _NAMES[0] in line)
    assert not any(name in meanwhile for name in _NAMES[4:])
    assert all(name in at_last for name in _NAMES)


async def test_a_runner_shows_only_its_servers_while_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = Shard(1, 2)
    mine = {name for name in _NAMES[:4] if shard.covers(name)}
    config, state = fleet_in(tmp_path)
    with reading_slowly(monkeypatch, servers_toml, "_block") as go_on:
        role_manager = RoleManager(config, state, shard, reads_later=True)
        app, before = WgmonApp(role_manager, title="bastion"), asyncio.all_tasks()
        async with app.run_test(size=(140, 24)):
            try:
                await until(lambda: role_manager.loading == LoadingProgress("servers.toml", 4, 6))
                assert set(role_manager.fleet_state.states) == mine
            finally:
                go_on.set()
        await ended(before)
    assert mine


class LoadingEngine(QuietEngine):
    """Has read two of four servers."""

    loading: LoadingProgress | None = LoadingProgress("servers.toml", 2, 4)


async def test_a_request_is_refused_while_the_servers_are_read() -> None:
    engine = LoadingEngine([server("ams1"), server("fra1")])
    async with face(engine) as it:
        await it.press("p")
        assert it.notices() == ["The servers are still being read. Try again in a moment."]
        assert not engine.fleet_state.states["ams1"].paused


async def test_a_failure_while_the_servers_are_read_does_not_promise_that_they_appear() -> None:
    async with face(LoadingEngine([server("ams1")])) as it:
        it.app.engine_failure = "Checks have stopped: OSError. The data shown is old. Quit and start again."
        await it.press("p")
        assert it.notices() == ["Checks have stopped. Quit and start again."]


async def test_a_file_without_servers_ends_the_reading_with_the_first_steps() -> None:
    engine = LoadingEngine()
    async with face(engine) as it:
        engine.loading = None
        await until(lambda: "No servers yet." in "\n".join(it.lines()))
