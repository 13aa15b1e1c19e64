"""A worker process as the writer sees it: started, watched, and started again after it ended."""

from __future__ import annotations

import asyncio
import errno
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count

from wgmon_tui import child_processes
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import WORKER_ENDED
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.config.models import Server
from wgmon_tui.control.worker_status import WorkerStatus
from wgmon_tui.monitor.fleet_prober import make_unsent_check
from wgmon_tui.text import format_count, format_elapsed, printable
from wgmon_tui.workers import messages
from wgmon_tui.workers.connection import BadFrameError, FrameConnection, FrameKind
from wgmon_tui.workers.messages import CheckRequest, WorkerReport
from wgmon_tui.workers.worker_records import (
    PendingCheck,
    PendingTrace,
    ProcessEnding,
    ProcessLife,
    WorkerOutlets,
)

_COMMAND = (sys.executable, "-P", "-m", "wgmon_tui.workers.worker")
"""Python without the current directory in its path: another account may own that directory."""

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0
"""The delay before a worker starts again doubles with each end, up to this."""

_STEADY_S = 30.0
"""A worker that ran this long restarts after the first delay."""

_STARTS = 3
"""How often a process may end in a row before the start of the program has failed."""

_SILENT_S = 30.0
"""A worker that reports no status for this long hangs, and is killed."""

_STOP_TIMEOUT_S = 5.0

_SENT_AT_ONCE = 30
_PAUSE_S = 0.05
"""What waited for a worker is sent at 600 checks a second."""

_MAX_INTERRUPTIONS = 2
"""A check is made again if its worker ended; the second time, it may be what ended it."""


class WorkerProcess:
    """Keeps one worker running, and asks it for checks."""

    def __init__(
        self, number: int, make_setup: Callable[[int], bytes], vantage: str, outlets: WorkerOutlets
    ) -> None:
        self.number = number
        self.report = WorkerReport(0.0, 0)
        self.answered: dict[str, tuple[Check, ...]] = {}
        """The last answered round of each server: a new process continues with it."""
        self._make_setup, self._vantage, self._outlets = make_setup, vantage, outlets
        self._assignment: bytes | None = None
        self.servers: Mapping[str, Server] = {}
        """Those that it checks."""
        self._life: ProcessLife | None = None
        self._started: asyncio.Future[None] | None = None
        self._numbers = count(1)
        self._checks: dict[int, PendingCheck] = {}
        self._traces: dict[int, PendingTrace] = {}
        self._waiting: deque[int] = deque()
        self._sender: asyncio.Task[None] | None = None
        self._done = self._restarts = self._failures = 0
        self._trouble = "it has not started yet"

    @property
    def status(self) -> WorkerStatus:
        """Its present state."""
        life = self._life if self._life and self._life.is_ready else None
        return WorkerStatus(
            self.number,
            life.process.pid if life else 0,
            len(self.servers),
            self._done,
            self._restarts,
            self.report.cpu_s if life else 0.0,
            self.report.memory_bytes if life else 0,
            "" if life else self._trouble,
        )

    @property
    def warning(self) -> str | None:
        """Why its servers are not checked; None while it runs, or starts again for the first time."""
        if self._failures < _MAX_INTERRUPTIONS or (self._life and self._life.is_ready):
            return None
        servers = format_count(len(self.servers), "server")
        return f"worker {self.number} does not run: {self._trouble}; {servers} wait for it"

    def assign(self, assignment: bytes | None, servers: Mapping[str, Server]) -> None:
        """Replace its assignment. `servers` are those that it checks.

        Without an `assignment`, checks wait until the next call has one.
        """
        self._assignment, self.servers = assignment, servers
        self.answered = {name: checks for name, checks in self.answered.items() if name in servers}
        if self._life and assignment is not None:
            self._life.connection.send(FrameKind.ASSIGNMENT, assignment)
            self._send_waiting()

    async def check(
        self,
        server: Server,
        *,
        deep: bool,
        explain: bool,
        soak: bool,
        on_soak: Callable[[SoakProgress], None],
    ) -> tuple[Check, ...]:
        """Check a server."""
        number = next(self._numbers)
        request = CheckRequest(number, server.name, deep, explain, soak)
        result: asyncio.Future[tuple[Check, ...]] = asyncio.get_running_loop().create_future()
        pending = self._checks[number] = PendingCheck(request, server, result, on_soak)
        if self._accepts and not self._waiting:
            self._send_check(pending)
        else:
            self._waiting.append(number)
        try:
            return await result
        finally:
            if self._checks.pop(number, None) and pending.is_sent and self._life:
                self._life.connection.send(FrameKind.CANCEL, messages.encode_number(number))

    async def trace(
        self, server: str, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to a server. Raises TraceRefusedError."""
        if not self._accepts or self._life is None:
            raise TraceRefusedError(f"worker {self.number}, which checks this server, does not run now")
        number = next(self._numbers)
        result: asyncio.Future[PathTrace] = asyncio.get_running_loop().create_future()
        self._traces[number] = PendingTrace(result, on_progress)
        self._life.connection.send(FrameKind.TRACE, messages.encode_trace_request(number, server, options))
        try:
            return await result
        finally:
            if self._traces.pop(number, None) and self._life:
                self._life.connection.send(FrameKind.CANCEL, messages.encode_number(number))

    # Its life

    async def keep_running(self, started: asyncio.Future[None]) -> None:
        """Run until cancelled, which ends the process.

        `started` gets a result, or the OSError of a start that failed.
        """
        self._started = started
        while True:
            ending = await self._run_once()
            self._note_end(ending)
            self._keep_requests()
            await asyncio.sleep(self._delay_s)

    async def _run_once(self) -> ProcessEnding:
        """Run a process to its end."""
        try:
            life = await self._start()
        except OSError as error:  # no more processes, memory or open files
            return ProcessEnding(f"cannot start: {error.strerror}", error.errno or errno.EAGAIN)
        try:
            why = await self._wait_for_end(life)
        except asyncio.CancelledError:
            life.connection.close()
            await asyncio.to_thread(_wait_quietly, life.process)
            raise
        finally:
            await self._end(life)
        number, reason = life.failure or (0, "")
        reason = reason or why or child_processes.describe_ending(life.process.returncode or 0)
        ran_s = time.monotonic() - life.ready_at if life.is_ready else 0.0
        return ProcessEnding(reason, number, life.process.pid, ran_s)

    @property
    def _delay_s(self) -> float:
        return float(min(_FIRST_DELAY_S * 2 ** (self._failures - 1), _LONGEST_DELAY_S))

    async def _start(self) -> ProcessLife:
        ours, theirs = socket.socketpair()
        lost: asyncio.Future[BadFrameError | None] = asyncio.get_running_loop().create_future()
        starting = asyncio.ensure_future(
            asyncio.to_thread(child_processes.start, _COMMAND, stdin=theirs, stdout=subprocess.DEVNULL)
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            ours.close()
            await asyncio.to_thread(child_processes.end, await starting)
            raise
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        try:
            _, connection = await asyncio.get_running_loop().create_unix_connection(
                lambda: FrameConnection(self._on_frame, partial(_set_once, lost)), sock=ours
            )
        except BaseException:
            await asyncio.to_thread(child_processes.end, process)
            raise
        life = self._life = ProcessLife(process, connection, lost)
        connection.send(FrameKind.SETUP, self._make_setup(self.number))
        if self._assignment is not None:
            connection.send(FrameKind.ASSIGNMENT, self._assignment)
        return life

    async def _wait_for_end(self, life: ProcessLife) -> str:
        """Wait until the process ends or hangs. Returns why, if its exit code does not say it."""
        while not life.lost.done():
            left = life.heard_at + _SILENT_S - time.monotonic()
            if left <= 0:
                return f"it hung for {format_elapsed(_SILENT_S)} and was killed"
            await asyncio.wait({life.lost}, timeout=left)
        error = life.lost.result()
        return f"it sent {error}" if error else ""

    async def _end(self, life: ProcessLife) -> None:
        """Kill the process if it still runs, and what it left in its session."""
        life.connection.close()
        self._life = None
        await asyncio.to_thread(child_processes.end, life.process)

    def _note_end(self, ending: ProcessEnding) -> None:
        """Say that a process has ended, in the log or as the failure of the start."""
        self._failures = 1 if ending.ran_s >= _STEADY_S else self._failures + 1
        self._restarts += 1
        self._trouble = printable(ending.why)
        has_failed = ending.error or self._failures >= _STARTS
        if has_failed and self._started and not self._started.done():
            error = OSError(ending.error or errno.ECHILD, f"worker {self.number}: {ending.why}")
            self._started.set_exception(error)
            return
        process = f"worker {self.number} (pid {ending.pid})" if ending.pid else f"worker {self.number}"
        self._outlets.log(
            f"{process} ended: {self._trouble}; it starts again in {self._delay_s:g} s, and its "
            f"{format_count(len(self.servers), 'server')} wait for it"
        )

    def _keep_requests(self) -> None:
        """Keep what the process was asked for, for the next one."""
        for number, pending in self._checks.items():
            if pending.is_sent:
                pending.is_sent = False
                pending.interruptions += 1
                self._waiting.append(number)
        self._waiting = deque(each for each in self._waiting if not self._is_lost(each))
        for trace in self._traces.values():
            if not trace.result.done():
                trace.result.set_exception(TraceRefusedError("the process that traced has ended; try again"))

    def _is_lost(self, number: int) -> bool:
        """Whether a check is not made again; it then has a result that says so."""
        pending = self._checks.get(number)
        if pending is None or pending.result.done():
            return True
        if pending.interruptions < _MAX_INTERRUPTIONS:
            return False
        pending.result.set_result((make_unsent_check(pending.server, self._vantage, WORKER_ENDED),))
        return True

    # Its frames

    @property
    def _accepts(self) -> bool:
        return self._life is not None and self._life.is_ready and self._assignment is not None

    def _send_check(self, pending: PendingCheck) -> None:
        if self._life:
            pending.is_sent = True
            self._life.connection.gather(FrameKind.CHECK, messages.write_request(pending.request))

    def _send_waiting(self) -> None:
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._run_sender(), name=f"worker {self.number}")

    async def _run_sender(self) -> None:
        """Send what waited, a few at a time: all at once would reach their deadlines together."""
        while self._waiting and self._accepts:
            for _ in range(min(_SENT_AT_ONCE, len(self._waiting))):
                pending = self._checks.get(self._waiting.popleft())
                if pending and not pending.is_sent and not pending.result.done():
                    self._send_check(pending)
            await asyncio.sleep(_PAUSE_S)

    def _on_frame(self, kind: FrameKind, content: bytes) -> None:
        life = self._life
        if life is None:
            return
        life.heard_at = time.monotonic()
        match kind:
            case FrameKind.CHECKED:
                for number, checks in messages.decode_checked(content):
                    self._finish_check(number, checks)
            case FrameKind.STATUS:
                self.report = messages.decode_worker_report(content)
            case FrameKind.SOAK_PROGRESS:
                number, progress = messages.decode_soak_progress(content)
                if pending := self._checks.get(number):
                    pending.on_soak(progress)
            case FrameKind.NODE_REPORT:
                self._outlets.note_report(*messages.decode_node_report(content))
            case FrameKind.TRACE_PROGRESS | FrameKind.TRACED:
                number, trace = messages.decode_trace(content)
                self._continue_trace(number, trace, is_finished=kind is FrameKind.TRACED)
            case FrameKind.TRACE_REFUSED:
                number, line = messages.decode_line(content)
                if (pending_trace := self._traces.get(number)) and not pending_trace.result.done():
                    pending_trace.result.set_exception(TraceRefusedError(printable(line)))
            case FrameKind.READY:
                self._begin(life)
            case FrameKind.FAILED:
                life.failure = messages.decode_line(content)
            case _:
                raise BadFrameError(f"a frame of the kind {kind.name}, which is for workers")

    def _begin(self, life: ProcessLife) -> None:
        """Ask a worker that has just started for what waits."""
        life.is_ready, life.ready_at = True, time.monotonic()
        for name, checks in self.answered.items():
            life.connection.send(FrameKind.RESTORE, messages.encode_answered(name, checks))
        self._send_waiting()
        if self._started and not self._started.done():
            self._started.set_result(None)

    def _finish_check(self, number: int, checks: tuple[Check, ...]) -> None:
        pending = self._checks.get(number)
        self._done += len(checks)
        if pending is None or pending.result.done():
            return
        pending.is_sent = False
        if any(check.handshake for check in checks):
            self.answered[pending.server.name] = checks
        # Without a check, the server had left the worker's configuration by then.
        pending.result.set_result(checks or (make_unsent_check(pending.server, self._vantage, "ECANCELED"),))

    def _continue_trace(self, number: int, trace: PathTrace, *, is_finished: bool) -> None:
        pending = self._traces.get(number)
        if pending is None or pending.result.done():
            return
        if is_finished:
            self._traces.pop(number)
            pending.result.set_result(trace)
        else:
            pending.on_progress(trace)


def list_servers(servers: Sequence[Server]) -> Mapping[str, Server]:
    """Servers by name."""
    return {server.name: server for server in servers}


def _set_once(lost: asyncio.Future[BadFrameError | None], error: BadFrameError | None) -> None:
    if not lost.done():
        lost.set_result(error)


def _wait_quietly(process: subprocess.Popen[bytes]) -> None:
    """Give a process that was asked to end the time for that."""
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return
