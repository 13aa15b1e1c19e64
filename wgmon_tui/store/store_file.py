"""File of the history: creation, checks, opening for writing, and replacement when damaged.

A temporary obstacle (a full disk, a lock, a read-only directory) is reported in one line, and the writer
tries again.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from wgmon_tui.records import dataclass
from wgmon_tui.store import schema
from wgmon_tui.store.clock_guard import NO_CLOCK_SAYS_NS
from wgmon_tui.store.damaged_files import move_aside
from wgmon_tui.store.database import (
    BUILDER,
    LOG_SUFFIXES,
    QUICK_READER,
    READER,
    SNAPSHOT,
    VALUE_ERRORS,
    WRITER,
    DamagedStoreError,
    NewerStoreError,
    StoreUnavailableError,
    check_integrity,
    connect,
    connect_examined,
    require_free_numbers,
    require_tables,
    unavailable,
)
from wgmon_tui.store.store_version import STORE, VERSION
from wgmon_tui.text import format_list

_LATEST_VERSION = VERSION + 1000
"""The latest version of a store that another version of this program may have written."""

_FULL_CHECK_MAX_BYTES = 16 * 2**20
"""Bytes. A store up to this size is read completely on opening; of a larger one, both ends of each table."""


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """A store open for writing. `notice` is one line if a damaged store was moved aside for it."""

    connection: sqlite3.Connection
    notice: str | None = None
    is_new: bool = False


class WritableStore:
    """The store as the recorder has it open, with the ids of known servers."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Read the ids of the servers. Raises OSError and sqlite3.Error."""
        self.connection = connection
        self.id = str(connection.execute("SELECT value FROM facts WHERE name = 'store'").fetchone()[0])
        self.ids: dict[str, int] = dict(connection.execute("SELECT name, id FROM servers"))
        self._path, self._inode = path, path.stat().st_ino

    def is_there(self) -> bool:
        """Return whether the open file is still the one under its path. Raises OSError."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False


def refuse_newer(state_dir: Path) -> None:
    """Check first of all that the store is not of a later version. Raises NewerStoreError.

    It reads the main file only and does not touch the log. `open_store` reports files that cannot be read.
    """
    path = state_dir / STORE
    with (
        suppress(sqlite3.Error, OSError, DamagedStoreError),
        closing(connect(path, SNAPSHOT)) as found,
    ):
        _refuse_newer(found, path)


def upgrade_store(state_dir: Path, on_progress: Callable[[int, int], None]) -> None:
    """Migrate a store of an earlier version, if there is one, before `open_store` opens it.

    That can take minutes, so a caller can do it in a thread. `on_progress` gets the servers that are done and
    all of them. It ends the migration by UpgradeStoppedError, and the store stays as it was. `open_store`
    meets and reports everything else that fails.
    """
    path = state_dir / STORE
    with suppress(sqlite3.Error, OSError, DamagedStoreError, NewerStoreError, *VALUE_ERRORS):
        with closing(connect(path, SNAPSHOT)) as found:
            if not 0 < schema.version_of(found) < VERSION:
                return
        with closing(connect(path, READER)) as found:
            _check_damage(path, found)  # to close a writer would write the log of a damaged store into it
        with closing(connect(path, WRITER)) as connection:
            _admit(path, connection)
            _examine(path, connection, on_progress)


class UpgradeStoppedError(Exception):
    """Somebody ended the program while it migrated a store."""


def open_store(state_dir: Path) -> OpenedStore:
    """Open the store of a state directory; create both if missing.

    Outside of BEGIN the connection commits each statement. Any thread may use it, one at a time. Raises
    StoreUnavailableError, and NewerStoreError for a store of a later version.
    """
    path = state_dir / STORE
    notice = None
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.path.lexists(path):
            connection, notice = _open(path)
            if connection:
                return OpenedStore(connection)
        _make(path)
        connection, damaged = _open(path)
        if connection:
            return OpenedStore(connection, notice, is_new=True)
        raise StoreUnavailableError(f"{path}: {damaged}")
    except (OSError, sqlite3.Error) as error:
        raise unavailable(path, error) from None


def set_damaged_aside(path: Path) -> str:
    """Move a damaged store aside, and return the notice. Raises OSError."""
    return _damage_notice(move_aside(path, LOG_SUFFIXES))


def mirrored_stamps(state_dir: Path) -> dict[bytes, int]:
    """Return the copy of the last timestamps for TimestampLedger; empty if the store cannot be read."""
    try:
        with closing(connect(state_dir / STORE, QUICK_READER)) as connection:
            rows = connection.execute("SELECT identity, last_ns FROM stamps").fetchall()
    except (sqlite3.Error, OSError):
        return {}
    return {
        identity: last_ns
        for identity, last_ns in rows
        if isinstance(identity, bytes) and isinstance(last_ns, int) and 0 < last_ns < NO_CLOCK_SAYS_NS
    }


def _make(path: Path) -> None:
    """Create an empty store under a temporary name and rename it, so that a kill never leaves half of one.

    Raises OSError and sqlite3.Error.
    """
    unfinished = path.with_name(f"{path.name}.new")
    for suffix in ("", "-wal", "-shm", "-journal"):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(connect(unfinished, BUILDER)) as connection:
            schema.create_or_migrate(connection)
            connection.executemany(
                "INSERT INTO facts (name, value) VALUES (?, ?)",
                (("store", os.urandom(8).hex()), ("begun", time.time()), ("fleet_version", 1)),
            )
        unfinished.rename(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _open(path: Path) -> tuple[sqlite3.Connection, None] | tuple[None, str]:
    """Return the connection, or the notice that a damaged store was moved aside.

    Raises NewerStoreError, OSError and sqlite3.Error.
    """
    _allow_readers(path)
    connection, aside = connect_examined(path, WRITER, partial(_admit, path), partial(_examine, path))
    return (connection, None) if connection else (None, _damage_notice(aside))


def _damage_notice(aside: Path | None) -> str:
    return f"the history was damaged: it was moved to {aside}, and a new one was started"


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Raise NewerStoreError for a history of a later version, and DamagedStoreError for a wrong version."""
    version = schema.version_of(connection)
    if version > VERSION:
        has_tables = connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None
        if version > _LATEST_VERSION or (has_tables and not _has_id(connection)):
            raise DamagedStoreError(f"{path}: version {version} is that of no history")
        raise NewerStoreError(
            f"{path} was written by a later version of wgmon-tui (store version {version}, this one "
            f"writes {VERSION}): run that version, or move the file away to start a new history"
        )


def _has_id(connection: sqlite3.Connection) -> bool:
    """Return whether it is a history of some version. Raises sqlite3.Error."""
    require_tables(connection, "facts", "servers")
    return connection.execute("SELECT 1 FROM facts WHERE name = 'store'").fetchone() is not None


def _admit(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a store that this version must not write to, before anything is written.

    Raises DamagedStoreError, NewerStoreError, OSError and sqlite3.Error, and UnicodeDecodeError if SQLite
    quotes damaged text in its message.
    """
    if not path.stat().st_size:
        raise DamagedStoreError(f"{path}: empty")
    _refuse_newer(connection, path)
    if schema.version_of(connection) < 1:
        raise DamagedStoreError(f"{path}: not a history of wgmon-tui")


def _examine(
    path: Path,
    connection: sqlite3.Connection,
    on_progress: Callable[[int, int], None] = schema.ignore_progress,
) -> None:
    """Check for damage, and migrate an older store to this version. Raises like `_admit`."""
    _check_damage(path, connection)
    require_tables(connection, "facts", "servers")
    if not schema.is_current(connection):
        schema.create_or_migrate(connection, on_progress)
    if missing := schema.find_missing(connection):
        raise DamagedStoreError(f"{path}: missing {format_list(missing, most=3)}")
    if not _has_id(connection):
        raise DamagedStoreError(f"{path}: the id of the store is missing")
    require_free_numbers(connection)
    schema.repair_facts(connection)


def _check_damage(path: Path, connection: sqlite3.Connection) -> None:
    if path.stat().st_size <= _FULL_CHECK_MAX_BYTES:
        check_integrity(connection)
    else:
        _check_both_ends(connection)


def _check_both_ends(connection: sqlite3.Connection) -> None:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for name in tables:
        for order in ("ASC", "DESC"):
            key = "rowid" if name == "sqlite_sequence" else "1"
            connection.execute(f'SELECT * FROM "{name}" ORDER BY {key} {order} LIMIT 1').fetchone()  # noqa: S608


def _allow_readers(path: Path) -> None:
    """Let the group that can read the state directory read the store, and no other account.

    SQLite gives -wal and -shm the mode and the owner of the store when it creates them.
    """
    directory = path.parent.stat()
    group_reads = directory.st_mode & stat.S_IRGRP and directory.st_mode & stat.S_IXGRP
    mode = 0o640 if group_reads else 0o600
    owner = directory.st_uid if os.geteuid() == 0 else -1
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        with suppress(OSError):  # no right to change it: a later write will report the problem
            os.chown(file, owner, directory.st_gid if group_reads else -1)
        with suppress(OSError):
            file.chmod(mode)
