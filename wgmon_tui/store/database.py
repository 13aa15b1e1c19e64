"""SQLite access: connection roles, error classification, and quarantine of damaged files.

Every connection of the program is opened here. The roles differ on purpose:

- `WRITER` (the recorder, one process at a time by its lock file) runs checkpoints between commits, because a
  commit must not wait for a checkpoint. It gives up the last second at a power cut for speed, except when it
  raises `synchronous` for one commit. Its lock timeout is short: its queue holds what arrives.
- `BUILDER` makes a new file that no other process knows yet.
- `ALERT_WRITER` (the delivery of alerts) shares the file with the recorder and leaves checkpoints to it. It
  never creates the file; only the recorder may. Its timeout is longer: a message is not urgent.
- `READER` (screens, exports) cannot write at all. Its timeout is the longest, since only a lock of a foreign
  program stops it.
- `QUICK_READER` reads at the start of the program, which must not hang on a locked file.
- `SNAPSHOT` reads a file whose log cannot be created or must not be touched. It sees what the file alone
  holds.
- `MEMORY` is a database without a file.
- `QUEUE` (reports on an agent's machine) has one process and few writes: SQLite's automatic checkpoints
  suffice.

A damaged file is never deleted. It is renamed together with its log, and a new file takes its place.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from wgmon_tui.exit_codes import UnwritableError
from wgmon_tui.records import dataclass
from wgmon_tui.store.damaged_files import is_regular_or_missing, move_aside
from wgmon_tui.store.lock_holders import is_locked_by_this_process_alone
from wgmon_tui.store.replaced_values import text_of
from wgmon_tui.text import format_list

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_NOT_AS_EXPECTED = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_TOOBIG,
}
"""A missing table or column, a value of another type: such a file is as useless as a damaged one."""

VALUE_ERRORS = (
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    RecursionError,
    struct.error,
    zlib.error,
)
"""What a stored value that is no such value can cause where it is used."""

_FULL = {sqlite3.SQLITE_FULL}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_NO_WAL_CODES = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}

_MAX_NUMBER = 2**53

LOG_SUFFIXES = ("-wal", "-shm")
_SUFFIXES = ("", *LOG_SUFFIXES, "-journal")


Examine = Callable[[sqlite3.Connection], None]

Examined = tuple[sqlite3.Connection, None] | tuple[None, Path]
"""A sound file, opened, or the new path of a damaged one."""


@dataclass(frozen=True, slots=True)
class Role:
    """How to open a file: SQLite's URI mode, the lock timeout in seconds, and the pragmas."""

    mode: str
    patience_s: float
    pragmas: tuple[str, ...] = ()


WRITER = Role(
    "rwc",
    0.25,
    (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "wal_autocheckpoint = 0",
        f"journal_size_limit = {64 * 2**20}",
        "cache_size = -4000",  # KiB; with half of it, maintenance takes twice as long: 58 ms at p99, not 26
    ),
)
# auto_vacuum must be set before the first table exists. It lets the file shrink when retention is reduced.
BUILDER = Role("rw", 5.0, ("auto_vacuum = INCREMENTAL", "journal_mode = WAL"))
ALERT_WRITER = Role("rw", 1.0, ("synchronous = NORMAL", "wal_autocheckpoint = 0"))
READER = Role("ro", 2.0)
QUICK_READER = Role("ro", 0.25)
SNAPSHOT = Role("ro&immutable=1", 5.0)
MEMORY = Role("memory", 0.0)
QUEUE = Role("rwc", 1.0, ("journal_mode = WAL", "synchronous = NORMAL", f"journal_size_limit = {4 * 2**20}"))


class StoreConnection(sqlite3.Connection):
    """A connection that a damaged file cannot surprise with another kind of error.

    Text that is no UTF-8 is replaced. SQLite also quotes such text in messages about a damaged schema.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.text_factory = text_of

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement. Raises sqlite3.Error."""
        try:
            return super().execute(sql, parameters)
        except UnicodeDecodeError:
            raise _error("damaged", sqlite3.SQLITE_CORRUPT) from None

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Execute a statement for each of the parameters. Raises sqlite3.Error."""
        try:
            return super().executemany(sql, parameters)
        except UnicodeDecodeError:
            raise _error("damaged", sqlite3.SQLITE_CORRUPT) from None


def _error(message: str, code: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(message)
    error.sqlite_errorcode = code
    return error


class StoreUnavailableError(Exception):
    """The store cannot be used now. The message is one line."""


class MissingStoreError(StoreUnavailableError):
    """There is no store yet: no process has written one."""


class NewerStoreError(StoreUnavailableError):
    """A later version of this program wrote the store: this version must not touch it."""


class UnwritableStoreError(StoreUnavailableError, UnwritableError):
    """The disk is full or defective, or the store must not be written."""


class DamagedStoreError(StoreUnavailableError):
    """The content of the store is not what this program wrote."""


# Opening


def connect(path: Path, role: Role, *, patience_s: float | None = None) -> sqlite3.Connection:
    """Open a file in a role; `patience_s` replaces the lock timeout of the role.

    Raises sqlite3.Error and OSError.

    Outside of BEGIN the connection commits each statement. Any thread may use it, one at a time.
    """
    if not is_regular_or_missing(path):
        raise _error("not a regular file", sqlite3.SQLITE_CANTOPEN)  # to open a pipe would wait
    connection = _connect(_uri(path, role), role, patience_s)
    try:
        _set_pragmas(connection, role)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_memory() -> sqlite3.Connection:
    """Open an empty database in memory."""
    return _connect(":memory:", MEMORY)


def connect_examined(path: Path, role: Role, admit: Examine, examine: Examine) -> Examined:
    """Open a file if it is sound; otherwise move it aside and return its new path.

    `admit` runs before the pragmas of the role can write to the file, `examine` after them. For damage both
    raise DamagedStoreError, or pass on SQLite's errors. Raises OSError, and what else the two raise.
    """
    if not all(is_regular_or_missing(path.with_name(path.name + suffix)) for suffix in _SUFFIXES):
        return None, move_aside(path, LOG_SUFFIXES)
    connection = _connect(_uri(path, role), role)
    try:
        admit(connection)
        _set_pragmas(connection, role)
        examine(connection)
    except (DamagedStoreError, *VALUE_ERRORS, sqlite3.Error) as error:
        # Move it before closing: closing writes the log into the file, or deletes the log.
        is_sound = isinstance(error, sqlite3.Error) and not is_unusable(error)
        aside = None if is_sound else move_aside(path, LOG_SUFFIXES)
        connection.close()
        if aside is None:
            raise
        return None, aside
    except BaseException:
        connection.close()
        raise
    return connection, None


def connect_to_read(path: Path, *, patience_s: float | None = None) -> tuple[sqlite3.Connection, bool]:
    """Open a file to read. Returns also whether it is a snapshot that does not see later writes.

    `patience_s` replaces the lock timeout of the role.

    SQLite needs a log even to read. If it cannot create one, no process has the file open, and the file alone
    is complete. Raises sqlite3.Error, and UnicodeDecodeError if SQLite quotes damaged text in its message.
    """
    connection = connect(path, READER, patience_s=patience_s)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        connection.close()
        cannot_log = _primary_code(error) in _NO_WAL_CODES and not has_log(path)
        # On a full disk SQLite has created an empty log, but no index of it: nobody else has the file open.
        if not cannot_log and not (_is_full(path, error) and _has_empty_log(path)):
            raise
        return connect(path, SNAPSHOT, patience_s=patience_s), True
    except BaseException:
        connection.close()
        raise
    return connection, False


def set_patience(connection: sqlite3.Connection, seconds: float) -> None:
    """Set how long each statement waits for a lock of another connection."""
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


def has_log(path: Path) -> bool:
    """Return whether the file has a write-ahead log: a process has it open, or was killed."""
    return path.with_name(f"{path.name}-wal").exists()


def _has_empty_log(path: Path) -> bool:
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size == 0
    except OSError:
        return False


def _connect(target: str, role: Role, patience_s: float | None = None) -> sqlite3.Connection:
    return sqlite3.connect(
        target,
        uri=True,
        timeout=role.patience_s if patience_s is None else patience_s,
        isolation_level=None,
        check_same_thread=False,
        factory=StoreConnection,
    )


def _uri(path: Path, role: Role) -> str:
    return f"{path.absolute().as_uri()}?mode={role.mode}"


def _set_pragmas(connection: sqlite3.Connection, role: Role) -> None:
    for pragma in role.pragmas:
        connection.execute(f"PRAGMA {pragma}")


# Errors


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether SQLite reports that the file is damaged."""
    return _primary_code(error) in _DAMAGED


def is_unusable(error: sqlite3.Error) -> bool:
    """Return whether the content of the file is not what the statements of this program expect."""
    return _primary_code(error) in _DAMAGED | _NOT_AS_EXPECTED


def check_integrity(connection: sqlite3.Connection) -> None:
    """Read the whole file. Raises DamagedStoreError for damage, else sqlite3.Error."""
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        found = str(error)
    if found != "ok":
        raise DamagedStoreError(f"damaged: {' '.join(str(found).split())}")


def require_tables(connection: sqlite3.Connection, *names: str) -> None:
    """Check that the tables exist. Raises DamagedStoreError if one is missing, else sqlite3.Error."""
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if missing := [name for name in names if name not in found]:
        raise DamagedStoreError(f"damaged: missing {format_list(missing)}")


def require_free_numbers(connection: sqlite3.Connection) -> None:
    """Check that rows can still get new numbers. Raises DamagedStoreError, and sqlite3.Error.

    With the largest number in a table, SQLite reports a full disk at every later row.
    """
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'").fetchall()
    for (name,) in tables:
        (last,) = connection.execute(f'SELECT max(rowid) FROM "{name}"').fetchone()  # noqa: S608
        (used,) = connection.execute(
            "SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (name,)
        ).fetchone()
        if max(last or 0, used or 0) > _MAX_NUMBER:
            raise DamagedStoreError(f"damaged: the numbers of the table {name} have ended")


def unavailable(path: Path, error: OSError | sqlite3.Error) -> StoreUnavailableError:
    """Explain in one line why a file cannot be used."""
    if isinstance(error, FileNotFoundError):
        return MissingStoreError(f"{path}: {error.strerror}")
    if isinstance(error, OSError):
        return StoreUnavailableError(f"{path}: {error.strerror}")
    code = _primary_code(error)
    if _is_full(path, error):
        return UnwritableStoreError(f"{path}: the disk is full")
    if code in _LOCKED:
        if is_locked_by_this_process_alone(path):
            return StoreUnavailableError(f"{path}: another part of this program is still writing it")
        return StoreUnavailableError(f"{path}: another program has locked it")
    if code in _READ_ONLY or (code == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK)):
        return UnwritableStoreError(f"{path}: read-only")
    if code in _DAMAGED:
        return DamagedStoreError(f"{path}: damaged")
    if code == sqlite3.SQLITE_IOERR:
        return UnwritableStoreError(f"{path}: {error}")
    return StoreUnavailableError(f"{path}: {error}")


def _is_full(path: Path, error: sqlite3.Error) -> bool:
    """Return whether the disk is full. SQLite reports some full disks as an I/O error."""
    code = _primary_code(error)
    return code in _FULL or (code == sqlite3.SQLITE_IOERR and _no_space_at(path))


def _no_space_at(path: Path) -> bool:
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
