"""Tests of a writer and a viewer of the same state directory: what the viewer shows, and its requests."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, healthy, query_rows, quick_server, text_of, until, write_config
from tests.daemon.viewer_harness import at_work, both, writer_of
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alerting import Maintenance
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.lab.models import LabMode
from wgmon_tui.monitor.controller import FleetController


def severity(controller: FleetController, name: str) -> Severity:
    return controller.fleet_state.states[name].severity


async def test_a_change_is_on_the_viewers_board_within_a_second(tmp_path: Path) -> None:
    async with healthy("fra1") as (lab, fra1):
        write_config(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            assert severity(viewer, "fra1") is Severity.UP
            lab.set_mode(LabMode.CLOSED)
            await until(lambda: severity(writer, "fra1") is Severity.DOWN)
            assert await until(lambda: severity(viewer, "fra1") is Severity.DOWN) < 1.0
            await until(lambda: viewer.fleet_state.states["fra1"].incident)
            assert viewer.fleet_state.states["fra1"].incident == writer.fleet_state.states["fra1"].incident
            assert viewer.fleet_state.states["fra1"].status_word == "port-closed"


@pytest.mark.thorough
async def test_a_viewer_says_who_writes_and_how_fast(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        async with both(tmp_path) as (_, viewer):
            assert viewer.status.startswith("viewer · written by root (pid ")
            await until(lambda: viewer.checks_per_second > 0)
            assert viewer.warning is None


async def test_a_viewer_needs_no_servers_toml_and_sees_no_secret(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", replace(fra1, note="rack 4", inspect=("ssh", "fra1")))
        async with both(tmp_path) as (_, viewer):
            server_state = viewer.fleet_state.states["fra1"]
            assert server_state.server == replace(fra1, note="rack 4")
            assert server_state.last
            assert server_state.last.check.address is not None
            assert server_state.rtt is not None


@pytest.mark.thorough
async def test_the_packets_of_the_server_on_the_screen_are_those_of_its_last_check(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            server_state = viewer.fleet_state.states["fra1"]
            assert server_state.last
            assert server_state.last.check.exchange == ()
            viewer.set_focused_server("fra1")
            await until(lambda: server_state.last and server_state.last.check.exchange)
            first = server_state.last
            viewer.recheck(["fra1"])
            await until(
                lambda: (
                    server_state.last != first and server_state.last == writer.fleet_state.states["fra1"].last
                )
            )
            await until(lambda: server_state.last_good and server_state.last_good.exchange)
            assert CLIENT.raw not in repr(server_state.last).encode()


@pytest.mark.thorough
async def test_what_a_viewer_asks_for_is_done_and_recorded_with_its_name(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1, quick_server("ams1"))
        async with both(tmp_path) as (writer, viewer):
            await until(lambda: viewer.fleet_state.states["ams1"].incident)
            viewer.acknowledge(["ams1"], note="cable cut")
            await until(lambda: (ams1 := viewer.fleet_state.states["ams1"].incident) and ams1.acknowledged_by)
            incident = writer.fleet_state.states["ams1"].incident
            assert incident
            assert incident.acknowledged_by == "root"
            viewer.add_note(incident.id, "technician on the way")
            await until(lambda: len(query_rows(tmp_path / "state", "SELECT * FROM notes")) == 2)
            assert query_rows(tmp_path / "state", "SELECT who, text FROM notes ORDER BY at") == [
                ("root", "cable cut"),
                ("root", "technician on the way"),
            ]
            viewer.pause(["fra1"], True)
            assert await until(lambda: viewer.fleet_state.states["fra1"].paused) < 1.0
            assert query_rows(tmp_path / "state", "SELECT who FROM pauses") == [("root",)]
            assert viewer.fleet_state.states["fra1"].paused_by == "root"
            viewer.pause(["fra1"], False)
            await until(lambda: not viewer.fleet_state.states["fra1"].paused)


@pytest.mark.thorough
async def test_a_recheck_that_a_viewer_asks_for_is_made_at_once(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", replace(fra1, interval=3600.0))
        async with both(tmp_path) as (writer, viewer):
            first = writer.fleet_state.states["fra1"].last
            viewer.recheck(["fra1"])
            await until(lambda: writer.fleet_state.states["fra1"].last is not first)


async def test_a_request_that_cannot_be_done_says_so(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        async with both(tmp_path) as (_, viewer):
            viewer.pause(["fra9"], True)
            await until(lambda: viewer.warning == 'refused: there is no server "fra9"')


@pytest.mark.thorough
async def test_an_edit_is_in_force_within_a_second_on_every_board(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            (tmp_path / "config" / "servers.toml").write_text(text_of(fra1, quick_server("ams1")))
            assert await until(lambda: "ams1" in viewer.fleet_state.states) < 1.2
            assert set(writer.fleet_state.states) == {"fra1", "ams1"}
            (tmp_path / "config" / "servers.toml").write_text(text_of(quick_server("ams1", note="moved")))
            await until(lambda: set(viewer.fleet_state.states) == {"ams1"})
            await until(lambda: viewer.fleet_state.states["ams1"].server.note == "moved")
            history = (
                "SELECT count(*) > 0 FROM checks JOIN servers ON servers.id = series WHERE name = 'fra1'"
            )
            assert query_rows(tmp_path / "state", history) == [(1,)]


@pytest.mark.thorough
async def test_an_edit_disturbs_no_check_in_flight(tmp_path: Path) -> None:
    async with healthy("fra1") as (lab, fra1):
        lab.set_mode(LabMode.SILENT)
        write_config(tmp_path / "config", replace(fra1, interval=60.0, timeout=1.5))
        writer = writer_of(tmp_path)
        async with at_work(writer):
            await until(lambda: writer.engine._in_flight)
            [check] = writer.engine._in_flight.values()
            edited = text_of(replace(fra1, interval=60.0, timeout=1.5), quick_server("ams1"))
            (tmp_path / "config" / "servers.toml").write_text(edited)
            await until(lambda: "ams1" in writer.fleet_state.states)
            assert not check.done()
            await check
            assert writer.fleet_state.states["fra1"].status_word == "silent"


@pytest.mark.thorough
async def test_nonsense_in_servers_toml_is_told_on_every_screen_and_changes_nothing(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        async with both(tmp_path) as (writer, viewer):
            (tmp_path / "config" / "servers.toml").write_text("[[server]]\nname = 7\n")
            await until(lambda: viewer.warning)
            assert viewer.warning == writer.warning
            assert viewer.warning
            assert viewer.warning.startswith(
                'servers.toml: line 1: server 1: key endpoint: missing; add endpoint = "…" (and 3 more'
            )
            assert set(viewer.fleet_state.states) == {"fra1"}
            write_config(tmp_path / "other", fra1)
            (tmp_path / "other" / "servers.toml").replace(tmp_path / "config" / "servers.toml")
            await until(lambda: viewer.warning is None)


async def test_a_viewer_that_comes_late_sees_the_same(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1, quick_server("ams1"))
        writer = writer_of(tmp_path)
        async with at_work(writer):
            await until(lambda: writer.fleet_state.states["ams1"].incident)
            writer.pause(["fra1"], True)
            await asyncio.wrap_future(writer._recorder.flush())
            viewer = Viewer(tmp_path / "state")
            async with at_work(viewer):
                await until(lambda: viewer.store_read.is_set())
                assert viewer.warning is None
                assert severity(viewer, "fra1") is Severity.PAUSED
                assert viewer.fleet_state.states["fra1"].paused_by == "root"
                assert severity(viewer, "ams1") is Severity.DOWN
                assert (
                    viewer.fleet_state.states["ams1"].incident == writer.fleet_state.states["ams1"].incident
                )
                assert len(viewer.fleet_state.states["fra1"].samples) > 0


async def test_a_writer_that_starts_again_knows_what_the_last_one_knew(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    first = writer_of(tmp_path)
    async with at_work(first):
        await until(lambda: first.fleet_state.states["ams1"].incident)
    again = writer_of(tmp_path)
    server_state = again.fleet_state.states["ams1"]
    assert server_state.severity is Severity.DOWN
    assert server_state.incident == first.fleet_state.states["ams1"].incident
    again.close()


@pytest.mark.thorough
async def test_a_viewer_sees_what_was_written_last_when_nobody_writes(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    writer = writer_of(tmp_path)
    async with at_work(writer):
        await until(lambda: writer.fleet_state.states["ams1"].incident)
    viewer = Viewer(tmp_path / "state")
    async with at_work(viewer):
        await until(lambda: viewer.fleet_state.states)
        assert severity(viewer, "ams1") is Severity.DOWN
        await until(lambda: viewer.status == "viewer · nobody is checking")
        viewer.recheck(["ams1"])
        await until(lambda: viewer.warning == "The process that checks has ended: recheck was not done.")


@pytest.mark.thorough
async def test_a_server_in_maintenance_is_shown_as_such_and_as_it_is(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        now = time.time()
        work = Maintenance("patch night", begin=now - 60, until=now + 3600)
        async with both(tmp_path) as (writer, viewer):
            writer.engine.set_maintenance([work])
            await until(lambda: viewer.fleet_state.states["fra1"].maintenance)
            assert severity(viewer, "fra1") is Severity.UP
            assert not viewer.fleet_state.states["fra1"].paused
