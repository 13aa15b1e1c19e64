"""Terminal for the benchmarks: a pty that answers the queries a modern terminal answers."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple

Size = tuple[int, int]
"""Columns and lines."""

COLUMNS, LINES = USUAL_SIZE = (120, 40)

_ANSWERS = (
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),  # synchronized output: known, not switched on yet
    (b"\x1b[?2048$p", b"\x1b[?2048;0$y"),  # size reports in band: unknown, SIGWINCH does it
    (b"\x1b[6n", b"\x1b[1;1R"),  # where the cursor is
)
_LONGEST_QUESTION = max(len(question) for question, _ in _ANSWERS)
_ALTERS_THE_RUN = ("NO_COLOR", "COLUMNS", "LINES", "TMUX", "TERM_PROGRAM", "PYTHONDONTWRITEBYTECODE")
_GIVE_UP_S = 10.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that the program wrote, and when they were read (`time.monotonic`)."""

    at: float
    data: bytes


class Moment(NamedTuple):
    """Seconds since the process was created, and those of CPU that it has used."""

    clock: float
    cpu: float


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU that a process has used, in user and kernel mode (clock_getcpuclockid(3), on Linux)."""
    return time.clock_gettime(~pid << 3 | 2)


class Terminal:
    """Runs a program in the terminal until the context ends."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        size: Size = USUAL_SIZE,
    ) -> None:
        """`environment` is added to that of this process."""
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (size[1], size[0]))
        self._tail = b""
        self.started = time.monotonic()
        """When the process was created."""
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**_environment(), **(environment or {})},
            start_new_session=True,
        )
        os.close(slave)

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._process.pid

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GIVE_UP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        os.close(self._master)

    def read(self, deadline: float) -> Arrival | None:
        """The next output, with its terminal queries answered; None when the program has ended.

        Raises TimeoutError if there is no output before `deadline` (`time.monotonic`).
        """
        if not select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"{self._process.args!r} wrote nothing more")
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # EIO: no process has the other end open any more
            return None
        arrival = Arrival(time.monotonic(), data)
        self._answer(data)
        return arrival

    def read_until(self, marks: Sequence[bytes], deadline: float) -> Iterator[Arrival]:
        """The output with which each of the `marks` was there, in their order.

        Raises SystemExit if the program ends before, and TimeoutError.
        """
        written, missing = b"", list(marks)
        while missing:
            arrival = self.read(deadline)
            if arrival is None:
                raise SystemExit(f"ended before it was painted:\n{written.decode(errors='replace')}")
            written += arrival.data
            while missing and missing[0] in written:
                del missing[0]
                yield arrival

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def drain(self, deadline: float) -> list[Arrival]:
        """All output until the program ends. Raises TimeoutError."""
        arrivals = []
        while arrival := self.read(deadline):
            arrivals.append(arrival)
        return arrivals

    def _answer(self, data: bytes) -> None:
        seen = self._tail + data
        for question, answer in _ANSWERS:
            if question in seen:
                self.type(answer)
                seen = seen.replace(question, b"")
        self._tail = seen[-(_LONGEST_QUESTION - 1) :]


def _environment() -> dict[str, str]:
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key not in _ALTERS_THE_RUN and not key.startswith("TEXTUAL")
    }
    return {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
