"""Exit codes of the program, apart from those that show the state of servers, and errors that have one."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from enum import IntEnum

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
_REFUSALS = frozenset({errno.EACCES, errno.EPERM})
"""They tell of a file that is written as of one that is read: see `UnwritableError`."""


class ExitCode(IntEnum):
    """Why a command ended. Codes below 64 belong to the single commands."""

    USAGE = 64
    """EX_USAGE: bad usage or configuration; also a file or directory that was named and does not exist."""

    INTERNAL_FAULT = 70
    """EX_SOFTWARE: a fault of wgmon-tui itself. A report file describes it."""

    NO_SOCKET = 71
    """EX_OSERR: the operating system refused a socket that is necessary."""

    OUTPUT_FAILED = 74
    """EX_IOERR: standard output or a file cannot be written: the disk is full, defective or read-only."""

    ALREADY_RUNNING = 75
    """EX_TEMPFAIL: another process holds the lock; it may end."""

    READER_GONE = 141
    """The reader of standard output has exited, as after SIGPIPE: 128 + 13."""


def exit_code_of_signal(number: int) -> int:
    """What a shell shows for a process that died of this signal."""
    return 128 + number


def exit_code_of_error(error: BaseException) -> ExitCode:
    """The exit code of a command that could not be done: OUTPUT_FAILED if it could not write, else USAGE."""
    is_unwritable = any(isinstance(each, UnwritableError) or is_disk_error(each) for each in _chain(error))
    return ExitCode.OUTPUT_FAILED if is_unwritable else ExitCode.USAGE


def is_disk_error(error: BaseException) -> bool:
    """Whether the disk is full, defective or read-only."""
    return isinstance(error, OSError) and error.errno in _DISK_ERRORS


def refuses_to_write(error: OSError) -> bool:
    """Whether a failed write is due to the disk or to permissions, and not to a wrong path."""
    return error.errno in _DISK_ERRORS | _REFUSALS


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, also where `from None` hides that."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


class UnwritableError(Exception):
    """A file or the store cannot be written, because of the disk or of permissions."""


class OutputError(OSError):
    """Standard output or the terminal cannot be written. Its `strerror` says why."""
