"""Lock on a state directory: exactly one process holds it, checks servers and writes the store.

It is an flock on a file that only the directory's owner can open. If the group could open it, any member
could hold the lock and keep the writer from starting. The kernel releases it however its holder ends. Testing
the lock would block a writer that starts at that moment. So a process either takes it, or learns from the
control socket that there is a writer.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from wgmon_tui.config.lock_files import is_lock_in_place
from wgmon_tui.config.ownership import explain_foreign
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.net.accounts import login_name
from wgmon_tui.records import dataclass
from wgmon_tui.store.damaged_files import is_regular_or_missing, move_aside, name_aside
from wgmon_tui.text import format_local_time

_NAME = "writer.lock"
_MAX_BYTES = 4096
_MAX_FOREIGN_BYTES = 2**20
_MAX_UID = 2**32


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The process that holds the lock; `since` is a Unix time."""

    pid: int
    uid: int
    since: float

    def __str__(self) -> str:
        return f"{login_name(self.uid)}, pid {self.pid}, since {format_local_time(self.since)}"


class WriterRunningError(Exception):
    """Another process holds the lock. The message is one line that names it."""


class WrongOwnerError(Exception):
    """The state directory belongs to another account. The message is one line."""


class StateDirectoryMovedError(Exception):
    """The state directory was moved or deleted while this process wrote it. The message is one line."""


class WriterLock:
    """The writer lock, held from `acquire` until `release` or the end of this process."""

    def __init__(self, descriptor: int, notice: str | None = None) -> None:
        """`notice` is one line if something else was in the place of the lock file."""
        self._descriptor = descriptor
        self.notice = notice

    @classmethod
    def acquire(cls, state_dir: Path) -> WriterLock:
        """Take the lock. Creates the state directory if it is missing.

        Raises WriterRunningError, WrongOwnerError, and OSError if the directory cannot be created.
        """
        if line := explain_foreign(state_dir):
            raise WrongOwnerError(line)
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = state_dir.stat().st_uid
        if owner != os.geteuid():
            raise WrongOwnerError(
                f"{shown(state_dir)} belongs to {login_name(owner)}; only that account can write there"
            )
        notice = _set_aside(state_dir)
        descriptor = _open(state_dir)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(descriptor)
            os.close(descriptor)
            who = str(holder) if holder else "another process of this account"
            raise WriterRunningError(f"{shown(state_dir)} is written by {who}") from None
        notice = notice or _copy_foreign(descriptor, state_dir / _NAME)
        _write(descriptor, LockHolder(os.getpid(), os.geteuid(), time.time()))
        return cls(descriptor, notice)

    def require_in_place(self, state_dir: Path) -> None:
        """Check that the lock still protects the directory. Raises StateDirectoryMovedError."""
        if not is_lock_in_place(self._descriptor, state_dir / _NAME, state_dir):
            raise StateDirectoryMovedError(
                f"{shown(state_dir)} or its {_NAME} was moved or deleted while this process wrote it"
            )

    def release(self) -> None:
        """Release the lock.

        Closing the descriptor would not suffice: a child of this process shares it until it executes its
        program, and would hold the lock that long.
        """
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1


def _open(state_dir: Path) -> int:
    """Open the lock file, or the directory if the file cannot be created (full or read-only disk)."""
    path = state_dir / _NAME
    for target, flags in ((path, os.O_RDWR | os.O_CREAT), (path, os.O_RDONLY)):
        with suppress(OSError):
            return os.open(target, flags | os.O_CLOEXEC, 0o600)
    return os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _set_aside(state_dir: Path) -> str | None:
    """Move away what is no file, or a link to a file elsewhere; return the notice.

    A lock on the directory keeps two processes from moving the file of each other.
    """
    path = state_dir / _NAME
    with suppress(OSError):
        if is_regular_or_missing(path) and not path.is_symlink():
            return None
        descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_symlink() or not is_regular_or_missing(path):
                return f"{shown(path)} was no file of its own: it was moved to {move_aside(path).name}"
        finally:
            os.close(descriptor)
    return None


def _copy_foreign(descriptor: int, path: Path) -> str | None:
    """Copy the content of a file that no lock wrote, before it is overwritten; return the notice."""
    content = os.read(descriptor, _MAX_FOREIGN_BYTES) if _is_file(descriptor) else b""
    if not content.strip() or _parse(content) is not None:
        return None
    with suppress(OSError):
        aside = name_aside(path)
        aside.touch(0o600)
        aside.write_bytes(content)
        return f"{shown(path)} was no lock file: its content was copied to {aside.name}"
    return None


def _is_file(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _write(descriptor: int, holder: LockHolder) -> None:
    """Write the holder into the file, for error messages. The lock does not depend on it."""
    text = json.dumps({"pid": holder.pid, "uid": holder.uid, "since": holder.since})
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode() + b"\n", 0)


def _read(descriptor: int) -> LockHolder | None:
    """The holder; None if it is not written yet, or was written by a process that no longer runs."""
    try:
        holder = _parse(os.pread(descriptor, _MAX_BYTES, 0))
        if holder:
            os.kill(holder.pid, 0)
    except PermissionError:
        return holder
    except (OSError, OverflowError):
        return None
    return holder


def _parse(content: bytes) -> LockHolder | None:
    """The holder that a lock file names; None if it is damaged."""
    try:
        raw = json.loads(content)
        holder = LockHolder(int(raw["pid"]), int(raw["uid"]), float(raw["since"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return holder if holder.pid > 0 and 0 <= holder.uid < _MAX_UID else None
