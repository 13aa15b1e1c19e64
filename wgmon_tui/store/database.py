"""SQLite files: how each role opens one, what is wrong with one, and how a damaged one is set aside.

Every connection of the program is opened here. The roles differ on purpose:

- `WRITER` (the recorder, one process at a time by its lock file) checkpoints by itself between commits,
  because a commit must not wait for a checkpoint. It trades the last second at a power cut for speed, except
  where it raises `synchronous` for one commit. It waits briefly for a lock: its queue holds what comes.
- `BUILDER` makes a new file that nobody else knows yet.
- `ALERT_WRITER` (the delivery of alerts) shares the file with the recorder and leaves checkpoints to it. It
  never creates the file, which only the recorder may make. It can wait longer: a message is in no hurry.
- `READER` (screens, exports) cannot write at all. It waits longest, since only a stranger's lock stops it.
- `QUICK_READER` reads at the start of the program, which must not hang on a locked file.
- `SNAPSHOT` reads a file whose log cannot be made or must not be touched. It sees what the file alone holds.
- `MEMORY` is a database without a file. It waits briefly for the file that it copies from.
- `QUEUE` (reports on an agent's machine) has one process and few writes: SQLite's own checkpoints do.

A damaged file is never deleted: it is set aside together with its log, and work goes on in a new one.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.text import format_list, format_local_date

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_FULL = {sqlite3.SQLITE_FULL}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_NO_WAL_CODES = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}

_LOG_SUFFIXES = ("-wal", "-shm")


Examine = Callable[[sqlite3.Connection], None]

Examined = tuple[sqlite3.Connection, None] | tuple[None, Path]
"""A sound file that is open, or where a damaged one lies now."""


@dataclass(frozen=True, slots=True)
class Role:
    """How a file is opened: SQLite's URI mode, how long a statement waits for a lock, and the pragmas."""

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
        "cache_size = -16000",
    ),
)
# The first pragma must stand before the first table: it lets the file shrink when less is to be kept.
BUILDER = Role("rw", 5.0, ("auto_vacuum = INCREMENTAL", "journal_mode = WAL"))
ALERT_WRITER = Role("rw", 1.0, ("synchronous = NORMAL", "wal_autocheckpoint = 0"))
READER = Role("ro", 2.0)
QUICK_READER = Role("ro", 0.25)
SNAPSHOT = Role("ro&immutable=1", 5.0)
MEMORY = Role("memory", 0.25)
QUEUE = Role("rwc", 1.0, ("journal_mode = WAL", "synchronous = NORMAL", f"journal_size_limit = {4 * 2**20}"))


class StoreUnavailableError(Exception):
    """The store cannot be used now. The message is one line."""


class NewerStoreError(StoreUnavailableError):
    """A later version of this program wrote the store: this one must not touch it."""


class DamagedStoreError(StoreUnavailableError):
    """The content of the store is not what this program wrote."""


# Opening


def connect(path: Path, role: Role, *, patience_s: float | None = None) -> sqlite3.Connection:
    """Open a file in a role; `patience_s` replaces that of the role. Raises sqlite3.Error.

    The connection commits by itself outside of BEGIN and may be used by any one thread at a time.
    """
    connection = _connect(_uri(path, role), role, patience_s)
    try:
        _set_pragmas(connection, role)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_memory() -> sqlite3.Connection:
    """An empty database in memory, to which files can be attached."""
    return _connect(":memory:", MEMORY)


def attach(connection: sqlite3.Connection, path: Path, role: Role, name: str) -> None:
    """Let a connection read another file, as `name`. Raises sqlite3.Error."""
    connection.execute(f"ATTACH ? AS {name}", (_uri(path, role),))


def connect_examined(path: Path, role: Role, admit: Examine, examine: Examine) -> Examined:
    """Open a file that is found sound; a damaged one is set aside, and its new path returned instead.

    `admit` looks before the pragmas of the role can write to the file, `examine` after them. For damage both
    raise DamagedStoreError, or let SQLite's own errors pass. Raises OSError, and what else they raise.
    """
    connection = _connect(_uri(path, role), role)
    try:
        admit(connection)
        _set_pragmas(connection, role)
        examine(connection)
    except (DamagedStoreError, UnicodeDecodeError, sqlite3.Error) as error:
        # Set aside before it is closed: closing brings the log into the file, or deletes the log.
        aside = move_aside(path) if not isinstance(error, sqlite3.Error) or is_damage(error) else None
        connection.close()
        if aside is None:
            raise
        return None, aside
    except BaseException:
        connection.close()
        raise
    return connection, None


def connect_to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open a file to read; gives also whether it is a snapshot that later writes do not reach.

    SQLite needs a log even to read. Where it cannot make one, nobody has the file open, and the file alone is
    the truth. Raises sqlite3.Error, and UnicodeDecodeError where SQLite quotes damaged text in its message.
    """
    connection = connect(path, READER)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if _primary_code(error) not in _NO_WAL_CODES or has_log(path):
            raise
        return connect(path, SNAPSHOT), True
    except BaseException:
        connection.close()
        raise
    return connection, False


def set_patience(connection: sqlite3.Connection, seconds: float) -> None:
    """How long each statement waits from now on for somebody else's lock."""
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")


def has_log(path: Path) -> bool:
    """Whether a write-ahead log lies beside the file: somebody has it open, or was killed."""
    return path.with_name(f"{path.name}-wal").exists()


def _connect(target: str, role: Role, patience_s: float | None = None) -> sqlite3.Connection:
    return sqlite3.connect(
        target,
        uri=True,
        timeout=role.patience_s if patience_s is None else patience_s,
        isolation_level=None,
        check_same_thread=False,
    )


def _uri(path: Path, role: Role) -> str:
    return f"{path.absolute().as_uri()}?mode={role.mode}"


def _set_pragmas(connection: sqlite3.Connection, role: Role) -> None:
    for pragma in role.pragmas:
        connection.execute(f"PRAGMA {pragma}")


# What is wrong


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is not what it wrote."""
    return _primary_code(error) in _DAMAGED


def check_integrity(connection: sqlite3.Connection) -> None:
    """Read the whole file. Raises DamagedStoreError for what is found, else sqlite3.Error."""
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        found = str(error)
    if found != "ok":
        raise DamagedStoreError(f"damaged: {' '.join(str(found).split())}")


def require_tables(connection: sqlite3.Connection, *names: str) -> None:
    """Raises DamagedStoreError where one of the tables is missing, else sqlite3.Error."""
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if missing := [name for name in names if name not in found]:
        raise DamagedStoreError(f"damaged: without {format_list(missing)}")


def unavailable(path: Path, error: OSError | sqlite3.Error) -> StoreUnavailableError:
    """Why a file cannot be used, in one line."""
    if isinstance(error, OSError):
        return StoreUnavailableError(f"{path}: {error.strerror}")
    code = _primary_code(error)
    if code in _FULL or (code == sqlite3.SQLITE_IOERR and _no_space_at(path)):
        return StoreUnavailableError(f"{path}: the disk is full")
    if code in _LOCKED:
        return StoreUnavailableError(f"{path}: another program has locked it")
    if code in _READ_ONLY or (code == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK)):
        return StoreUnavailableError(f"{path}: read-only")
    if code in _DAMAGED:
        return DamagedStoreError(f"{path}: damaged")
    return StoreUnavailableError(f"{path}: {error}")


def move_aside(path: Path) -> Path:
    """Rename a file with its -wal and -shm to NAME.damaged-DATE; gives the new path. Raises OSError."""
    day = format_local_date(time.time())
    name, number = f"{path.name}.damaged-{day}", 1
    while path.with_name(name).exists():
        number += 1
        name = f"{path.name}.damaged-{day}-{number}"
    # The write-ahead log first: left behind alone, it would be played into the new file.
    for suffix in (*_LOG_SUFFIXES, ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(path.with_name(name + suffix))
    return path.with_name(name)


def _no_space_at(path: Path) -> bool:
    """SQLite calls some full disks an I/O error."""
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
