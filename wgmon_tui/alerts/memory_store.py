"""Memory store: keeps alerts going while the database cannot be written.

It starts with what can be read of the database, receives unsaved events from the recorder, and is merged into
the database when that is writable again. After a kill before the merge, messages are sent again: those of an
opening or a recovery with the same ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path

from wgmon_tui.alerts.pending_mirror import COLUMNS, Row
from wgmon_tui.store import schema
from wgmon_tui.store.database import READER, SNAPSHOT, Role, attach, connect_memory, has_log
from wgmon_tui.store.write.batch import OutboxRow
from wgmon_tui.store.write.unsaved_events import UnsavedEvents


class MemoryStore:
    """An in-memory database. Its `connection` has the tables of the store."""

    def __init__(self, path: Path) -> None:
        self.connection = connect_memory()
        schema.create_or_migrate(self.connection)
        self.is_blank = not _copied_from(path, self.connection)
        """Whether the database could not be read."""
        self._loaded_keys: set[tuple[str, str]] = set()
        """Deliveries queued before the failover. Their presence does not mean that their incident is here."""

    def load_pending(self, pending: Iterable[Row]) -> None:
        """Load the pending deliveries of a database that cannot be read, and clear their leases."""
        self.connection.executemany(_DELIVERY, pending)
        self.connection.execute("UPDATE deliveries SET lease_until = NULL")
        self._loaded_keys = set(self.connection.execute("SELECT dedup, sink FROM deliveries"))

    def add_unsaved(self, unwritten: UnsavedEvents, now: float) -> None:
        """Add the unsaved events that are not here yet."""
        batch = unwritten.batch(but=self._rows())
        known: dict[str, int] = dict(self.connection.execute("SELECT name, id FROM servers"))
        self.connection.execute("BEGIN")
        with self.connection:
            batch.write(self.connection, known, now)

    def merge_into(self, store: sqlite3.Connection) -> None:
        """Merge everything done here into the database, in one transaction. Raises sqlite3.Error."""
        mine, handled = self._rows(), self._handled_incidents()
        store.execute("BEGIN IMMEDIATE")
        with store:
            store.executemany(_MARK, _rows_to_mark(store.execute(_UNREAD).fetchall(), mine, handled))
            store.executemany("DELETE FROM tellings WHERE incident = ?", ((each,) for each in handled))
            if not self.is_blank:
                store.executemany(_NOT_HELD, ((each,) for each in handled))
            store.executemany(_TELLING, self.connection.execute("SELECT * FROM tellings"))
            store.executemany(_DELIVERY, self.connection.execute(_DELIVERIES))

    def _rows(self) -> set[OutboxRow]:
        return set(self.connection.execute("SELECT at, what, incident, matter FROM outbox"))

    def _handled_incidents(self) -> set[str]:
        """Return the incidents this store is authoritative for: all, if the database was readable.

        Otherwise only those with a delivery or a known state: the earlier events of the others are only in
        the database.
        """
        if not self.is_blank:
            return {incident for _, _, incident, _ in self._rows()}
        known = {incident for (incident,) in self.connection.execute("SELECT incident FROM tellings")}
        said = self.connection.execute("SELECT dedup, sink, incidents FROM deliveries")
        for dedup, sink, incidents in said:
            if (dedup, sink) not in self._loaded_keys:
                known.update(incidents.split())
        return known


def _rows_to_mark(
    unread: Iterable[tuple[int, float, str, str, str]], mine: Container[OutboxRow], handled: Container[str]
) -> list[tuple[int]]:
    """Return the outbox rows already handled in memory, and all earlier rows of the same incident."""
    rows = list(unread)
    last = {
        incident: number
        for number, at, what, incident, snapshot in rows
        if incident in handled and (at, what, incident, snapshot) in mine
    }
    return [(number,) for number, _, _, incident, _ in rows if number <= last.get(incident, 0)]


def _copy_store(connection: sqlite3.Connection, path: Path, role: Role) -> bool:
    """Copy the needed tables of the database. Returns whether they could be read."""
    try:
        attach(connection, path, role, "disk")
    except sqlite3.Error:
        return False
    try:
        connection.execute("BEGIN")
        with connection:
            for statement in _COPY:
                connection.execute(statement)
    except sqlite3.Error:
        return False
    else:
        return True
    finally:
        with suppress(sqlite3.Error):
            connection.execute("DETACH disk")


def _copied_from(path: Path, connection: sqlite3.Connection) -> bool:
    """Copy from the database, if necessary as a snapshot without the log that SQLite cannot create."""
    if _copy_store(connection, path, READER):
        return True
    return path.exists() and not has_log(path) and _copy_store(connection, path, SNAPSHOT)


_COPY = (
    """CREATE TEMP TABLE lasting AS
        SELECT id FROM disk.incidents WHERE closed_at IS NULL UNION SELECT incident FROM disk.tellings""",
    "INSERT OR REPLACE INTO main.facts SELECT * FROM disk.facts",
    "INSERT INTO main.servers SELECT * FROM disk.servers",
    "INSERT INTO main.mutes SELECT * FROM disk.mutes",
    "INSERT INTO main.incidents SELECT * FROM disk.incidents WHERE id IN lasting",
    "INSERT INTO main.tellings SELECT * FROM disk.tellings",
    """INSERT INTO main.outbox SELECT * FROM disk.outbox WHERE incident IN lasting
        OR id > ifnull((SELECT value FROM disk.facts WHERE name = 'alerts_read'), 0)""",
    """INSERT INTO main.deliveries SELECT * FROM disk.deliveries
        WHERE state IN ('pending', 'given up') OR (state = 'held' AND incidents IN lasting)""",
    "UPDATE main.deliveries SET lease_until = NULL",
    # New rows get numbers that the database does not have.
    "DELETE FROM main.sqlite_sequence",
    "INSERT INTO main.sqlite_sequence SELECT * FROM disk.sqlite_sequence",
    "DROP TABLE lasting",
)

_UNREAD = """SELECT id, at, what, incident, matter FROM outbox
    WHERE id > ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0) ORDER BY id"""

_MARK = "UPDATE outbox SET what = 'told' WHERE id = ?"

_NOT_HELD = "DELETE FROM deliveries WHERE state = 'held' AND incidents = ?"

_TELLING = """INSERT OR REPLACE INTO tellings (incident, sink, told_at, reminded_at, escalated_at, held)
    VALUES (?, ?, ?, ?, ?, ?)"""

_DELIVERIES = f"SELECT {COLUMNS} FROM deliveries ORDER BY id"  # noqa: S608

_DELIVERY = f"""INSERT INTO deliveries ({COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (dedup, sink) DO UPDATE SET kind = excluded.kind, at = excluded.at,
    waits_since = excluded.waits_since, due_at = excluded.due_at, lease_until = excluded.lease_until,
    attempts = excluded.attempts, state = excluded.state, reason = excluded.reason,
    done_at = excluded.done_at, incidents = excluded.incidents, announcement = excluded.announcement,
    seen_at = excluded.seen_at, seen_by = excluded.seen_by"""  # noqa: S608
