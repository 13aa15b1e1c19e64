"""The reports that a writer has not taken yet, on this machine's disk: numbered, bounded, in order.

A report is on the disk before it is sent, so a number is never used twice. Without fsync: what the kernel has
outlives a killed process, and after a crash of the machine a second of reports is missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.store.database import (
    QUEUE,
    DamagedStoreError,
    StoreUnavailableError,
    check_integrity,
    connect_examined,
    require_tables,
)

NAME = "reports.db"

MAX_REPORTS = 50_000
MAX_BYTES = 64 * 2**20

_DROP_BATCH = 500
_VERSION = 1

_TABLES = """
CREATE TABLE reports (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    routine INTEGER NOT NULL,         -- healthy as before: the first to go where there is no room
    body BLOB NOT NULL                -- protocol.report_body
) STRICT;
CREATE INDEX routine_reports ON reports (number) WHERE routine;
CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
INSERT INTO facts VALUES ('epoch', lower(hex(randomblob(8)))), ('dropped', 0);
"""

_DROP_ROUTINE = """
DELETE FROM reports WHERE number IN (SELECT number FROM reports WHERE routine ORDER BY number LIMIT ?)
RETURNING length(body)
"""
_DROP_ANY = """
DELETE FROM reports WHERE number IN (SELECT number FROM reports ORDER BY number LIMIT ?)
RETURNING length(body)
"""


class ReportQueueUnavailableError(Exception):
    """The store cannot be written or read now. The message is one line."""


@dataclass(frozen=True, slots=True)
class QueuedReport:
    """A report to be kept."""

    body: bytes
    routine: bool


class ReportQueue:
    """The store. May be used by any one thread at a time."""

    def __init__(self, state_dir: Path, *, limit: int = MAX_REPORTS, max_bytes: int = MAX_BYTES) -> None:
        """Opens it; one that cannot be read is set aside, and a new one begun under another epoch.

        Raises ReportQueueUnavailableError.
        """
        self._path = state_dir / NAME
        self._max_reports, self._max_bytes = limit, max_bytes
        try:
            self._connection, aside = _open_or_replace(self._path)
        except (OSError, sqlite3.Error) as error:
            raise _unavailable_error(self._path, error) from None
        except StoreUnavailableError as error:
            raise ReportQueueUnavailableError(str(error)) from None
        self.notice = f"{NAME} was damaged or not of this version: set aside as {aside}" if aside else ""
        """One line for the log where the file had to be set aside; reports that waited in it are not sent."""
        with self._connection as connection:
            facts = dict(connection.execute("SELECT name, value FROM facts"))
            self.epoch: str = facts["epoch"]
            """Another one after the store was lost."""
            self.dropped: int = facts["dropped"]
            """So many reports were given up for want of room, in this epoch."""
            counted = connection.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM reports")
            self.waiting, self._bytes = counted.fetchone()

    def add(self, reports: Sequence[QueuedReport]) -> None:
        """Number them, in this order; where there is no room, old ones go. Raises ReportQueueUnavailableError."""
        try:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "INSERT INTO reports (routine, body) VALUES (?, ?)",
                    [(each.routine, each.body) for each in reports],
                )
                waiting = self.waiting + len(reports)
                size = self._bytes + sum(len(each.body) for each in reports)
                dropped = self.dropped
                while waiting > self._max_reports or size > self._max_bytes:
                    gone, freed = _drop(connection, max(1, min(_DROP_BATCH, self._max_reports // 10)))
                    waiting, size, dropped = waiting - gone, size - freed, dropped + gone
                if dropped != self.dropped:
                    connection.execute("UPDATE facts SET value = ? WHERE name = 'dropped'", (dropped,))
        except sqlite3.Error as error:
            raise _unavailable_error(self._path, error) from None
        self.waiting, self._bytes, self.dropped = waiting, size, dropped

    def first_number(self) -> int:
        """The number of the first that waits; 0 where none does. Raises ReportQueueUnavailableError."""
        return next((number for number, _ in self.read_after(0, 1)), 0)

    def read_after(self, number: int, limit: int) -> list[tuple[int, bytes]]:
        """The first reports behind that number, in order. Raises ReportQueueUnavailableError."""
        try:
            return self._connection.execute(
                "SELECT number, body FROM reports WHERE number > ? ORDER BY number LIMIT ?", (number, limit)
            ).fetchall()
        except sqlite3.Error as error:
            raise _unavailable_error(self._path, error) from None

    def delete_up_to(self, number: int) -> None:
        """A writer has all up to that number. Raises ReportQueueUnavailableError."""
        try:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                gone, freed = connection.execute(
                    "SELECT count(*), coalesce(sum(length(body)), 0) FROM reports WHERE number <= ?",
                    (number,),
                ).fetchone()
                connection.execute("DELETE FROM reports WHERE number <= ?", (number,))
        except sqlite3.Error as error:
            raise _unavailable_error(self._path, error) from None
        self.waiting, self._bytes = self.waiting - gone, self._bytes - freed

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._connection.close()


def _drop(connection: sqlite3.Connection, limit: int) -> tuple[int, int]:
    """Give up the oldest routine reports; where there are none, the oldest: how many, and their bytes."""
    for drop in (_DROP_ROUTINE, _DROP_ANY):
        gone = connection.execute(drop, (limit,)).fetchall()
        if gone:
            return len(gone), sum(length for (length,) in gone)
    raise sqlite3.DatabaseError("the count of reports is wrong")


def _open_or_replace(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """The queue, and where a damaged one lies now that had to be set aside for it.

    Raises StoreUnavailableError, OSError and sqlite3.Error.
    """
    aside = None
    connection, damaged = connect_examined(path, QUEUE, _admit, _examine)
    if connection is None:
        aside = damaged
        connection, damaged = connect_examined(path, QUEUE, _admit, _examine)
    if connection is None:
        raise StoreUnavailableError(f"{path}: damaged as soon as it was made")
    path.chmod(0o600)
    return connection, aside


def _admit(connection: sqlite3.Connection) -> None:
    """Only an empty file and a queue of this version may be written to. Raises DamagedStoreError."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version != (_VERSION if tables else 0):
        raise DamagedStoreError("of another version, or of another program")


def _examine(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty file, and look for damage. Raises DamagedStoreError and sqlite3.Error."""
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
    check_integrity(connection)
    require_tables(connection, "facts", "reports")
    found = {name for (name,) in connection.execute("SELECT name FROM facts")}
    if not {"epoch", "dropped"} <= found:
        raise DamagedStoreError("facts are missing")


def _unavailable_error(path: Path, error: sqlite3.Error | OSError) -> ReportQueueUnavailableError:
    return ReportQueueUnavailableError(f"{path}: {error}")
