"""Tests of role changes when the writer ends, with real processes that are killed."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.harness import PATIENCE_S, query_rows, quick_server, running, text_of, until, write_config
from tests.daemon.viewer_harness import at_work
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.daemon.role import RoleManager
from wgmon_tui.daemon.writer_lock import WriterLock, WriterRunningError
from wgmon_tui.store.store_file import UpgradeStoppedError


@pytest.fixture(autouse=True)
def _try_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wgmon_tui.daemon.role._RETRY_S", 0.1)


def fleet_in(tmp_path: Path, *, take_over: bool = False) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    if take_over:
        (tmp_path / "config" / "config.toml").write_text("[viewer]\ntake_over = true\n")


def station_in(tmp_path: Path) -> RoleManager:
    return RoleManager(tmp_path / "config", tmp_path / "state")


async def test_who_comes_first_writes_and_who_comes_second_looks(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    first, second = station_in(tmp_path), station_in(tmp_path)
    async with at_work(first), at_work(second):
        await until(lambda: second.status.startswith("viewer · written by root"))
        assert (first.status, first.can_become_writer, second.can_become_writer) == ("", False, False)
        await until(
            lambda: second.fleet_state.states and second.fleet_state.states["ams1"].severity is Severity.DOWN
        )


@pytest.mark.thorough
async def test_a_killed_writer_is_missed_at_once_and_can_be_replaced_in_place(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    with running(tmp_path / "config", tmp_path / "state") as program:
        station = station_in(tmp_path)
        fleet_state = station.fleet_state
        async with at_work(station):
            await until(lambda: station.status.startswith("viewer · written by") and fleet_state.states)
            await until(lambda: fleet_state.states["ams1"].incident)
            incident = fleet_state.states["ams1"].incident
            program.signal(signal.SIGKILL)
            assert await until(lambda: station.can_become_writer) < 2.0
            assert station.status == "nobody is checking · press T"
            station.become_writer()
            await until(lambda: station.engine)
            assert station.fleet_state is fleet_state
            assert fleet_state.states["ams1"].incident == incident
            assert (station.status, station.can_become_writer) == ("", False)
            count = "SELECT count(*) FROM checks"
            [before] = query_rows(tmp_path / "state", count)
            await until(lambda: query_rows(tmp_path / "state", count) > [before])
    assert query_rows(tmp_path / "state", "SELECT count(*) FROM incidents") == [(1,)]


@pytest.mark.thorough
async def test_where_config_toml_wants_it_one_of_the_viewers_takes_over_by_itself(tmp_path: Path) -> None:
    fleet_in(tmp_path, take_over=True)
    with running(tmp_path / "config", tmp_path / "state") as program:
        one, other = station_in(tmp_path), station_in(tmp_path)
        async with at_work(one), at_work(other):
            await until(lambda: all(each.status.startswith("viewer · written") for each in (one, other)))
            program.signal(signal.SIGKILL)
            await until(lambda: one.engine or other.engine)
            await until(lambda: sorted((one.status, other.status))[1].startswith("viewer · written by root"))
            assert (one.engine is None) is not (other.engine is None)


@pytest.mark.thorough
async def test_a_viewer_that_cannot_take_over_says_why_and_goes_on_looking(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    with running(tmp_path / "config", tmp_path / "state") as program:
        station = station_in(tmp_path)
        async with at_work(station):
            await until(
                lambda: station.status.startswith("viewer · written by") and station.fleet_state.states
            )
            (tmp_path / "config" / "servers.toml").write_text("nonsense")
            program.signal(signal.SIGKILL)
            await until(lambda: station.can_become_writer)
            station.become_writer()
            await until(
                lambda: station.warning and station.warning.startswith("cannot take over: servers.toml:")
            )
            assert set(station.fleet_state.states) == {"ams1"}
            WriterLock.acquire(tmp_path / "state").release()
            (tmp_path / "config" / "servers.toml").write_text(text_of(quick_server("ams1")))
            station.become_writer()
            await until(lambda: station.engine)
            assert station.warning is None


@pytest.mark.thorough
async def test_a_writer_that_hangs_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wgmon_tui.control.client._ANSWER_TIMEOUT_S", 0.3)
    fleet_in(tmp_path)
    with running(tmp_path / "config", tmp_path / "state") as program:
        station = station_in(tmp_path)
        async with at_work(station):
            await until(lambda: station.status.startswith("viewer · written by"))
            program.signal(signal.SIGSTOP)
            await until(lambda: station.status.endswith(", which does not answer"))
            program.signal(signal.SIGCONT)
            await until(lambda: not station.status.endswith(", which does not answer"))


def test_files_that_cannot_stand_are_refused_and_the_lock_is_let_go(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    (tmp_path / "config" / "servers.toml").write_text("nonsense")
    with pytest.raises(ConfigurationError, match=r"servers\.toml: "):
        station_in(tmp_path)
    WriterLock.acquire(tmp_path / "state").release()


async def test_where_no_state_directory_can_be_made_checks_go_on_and_the_screen_says_so(
    tmp_path: Path,
) -> None:
    fleet_in(tmp_path)
    (tmp_path / "state").touch()
    station = station_in(tmp_path)
    async with at_work(station):
        await until(lambda: station.fleet_state.states["ams1"].severity is Severity.DOWN)
        assert station.warning
        assert str(tmp_path / "state") in station.warning


async def test_what_the_files_say_is_current_after_an_edit_for_whoever_asks_a_server(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    station = station_in(tmp_path)
    async with at_work(station):
        write_config(tmp_path / "config", replace(quick_server("ams2"), inspect=("cat", "dump")))
        await until(lambda: "ams2" in station.fleet_state.states)
        assert station.loaded
        [server] = station.loaded.fleet.servers
        assert (server.name, server.inspect) == ("ams2", ("cat", "dump"))
        assert station.loaded.keyring.private_keys


async def test_a_dashboard_whose_state_directory_is_moved_looks_at_the_next_writer(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    station = station_in(tmp_path)
    async with at_work(station):
        await until(lambda: station.engine is not None)
        (tmp_path / "state").rename(tmp_path / "moved")
        with running(tmp_path / "config", tmp_path / "state") as program:
            await until(lambda: f"(pid {program.process.pid})" in station.status)
            assert station.engine is None
            assert station.warning == (
                f"{tmp_path / 'state'} or its writer.lock was moved or deleted while this process wrote it"
            )


async def test_a_large_configuration_is_read_after_the_start(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    role_manager = RoleManager(tmp_path / "config", tmp_path / "state", reads_later=True)
    assert role_manager.loading
    assert not role_manager.fleet_state.states
    async with at_work(role_manager):
        await until(lambda: role_manager.fleet_state.states and not role_manager.loading)
        await until(lambda: role_manager.engine)


async def test_an_invalid_configuration_that_is_read_later_frees_the_state_directory(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    (tmp_path / "config" / "servers.toml").write_text("bogus = 1\n")
    role_manager = RoleManager(tmp_path / "config", tmp_path / "state", reads_later=True)
    with pytest.raises(ConfigurationError, match="bogus"):
        await role_manager.run()
    assert role_manager.load_error is not None
    WriterLock.acquire(tmp_path / "state").release()


def test_a_start_that_reads_later_and_never_runs_frees_the_state_directory(tmp_path: Path) -> None:
    fleet_in(tmp_path)
    RoleManager(tmp_path / "config", tmp_path / "state", reads_later=True).close()
    WriterLock.acquire(tmp_path / "state").release()


class SlowUpgrade:
    """An upgrade of a store that waits before it knows how long it takes, and after one of 7 servers."""

    def __init__(self) -> None:
        self.is_begun, self.knows_total, self.go_on = threading.Event(), threading.Event(), threading.Event()
        self.is_stopped = threading.Event()

    def __call__(self, _: Path, on_progress: Callable[[int, int], None]) -> None:
        self.is_begun.set()
        self.knows_total.wait(PATIENCE_S)
        try:
            on_progress(1, 7)
            self.go_on.wait(PATIENCE_S)
            on_progress(2, 7)
        except UpgradeStoppedError:
            self.is_stopped.set()


@pytest.fixture
def slow_upgrade(monkeypatch: pytest.MonkeyPatch) -> SlowUpgrade:
    upgrade = SlowUpgrade()
    monkeypatch.setattr("wgmon_tui.store.store_file.upgrade_store", upgrade)
    return upgrade


@asynccontextmanager
async def ending_while(slow_upgrade: SlowUpgrade, role_manager: RoleManager) -> AsyncIterator[None]:
    """Cancel `run` twice, as Textual does, while the upgrade waits. The lock is held until it ends."""
    running = asyncio.create_task(role_manager.run())
    yield
    for _ in range(2):
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=0.05)
        assert not done
    with pytest.raises(WriterRunningError):
        WriterLock.acquire(role_manager._state_dir)
    slow_upgrade.knows_total.set()
    slow_upgrade.go_on.set()
    await asyncio.gather(running, return_exceptions=True)
    assert slow_upgrade.is_stopped.is_set()


async def test_the_upgrade_of_a_history_is_shown_and_ends_with_the_program(
    tmp_path: Path, slow_upgrade: SlowUpgrade
) -> None:
    fleet_in(tmp_path)
    role_manager = RoleManager(tmp_path / "config", tmp_path / "state", reads_later=True)
    slow_upgrade.knows_total.set()
    async with ending_while(slow_upgrade, role_manager):
        await until(lambda: str(role_manager.loading) == "1 of 7 servers · upgrading the history")
        assert role_manager.engine is None
        assert gc.isenabled()
    WriterLock.acquire(tmp_path / "state").release()


async def test_a_request_opens_no_history_that_is_being_upgraded(
    tmp_path: Path, slow_upgrade: SlowUpgrade
) -> None:
    fleet_in(tmp_path)
    role_manager = station_in(tmp_path)
    async with at_work(role_manager):
        await until(slow_upgrade.is_begun.is_set)
        role_manager.recheck(["ams1"])
        assert role_manager.engine is None
        slow_upgrade.knows_total.set()
        slow_upgrade.go_on.set()
        await until(lambda: role_manager.engine)


async def test_the_end_of_the_program_stops_the_upgrade_of_a_takeover(
    tmp_path: Path, slow_upgrade: SlowUpgrade
) -> None:
    fleet_in(tmp_path)
    lock = WriterLock.acquire(tmp_path / "state")
    role_manager = station_in(tmp_path)
    lock.release()
    async with ending_while(slow_upgrade, role_manager):
        await until(lambda: role_manager.can_become_writer)
        role_manager.become_writer()
        await until(slow_upgrade.is_begun.is_set)
    WriterLock.acquire(tmp_path / "state").release()
