"""Tests of the writer's alerts: from a failed server to the sink's command, and requests of viewers."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from math import inf
from pathlib import Path

import pytest

from tests.daemon.harness import healthy, quick_server, until, write_config
from tests.store.recorder_harness import query_store
from wgmon_tui.alerts.delivery_log import counts, deliveries
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.net.accounts import login_name
from wgmon_tui.store.store_version import STORE

FROM_MEMORY = "alerts are sent from memory until the store is writable"

COMMAND = """
[[sink]]
name = "file"
type = "command"
command = ["sh", "-c", "cat >> told; echo >> told"]
"""


class Scene:
    """A writer in this process, its files, and the messages its command received."""

    def __init__(self, directory: Path) -> None:
        self.config, self.state = directory / "config", directory / "state"
        self.state.mkdir()

    def sent_messages(self) -> list[str]:
        """Kind and servers of each message."""
        with suppress(FileNotFoundError):
            lines = Path("told").read_text().splitlines()
            messages = [json.loads(line) for line in lines if line]
            return [f"{each['kind']} {' '.join(i['server'] for i in each['incidents'])}" for each in messages]
        return []

    def notes(self) -> list[str | None]:
        """The reason in each message."""
        messages = [json.loads(line) for line in Path("told").read_text().splitlines() if line]
        return [each["incidents"][0]["note"] for each in messages]

    def writer(self) -> Writer:
        return build_writer(
            self.state, load_config(self.config), WriterLock.acquire(self.state), config_dir=self.config
        )


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.chdir(tmp_path)
    return Scene(tmp_path)


@asynccontextmanager
async def running(*feeds: Writer | Viewer) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(controller.run()) for controller in feeds]
    try:
        yield
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_server_that_fails_is_told_and_its_recovery_too(scene: Scene) -> None:
    async with healthy("ams1") as (lab, server):
        write_config(scene.config, server)
        (scene.config / "config.toml").write_text(COMMAND)
        writer = scene.writer()
        async with running(writer):
            await until(lambda: writer.fleet_state.states["ams1"].status_word == "healthy")
            await lab.stop()
            await until(lambda: scene.sent_messages() == ["opened ams1"])
            writer.pause(["ams1"], True)
            await until(lambda: scene.sent_messages() == ["opened ams1", "recovered ams1"])


@pytest.mark.thorough
async def test_a_viewer_mutes_a_server_and_it_lasts_through_a_restart(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"))
    (scene.config / "config.toml").write_text(COMMAND)
    writer, viewer = scene.writer(), Viewer(scene.state)
    writer.engine.pause(["ams1"], True)
    async with running(writer, viewer):
        await until(lambda: viewer.writer and "ams1" in viewer.fleet_state.states)
        viewer.mute(["ams1"], inf)
        await until(lambda: viewer.fleet_state.states["ams1"].muted_until)
        assert writer.fleet_state.states["ams1"].muted_until == inf
    writer = scene.writer()
    assert writer.fleet_state.states["ams1"].muted_until == inf
    async with running(writer):
        writer.pause(["ams1"], False)
        await until(lambda: deliveries(scene.state))
        assert deliveries(scene.state)[0].reason.startswith("muted by ")
        assert scene.sent_messages() == []
        writer.mute(["ams1"], None)
        await until(lambda: scene.sent_messages() == ["opened ams1"])


async def test_a_viewer_sends_a_test_and_hears_of_the_sinks(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"))
    (scene.config / "config.toml").write_text(COMMAND + '[[rule]]\nsinks = ["file"]\nservers = ["none"]')
    writer, viewer = scene.writer(), Viewer(scene.state)
    async with running(writer, viewer):
        await until(lambda: viewer.sinks)
        assert viewer.sinks == ("file",)
        viewer.test_sink("file")
        await until(lambda: scene.sent_messages() == ["test "])
        viewer.retry_alert(99)
        await until(lambda: viewer.warning)
        assert viewer.warning == "refused: there is no failed alert 99 to retry"


@pytest.mark.thorough
async def test_a_viewer_has_seen_what_was_given_up_and_that_lasts(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"))
    (scene.config / "config.toml").write_text(COMMAND.replace("cat >> told", "exit 3"))
    writer, viewer = scene.writer(), Viewer(scene.state)
    async with running(writer, viewer):
        await until(lambda: viewer.sinks and deliveries(scene.state))
        (scene.config / "config.toml").write_text("")
        await until(lambda: counts(scene.state).given_up == 1)
        viewer.acknowledge_alerts("file")
        await until(lambda: counts(scene.state).given_up == 0)
        viewer.acknowledge_alerts("file")
        await until(lambda: viewer.warning)
        assert viewer.warning == "refused: there are no unacknowledged failed deliveries"
    [delivery] = deliveries(scene.state)
    assert delivery.seen_by == login_name(os.geteuid())


@pytest.mark.thorough
async def test_a_new_config_takes_effect_without_a_restart(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"))
    writer = scene.writer()
    async with running(writer):
        await until(lambda: writer.fleet_state.states["ams1"].incident)
        (scene.config / "config.toml").write_text(COMMAND)
        await until(lambda: scene.sent_messages() == ["opened ams1"])


@pytest.mark.thorough
async def test_a_server_that_was_removed_while_nobody_ran_is_told_as_if_somebody_had(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"), quick_server("fra1"))
    rule = '[[rule]]\nsinks = ["file"]\nservers = ["ams1"]\n'
    (scene.config / "config.toml").write_text(COMMAND + rule)
    async with running(scene.writer()):
        await until(lambda: scene.sent_messages() == ["opened ams1"])
    write_config(scene.config, quick_server("fra1"))
    async with running(scene.writer()):
        await until(lambda: scene.sent_messages() == ["opened ams1", "recovered ams1"])
    assert scene.notes() == [None, "left servers.toml"]


@pytest.mark.thorough
async def test_a_retention_that_changes_is_kept_without_a_restart(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"))
    (scene.config / "config.toml").write_text("[history]\nexchanges_per_incident = 0\n")
    failures = "SELECT count(*) FROM exchanges WHERE kind = 'failure'"
    writer = scene.writer()
    async with running(writer):
        await until(lambda: writer.fleet_state.states["ams1"].incident)
        assert query_store(scene.state, failures) == [(0,)]
        (scene.config / "config.toml").write_text("[history]\nexchanges_per_incident = 5\n")
        await until(lambda: query_store(scene.state, failures) != [(0,)])


@pytest.mark.thorough
async def test_an_alarm_does_not_wait_for_a_store_that_is_locked(scene: Scene) -> None:
    async with healthy("ams1") as (lab, server):
        write_config(scene.config, server)
        (scene.config / "config.toml").write_text(COMMAND)
        writer = scene.writer()
        async with running(writer):
            await until(lambda: writer.fleet_state.states["ams1"].status_word == "healthy")
            with closing(sqlite3.connect(scene.state / STORE, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await lab.stop()
                await until(lambda: scene.sent_messages() == ["opened ams1"])
                await until(lambda: FROM_MEMORY in (writer.warning or ""))
                assert str(writer.warning).startswith("history: ")
            await until(lambda: deliveries(scene.state) and not writer.warnings)
            writer.pause(["ams1"], True)
            await until(lambda: scene.sent_messages() == ["opened ams1", "recovered ams1"])
            await until(lambda: [each.state for each in deliveries(scene.state)] == ["sent", "sent"])
    assert scene.sent_messages() == ["opened ams1", "recovered ams1"]


@pytest.mark.thorough
async def test_without_a_state_directory_an_alarm_goes_out_all_the_same(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"))
    (scene.config / "config.toml").write_text(COMMAND)
    scene.state.rmdir()
    scene.state.touch()  # a file in place of the directory, so nothing can be created in it
    writer = build_writer(scene.state, load_config(scene.config), None)
    async with running(writer):
        await until(lambda: scene.sent_messages() == ["opened ams1"])
        assert any(FROM_MEMORY in line for line in writer.warnings)


async def test_maintenance_is_shown_and_counted_as_such(scene: Scene) -> None:
    write_config(scene.config, quick_server("ams1"))
    work = '[[maintenance]]\nname = "move"\nfrom = 2020-01-01T00:00:00\nuntil = 2099-01-01T00:00:00\n'
    (scene.config / "config.toml").write_text(COMMAND + work)
    writer = scene.writer()
    async with running(writer):
        await until(lambda: deliveries(scene.state))
        assert writer.fleet_state.states["ams1"].maintenance == "move"
        assert deliveries(scene.state)[0].reason == 'maintenance "move"'
    assert scene.sent_messages() == []
    assert ("maintenance",) in query_store(scene.state, "SELECT DISTINCT state FROM checks")
