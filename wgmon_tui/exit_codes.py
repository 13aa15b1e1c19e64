"""Exit codes of the program, apart from those that show the state of servers, and errors that have one."""

from __future__ import annotations

import errno
from enum import IntEnum

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class ExitCode(IntEnum):
    """Why a command ended. Codes below 64 belong to the single commands."""

    USAGE = 64
    """EX_USAGE: bad usage or configuration; also a file or directory that was named and does not exist."""

    INTERNAL_FAULT = 70
    """EX_SOFTWARE: a fault of wgmon-tui itself. A report file describes it."""

    NO_SOCKET = 71
    """EX_OSERR: the operating system refused a socket that is necessary."""

    OUTPUT_FAILED = 74
    """EX_IOERR: standard output or a file cannot be written, because a disk is full or defective."""

    ALREADY_RUNNING = 75
    """EX_TEMPFAIL: another process holds the lock; it may end."""

    READER_GONE = 141
    """The reader of standard output has exited, as after SIGPIPE: 128 + 13."""


def exit_code_of_signal(number: int) -> int:
    """What a shell shows for a process that died of this signal."""
    return 128 + number


def exit_code_of_error(error: BaseException) -> ExitCode:
    """The exit code of a command that could not be done: OUTPUT_FAILED after a disk error, else USAGE."""
    return ExitCode.USAGE if find_disk_error(error) is None else ExitCode.OUTPUT_FAILED


def find_disk_error(error: BaseException) -> OSError | None:
    """The full or defective disk behind an error, also where `from None` hides it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _DISK_ERRORS:
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


class OutputError(OSError):
    """Standard output or the terminal cannot be written. Its `strerror` says why."""
