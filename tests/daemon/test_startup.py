"""Tests of a dashboard before the engine and the writer are loaded: it has the fleet and the lock."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, until, write_config
from tests.daemon.viewer_harness import at_work
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.daemon.role import RoleManager
from wgmon_tui.daemon.writer_lock import WriterLock, WriterRunningError
from wgmon_tui.store.store_version import STORE, VERSION


def station_in(tmp_path: Path) -> RoleManager:
    write_config(tmp_path / "config", quick_server("ams1"), quick_server("fra1"))
    return RoleManager(tmp_path / "config", tmp_path / "state")


def is_free(state: Path) -> bool:
    try:
        WriterLock.acquire(state).release()
    except WriterRunningError:
        return False
    return True


def test_the_fleet_is_there_to_be_painted_before_anything_runs(tmp_path: Path) -> None:
    station = station_in(tmp_path)
    assert list(station.fleet_state.states) == ["ams1", "fra1"]
    assert (station.engine, station.status, station.warning) == (None, "", None)
    assert not is_free(tmp_path / "state")
    station.close()
    assert is_free(tmp_path / "state")


def test_the_engine_takes_over_the_rows_that_are_shown(tmp_path: Path) -> None:
    station = station_in(tmp_path)
    shown = dict(station.fleet_state.states)
    engine = station.open()
    assert engine
    assert dict(station.fleet_state.states) == shown
    assert all(station.fleet_state.states[name] is shown[name] for name in shown)
    assert engine.schedule.next_due() is not None
    station.close()


async def test_what_is_asked_for_before_the_first_check_is_done(tmp_path: Path) -> None:
    station = station_in(tmp_path)
    station.pause(["ams1"], True)
    assert station.fleet_state.states["ams1"].severity is Severity.PAUSED
    async with at_work(station):
        await until(lambda: station.fleet_state.states["fra1"].severity is Severity.DOWN)
        assert station.warning is None
        assert station.fleet_state.states["ams1"].severity is Severity.PAUSED
    assert is_free(tmp_path / "state")


async def test_who_ends_it_while_it_loads_leaves_no_lock_behind(tmp_path: Path) -> None:
    station = station_in(tmp_path)
    async with at_work(station):
        await asyncio.sleep(0)  # the thread imports the writer
    assert is_free(tmp_path / "state")


def test_the_store_of_a_later_version_is_refused_before_there_is_a_screen(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with closing(sqlite3.connect(tmp_path / "state" / STORE)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(ConfigurationError, match="later version"):
        station_in(tmp_path)
    assert is_free(tmp_path / "state")
