"""Tests of the agent's report queue on disk."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.store.database import connect_examined
from wgmon_tui.vantages.agent import report_queue
from wgmon_tui.vantages.agent.report_queue import NAME, QueuedReport, ReportQueue, ReportQueueUnavailableError


def routine(number: int) -> QueuedReport:
    return QueuedReport(b"routine %d" % number, True)


def failure(number: int) -> QueuedReport:
    return QueuedReport(b"failure %d" % number, False)


@pytest.fixture(autouse=True)
def close_queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the files that a test leaves open, of which Python warns from 3.13 on."""
    opened: list[sqlite3.Connection] = []

    def connect(*arguments: Any) -> Any:
        found = connect_examined(*arguments)
        if found[0] is not None:
            opened.append(found[0])
        return found

    monkeypatch.setattr(report_queue, "connect_examined", connect)
    yield
    for connection in opened:
        connection.close()


def bodies(reports: ReportQueue) -> list[bytes]:
    return [body for _, body in reports.read_after(0, 1000)]


def test_reports_are_read_in_the_order_in_which_they_were_kept(tmp_path: Path) -> None:
    reports = ReportQueue(tmp_path)
    reports.add([routine(1), failure(2)])
    reports.add([routine(3)])
    assert reports.read_after(0, 2) == [(1, b"routine 1"), (2, b"failure 2")]
    assert reports.read_after(2, 2) == [(3, b"routine 3")]
    assert reports.first_number() == 1


def test_what_was_taken_is_forgotten_and_its_numbers_never_come_again(tmp_path: Path) -> None:
    reports = ReportQueue(tmp_path)
    reports.add([routine(1), routine(2)])
    reports.delete_up_to(2)
    assert reports.waiting == 0
    reports.close()
    again = ReportQueue(tmp_path)
    again.add([routine(3)])
    assert again.read_after(0, 9) == [(3, b"routine 3")]
    assert again.epoch == reports.epoch


def test_a_store_that_was_lost_begins_another_epoch(tmp_path: Path) -> None:
    reports = ReportQueue(tmp_path)
    reports.close()
    (tmp_path / NAME).unlink()
    assert ReportQueue(tmp_path).epoch != reports.epoch


def aside(state_dir: Path) -> list[Path]:
    return sorted(state_dir.glob(f"{NAME}.damaged-*"))


def later_version(path: Path, version: int = 2) -> None:
    with closing(sqlite3.connect(path)) as queue:
        queue.execute(f"PRAGMA user_version = {version}")


def impossible_version(path: Path) -> None:
    later_version(path, 1_001)


def other_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")


def without_facts(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as queue:
        queue.execute("DELETE FROM facts")


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


@pytest.mark.parametrize("spoil", [no_database, impossible_version, other_program, without_facts])
def test_a_file_that_cannot_be_used_is_set_aside_and_another_epoch_begins(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    before = ReportQueue(tmp_path)
    before.add([routine(0)])
    before.close()
    spoil(tmp_path / NAME)
    content = (tmp_path / NAME).read_bytes()
    days = [time.strftime("%Y-%m-%d")]
    reports = ReportQueue(tmp_path)
    days.append(time.strftime("%Y-%m-%d"))  # midnight may come meanwhile
    reports.add([routine(1)])
    assert reports.epoch != before.epoch
    assert bodies(reports) == [b"routine 1"]
    (kept,) = {tmp_path / f"{NAME}.damaged-{day}" for day in days} & set(aside(tmp_path))
    assert kept.read_bytes() == content
    assert str(kept) in reports.notice
    assert "\n" not in reports.notice


def test_a_queue_of_a_later_version_is_refused_in_one_line_and_stays_as_it_is(tmp_path: Path) -> None:
    before = ReportQueue(tmp_path)
    before.add([failure(0)])
    before.close()
    later_version(tmp_path / NAME)
    content = (tmp_path / NAME).read_bytes()
    with pytest.raises(ReportQueueUnavailableError) as refused:
        ReportQueue(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path / NAME} was written by a later version of wgmon-tui "
        "(queue version 2, this one writes 1): run that version, or move the file away, "
        "and with it the reports that wait in it"
    )
    assert aside(tmp_path) == []
    assert (tmp_path / NAME).read_bytes() == content


def test_the_log_of_a_damaged_file_is_set_aside_with_it(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database")
    (tmp_path / f"{NAME}-wal").write_bytes(b"its log")
    ReportQueue(tmp_path).close()
    assert [path.read_bytes() for path in aside(tmp_path) if not path.name.endswith("-shm")] == [
        b"no database",
        b"its log",
    ]


def test_files_that_were_set_aside_on_one_day_are_all_kept(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        (tmp_path / NAME).write_bytes(content)
        ReportQueue(tmp_path).close()
    assert [path.read_bytes() for path in aside(tmp_path)] == [b"first", b"second"]


def test_a_locked_file_is_no_damage(tmp_path: Path) -> None:
    ReportQueue(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ReportQueueUnavailableError, match="locked"):
            ReportQueue(tmp_path)
    assert not aside(tmp_path)
    assert not ReportQueue(tmp_path).notice


def test_others_cannot_read_it(tmp_path: Path) -> None:
    ReportQueue(tmp_path)
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0


def test_without_a_directory_it_says_so_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReportQueueUnavailableError, match=r"reports\.db: unable to open"):
        ReportQueue(tmp_path / "nowhere")


def test_where_there_is_no_room_the_oldest_routine_goes_first_and_is_counted(tmp_path: Path) -> None:
    reports = ReportQueue(tmp_path, limit=4)
    reports.add([failure(1), routine(2), routine(3), failure(4)])
    reports.add([routine(5)])
    assert bodies(reports) == [b"failure 1", b"routine 3", b"failure 4", b"routine 5"]
    reports.add([failure(6), failure(7), failure(8)])
    assert bodies(reports) == [b"failure 4", b"failure 6", b"failure 7", b"failure 8"]
    assert reports.dropped == 4
    reports.close()
    assert ReportQueue(tmp_path).dropped == 4


@given(st.lists(st.lists(st.booleans(), max_size=12), max_size=12), st.lists(st.integers(0, 60), max_size=6))
def test_the_bounds_hold_and_the_order_too_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bool]], taken: list[int]
) -> None:
    reports = ReportQueue(tmp_path_factory.mktemp("reports"), limit=10, max_bytes=100)
    number = 0
    for turn, batch in enumerate(batches):
        kept = []
        for is_routine in batch:
            number += 1
            kept.append(QueuedReport(b"%012d" % number, is_routine))
        reports.add(kept)
        if turn < len(taken):
            reports.delete_up_to(taken[turn])
        found = reports.read_after(0, 100)
        assert len(found) == reports.waiting <= 8
        assert [int(body) for _, body in found] == [n for n, _ in found] == sorted(n for n, _ in found)
    reports.close()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_set_aside(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / NAME)
    reports = ReportQueue(tmp_path)
    assert f"{NAME}.damaged-" in reports.notice
    reports.add([routine(1)])
    assert bodies(reports) == [b"routine 1"]
    reports.close()


def test_a_count_that_is_no_number_is_damage(tmp_path: Path) -> None:
    ReportQueue(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as queue:
        queue.execute("UPDATE facts SET value = 'many' WHERE name = 'dropped'")
    assert ReportQueue(tmp_path).notice


def test_reports_that_no_writer_can_read_are_dropped_and_counted(tmp_path: Path) -> None:
    reports = ReportQueue(tmp_path)
    reports.add([routine(1), failure(2), routine(3)])
    assert reports.drop_unreadable(lambda _, body: body != b"failure 2") == 1
    assert bodies(reports) == [b"routine 1", b"routine 3"]
    assert (reports.waiting, reports.dropped) == (2, 1)
    reports.close()
    assert ReportQueue(tmp_path).dropped == 1
