from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wgmon_tui.output.output_files import write_numbered, write_private


def failing() -> Iterator[bytes]:
    yield b"half"
    raise OSError(28, "No space left on device")


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "new", [b"a", b"b"])
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"ab"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_what_stood_there_stays_where_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(OSError, match="No space left"):
        write_private(tmp_path / "old", failing())
    assert (tmp_path / "old").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "old"]


def test_the_file_behind_a_link_is_replaced_and_not_the_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_private(tmp_path / "link", [b"new"])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write_private(pipe, [b"a", b"b"])
    reader.join()
    assert heard == [b"ab"]
    assert pipe.is_fifo()


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    paths = [write_numbered(tmp_path, "x", ".csv", [b"%d" % number]) for number in range(3)]
    assert [path.name for path in paths] == ["x.csv", "x-2.csv", "x-3.csv"]
    assert [path.read_bytes() for path in paths] == [b"0", b"1", b"2"]


def test_nothing_is_left_of_a_new_file_that_could_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_numbered(tmp_path, "x", ".csv", failing())
    assert list(tmp_path.iterdir()) == []
