"""Lines on stderr, for journald with a priority each, for people with the time and a word.

Lines are written by a thread: whoever reads our stderr may stop reading, and checks must not wait for that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import IntEnum
from queue import Full, Queue
from threading import Thread

from wgmon_tui.text import format_local_time, printable

_MOST_WAITING = 1000
_LAST_LINES_S = 2.0


class Priority(IntEnum):
    """As syslog numbers them."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


class Log:
    """Writes lines to a file descriptor until `close`."""

    def __init__(
        self, descriptor: int, *, journald: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._descriptor = descriptor
        self._journald = journald
        self._clock = clock
        self._waiting: Queue[bytes | None] = Queue(_MOST_WAITING)
        self._left_out = 0
        self._writing = Thread(target=self._write, name="log", daemon=True)
        self._writing.start()

    def error(self, text: str) -> None:
        """Something of ours does not work."""
        self._say(Priority.ERROR, text)

    def warning(self, text: str) -> None:
        """A server is down, or something of ours may soon not work."""
        self._say(Priority.WARNING, text)

    def notice(self, text: str) -> None:
        """Normal, and worth a look."""
        self._say(Priority.NOTICE, text)

    def info(self, text: str) -> None:
        """Normal."""
        self._say(Priority.INFO, text)

    def close(self) -> None:
        """Write what waits, unless nobody reads it."""
        with suppress(Full):
            self._waiting.put(None, timeout=_LAST_LINES_S)
        self._writing.join(_LAST_LINES_S)

    def _say(self, priority: Priority, text: str) -> None:
        try:
            if self._left_out:
                self._waiting.put_nowait(
                    self._line(Priority.WARNING, f"{self._left_out} lines were left out: nobody read them")
                )
                self._left_out = 0
            self._waiting.put_nowait(self._line(priority, text))
        except Full:
            self._left_out += 1

    def _line(self, priority: Priority, text: str) -> bytes:
        if self._journald:
            line = f"<{priority.value}>{printable(text)}\n"
        else:
            at = format_local_time(self._clock())
            line = f"{at} {priority.name.lower()}: {printable(text)}\n"
        return line.encode(errors="backslashreplace")

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                return


def goes_to_journald(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether this is the stream to journald that JOURNAL_STREAM names, and no other has taken its place."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
