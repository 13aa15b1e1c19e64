"""Read access to one store from any thread: idle connections, and a transaction for each answer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wgmon_tui.store import schema
from wgmon_tui.store.database import (
    VALUE_ERRORS,
    DamagedStoreError,
    NewerStoreError,
    StoreUnavailableError,
    connect_to_read,
    unavailable,
)
from wgmon_tui.store.replaced_values import take_replaced
from wgmon_tui.store.store_version import VERSION

FileId = tuple[int, int]
"""Device and inode."""


class StoreReader:
    """Gives every answer a consistent snapshot, and never blocks the writer."""

    def __init__(self, path: Path) -> None:
        """`path` is the store's file."""
        self._path = path
        self._idle: list[tuple[sqlite3.Connection, FileId]] = []
        """Idle connections, each with the id of its file."""
        self.replaced_values = 0
        """How many stored values could not be read so far, and were replaced or left out."""
        self._idle_lock = threading.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Close the connections, those in use after their answer. A later call opens one for itself."""
        with self._idle_lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Provide a connection inside a read transaction. Raises StoreUnavailableError."""
        connection = None
        try:
            connection, file_id = self._connection()
            connection.execute("BEGIN")
            require_version(self._path, connection)
            yield connection
            connection.execute("COMMIT")
            if file_id and self._keep_idle(connection, file_id):
                connection = None
        except (OSError, sqlite3.Error) as error:
            raise unavailable(self._path, error) from None
        except VALUE_ERRORS as error:
            raise DamagedStoreError(f"{self._path}: a stored value cannot be read: {error}") from None
        finally:
            self.replaced_values += take_replaced()
            if connection is not None:
                connection.close()

    def _keep_idle(self, connection: sqlite3.Connection, file_id: FileId) -> bool:
        with self._idle_lock:
            if not self._is_closed:
                self._idle.append((connection, file_id))
            return not self._is_closed

    def _connection(self) -> tuple[sqlite3.Connection, FileId | None]:
        """Return an idle connection, or open one if a new file has replaced a damaged store.

        A connection without a file id serves one answer only. Raises OSError and sqlite3.Error.
        """
        status = self._path.stat()
        file_id = status.st_dev, status.st_ino
        while self._idle:
            with suppress(IndexError):  # another thread was quicker
                connection, opened_file_id = self._idle.pop()
                if opened_file_id == file_id:
                    return connection, file_id
                connection.close()
        connection, is_snapshot = connect_to_read(self._path)
        return connection, None if is_snapshot else file_id


def require_version(path: Path, connection: sqlite3.Connection) -> None:
    """Check the store's version, which a writer of another version may have changed.

    Raises StoreUnavailableError.
    """
    version = schema.version_of(connection)
    if version > VERSION:
        raise NewerStoreError(
            f"{path} was written by a later version of wgmon-tui (store version {version}, this one reads"
            f" {VERSION}): run that version"
        )
    if not version:
        raise StoreUnavailableError(
            f"{path} holds no history of wgmon-tui: `wgmon-tui run` or the dashboard starts one"
        )
    if version < VERSION:
        raise StoreUnavailableError(
            f"{path} was written by an earlier version of wgmon-tui: run this version once as the writer to"
            " upgrade it"
        )
