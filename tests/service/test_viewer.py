"""A writer and a viewer of the same state directory: what the one finds, the other shows, and may ask for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.stage import CLIENT, healthy, rows, text_of, until, watched, write
from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.fleet.alert_settings import Maintenance
from wgmon_tui.lab.records import Mode
from wgmon_tui.monitor.feed import Feed
from wgmon_tui.service.lock import WriterLock
from wgmon_tui.service.reload import load
from wgmon_tui.service.viewer import Viewer
from wgmon_tui.service.writer import Writer


@asynccontextmanager
async def at_work(feed: Feed) -> AsyncIterator[None]:
    running = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def writer_of(tmp_path: Path) -> Writer:
    config, state = tmp_path / "config", tmp_path / "state"
    return Writer(state, load(config), WriterLock.take(state), config_dir=config)


@asynccontextmanager
async def both(tmp_path: Path) -> AsyncIterator[tuple[Writer, Viewer]]:
    """A writer and a viewer that has seen the first round of every server."""
    writer, viewer = writer_of(tmp_path), Viewer(tmp_path / "state")
    async with at_work(writer), at_work(viewer):
        await until(lambda: viewer.writer)
        await until(lambda: viewer.board.rows and all(row.last for row in viewer.board.rows.values()))
        yield writer, viewer


def severity(feed: Feed, name: str) -> Severity:
    return feed.board.rows[name].severity


async def test_a_change_is_on_the_viewers_board_within_a_second(tmp_path: Path) -> None:
    async with healthy("fra1") as (lab, fra1):
        write(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            assert severity(viewer, "fra1") is Severity.UP
            lab.become(Mode.CLOSED)
            await until(lambda: severity(writer, "fra1") is Severity.DOWN)
            assert await until(lambda: severity(viewer, "fra1") is Severity.DOWN) < 1.0
            await until(lambda: viewer.board.rows["fra1"].incident)
            assert viewer.board.rows["fra1"].incident == writer.board.rows["fra1"].incident
            assert viewer.board.rows["fra1"].word == "port-closed"


@pytest.mark.thorough
async def test_a_viewer_says_who_writes_and_how_fast(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1)
        async with both(tmp_path) as (_, viewer):
            assert viewer.status.startswith("viewer · written by root (pid ")
            await until(lambda: viewer.checks_per_second > 0)
            assert viewer.warning is None


async def test_a_viewer_needs_no_servers_toml_and_sees_no_secret(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", replace(fra1, note="rack 4", inspect=("ssh", "fra1")))
        async with both(tmp_path) as (_, viewer):
            row = viewer.board.rows["fra1"]
            assert row.server == replace(fra1, note="rack 4")
            assert row.last
            assert row.last.check.address is not None
            assert row.rtt is not None


@pytest.mark.thorough
async def test_the_packets_of_the_server_on_the_screen_are_those_of_its_last_check(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            row = viewer.board.rows["fra1"]
            assert row.last
            assert row.last.check.exchange == ()
            viewer.attend("fra1")
            await until(lambda: row.last and row.last.check.exchange)
            first = row.last
            viewer.recheck(["fra1"])
            await until(lambda: row.last != first and row.last == writer.board.rows["fra1"].last)
            await until(lambda: row.last_good and row.last_good.exchange)
            assert CLIENT.raw not in repr(row.last).encode()


@pytest.mark.thorough
async def test_what_a_viewer_asks_for_is_done_and_recorded_with_its_name(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1, watched("ams1"))
        async with both(tmp_path) as (writer, viewer):
            await until(lambda: viewer.board.rows["ams1"].incident)
            viewer.acknowledge(["ams1"], note="cable cut")
            await until(lambda: (ams1 := viewer.board.rows["ams1"].incident) and ams1.acknowledged_by)
            incident = writer.board.rows["ams1"].incident
            assert incident
            assert incident.acknowledged_by == "root"
            viewer.add_note(incident.id, "technician on the way")
            await until(lambda: len(rows(tmp_path / "state", "SELECT * FROM notes")) == 2)
            assert rows(tmp_path / "state", "SELECT who, text FROM notes ORDER BY at") == [
                ("root", "cable cut"),
                ("root", "technician on the way"),
            ]
            viewer.pause(["fra1"], True)
            assert await until(lambda: viewer.board.rows["fra1"].paused) < 1.0
            assert rows(tmp_path / "state", "SELECT who FROM pauses") == [("root",)]
            assert viewer.board.rows["fra1"].paused_by == "root"
            viewer.pause(["fra1"], False)
            await until(lambda: not viewer.board.rows["fra1"].paused)


@pytest.mark.thorough
async def test_a_recheck_that_a_viewer_asks_for_is_made_at_once(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", replace(fra1, interval=3600.0))
        async with both(tmp_path) as (writer, viewer):
            first = writer.board.rows["fra1"].last
            viewer.recheck(["fra1"])
            await until(lambda: writer.board.rows["fra1"].last is not first)


async def test_a_request_that_cannot_be_done_says_so(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1)
        async with both(tmp_path) as (_, viewer):
            viewer.pause(["fra9"], True)
            await until(lambda: viewer.warning == 'refused: there is no server "fra9"')


@pytest.mark.thorough
async def test_an_edit_is_in_force_within_a_second_on_every_board(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            (tmp_path / "config" / "servers.toml").write_text(text_of(fra1, watched("ams1")))
            assert await until(lambda: "ams1" in viewer.board.rows) < 1.2
            assert set(writer.board.rows) == {"fra1", "ams1"}
            (tmp_path / "config" / "servers.toml").write_text(text_of(watched("ams1", note="moved")))
            await until(lambda: set(viewer.board.rows) == {"ams1"})
            await until(lambda: viewer.board.rows["ams1"].server.note == "moved")
            history = (
                "SELECT count(*) > 0 FROM checks JOIN servers ON servers.id = server WHERE name = 'fra1'"
            )
            assert rows(tmp_path / "state", history) == [(1,)]


@pytest.mark.thorough
async def test_an_edit_disturbs_no_check_in_flight(tmp_path: Path) -> None:
    async with healthy("fra1") as (lab, fra1):
        lab.become(Mode.SILENT)
        write(tmp_path / "config", replace(fra1, interval=60.0, timeout=1.5))
        writer = writer_of(tmp_path)
        async with at_work(writer):
            await until(lambda: writer.engine._in_flight)
            [check] = writer.engine._in_flight.values()
            edited = text_of(replace(fra1, interval=60.0, timeout=1.5), watched("ams1"))
            (tmp_path / "config" / "servers.toml").write_text(edited)
            await until(lambda: "ams1" in writer.board.rows)
            assert not check.done()
            await check
            assert writer.board.rows["fra1"].word == "silent"


@pytest.mark.thorough
async def test_nonsense_in_servers_toml_is_told_on_every_screen_and_changes_nothing(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            (tmp_path / "config" / "servers.toml").write_text("[[server]]\nname = 7\n")
            await until(lambda: viewer.warning)
            assert viewer.warning == writer.warning
            assert viewer.warning
            assert viewer.warning.startswith(
                "servers.toml: server 1: key name: expected text in quotes, got 7"
            )
            assert set(viewer.board.rows) == {"fra1"}
            write(tmp_path / "other", fra1)
            (tmp_path / "other" / "servers.toml").replace(tmp_path / "config" / "servers.toml")
            await until(lambda: viewer.warning is None)


async def test_a_viewer_that_comes_late_sees_the_same(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1, watched("ams1"))
        writer = writer_of(tmp_path)
        async with at_work(writer):
            await until(lambda: writer.board.rows["ams1"].incident)
            writer.pause(["fra1"], True)
            await asyncio.wrap_future(writer._recorder.flush())
            viewer = Viewer(tmp_path / "state")
            async with at_work(viewer):
                await until(lambda: viewer.looked.is_set())
                assert viewer.warning is None
                assert severity(viewer, "fra1") is Severity.PAUSED
                assert viewer.board.rows["fra1"].paused_by == "root"
                assert severity(viewer, "ams1") is Severity.DOWN
                assert viewer.board.rows["ams1"].incident == writer.board.rows["ams1"].incident
                assert len(viewer.board.rows["fra1"].samples) > 0


async def test_a_writer_that_starts_again_knows_what_the_last_one_knew(tmp_path: Path) -> None:
    write(tmp_path / "config", watched("ams1"))
    first = writer_of(tmp_path)
    async with at_work(first):
        await until(lambda: first.board.rows["ams1"].incident)
    again = writer_of(tmp_path)
    row = again.board.rows["ams1"]
    assert row.severity is Severity.DOWN
    assert row.incident == first.board.rows["ams1"].incident
    again.close()


@pytest.mark.thorough
async def test_a_viewer_sees_what_was_written_last_when_nobody_writes(tmp_path: Path) -> None:
    write(tmp_path / "config", watched("ams1"))
    writer = writer_of(tmp_path)
    async with at_work(writer):
        await until(lambda: writer.board.rows["ams1"].incident)
    viewer = Viewer(tmp_path / "state")
    async with at_work(viewer):
        await until(lambda: viewer.board.rows)
        assert severity(viewer, "ams1") is Severity.DOWN
        await until(lambda: viewer.status == "viewer · nobody writes")
        viewer.recheck(["ams1"])
        await until(lambda: viewer.warning == "nobody writes: recheck is not done")


@pytest.mark.thorough
async def test_a_server_in_maintenance_is_shown_as_such_and_as_it_is(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write(tmp_path / "config", fra1)
        now = time.time()
        work = Maintenance("patch night", begin=now - 60, until=now + 3600)
        async with both(tmp_path) as (writer, viewer):
            writer.engine.maintain([work])
            await until(lambda: viewer.board.rows["fra1"].maintenance)
            assert severity(viewer, "fra1") is Severity.UP
            assert not viewer.board.rows["fra1"].paused
