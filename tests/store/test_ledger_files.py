"""Timestamp ledger: damaged or unwritable files, something else in their place, and the copy in the store."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.ledger_harness import IDENTITY, YEAR_NS, Clock, only_file, stamp_file
from wgmon_tui.checks import tai64n
from wgmon_tui.store.timestamp_ledger import TimestampLedger

# The copy in the store


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"torn")])
def test_where_its_file_is_gone_or_spoiled_the_stamps_go_on_from_the_store_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        copy = ledger.last()
        clock.now_ns += 60 * 10**9  # the copy is a minute old
        last = ledger.next(IDENTITY)
    spoil(only_file(tmp_path))
    clock.now_ns -= YEAR_NS
    with TimestampLedger(tmp_path, copy) as ledger:
        assert ledger.next(IDENTITY) > last
        assert ledger.ahead_s(IDENTITY) < YEAR_NS / 1e9 + 300


def test_a_copy_behind_the_clock_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        copy = ledger.last()
    only_file(tmp_path).unlink()
    clock.now_ns += 1
    with TimestampLedger(tmp_path, copy) as ledger:
        assert ledger.next(IDENTITY) == tai64n.encode(clock.now_ns)


def test_an_intact_file_counts_more_than_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        copy = {key: last_ns + YEAR_NS for key, last_ns in ledger.last().items()}
    with TimestampLedger(tmp_path, copy) as ledger:
        clock.now_ns += 1
        assert ledger.next(IDENTITY) == tai64n.encode(clock.now_ns)


def test_without_a_directory_the_copy_is_what_stamps_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as ledger:
        last = ledger.next(IDENTITY)
        copy = ledger.last()
    clock.now_ns -= YEAR_NS
    (tmp_path / "a-file").touch()
    with TimestampLedger(tmp_path / "a-file" / "state", copy) as ledger:
        assert ledger.next(IDENTITY) > last


# On disk


def test_the_file_is_for_its_owner_and_its_name_tells_no_key(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        with TimestampLedger(tmp_path / "state") as ledger:
            ledger.next(IDENTITY)
    finally:
        os.umask(former)
    path = only_file(tmp_path / "state")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_size == 12
    assert str(IDENTITY)[:8] not in path.name
    assert IDENTITY.raw.hex()[:8] not in path.name


@given(st.binary(max_size=20))
def test_a_spoiled_file_neither_raises_nor_stops_the_stamps(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        with TimestampLedger(Path(directory)) as ledger:
            ledger.next(IDENTITY)
        only_file(Path(directory)).write_bytes(content)
        with TimestampLedger(Path(directory)) as ledger:
            stamps = [ledger.next(IDENTITY) for _ in range(3)]
    assert all(before < after for before, after in pairwise(stamps))


@pytest.mark.parametrize("content", [b"", bytes(12), b"\xff" * 12, b"\xff" * 8 + b"\0" * 4, b"torn"])
def test_a_time_beyond_any_clock_is_no_stamp(tmp_path: Path, content: bytes) -> None:
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
    only_file(tmp_path).write_bytes(content)
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
        assert ledger.ahead_s(IDENTITY) < 1


def test_without_a_directory_stamps_increase_in_memory_with_a_one_line_warning(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    with TimestampLedger(tmp_path / "a-file" / "state") as ledger:
        assert ledger.trouble is not None
        stamps = [ledger.next(IDENTITY) for _ in range(100)]
    assert all(before < after for before, after in pairwise(stamps))
    assert str(tmp_path / "a-file" / "state") in ledger.trouble
    assert "in memory" in ledger.trouble
    assert "\n" not in ledger.trouble


def test_a_file_that_cannot_be_written_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TimestampLedger(tmp_path) as before:
        last = before.next(IDENTITY)
    make_read_only(monkeypatch)
    clock.now_ns -= 60 * 10**9
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.next(IDENTITY) > last
        assert ledger.ahead_s(IDENTITY) == pytest.approx(60.0)
        assert ledger.trouble is not None
        assert "Read-only file system" in ledger.trouble


def make_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every file that is opened for writing. Permissions do not bind root, who may run the tests."""
    really_open = os.open

    def open_read_only(path: os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return really_open(path, flags, mode)

    monkeypatch.setattr(os, "open", open_read_only)


def test_a_full_disk_does_not_end_the_stamps(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
    path = only_file(tmp_path)
    path.unlink()
    path.symlink_to("/dev/full")
    with TimestampLedger(tmp_path) as ledger:
        stamps = [ledger.next(IDENTITY) for _ in range(100)]
        assert ledger.trouble is not None
        assert "No space left" in ledger.trouble
    assert all(before < after for before, after in pairwise(stamps))


def test_a_ledger_without_trouble_has_no_warning(tmp_path: Path) -> None:
    with TimestampLedger(tmp_path) as ledger:
        ledger.next(IDENTITY)
    assert ledger.trouble is None


# Something else in the place of a file


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_directory_of_stamps_is_set_aside(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "stamps")
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.next(IDENTITY)
        assert ledger.trouble is None
        assert ledger.notice is not None
        assert "stamps.damaged-" in ledger.notice
    assert len(list(tmp_path.glob("stamps.damaged-*"))) <= 1


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_of_a_stamp_is_set_aside(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = stamp_file(tmp_path, 0)
    path.unlink()
    make(path)
    with TimestampLedger(tmp_path) as ledger:
        assert ledger.may_stamp(IDENTITY)
        ledger.next(IDENTITY)
        assert ledger.trouble is None
        assert ledger.notice is not None
    assert path.stat().st_size == 12
