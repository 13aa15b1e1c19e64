"""Where it is written what is told to whom: in the store, or in memory while that cannot be written.

Everything is written in transactions, so that a kill at any moment neither loses a message nor doubles one.
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
        """Why it is written in memory now."""
        self.on_blank_store: Callable[[sqlite3.Connection], None] = lambda _: None
        """Called with a stand-in for a store that cannot even be read: write there what is known of it."""
        self._path = state_dir / STORE
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._memory_store: MemoryStore | None = None
        self._pending = PendingMirror()

    def close(self) -> None:
        """Let go of the store, and of what is only in memory."""
        self._disconnect()
        if self._memory_store:
            self._memory_store.connection.close()
        self._memory_store = None

    @property
    def is_blank(self) -> bool:
        """Whether it is written in memory, and the store could not even be read."""
        return self._memory_store is not None and self._memory_store.is_blank

    def open_connection(self) -> sqlite3.Connection:
        """The store that is found under its name now, for a damaged one is set aside; or its stand-in.

        Another connection than before means that what was remembered of its tables is to be read anew.
        """
        if self._memory_store:
            return self._memory_store.connection
        inode = self._path.stat().st_ino if self._path.exists() else 0
        if self._connection and inode == self._inode:
            return self._connection
        self._disconnect()
        connection = connect(self._path, ALERT_WRITER)
        try:
            # We hold the writer's lock: nobody sends any more what another life of this program began to.
            connection.execute("UPDATE deliveries SET lease_until = NULL WHERE lease_until IS NOT NULL")
            self._pending.track(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, inode
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing. After a failure everything is read anew."""
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
        """These, in one transaction."""
        with self.transaction() as connection:
            for statement, values in writes:
                connection.execute(statement, values)

    def run_with_fallback(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have something done that writes here: in memory, where the store does not let it be done."""
        try:
            return call(*args, **kwargs)
        except (sqlite3.Error, OSError) as error:
            if self._memory_store:
                raise
            self._switch_to_memory(str(unavailable(self._path, error)))
            return call(*args, **kwargs)

    def sync(self, unwritten: UnsavedEvents | None, now: float) -> None:
        """Write in memory while the store cannot be written, and into the store once that can be."""
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
        # Who waits for the store here keeps every sink waiting.
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
