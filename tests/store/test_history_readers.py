"""Readers of a history that others write, and of files that are none."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.parameters import default_run
from tests.store.sample_incidents import past
from tests.store.sql_stores import T0, Store
from wgmon_tui.store.database import NewerStoreError, StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import VERSION


def test_a_store_of_a_later_version_is_refused_in_one_sentence(store: Store) -> None:
    store.history.names()
    store.connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(NewerStoreError, match="later version") as refused:
        store.history.names()
    assert "\n" not in str(refused.value)


def in_one_line(ask: Callable[[], object]) -> str:
    with pytest.raises(StoreUnavailableError) as failure:
        ask()
    assert "\n" not in str(failure.value)
    return str(failure.value)


def test_a_missing_store_is_reported_in_one_line_and_found_once_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    history = History(path)
    assert str(path) in in_one_line(history.names)
    store = Store(path)
    store.server("fra1")
    assert history.names() == ["fra1"]
    history.close()
    store.close()


def test_a_file_that_is_no_store_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"This is no database. " * 100)
    assert "damaged" in in_one_line(History(path).names)


def test_an_empty_file_is_reported_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.touch()
    assert "holds no history" in in_one_line(History(path).names)


def test_a_new_store_in_the_place_of_a_damaged_one_is_read_from_then_on(store: Store) -> None:
    store.server("old")
    assert store.history.names() == ["old"]
    for suffix in ("-wal", "-shm", ""):
        file = store.path.with_name(store.path.name + suffix)
        file.rename(file.with_name(f"aside{suffix}"))
    new = Store(store.path)
    new.server("new")
    assert store.history.names() == ["new"]
    new.close()


def test_a_reader_sees_what_was_committed_and_nothing_else(store: Store) -> None:
    store.connection.execute("BEGIN")
    store.server("fra1")
    assert store.history.names() == []
    store.connection.execute("COMMIT")
    assert store.history.names() == ["fra1"]


def test_a_reader_never_writes(store: Store) -> None:
    with (
        store.history._reader.transaction() as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM servers")


def test_many_threads_read_at_once(store: Store) -> None:
    store.journal(*(past(after) for after in range(50)))
    with ThreadPoolExecutor(8) as pool:
        counts = pool.map(lambda _: len(store.history.checks("fra1", T0, T0 + 60)), range(64))
        assert set(counts) == {50}


def test_a_closed_history_opens_again(store: Store) -> None:
    store.server("fra1")
    store.history.names()
    store.history.close()
    assert store.history.names() == ["fra1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to read as another account")
@pytest.mark.parametrize("writer", default_run(["was killed"], ["is there", "has ended", "was killed"]))
def test_a_member_of_the_group_reads_what_only_the_owner_may_write(writer: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o750)
        os.chown(directory, -1, 65_534)
        store = Store(directory / "history.db")
        store.server("fra1")
        if writer == "has ended":
            store.close()
        for path in directory.iterdir():
            path.chmod(0o640)
            os.chown(path, -1, 65_534)
        if writer == "was killed":
            # What a kill leaves: the log with its content, and no lock.
            left = {path.name: path.read_bytes() for path in directory.iterdir()}
            store.close()
            for file, content in left.items():
                (directory / file).write_bytes(content)
                (directory / file).chmod(0o640)
                os.chown(directory / file, -1, 65_534)
        assert _read_as(12_345, 65_534, directory / "history.db") == "['fra1']"
        store.close()


AS_SOMEBODY_ELSE = """
import os, sys
import urllib.parse  # which pathlib needs later: the other account may not read this Python
from pathlib import Path
from wgmon_tui.store.history import History

os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
print(History(Path(sys.argv[3])).names())
"""


def _read_as(user: int, group: int, path: Path) -> str:
    """Return the names in a store as read by another account, or its error."""
    child = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY_ELSE, str(user), str(group), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return (child.stdout + child.stderr).strip()
