"""Failover store for alerting: the database, or memory while the database cannot be written.

All writes are transactions, so that a kill at any moment neither loses nor duplicates a message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from wgmon_tui.alerts.memory_store import MemoryStore
from wgmon_tui.alerts.pending_mirror import PendingMirror
from wgmon_tui.store.database import ALERT_WRITER, connect, set_patience, unavailable
from wgmon_tui.store.store_file import STORE
from wgmon_tui.store.write.unsaved_events import UnsavedEvents

Write = tuple[str, tuple[object, ...]]
"""A statement and its values."""

Writes = list[Write]

P = ParamSpec("P")
T = TypeVar("T")


class FailoverStore:
    """One connection, for one thread at a time. Everything raises sqlite3.Error and OSError."""

    def __init__(self, state_dir: Path) -> None:
        self.trouble: str | None = None
        """Why writes go to memory now."""
        self.on_blank_store: Callable[[sqlite3.Connection], None] = lambda _: None
        """Called with an empty memory store if the database cannot be read: writes the known state there."""
        self._path = state_dir / STORE
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._memory_store: MemoryStore | None = None
        self._pending = PendingMirror()

    def close(self) -> None:
        """Close the database, and discard the memory store."""
        self._disconnect()
        if self._memory_store:
            self._memory_store.connection.close()
        self._memory_store = None

    @property
    def is_blank(self) -> bool:
        """Return whether writes go to memory and the database could not be read."""
        return self._memory_store is not None and self._memory_store.is_blank

    def open_connection(self) -> sqlite3.Connection:
        """Return the connection to the current database file or to the memory store.

        A damaged database is moved aside, so the file may change. If the connection differs from the last
        one, reread all cached tables.
        """
        if self._memory_store:
            return self._memory_store.connection
        inode = self._path.stat().st_ino if self._path.exists() else 0
        if self._connection and inode == self._inode:
            return self._connection
        self._disconnect()
        connection = connect(self._path, ALERT_WRITER)
        try:
            # This process holds the writer's lock, so no earlier process still sends a leased delivery.
            connection.execute("UPDATE deliveries SET lease_until = NULL WHERE lease_until IS NOT NULL")
            self._pending.track(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, inode
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction. After a failure, the connection is reopened."""
        connection = self.open_connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            changes = {} if self._memory_store else self._pending.changes(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.rollback()
            self._disconnect()
            raise
        self._pending.apply(changes)

    def write(self, writes: Writes) -> None:
        """Execute the statements in one transaction."""
        with self.transaction() as connection:
            for statement, values in writes:
                connection.execute(statement, values)

    def run_with_fallback(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that writes here; after a database error, switch to memory and run it again."""
        try:
            return call(*args, **kwargs)
        except (sqlite3.Error, OSError) as error:
            if self._memory_store:
                raise
            self._switch_to_memory(str(unavailable(self._path, error)))
            return call(*args, **kwargs)

    def sync(self, unwritten: UnsavedEvents | None, now: float) -> None:
        """Switch to memory while events are unsaved, and back to the database once it is writable."""
        if unwritten:
            self._switch_to_memory(unwritten.reason).add_unsaved(unwritten, now)
        elif self._memory_store:
            try:
                self._switch_to_disk(self._memory_store)
            except (sqlite3.Error, OSError) as error:
                self.trouble = str(unavailable(self._path, error))

    def _switch_to_memory(self, reason: str) -> MemoryStore:
        self.trouble = reason
        if self._memory_store is None:
            self._disconnect()
            self._memory_store = MemoryStore(self._path)
            if self._memory_store.is_blank:
                self._memory_store.load_pending(self._pending.rows)
                self.on_blank_store(self._memory_store.connection)
        return self._memory_store

    def _switch_to_disk(self, memory_store: MemoryStore) -> None:
        # No waiting for a lock: a wait here would delay every sink.
        connection = connect(self._path, ALERT_WRITER, patience_s=0.0)
        inode = self._path.stat().st_ino
        try:
            memory_store.merge_into(connection)
            set_patience(connection, ALERT_WRITER.patience_s)
            self._pending.track(connection)
        except BaseException:
            connection.close()
            raise
        self.close()
        self._connection, self._inode, self.trouble = connection, inode, None

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None
