"""Tests of the connection roles: how each opens an SQLite file, and what it may do there."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from wgmon_tui.store import database
from wgmon_tui.store.database import (
    ALERT_WRITER,
    BUILDER,
    QUEUE,
    QUICK_READER,
    READER,
    SNAPSHOT,
    WRITER,
    Role,
    connect,
    connect_to_read,
    set_patience,
)

NORMAL, FULL = 1, 2
"""SQLite's numbers for PRAGMA synchronous."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a database in WAL mode, at a path that a careless URI would misread."""
    path = tmp_path / "odd ?name#%41.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE names (name TEXT)")
        made.execute("INSERT INTO names VALUES ('fra1')")
    return path


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def insert(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO names VALUES ('nyc1')")


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM names").fetchone()[0])


@pytest.mark.parametrize(
    ("role", "synchronous", "autocheckpoint", "log_limit", "patience_ms"),
    [
        (WRITER, NORMAL, 0, 64 * 2**20, 250),
        (ALERT_WRITER, NORMAL, 0, -1, 1000),
        (QUEUE, NORMAL, 1000, 4 * 2**20, 1000),
        (READER, FULL, 1000, -1, 2000),
        (QUICK_READER, FULL, 1000, -1, 250),
    ],
    ids=["writer", "alert writer", "queue", "reader", "quick reader"],
)
def test_each_role_has_its_own_durability_and_patience(
    file: Path, role: Role, synchronous: int, autocheckpoint: int, log_limit: int, patience_ms: int
) -> None:
    with closing(connect(file, role)) as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == synchronous
        assert pragma(connection, "wal_autocheckpoint") == autocheckpoint
        assert pragma(connection, "journal_size_limit") == log_limit
        assert pragma(connection, "busy_timeout") == patience_ms
        assert connection.isolation_level is None


def test_a_new_file_can_shrink_and_has_a_log(tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    with closing(connect(tmp_path / "new.db", BUILDER)) as connection:
        connection.execute("CREATE TABLE names (name TEXT)")
        assert pragma(connection, "auto_vacuum") == 2
        assert pragma(connection, "journal_mode") == "wal"


@pytest.mark.parametrize("role", [READER, QUICK_READER, SNAPSHOT], ids=["reader", "quick reader", "snapshot"])
def test_who_only_reads_cannot_write(file: Path, role: Role) -> None:
    with closing(connect(file, role)) as connection:
        assert count(connection) == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            insert(connection)


@pytest.mark.parametrize("role", [ALERT_WRITER, BUILDER, READER, SNAPSHOT])
def test_only_who_begins_a_history_or_a_queue_makes_a_file(tmp_path: Path, role: Role) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connect(tmp_path / "none.db", role).execute("SELECT 1 FROM sqlite_schema")
    assert not list(tmp_path.iterdir())


def test_a_patience_given_for_one_connection_replaces_that_of_the_role(file: Path) -> None:
    with closing(connect(file, ALERT_WRITER, patience_s=0.0)) as connection:
        assert pragma(connection, "busy_timeout") == 0
        set_patience(connection, 0.5)
        assert pragma(connection, "busy_timeout") == 500


def test_a_writer_gives_up_on_a_lock_after_its_patience(file: Path) -> None:
    with closing(connect(file, ALERT_WRITER)) as one, closing(connect(file, WRITER)) as other:
        one.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert WRITER.patience_s <= time.monotonic() - began + 0.01


def test_a_reader_sees_what_is_only_in_the_log(file: Path) -> None:
    with closing(connect(file, WRITER)) as writer:
        insert(writer)
        connection, is_snapshot = connect_to_read(file)
        with closing(connection):
            assert count(connection) == 2
            assert not is_snapshot


class WithoutLog(sqlite3.Connection):
    """As on a read-only file system, where SQLite cannot create the log that it needs even to read."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error


@pytest.fixture
def no_log_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(path: Path, role: Role, *, patience_s: float | None = None) -> sqlite3.Connection:
        if role is READER:
            return sqlite3.connect(path, factory=WithoutLog)
        return connect(path, role, patience_s=patience_s)

    monkeypatch.setattr(database, "connect", opened)


@pytest.mark.usefixtures("no_log_can_be_made")
def test_where_no_log_can_be_made_the_file_alone_is_read(file: Path) -> None:
    connection, is_snapshot = connect_to_read(file)
    with closing(connection):
        assert is_snapshot
        assert count(connection) == 1


@pytest.mark.usefixtures("no_log_can_be_made")
def test_a_file_with_a_log_is_never_read_without_it(file: Path) -> None:
    file.with_name(f"{file.name}-wal").write_bytes(b"what a killed writer left")
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connect_to_read(file)
