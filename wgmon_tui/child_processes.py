"""Child processes: programs of the operator, and those that read this machine.

Each gets an environment without secrets, and a separate session. So its own children can be killed with it:
at the limit of its time or output, at its end, and when this process ends. A program that makes another
session (`setsid`, as gpg-agent and ssh's ControlPersist do) keeps running.
"""

from __future__ import annotations

import atexit
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from threading import RLock, Thread
from typing import IO, Any

from wgmon_tui.records import dataclass
from wgmon_tui.shutdown import shutdown
from wgmon_tui.text import printable

STDERR_TAIL_BYTES = 4096
"""How many bytes of stderr are kept to find its last line."""

_LONGEST_LINE = 200
_CHUNK = 1 << 16

_POLL_S = 0.05
"""How soon the end of a program is noticed while a child of it still holds its output open."""

_MAX_PIPE_BYTES = 1 << 20
"""The largest pipe of an unprivileged process on Linux."""

_KILL_WAIT_S = 1.0
_KILL_PASSES = 10
_PROCESSES = Path("/proc")
_BACKGROUND_POLL_S = 0.2

_hidden_variables = {
    "CREDENTIALS_DIRECTORY",  # the directory of all systemd credentials
    "NOTIFY_SOCKET",  # tells systemd the state of this service, and hands over descriptors
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
}
_sessions: set[int] = set()
"""Sessions that may still run. The number of a session is the process id of its first process."""

_starting = RLock()
"""Held while a child starts, so that exit waits until it is registered."""


class OutputLimitError(Exception):
    """A program printed more than its limit. It has been killed."""


class ProgramTimeoutError(TimeoutError):
    """A program did not end within its time limit. It has been killed. `stderr_tail` may contain secrets."""

    def __init__(self, stderr_tail: bytes) -> None:
        super().__init__()
        self.stderr_tail = stderr_tail


@dataclass(frozen=True, slots=True)
class CompletedProgram:
    """A program that has ended. Its output may contain secrets, so the repr hides it."""

    code: int
    output: bytes = field(repr=False)
    stderr_tail: bytes = field(repr=False)

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        return describe_ending(self.code)


# Environment


def hide_variables(names: Iterable[str]) -> None:
    """Leave variables out of the environment of every later child: they hold secrets."""
    _hidden_variables.update(names)


def child_environment() -> dict[str, str]:
    """The environment for a child: that of this process without secrets and without systemd's sockets."""
    return {name: value for name, value in os.environ.items() if name not in _hidden_variables}


# Running a program to its end


def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    max_bytes: int = 0,
    keep_stderr: bool = False,
    stdin: bytes = b"",
    directory: Path | None = None,
    background_s: float = 0.0,
) -> CompletedProgram:
    """Run a program to its end, with `stdin` as its input and at most `max_bytes` of output.

    With a `max_bytes` of 0 the output is discarded; so is stderr, unless `keep_stderr` asks for its end. What
    the program leaves in the background is killed after `background_s`.

    Raises ProgramTimeoutError, OutputLimitError, and OSError or ValueError if the program cannot be started.
    """
    deadline = time.monotonic() + timeout_s
    process = start(
        command,
        cwd=directory,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE if max_bytes else subprocess.DEVNULL,
        stderr=subprocess.PIPE if keep_stderr else subprocess.DEVNULL,
    )
    is_finished = False
    try:
        exchange = _Exchange(process, stdin, max_bytes)
        try:
            exchange.run(deadline)
        except TimeoutError:
            raise ProgramTimeoutError(bytes(exchange.stderr)) from None
        is_finished = True
        return CompletedProgram(process.returncode, bytes(exchange.output), bytes(exchange.stderr))
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        if is_finished and background_s and is_session_running(process.pid):
            _end_later(process.pid, background_s)
        else:
            end(process)


class _Exchange:
    """The input and output of a program, through pipes that never block."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, max_bytes: int) -> None:
        self._process = process
        self._unsent = memoryview(stdin)
        self._max_bytes = max_bytes
        self.output, self.stderr = bytearray(), bytearray()
        """The output, and the end of stderr."""

    def run(self, deadline: float) -> None:
        """Return when the program has ended. Raises TimeoutError, OutputLimitError."""
        with selectors.DefaultSelector() as selector:
            for pipe, event in (
                (self._process.stdin, selectors.EVENT_WRITE),
                (self._process.stdout, selectors.EVENT_READ),
                (self._process.stderr, selectors.EVENT_READ),
            ):
                if pipe:
                    os.set_blocking(pipe.fileno(), False)
                    selector.register(pipe, event)
            # A child of the program may hold the pipes open for ever: only the program itself counts.
            while selector.get_map() and self._process.poll() is None:
                for key, _ in selector.select(min(_remaining(deadline), _POLL_S)):
                    self._move(selector, key.fileobj)
            self._wait(deadline)
            self._read_rest(selector)

    def _read_rest(self, selector: selectors.BaseSelector) -> None:
        """Read what the ended program left in the pipes, but not what its children still write."""
        for _ in range(_MAX_PIPE_BYTES // _CHUNK):
            for key, _ in selector.select(0):
                if key.fileobj is not self._process.stdin:
                    self._move(selector, key.fileobj)

    def _move(self, selector: selectors.BaseSelector, pipe: Any) -> None:
        """Move one chunk through a pipe that is ready; forget the pipe at its end."""
        move = self._write if pipe is self._process.stdin else self._read
        try:
            is_open = move(pipe)
        except BlockingIOError:
            return
        except BrokenPipeError:
            is_open = False
        if not is_open:
            selector.unregister(pipe)
            pipe.close()

    def _write(self, pipe: IO[bytes]) -> bool:
        self._unsent = self._unsent[os.write(pipe.fileno(), self._unsent[:_CHUNK]) :]
        return bool(self._unsent)

    def _read(self, pipe: IO[bytes]) -> bool:
        chunk = os.read(pipe.fileno(), _CHUNK)
        if pipe is self._process.stderr:
            self.stderr += chunk
            del self.stderr[:-STDERR_TAIL_BYTES]
            return bool(chunk)
        self.output += chunk
        if len(self.output) > self._max_bytes:
            raise OutputLimitError
        return bool(chunk)

    def _wait(self, deadline: float) -> None:
        try:
            self._process.wait(_remaining(deadline))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


# Sessions


@shutdown.deferred()
def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child like `Popen`, in a separate session; `end` must follow. Raises like `Popen`."""
    with _starting:
        process = subprocess.Popen(command, start_new_session=True, env=child_environment(), **options)  # noqa: S603  the operator's command, without a shell
        _sessions.add(process.pid)
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a child, if it still runs, and everything that it has left in its session."""
    # The session first: while its first process is not awaited, no other session can get its number.
    kill_session(process.pid)
    try:
        process.wait(_KILL_WAIT_S)
    except subprocess.TimeoutExpired:
        # A program of root under sudo cannot be killed; it ends at its next write to the closed pipe.
        # On a busy machine, even the end of a killed program takes time.
        Thread(target=process.wait, name="ending", daemon=True).start()


def _end_later(session: int, seconds: float) -> None:
    """Kill what still runs of a session after a time, and at the end of this process."""

    def watch() -> None:
        deadline = time.monotonic() + seconds
        # Polled, because the number of a session that has ended may get a new meaning.
        while is_session_running(session) and time.monotonic() < deadline:
            time.sleep(_BACKGROUND_POLL_S)
        kill_session(session)

    Thread(target=watch, name="background", daemon=True).start()


def track_session(session: int) -> None:
    """Kill a session that another module started when this process ends; `kill_session` should come first."""
    _sessions.add(session)


def is_session_running(session: int) -> bool:
    """Whether a process of the session still runs."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return bool(_find_members(session))
    except PermissionError:
        return True
    return True


def kill_session(session: int) -> None:
    """Kill every process of a session; those of other users keep running."""
    _sessions.discard(session)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    # A shell with job control gives each job a group of its own. Again, because a killed one may have forked.
    for _ in range(_KILL_PASSES):
        killed = False
        for pid in _find_members(session):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed = True
        if not killed:
            return


def _find_members(session: int) -> list[int]:
    """The running processes of a session; empty without the /proc of Linux."""
    found = []
    with suppress(OSError):
        for process in _PROCESSES.iterdir():
            if not process.name.isdigit():
                continue
            with suppress(OSError):
                # After the name, which may contain anything: state, parent, group, session (proc(5)).
                fields = (process / "stat").read_bytes().rpartition(b")")[2].split()
                if int(fields[3]) == session and fields[0] not in (b"Z", b"X"):
                    found.append(int(process.name))
    return found


@atexit.register
def kill_all() -> None:
    """Kill all children, as at exit: threads that do not end by themselves wait for some of them."""
    with _starting:
        for session in tuple(_sessions):
            kill_session(session)


# Messages


def describe_ending(code: int) -> str:
    """A return code of `subprocess`, in words."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


shutdown.undo_at_end(kill_all)


def last_line(output: bytes) -> str:
    """The last line of a program's output, safe to print; "" if there is none.

    Skips harmless OpenSSH warnings, which start with asterisks.
    """
    lines = output.decode(errors="replace").replace("\r", "\n").split("\n")
    messages = [line.strip() for line in lines if line.strip() and not line.startswith("**")]
    return printable(messages[-1])[:_LONGEST_LINE] if messages else ""
