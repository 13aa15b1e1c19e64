"""Files that are no files: each gives one line at once, wherever a configuration expects a file."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wgmon_tui.config import config_toml, servers_file
from wgmon_tui.config.imports.conf_reading import read_conf
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.regular_files import follow_links, read_regular_or_pipe
from wgmon_tui.config.secrets.private_files import PrivateFileError, read_private, replace_private
from wgmon_tui.config.trusted_files import find_problem
from wgmon_tui.output.output_files import write_private
from wgmon_tui.tui.theme.palette import read_palette

GIGABYTE = 1 << 30


def make_fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, changed_directory(path.parent):
        listener.bind(path.name)


def make_device_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_huge_file(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, GIGABYTE)


@contextmanager
def changed_directory(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


READERS: dict[str, Callable[[Path], object]] = {
    servers_file.NAME: lambda path: servers_file.read(path.parent),
    config_toml.NAME: lambda path: config_toml.read_config(path.parent),
    "dark.toml": read_palette,
    "fra1.conf": read_conf,
    "bastion.key": read_private,
}
THINGS = [Path.mkdir, make_fifo, make_socket, make_device_link, make_huge_file]


@pytest.mark.parametrize("make", THINGS, ids=["directory", "FIFO", "socket", "device", "1 GB"])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_at_once_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(read_regular_or_pipe, "__defaults__", (0.1, 0.1))
    make(tmp_path / name)
    with pytest.raises((ConfigurationError, PrivateFileError)) as refused:
        READERS[name](tmp_path / name)
    assert name in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(b"[Interface]\n" * 20_000)

    threading.Thread(target=write).start()
    content, _ = read_regular_or_pipe(Path(f"/dev/fd/{reading}"), 1 << 20)
    os.close(reading)
    assert content == b"[Interface]\n" * 20_000


def test_a_pipe_is_not_read_beyond_the_limit() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"#" * 4096)
    with pytest.raises(OSError, match="larger than 1 KiB"):
        read_regular_or_pipe(Path(f"/dev/fd/{reading}"), 1024)
    os.close(reading)
    os.close(writing)


def test_a_pipe_that_has_a_writer_and_no_end_is_refused() -> None:
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="it has no end after 200 ms"):
        read_regular_or_pipe(Path(f"/dev/fd/{reading}"), 1024, pipe_wait_s=0.2)
    os.close(reading)
    os.close(writing)


def test_a_fifo_without_a_writer_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fra1.conf")
    with pytest.raises(OSError, match="nobody writes to it"):
        read_regular_or_pipe(tmp_path / "fra1.conf", 1024, writer_wait_s=0.2)


def test_links_in_a_circle_are_an_error_of_the_system(tmp_path: Path) -> None:
    circle, link = tmp_path / "circle", tmp_path / "link"
    circle.symlink_to(circle)
    link.symlink_to(tmp_path / "missing")
    assert follow_links(link) == (tmp_path / "missing").resolve()
    for write in (follow_links, lambda path: replace_private(path, ""), lambda path: write_private(path, [])):
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            write(circle)
    assert circle.is_symlink()
    assert find_problem(circle) is None
