"""Tests of the writer lock on a state directory, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wgmon_tui.daemon.writer_lock import WriterLock, WriterRunningError

TAKE = """
import sys
from pathlib import Path
from wgmon_tui.daemon.writer_lock import WriterRunningError, WriterLock
print("ready", flush=True)
sys.stdin.readline()
try:
    lock = WriterLock.acquire(Path(sys.argv[1]))
except WriterRunningError as error:
    print(error, flush=True)
else:
    print("mine", flush=True)
sys.stdin.read()
"""


def start_contender(state: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def start(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def test_of_writers_that_start_in_the_same_instant_exactly_one_wins(tmp_path: Path) -> None:
    contenders = [start_contender(tmp_path / "state") for _ in range(4)]
    for each in contenders:
        start(each)
    outcomes = [read_line(each) for each in contenders]
    for each in contenders:
        end(each)
    assert outcomes.count("mine") == 1
    assert all("is written by" in each for each in outcomes if each != "mine")


def test_who_comes_second_is_told_who_writes(tmp_path: Path) -> None:
    first = start_contender(tmp_path)
    start(first)
    assert read_line(first) == "mine"
    with pytest.raises(WriterRunningError, match=rf"is written by root, pid {first.pid}, since 20\d\d-"):
        WriterLock.acquire(tmp_path)
    end(first)


def test_the_lock_of_a_writer_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    first = start_contender(tmp_path)
    start(first)
    assert read_line(first) == "mine"
    first.send_signal(signal.SIGKILL)
    first.communicate()
    WriterLock.acquire(tmp_path).release()


def test_the_name_that_a_killed_writer_left_is_not_told_for_that_of_another(tmp_path: Path) -> None:
    first = start_contender(tmp_path)
    start(first)
    assert read_line(first) == "mine"
    left = (tmp_path / "writer.lock").read_text()
    end(first)
    lock = WriterLock.acquire(tmp_path)
    (tmp_path / "writer.lock").write_text(left)
    with pytest.raises(WriterRunningError, match="is written by another process of this account"):
        WriterLock.acquire(tmp_path)
    lock.release()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = WriterLock.acquire(tmp_path)
    lock.release()
    lock.release()
    WriterLock.acquire(tmp_path).release()


def test_a_child_that_shares_the_descriptor_does_not_hold_a_released_lock(tmp_path: Path) -> None:
    lock = WriterLock.acquire(tmp_path)
    of_the_child = os.dup(lock._descriptor)
    lock.release()
    WriterLock.acquire(tmp_path).release()
    os.close(of_the_child)


def test_only_the_owner_can_open_the_lock_so_that_no_viewer_can_hold_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        lock = WriterLock.acquire(tmp_path / "state")
    finally:
        os.umask(before)
    assert (tmp_path / "state" / "writer.lock").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_where_no_file_can_be_made_the_directory_itself_is_locked(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").symlink_to(tmp_path / "nowhere" / "at all")
    lock = WriterLock.acquire(tmp_path)
    with pytest.raises(WriterRunningError):
        WriterLock.acquire(tmp_path)
    lock.release()


# Something else in the place of the lock


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/etc/hostname")])
def test_what_is_no_file_is_moved_aside_with_a_notice(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "writer.lock")
    before = Path("/etc/hostname").read_bytes()
    lock = WriterLock.acquire(tmp_path)
    assert lock.notice is not None
    assert "writer.lock.damaged-" in lock.notice
    with pytest.raises(WriterRunningError):
        WriterLock.acquire(tmp_path)
    lock.release()
    assert Path("/etc/hostname").read_bytes() == before


def test_the_content_of_a_file_that_is_no_lock_is_kept(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").write_bytes(b"my letters")
    lock = WriterLock.acquire(tmp_path)
    lock.release()
    (aside,) = tmp_path.glob("writer.lock.damaged-*")
    assert aside.read_bytes() == b"my letters"
    assert lock.notice is not None
    assert WriterLock.acquire(tmp_path).notice is None


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 4000,
        b'{"pid": 1e999, "uid": 0, "since": 0}',
        b'{"pid": 99999999999999999999, "uid": 0, "since": 0}',
        b'{"pid": -1, "uid": -5, "since": 1e300}',
        b"\xff\xfe",
        b"null",
    ],
)
def test_a_damaged_record_does_not_keep_others_from_the_one_line(tmp_path: Path, content: bytes) -> None:
    lock = WriterLock.acquire(tmp_path)
    (tmp_path / "writer.lock").write_bytes(content)
    with pytest.raises(WriterRunningError, match="is written by another process of this account"):
        WriterLock.acquire(tmp_path)
    lock.release()
