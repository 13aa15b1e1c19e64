"""The lock on a state directory: whoever holds it probes and writes, and there is never a second one.

It is an flock on a file that only the directory's owner can open: were it open to the group, any member
could hold the lock and keep the writer from starting. The kernel lets go of it however its holder ends.
Looking whether it is free would keep a writer that starts in that instant from getting it, so nobody looks:
one takes it, or is told by the control socket that a writer is there.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.net.peer_credentials import login_name
from wgmon_tui.text import format_local_time

_NAME = "writer.lock"
_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds the lock, and since which Unix time."""

    pid: int
    uid: int
    since: float

    def __str__(self) -> str:
        return f"{login_name(self.uid)}, pid {self.pid}, since {format_local_time(self.since)}"


class WriterRunningError(Exception):
    """Another process writes. The message is one line that says who."""


class WrongOwnerError(Exception):
    """The state directory belongs to another account. The message is one line."""


class WriterLock:
    """Held from `acquire` until `release`, or until this process is gone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, state_dir: Path) -> WriterLock:
        """Become the writer. Makes the directory where it is not there.

        Raises WriterRunningError, WrongOwnerError, and OSError where there is no directory and none can be made.
        """
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = state_dir.stat().st_uid
        if owner != os.geteuid():
            raise WrongOwnerError(
                f"{shown(state_dir)} belongs to {login_name(owner)}: only that account writes there"
            )
        descriptor = _open(state_dir)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(descriptor)
            os.close(descriptor)
            who = str(holder) if holder else "another process of this account"
            raise WriterRunningError(f"{shown(state_dir)} is written by {who}") from None
        _write(descriptor, LockHolder(os.getpid(), os.geteuid(), time.time()))
        return cls(descriptor)

    def release(self) -> None:
        """Let the next one write."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _open(state_dir: Path) -> int:
    """The lock file; where it cannot be made, as on a full or read-only disk, the directory itself."""
    path = state_dir / _NAME
    for target, flags in ((path, os.O_RDWR | os.O_CREAT), (path, os.O_RDONLY)):
        with suppress(OSError):
            return os.open(target, flags | os.O_CLOEXEC, 0o600)
    return os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _write(descriptor: int, holder: LockHolder) -> None:
    """Leave the holder's name for whoever asks; the lock holds without it, too."""
    text = json.dumps({"pid": holder.pid, "uid": holder.uid, "since": holder.since})
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode() + b"\n", 0)


def _read(descriptor: int) -> LockHolder | None:
    """Who holds it; None where that has not been written yet, or the text is of one that was killed."""
    try:
        raw = json.loads(os.pread(descriptor, _MAX_BYTES, 0))
        holder = LockHolder(int(raw["pid"]), int(raw["uid"]), float(raw["since"]))
        os.kill(holder.pid, 0)
    except PermissionError:
        return holder
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return holder
