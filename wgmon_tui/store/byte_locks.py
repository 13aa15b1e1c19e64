"""Exclusive locks on single bytes of a file, which the kernel releases however their holder ends.

On Linux a lock belongs to the open file. Elsewhere it belongs to the process: two open files of one process
would share it, and closing either would release it. There, a table of this process keeps them apart.
"""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import field

from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.records import dataclass

_FLOCK = struct.Struct("hhqqi4x")
"""Linux's `struct flock`: kind, whence, start, length, process id."""

_SET_OPEN_FILE_LOCK = 37
"""F_OFD_SETLK of Linux's uapi headers."""


@dataclass(slots=True)
class _LockedFile:
    """A file with locks of this process: the holder of each byte, and descriptors whose closing must wait."""

    holders: dict[int, int] = field(default_factory=dict)
    unclosed: list[int] = field(default_factory=list)


_files: defaultdict[tuple[int, int], _LockedFile] = defaultdict(_LockedFile)
"""The files by device and inode, where locks belong to the process."""
_files_lock = threading.Lock()


def try_lock(descriptor: int, offset: int, *, by_open_file: bool = PLATFORM.has_open_file_locks) -> bool:
    """Lock a byte; False if another holder has it. True without a lock if the file system has none."""
    if by_open_file:
        try:
            fcntl.fcntl(descriptor, _SET_OPEN_FILE_LOCK, _flock(offset, fcntl.F_WRLCK))
        except OSError as error:
            return _has_no_locks(error)
        return True
    with _files_lock:
        file = _files[_identity(descriptor)]
        if file.holders.get(offset, descriptor) != descriptor:
            return False
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except OSError as error:
            if not _has_no_locks(error):
                return False
        file.holders[offset] = descriptor
        return True


def unlock(descriptor: int, offset: int, *, by_open_file: bool = PLATFORM.has_open_file_locks) -> None:
    """Release the lock on a byte."""
    if by_open_file:
        try:  # noqa: SIM105  `suppress` takes three calls in each check
            fcntl.fcntl(descriptor, _SET_OPEN_FILE_LOCK, _flock(offset, fcntl.F_UNLCK))
        except OSError:
            pass
        return
    with _files_lock:
        file = _files[_identity(descriptor)]
        if file.holders.pop(offset, None) == descriptor:
            with suppress(OSError):
                fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, offset)


def close(descriptor: int, *, by_open_file: bool = PLATFORM.has_open_file_locks) -> None:
    """Release the locks of a descriptor and close it."""
    if by_open_file:
        os.close(descriptor)
        return
    with _files_lock:
        identity = _identity(descriptor)
        file = _files[identity]
        for offset in [each for each, holder in file.holders.items() if holder == descriptor]:
            del file.holders[offset]
            with suppress(OSError):
                fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, offset)
        file.unclosed.append(descriptor)
        if not file.holders:  # else closing would release the locks of the others
            for each in file.unclosed:
                os.close(each)
            del _files[identity]


def _has_no_locks(error: OSError) -> bool:
    """Whether a lock failed because the file system has none, and not because another holder has it."""
    return not isinstance(error, BlockingIOError | PermissionError)


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _flock(offset: int, kind: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, offset, 1, 0)
