"""Queue of reports that no writer has acknowledged yet: on disk, numbered, in order and limited in size.

A report is written before it is sent, so a number is never used twice. There is no fsync: data in the kernel
survives a killed process, and a crash of the machine loses about a second of reports.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wgmon_tui.store.database import (
    QUEUE,
    DamagedStoreError,
    StoreUnavailableError,
    check_integrity,
    connect_examined,
    require_free_numbers,
    require_tables,
)

NAME = "reports.db"

MAX_REPORTS = 50_000
MAX_BYTES = 64 * 2**20

_DROP_BATCH = 500
_VERSION = 1
_LATEST_VERSION = 1_000
"""No later version of wgmon-tui writes a queue of a version beyond this: the file is damaged or foreign."""

_MAX_DROPPED = 2**53
"""No agent drops so many reports: the count is damaged."""

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
    """The queue cannot be read or written now. The message is one line."""


@dataclass(frozen=True, slots=True)
class QueuedReport:
    """A report to store. `routine` ones are dropped first."""

    body: bytes
    routine: bool


class ReportQueue:
    """The queue in an SQLite file. Use it from one thread at a time."""

    def __init__(self, state_dir: Path, *, limit: int = MAX_REPORTS, max_bytes: int = MAX_BYTES) -> None:
        """Open the queue. An unreadable file is moved aside, and a new one starts with a new epoch.

        Raises ReportQueueUnavailableError, also for a queue of a later version: its reports are still wanted.
        """
        self._path = state_dir / NAME
        self._max_reports, self._max_bytes = limit, max_bytes
        try:
            self._connection, aside = _open_or_replace(self._path)
        except (OSError, sqlite3.Error) as error:
            raise _unavailable_error(self._path, error) from None
        except StoreUnavailableError as error:
            raise ReportQueueUnavailableError(str(error)) from None
        self.notice = f"{NAME} was damaged or not a queue of reports: moved to {aside}" if aside else ""
        """A log line if the file was moved aside, else "". Reports queued in that file are not sent."""
        with self._connection as connection:
            facts = dict(connection.execute("SELECT name, value FROM facts"))
            self.epoch: str = facts["epoch"]
            """The id of this file; a new file has a different one."""
            self.dropped: int = facts["dropped"]
            """The number of reports dropped for lack of space, in this epoch."""
            counted = connection.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM reports")
            self.waiting: int
            self._bytes: int
            self.waiting, self._bytes = counted.fetchone()

    def add(self, reports: Sequence[QueuedReport]) -> None:
        """Append reports in this order; drop old ones if it is full. Raises ReportQueueUnavailableError."""
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

    def drop_unreadable(self, is_readable: Callable[[int, bytes], bool]) -> int:
        """Drop the reports that no writer can read, as a damaged file holds them; return how many.

        A writer would end the connection at each of them. Raises ReportQueueUnavailableError.
        """
        found = self.read_after(0, -1)
        bad = [(number, len(body)) for number, body in found if not is_readable(number, body)]
        try:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(
                    "DELETE FROM reports WHERE number = ?", ((number,) for number, _ in bad)
                )
                dropped = self.dropped + len(bad)
                connection.execute("UPDATE facts SET value = ? WHERE name = 'dropped'", (dropped,))
        except sqlite3.Error as error:
            raise _unavailable_error(self._path, error) from None
        self.waiting, self._bytes = self.waiting - len(bad), self._bytes - sum(size for _, size in bad)
        self.dropped = dropped
        return len(bad)

    def first_number(self) -> int:
        """The number of the first queued report; 0 if there is none. Raises ReportQueueUnavailableError."""
        return next((number for number, _ in self.read_after(0, 1)), 0)

    def read_after(self, number: int, limit: int) -> list[tuple[int, bytes]]:
        """The first reports after this number, in order. Raises ReportQueueUnavailableError."""
        try:
            return self._connection.execute(
                "SELECT number, body FROM reports WHERE number > ? ORDER BY number LIMIT ?", (number, limit)
            ).fetchall()
        except sqlite3.Error as error:
            raise _unavailable_error(self._path, error) from None

    def delete_up_to(self, number: int) -> None:
        """Delete all reports up to this number. Raises ReportQueueUnavailableError."""
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
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()


def _drop(connection: sqlite3.Connection, limit: int) -> tuple[int, int]:
    """Drop the oldest routine reports, else the oldest ones. Returns their number and size in bytes."""
    for drop in (_DROP_ROUTINE, _DROP_ANY):
        gone = connection.execute(drop, (limit,)).fetchall()
        if gone:
            return len(gone), sum(length for (length,) in gone)
    raise sqlite3.DatabaseError("the count of reports is wrong")


def _open_or_replace(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """The queue, and the new path of a damaged file that was moved aside.

    Raises StoreUnavailableError, OSError and sqlite3.Error.
    """
    aside, admit = None, partial(_admit, path)
    connection, damaged = connect_examined(path, QUEUE, admit, _examine)
    if connection is None:
        aside = damaged
        connection, damaged = connect_examined(path, QUEUE, admit, _examine)
    if connection is None:
        raise StoreUnavailableError(f"{path}: damaged right after its creation")
    path.chmod(0o600)
    return connection, aside


def _admit(path: Path, connection: sqlite3.Connection) -> None:
    """Accept only an empty file or a queue of this version.

    Raises DamagedStoreError, and StoreUnavailableError for a queue of a later version.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if _VERSION < version <= _LATEST_VERSION:
        require_tables(connection, "facts", "reports")
        raise StoreUnavailableError(
            f"{path} was written by a later version of wgmon-tui (queue version {version}, this one writes "
            f"{_VERSION}): run that version, or move the file away, and with it the reports that wait in it"
        )
    if version != (_VERSION if tables else 0):
        raise DamagedStoreError("written by another program")


def _examine(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty file; check for damage. Raises DamagedStoreError and sqlite3.Error."""
    if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
    check_integrity(connection)
    require_tables(connection, "facts", "reports")
    require_free_numbers(connection)
    connection.execute("SELECT number, routine, body FROM reports LIMIT 1").fetchone()
    found = dict(connection.execute("SELECT name, value FROM facts"))
    epoch, dropped = found.get("epoch"), found.get("dropped")
    if not (
        isinstance(epoch, str)
        and epoch.isalnum()
        and isinstance(dropped, int)
        and 0 <= dropped < _MAX_DROPPED
    ):
        raise DamagedStoreError("rows of the table facts are missing or damaged")


def _unavailable_error(path: Path, error: sqlite3.Error | OSError) -> ReportQueueUnavailableError:
    return ReportQueueUnavailableError(f"{path}: {error}")
