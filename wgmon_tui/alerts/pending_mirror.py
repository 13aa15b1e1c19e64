"""In-memory mirror of the pending deliveries, used if the database becomes unreadable.

Without it, a sink could get an update of an incident before the message that opened it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

Row = tuple[object, ...]
"""A row of `deliveries`, with the columns COLUMNS."""

Changes = dict[int, Row | None]
"""Changed rows by number; None for a row that is no longer pending."""

COLUMNS = """dedup, sink, kind, at, waits_since, due_at, lease_until, attempts, state, reason, done_at,
    incidents, announcement, seen_at, seen_by"""


class PendingMirror:
    """The pending deliveries of a database that is written through one connection."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}

    @property
    def rows(self) -> Iterable[Row]:
        """Return the rows in the order of their numbers."""
        return [self._rows[number] for number in sorted(self._rows)]

    def track(self, connection: sqlite3.Connection) -> None:
        """Load the pending deliveries, and record later changes by triggers. Raises sqlite3.Error."""
        for statement in _WATCH:
            connection.execute(statement)
        self._rows = {number: row for number, *row in connection.execute(_PENDING)}

    def changes(self, connection: sqlite3.Connection) -> Changes:
        """Return the changes of the current transaction. Raises sqlite3.Error."""
        changed: Changes = {
            number: tuple(row) if state == "pending" else None
            for number, state, *row in connection.execute(_CHANGED)
        }
        connection.execute("DELETE FROM touched")
        return changed

    def apply(self, changes: Changes) -> None:
        """Apply the changes of a committed transaction."""
        for number, row in changes.items():
            if row is None:
                self._rows.pop(number, None)
            else:
                self._rows[number] = row


_WATCH = (
    "PRAGMA temp_store = MEMORY",
    "CREATE TEMP TABLE touched (id INTEGER PRIMARY KEY)",
    """CREATE TEMP TRIGGER inserted AFTER INSERT ON main.deliveries
        BEGIN INSERT INTO touched VALUES (new.id) ON CONFLICT DO NOTHING; END""",
    """CREATE TEMP TRIGGER updated AFTER UPDATE ON main.deliveries
        BEGIN INSERT INTO touched VALUES (new.id) ON CONFLICT DO NOTHING; END""",
    """CREATE TEMP TRIGGER deleted AFTER DELETE ON main.deliveries
        BEGIN INSERT INTO touched VALUES (old.id) ON CONFLICT DO NOTHING; END""",
)

_PENDING = f"SELECT id, {COLUMNS} FROM deliveries WHERE state = 'pending'"  # noqa: S608

_CHANGED = f"""SELECT touched.id, deliveries.state, {COLUMNS}
    FROM touched LEFT JOIN deliveries ON deliveries.id = touched.id"""  # noqa: S608
