"""The file of the store: made, opened, refused, set aside.

A store that was damaged is never deleted: it is set aside with what belongs to it, and work goes on in a new
one. What keeps us from the store for a while (a full disk, a lock, a read-only directory) is told in one
line; whoever writes tries again.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.history import schema
from wgmon_tui.text import format_local_date

STORE = "history.db"

_PATIENCE_S = 0.25
"""How long a statement waits for somebody else's lock."""

_LOOKED_THROUGH = 16 * 2**20
"""Bytes. A store of this size is read through when it is opened; of a larger one, both ends of each table."""

_CACHE_KB = 16_000

_LOG_KEPT = 64 * 2**20
"""Bytes. A write-ahead log that has grown beyond is cut back once it is empty."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_FULL = {sqlite3.SQLITE_FULL}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}


class StoreUnavailableError(Exception):
    """The store cannot be used now. The message is one line."""


class NewerStoreError(StoreUnavailableError):
    """A later version of this program wrote the store: this one must not touch it."""


class DamagedStoreError(StoreUnavailableError):
    """The content of the store is not what we wrote."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that can be written. `notice` is one line where a damaged one had to be set aside for it."""

    connection: sqlite3.Connection
    notice: str | None = None


def refuse_newer(state_dir: Path) -> None:
    """Raises NewerStoreError for the store of a later version, before anything else is done.

    As far as the file itself tells: its log is left alone, and of what cannot be read `open_store` speaks.
    """
    path = (state_dir / STORE).absolute()
    with (
        suppress(sqlite3.Error, UnicodeDecodeError),
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as found,
    ):
        _refuse_newer(schema.version_of(found), path)


def open_store(state_dir: Path) -> Opened:
    """Open the store of a state directory, and make both where they are not there yet.

    The connection commits by itself outside of BEGIN and may be used by any one thread at a time. Raises
    StoreUnavailableError, and NewerStoreError for a store from a later version.
    """
    path = state_dir / STORE
    notice = None
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            connection, notice = _open(path)
            if connection:
                return Opened(connection)
        _make(path)
        connection, damaged = _open(path)
        if connection:
            return Opened(connection, notice)
        raise StoreUnavailableError(f"{path}: {damaged}")
    except (OSError, sqlite3.Error) as error:
        raise unavailable(path, error) from None


def set_aside(path: Path) -> str:
    """Move a damaged store out of the way with its -wal and -shm, and say so in one line. Raises OSError."""
    day = format_local_date(time.time())
    name, number = f"{path.name}.damaged-{day}", 1
    while path.with_name(name).exists():
        number += 1
        name = f"{path.name}.damaged-{day}-{number}"
    # The write-ahead log first: left behind alone, it would be played into the new store.
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(path.with_name(name + suffix))
    return f"the history was damaged: it is set aside as {path.with_name(name)}, and a new one is begun"


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is not what it wrote."""
    return _primary_code(error) in _DAMAGED


def look_through(connection: sqlite3.Connection) -> None:
    """Read the whole store. Raises DamagedStoreError for what is found, else sqlite3.Error."""
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        found = str(error)
    if found != "ok":
        raise DamagedStoreError(f"damaged: {' '.join(str(found).split())}")


def unavailable(path: Path, error: OSError | sqlite3.Error) -> StoreUnavailableError:
    """What keeps us from the store, in one line."""
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


def mirrored_stamps(state_dir: Path) -> dict[bytes, int]:
    """The last stamps that the store knows, for StampLedger; none where it cannot be read."""
    uri = f"{(state_dir / STORE).absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S)) as connection:
            return dict(connection.execute("SELECT identity, last_ns FROM stamps"))
    except (sqlite3.Error, UnicodeDecodeError):
        return {}


def _make(path: Path) -> None:
    """Make an empty store beside `path` and put it there whole, so that no kill leaves half of one.

    Raises OSError and sqlite3.Error.
    """
    unfinished = path.with_name(f"{path.name}.new")
    for suffix in ("", "-wal", "-shm", "-journal"):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            # Must stand before the first table: it lets a store shrink when less is to be kept.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
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


def _open(path: Path) -> tuple[sqlite3.Connection | None, str | None]:
    """The connection; where the store is damaged none, and what is said of its having been set aside.

    Raises NewerStoreError, OSError and sqlite3.Error.
    """
    _let_readers_in(path)
    connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
    try:
        _examine(connection, path)
    except (DamagedStoreError, UnicodeDecodeError, sqlite3.Error) as error:
        # Before it is closed: closing brings the log into the store, or deletes it.
        aside = None if isinstance(error, sqlite3.Error) and not is_damage(error) else set_aside(path)
        connection.close()
        if aside is None:
            raise
        return None, aside
    except BaseException:
        connection.close()
        raise
    return connection, None


def _refuse_newer(version: int, path: Path) -> None:
    if version > schema.VERSION:
        raise NewerStoreError(
            f"{path} was written by a later version of wgmon-tui (store version {version}, this one "
            f"writes {schema.VERSION}): start that version, or move the file away to begin a new history"
        )


def _examine(connection: sqlite3.Connection, path: Path) -> None:
    """Make a store ready to be written, of the version that we write.

    Raises DamagedStoreError, NewerStoreError, OSError and sqlite3.Error, and UnicodeDecodeError where SQLite
    quotes damaged text in its own message.
    """
    size = path.stat().st_size
    if not size:
        raise DamagedStoreError(f"{path}: empty")
    version = schema.version_of(connection)
    _refuse_newer(version, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # a commit must not wait for it
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    if size <= _LOOKED_THROUGH:
        look_through(connection)
    else:
        _look_at_ends(connection)
    if version < schema.VERSION:
        schema.create_or_migrate(connection)


def _look_at_ends(connection: sqlite3.Connection) -> None:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for name in tables:
        for order in ("ASC", "DESC"):
            key = "rowid" if name == "sqlite_sequence" else "1"
            connection.execute(f'SELECT * FROM "{name}" ORDER BY {key} {order} LIMIT 1').fetchone()  # noqa: S608


def _let_readers_in(path: Path) -> None:
    """Let whoever may read the state directory as its group read the store; nobody else.

    SQLite gives -wal and -shm the mode and the owner of the store when it makes them.
    """
    directory = path.parent.stat()
    group_reads = directory.st_mode & stat.S_IRGRP and directory.st_mode & stat.S_IXGRP
    mode = 0o640 if group_reads else 0o600
    owner = directory.st_uid if os.geteuid() == 0 else -1
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        with suppress(OSError):  # not ours to change: then the writing of it will tell
            os.chown(file, owner, directory.st_gid if group_reads else -1)
        with suppress(OSError):
            file.chmod(mode)


def _no_space_at(path: Path) -> bool:
    """SQLite calls some full disks an I/O error."""
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
