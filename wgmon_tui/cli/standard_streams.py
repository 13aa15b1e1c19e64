"""Standard streams of the program: closed ones, full disks, and characters that the terminal cannot show."""

from __future__ import annotations

import errno
import io
import locale
import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, TextIO

from wgmon_tui.cli.live_line import live_line
from wgmon_tui.exit_codes import OutputError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_RETRY_S = 1.0


class ReaderGoneError(OutputError, BrokenPipeError):
    """The program that reads standard output has exited, as `head` does."""


class _StandardOutput(io.FileIO):
    """File descriptor 1. Its first error is kept: a caller that expects other errors may have caught it."""

    failure: OutputError | None = None

    def write(self, data: Buffer, /) -> int:
        """Write, and wait for a slow reader of a pipe that does not block. Raises OutputError."""
        if self.failure is not None:
            return memoryview(data).nbytes  # the command is ending
        try:
            with live_line.kept_off(memoryview(data), self.fileno()):
                while (written := super().write(data)) is None:
                    select.select((), (self,), (), _RETRY_S)
        except BrokenPipeError as error:
            self.failure = ReaderGoneError(error.errno, error.strerror)
        except OSError as error:
            self.failure = OutputError(error.errno, error.strerror)
        else:
            return written
        raise self.failure


class _StandardError(io.FileIO):
    """File descriptor 2. Messages that cannot be written are dropped: the exit code still tells."""

    before: Callable[[], object] | None = None
    """What the main thread calls before it writes."""

    def write(self, data: Buffer, /) -> int:
        """Write what is possible, after what was printed before it."""
        if self.before is not None and current_thread() is main_thread():
            self.before()
        with suppress(OSError), live_line.kept_off(memoryview(data), self.fileno()):
            written = super().write(data)
            if written:
                return written
        return memoryview(data).nbytes


class StandardStreams:
    """Replaces `sys.stdout` and `sys.stderr`. Each problem of the output then has its exit code."""

    def __init__(self) -> None:
        _open_closed_descriptors()
        if sys.stdin is None:
            sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115  to the end
        self._output = _StandardOutput(1, "w", closefd=False)
        sys.stdout = _text_stream(io.BufferedWriter(self._output), sys.__stdout__)
        errors = _StandardError(2, "w", closefd=False)
        if _are_one_file(1, 2):  # as in the log of a cron job
            errors.before = self.flush
        sys.stderr = _text_stream(errors, sys.__stderr__)

    def flush(self) -> OutputError | None:
        """Write what is buffered. Returns the first error since the start."""
        with suppress(OSError, ValueError, RuntimeError):  # RuntimeError: a signal came while it was written
            sys.stdout.flush()
        return self._output.failure


def output_problem(error: OutputError) -> str:
    """The message for an output that cannot be written."""
    reason = "it is closed" if error.errno == errno.EBADF else error.strerror
    return f"cannot write to {error.filename or 'standard output'}: {reason}"


def _open_closed_descriptors() -> None:
    """Open closed standard descriptors, so that no socket or file gets their numbers.

    Standard output is opened for reading: writing to it then fails, and is not lost in silence.
    """
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)


def _are_one_file(first: int, second: int) -> bool:
    """Whether two descriptors write to the same file, pipe or terminal."""
    return os.path.samestat(os.fstat(first), os.fstat(second))


def _text_stream(binary: io.BufferedWriter | io.RawIOBase, earlier: TextIO | None) -> io.TextIOWrapper:
    """A character that the encoding lacks is written as an escape, instead of an error."""
    encoding = earlier.encoding if earlier is not None else locale.getpreferredencoding(False)
    buffered = binary if isinstance(binary, io.BufferedWriter) else io.BufferedWriter(binary)
    return io.TextIOWrapper(
        buffered,
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=isinstance(binary, io.RawIOBase) or buffered.isatty(),
    )
