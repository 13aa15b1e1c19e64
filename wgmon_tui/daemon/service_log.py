"""Service log on stderr: syslog priorities for journald, a local time and a level for a terminal.

A thread writes the lines. A reader of stderr may stop reading, and checks must not wait for it.
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

_MAX_QUEUED_LINES = 1000
_CLOSE_TIMEOUT_S = 2.0


class Priority(IntEnum):
    """Syslog priorities, with syslog's numbers (RFC 5424)."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


class ServiceLog:
    """Writes log lines to a file descriptor until `close`. Drops lines while its queue is full."""

    def __init__(
        self, descriptor: int, *, journald: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._descriptor = descriptor
        self._journald = journald
        self._clock = clock
        self._queue: Queue[bytes | None] = Queue(_MAX_QUEUED_LINES)
        self._dropped = 0
        self._thread = Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def error(self, text: str) -> None:
        """Log that a part of wgmon-tui does not work."""
        self._enqueue(Priority.ERROR, text)

    def warning(self, text: str) -> None:
        """Log that a server is down, or that a part of wgmon-tui may soon fail."""
        self._enqueue(Priority.WARNING, text)

    def notice(self, text: str) -> None:
        """Log a normal event that is worth a look."""
        self._enqueue(Priority.NOTICE, text)

    def info(self, text: str) -> None:
        """Log a normal event."""
        self._enqueue(Priority.INFO, text)

    def close(self) -> None:
        """Write the queued lines. Gives up after a timeout when stderr is not read."""
        with suppress(Full):
            self._queue.put(None, timeout=_CLOSE_TIMEOUT_S)
        self._thread.join(_CLOSE_TIMEOUT_S)

    def _enqueue(self, priority: Priority, text: str) -> None:
        try:
            if self._dropped:
                self._queue.put_nowait(
                    self._line(Priority.WARNING, f"{self._dropped} lines dropped: stderr was not read")
                )
                self._dropped = 0
            self._queue.put_nowait(self._line(priority, text))
        except Full:
            self._dropped += 1

    def _line(self, priority: Priority, text: str) -> bytes:
        if self._journald:
            line = f"<{priority.value}>{printable(text)}\n"
        else:
            at = format_local_time(self._clock())
            line = f"{at} {priority.name.lower()}: {printable(text)}\n"
        return line.encode(errors="backslashreplace")

    def _write(self) -> None:
        while (line := self._queue.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                return


def is_journald_stream(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether the descriptor is the journald stream that JOURNAL_STREAM names, and was not redirected."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
