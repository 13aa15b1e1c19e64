"""Tests of the history under disk faults. For thousands of kills: tests.store.kill_loop."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.store.engine_updates import START, incident, opened, row
from tests.store.recorder_harness import Desk, query_store, recording
from wgmon_tui.config.config_toml import DAY, HOUR
from wgmon_tui.store.database import unavailable
from wgmon_tui.store.lock_holders import is_locked_by_this_process_alone
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import MAX_ROWS, Batch, make_state_row

ROOT = Path(__file__).parent.parent.parent


def counted(state_dir: Path) -> int:
    """Return how many checks the store has, in all tables together."""
    ((rolled,),) = query_store(state_dir, "SELECT ifnull(sum(checks), 0) FROM minutes")
    ((waiting,),) = query_store(
        state_dir,
        "SELECT count(*) FROM checks LEFT JOIN current USING (series)"
        " WHERE checks.verdict IS NOT NULL AND checks.id > ifnull(as_of, 0)",
    )
    return int(rolled + waiting)


def is_whole(state_dir: Path) -> bool:
    return query_store(state_dir, "PRAGMA integrity_check") == [("ok",)]


# Killed


@pytest.mark.thorough
@pytest.mark.parametrize("times", [40, 2000])
def test_a_writer_that_is_killed_again_and_again_loses_nothing_and_counts_nothing_twice(times: int) -> None:
    killing = subprocess.run(
        [sys.executable, "-m", "tests.store.kill_loop", str(times)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=900,
    )
    assert killing.returncode == 0, killing.stdout + killing.stderr
    assert f"survived {times} kills" in killing.stdout


# The disk


def play(scene: str, directory: Path) -> list[str]:
    """Run a scenario of tests.store.disk_fault_scenarios and return its lines.

    As root it runs in a separate mount namespace.
    """
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else []
    played = subprocess.run(
        [*alone, sys.executable, "-m", "tests.store.disk_fault_scenarios", scene, str(directory)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert played.returncode == 0, played.stderr
    return played.stdout.splitlines()


@pytest.mark.thorough
def test_on_a_full_disk_the_checks_go_on_and_are_written_when_there_is_room(tmp_path: Path) -> None:
    before, trouble, after, integrity, dropped_rows = play("full", tmp_path)
    # Without root the file size is limited instead, for which the system has another message.
    words = "the disk is full" if os.geteuid() == 0 else "disk I/O error"
    assert str(tmp_path / "state" / STORE) in trouble
    assert words in trouble
    assert "not written yet" in trouble
    assert (before, after, integrity, dropped_rows) == ("None", "None", "ok", "0 lost")


@pytest.mark.thorough
def test_in_a_read_only_directory_the_checks_go_on_and_are_written_when_that_ends(tmp_path: Path) -> None:
    before, trouble, after, integrity, dropped_rows = play("read-only", tmp_path)
    assert f"{tmp_path / 'state' / STORE}: read-only" in trouble
    assert (before, after, integrity, dropped_rows) == ("None", "None", "ok", "0 lost")


# Locked

LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"PRAGMA locking_mode = {sys.argv[2]}")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another_program(store: Path, mode: str = "NORMAL") -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", LOCKS, store, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"locked\n"
        yield
        other.communicate()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux lists the holders of locks")
def test_a_lock_of_this_process_is_not_blamed_on_another_program(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
    store = tmp_path / STORE
    with closing(sqlite3.connect(store, isolation_level=None)) as ours:
        ours.execute("BEGIN IMMEDIATE")
        assert is_locked_by_this_process_alone(store)
        line = f"{store}: another part of this program is still writing it"
        assert str(unavailable(store, busy(store))) == line
    with locked_by_another_program(store):
        assert not is_locked_by_this_process_alone(store)
        assert str(unavailable(store, busy(store))) == f"{store}: another program has locked it"
    assert not is_locked_by_this_process_alone(store)


def busy(store: Path) -> sqlite3.Error:
    with closing(sqlite3.connect(store, isolation_level=None, timeout=0)) as connection:
        with pytest.raises(sqlite3.OperationalError) as refused:
            connection.execute("BEGIN IMMEDIATE")
        return refused.value


@pytest.mark.thorough
@pytest.mark.parametrize("mode", ["NORMAL", "EXCLUSIVE"])
def test_while_another_program_locks_the_store_the_checks_wait_in_memory(tmp_path: Path, mode: str) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
    with locked_by_another_program(tmp_path / STORE, mode):
        desk = Desk(tmp_path)
        desk.recorder.start()
        desk.recorder.watch(desk.states.values())
        desk.check()
        desk.until(lambda: "not written yet" in (desk.recorder.trouble or ""))
        trouble = desk.recorder.trouble
        assert trouble is not None
        assert "another program has locked it; 1 check not written yet" in trouble
        assert "\n" not in trouble
    desk.until(lambda: desk.recorder.trouble is None)
    desk.recorder.stop()
    assert counted(tmp_path) == 2


def test_what_waits_is_bounded_and_the_oldest_checks_go_first() -> None:
    batch = Batch()
    batch.add_journal_rows(
        [make_state_row("fra1", float(number), "up", 0.0) for number in range(MAX_ROWS + 10)]
    )
    assert len(batch.journal) == MAX_ROWS
    assert batch.journal[0][1] == 10.0
    assert batch.dropped_rows == 10


def test_checks_lost_while_the_store_could_not_be_written_are_reported(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.recorder._collector.batch.dropped_rows = 17
        desk.check()
        desk.written()
        assert desk.recorder.notice is not None
        assert desk.recorder.notice.startswith("17 checks could not be written")


# The clock


def test_a_clock_that_goes_back_a_day_and_forward_a_year_spoils_nothing(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, ("ams1", "fra1"))) as desk:
        for step in (0.0, -DAY, 366 * DAY, -365 * DAY):
            desk.clock.now += step
            desk.run(10 * 60)
        desk.clock.now += 120
        desk.written()
        assert desk.recorder.trouble is None
        assert desk.recorder.notice is None
        assert counted(tmp_path) == 4 * 2 * 60
        assert is_whole(tmp_path)
        for begun in (START, START - DAY + 600, START + 365 * DAY + 1200):
            first = int(begun // 60)
            ((checks, up),) = desk.query(
                "SELECT sum(checks), sum(up_s) FROM minutes WHERE minute BETWEEN ? AND ?", first, first + 10
            )
            assert checks == 120
            assert up == pytest.approx(2 * 600, abs=2 * 70)
        ids = [number for (number,) in desk.query("SELECT id FROM checks ORDER BY id")]
        assert ids == sorted(ids)


@pytest.mark.thorough
def test_a_clock_that_is_a_year_ahead_for_ten_minutes_forgets_nothing(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, stands_still=True)) as desk:
        desk.run(HOUR)
        desk.clock.now += 365 * DAY
        desk.run(10 * 60)
        desk.clock.now -= 365 * DAY
        desk.run(60)
        ((oldest,),) = desk.query("SELECT min(minute) FROM minutes")
    assert oldest == START // 60


# Damaged or gone


def spoil(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(Random(1).randbytes(max(0, size - 4096)))


def test_a_store_that_is_damaged_while_it_is_written_is_set_aside_and_work_goes_on(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.run(120)
        what = incident()
        desk.recorder(desk.states["fra1"], None, opened(what))
        desk.written()
        with closing(sqlite3.connect(tmp_path / STORE)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        spoil(tmp_path / STORE)
        desk.recorder.request_check()
        desk.until(lambda: desk.recorder.notice)
        desk.check()
        desk.written()
        assert desk.recorder.trouble is None
        aside = min(tmp_path.glob(f"{STORE}.damaged-*"))
        assert desk.recorder.notice is not None
        assert f"it was moved to {aside}" in desk.recorder.notice
        # The new store has the current state too: servers, open incidents, the state of the damping rule.
        assert counted(tmp_path) == 1
        assert desk.query("SELECT name, holds FROM servers") == [("fra1", 35.0)]
        assert desk.query("SELECT id FROM incidents WHERE closed_at IS NULL") == [(what.id,)]
        assert desk.query("SELECT count(*) FROM current WHERE damping != ''") == [(1,)]
    assert is_whole(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE current SET accounted_to = 9e999",
        "UPDATE current SET accounted_to = 1e300, state = 'paused'",
        "UPDATE checks SET at = -9e999, series = 1",
        "UPDATE servers SET holds = 9e999",
    ],
)
def test_values_that_cannot_be_used_do_not_stop_the_recording(tmp_path: Path, statement: str) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.run(120)
    with closing(sqlite3.connect(tmp_path / STORE, isolation_level=None)) as store:
        store.execute(statement)
    with recording(Desk(tmp_path, clock=desk.clock)) as again:
        again.run(200)
        again.until(lambda: again.recorder.trouble is None)
        assert again.value("SELECT count(*) FROM minutes WHERE minute >= ?", desk.clock.now // 60 - 3) > 0


def test_damage_that_only_a_reader_suspects_and_that_is_none_changes_nothing(tmp_path: Path) -> None:
    with recording(Desk(tmp_path)) as desk:
        desk.check()
        desk.recorder.request_check()
        desk.written()
        assert desk.recorder.notice is None
        assert counted(tmp_path) == 1


def test_a_store_that_is_deleted_while_it_is_written_is_replaced(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, stands_still=True)) as desk:
        desk.check()
        desk.written()
        for path in tmp_path.glob(f"{STORE}*"):
            path.unlink()
        desk.seconds += 10.0
        desk.written()
        desk.check()
        desk.written()
        assert desk.recorder.notice is not None
        assert "was deleted or moved" in desk.recorder.notice
        assert counted(tmp_path) == 1
        assert desk.query("SELECT holds FROM servers") == [(35.0,)]


# The file


def test_servers_that_come_and_go_keep_their_names_and_their_history(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, ("ams1", "fra1", "lon1"))) as desk:
        desk.run(120)
        for gone in ("lon1", "ams1"):
            del desk.states[gone]
            desk.recorder.watch(desk.states.values())
            desk.run(120)
        desk.states["ams1"] = row("ams1")
        desk.recorder.watch(desk.states.values())
        desk.run(240)
        assert desk.query(
            "SELECT name, sum(checks) FROM minutes JOIN servers ON id = series GROUP BY name"
        ) == [("ams1", 12 + 12 + 18), ("fra1", 54), ("lon1", 12)]
        assert desk.query("SELECT name FROM servers WHERE removed_at IS NOT NULL") == [("lon1",)]
