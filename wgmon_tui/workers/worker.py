"""A worker process: `python -m wgmon_tui.workers.worker`, with its socket to the writer as its stdin.

It runs the checks that the writer asks for, and ends with the writer. It has no schedule, and writes nothing
but the timestamp ledger.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from wgmon_tui import __version__
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.checks.protocol import ProtocolTarget
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.checks.targets import join
from wgmon_tui.config.models import Server
from wgmon_tui.config.secrets.core_dumps import switch_off_core_dumps
from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.faults import FaultReporter
from wgmon_tui.garbage_collection import collect_rarely
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.workers import messages
from wgmon_tui.workers.connection import BadFrameError, FrameConnection, FrameKind
from wgmon_tui.workers.messages import CheckRequest, FleetAssignment, WorkerReport, WorkerSetup

_REPORT_INTERVAL_S = 1.0
_SOAK_INTERVAL_S = 0.25
"""How often the progress of a soak is sent: a screen shows it."""

_STARTED_AT_ONCE = 30
"""Checks started before the loop handles other work, as in the engine."""

_IGNORED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Terminals and supervisors also send them to the writer, which ends its workers in order."""


class WriterGoneError(Exception):
    """The connection to the writer is closed."""


class Worker:
    """The work of one worker process: it takes frames from the writer, and answers with checks and traces."""

    def __init__(self, reporter: FaultReporter) -> None:
        self._reporter = reporter
        self._frames: deque[tuple[FrameKind, bytes]] = deque()
        self._arrived = asyncio.Event()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection = FrameConnection(self._on_frame, self._on_lost)
        self._targets: Mapping[str, ProtocolTarget] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self, sock: socket.socket) -> None:
        """Run until the writer closes the connection. Raises what a check or this worker got wrong."""
        await asyncio.get_running_loop().create_unix_connection(lambda: self._connection, sock=sock)
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({serving, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            for done in (self._ended, serving):
                if done.done():
                    done.result()
        except WriterGoneError:
            return
        finally:
            tasks = [serving, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self) -> None:
        setup = messages.decode_setup((await self._next_frame(FrameKind.SETUP))[1])
        if not isinstance(setup, WorkerSetup) or setup.version != __version__:
            self._fail(0, f"wgmon-tui was upgraded to {__version__}: start `wgmon-tui run` again")
            return
        state_dir = Path(setup.state_dir)
        self._reporter.set_command(f"worker {setup.number}", state_dir)
        guard = ClockGuard(state_dir=state_dir, belief=setup.belief)
        with TimestampLedger(state_dir, setup.known_stamps, guard, group=setup.group) as stamps:
            prober = FleetProber(replace(stamps.services(), note_report=self._send_node_report))
            reporting = asyncio.create_task(self._report(stamps))
            try:
                await self._assign((await self._next_frame(FrameKind.ASSIGNMENT))[1], prober)
                await prober.open()
                self._connection.send(FrameKind.READY, messages.encode_line(os.getpid(), __version__))
                await self._handle_frames(prober)
            except OSError as error:
                self._fail(error.errno or errno.EIO, error.strerror or str(error))
            finally:
                reporting.cancel()
                await prober.close()

    def _fail(self, number: int, why: str) -> None:
        """Tell the writer why this worker cannot start, and end."""
        self._connection.send(FrameKind.FAILED, messages.encode_line(number, why))
        self._connection.close()

    # Frames

    def _on_frame(self, kind: FrameKind, content: bytes) -> None:
        self._frames.append((kind, content))
        self._arrived.set()

    def _on_lost(self, error: BadFrameError | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(error or WriterGoneError())

    async def _next_frame(self, kind: FrameKind | None = None) -> tuple[FrameKind, bytes]:
        """The next frame. Frames before the first one of a `kind` have no use any more."""
        while True:
            while not self._frames:
                self._arrived.clear()
                await self._arrived.wait()
            found = self._frames.popleft()
            if kind in (None, found[0]):
                return found

    async def _handle_frames(self, prober: FleetProber) -> None:
        started = 0
        while True:
            kind, content = await self._next_frame()
            match kind:
                case FrameKind.CHECK:
                    for request in messages.decode_requests(content):
                        self._start(request.number, self._check(prober, request))
                        started += 1
                        if started % _STARTED_AT_ONCE == 0:
                            await asyncio.sleep(0)
                case FrameKind.CANCEL:
                    if task := self._tasks.get(messages.decode_number(content)):
                        task.cancel()
                case FrameKind.ASSIGNMENT:
                    await self._assign(content, prober)
                case FrameKind.RESTORE:
                    name, checks = messages.decode_answered(content)
                    if target := self._targets.get(name):
                        prober.restore(target.server, checks)
                case FrameKind.TRACE:
                    number, name, options = messages.decode_trace_request(content)
                    self._start(number, self._trace(prober, number, name, options))

    async def _assign(self, content: bytes, prober: FleetProber) -> None:
        """Take over a fleet. Later frames wait: they mean its servers as they are now."""
        self._targets, servers = await asyncio.to_thread(_read_assignment, content)
        prober.expect(servers)
        gc.collect()
        gc.freeze()  # targets live as long as the assignment

    # Checks

    def _start(self, number: int, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[number] = asyncio.create_task(work)
        task.add_done_callback(partial(self._finish, number))

    def _finish(self, number: int, task: asyncio.Task[None]) -> None:
        del self._tasks[number]
        if not task.cancelled() and (fault := task.exception()) and not self._ended.done():
            self._ended.set_exception(fault)

    async def _check(self, prober: FleetProber, request: CheckRequest) -> None:
        target = self._targets.get(request.server)
        if target is None:  # it left servers.toml: the result is not used
            self._connection.gather(FrameKind.CHECKED, messages.write_checked(request.number, ()))
            return
        checks = await prober.check_all(
            target,
            deep=request.deep,
            explain=request.explain,
            soak=request.soak,
            on_soak=self._soak_sender(request.number) if request.soak else ignore_progress,
        )
        self._connection.gather(FrameKind.CHECKED, messages.write_checked(request.number, checks))

    def _soak_sender(self, number: int) -> Callable[[SoakProgress], None]:
        sent_at = 0.0

        def send(progress: SoakProgress) -> None:
            nonlocal sent_at
            now = time.monotonic()
            if now - sent_at >= _SOAK_INTERVAL_S:
                sent_at = now
                self._connection.send(
                    FrameKind.SOAK_PROGRESS, messages.encode_soak_progress(number, progress)
                )

        return send

    async def _trace(self, prober: FleetProber, number: int, name: str, options: TraceOptions) -> None:
        def send(trace: PathTrace) -> None:
            self._connection.send(FrameKind.TRACE_PROGRESS, messages.encode_trace(number, trace))

        try:
            target = self._targets.get(name)
            if target is None:
                raise TraceRefusedError(f'"{name}" is not checked any more')
            trace = await prober.trace_path(target, options, send)
        except (TraceRefusedError, OSError) as error:
            self._connection.send(FrameKind.TRACE_REFUSED, messages.encode_line(number, str(error)))
            return
        self._connection.send(FrameKind.TRACED, messages.encode_trace(number, trace))

    def _send_node_report(self, name: str, report: ControlPlaneReport) -> None:
        self._connection.send(FrameKind.NODE_REPORT, messages.encode_node_report(name, report))

    async def _report(self, stamps: TimestampLedger) -> None:
        """Report what this process uses. A worker that reports nothing counts as hanging."""
        while True:
            report = WorkerReport(
                time.process_time(), _resident_bytes(), stamps.held or "", stamps.trouble or ""
            )
            self._connection.send(FrameKind.STATUS, messages.encode_worker_report(report))
            await asyncio.sleep(_REPORT_INTERVAL_S)


def _read_assignment(content: bytes) -> tuple[Mapping[str, ProtocolTarget], tuple[Server, ...]]:
    """The targets of a fleet, and its servers. Ten thousand take a second of arithmetic."""
    assignment = messages.decode_setup(content)
    if not isinstance(assignment, FleetAssignment):
        raise BadFrameError("an assignment of another version")
    return join(assignment.fleet, assignment.keyring).ready, assignment.fleet.servers


def _resident_bytes() -> int:
    """The memory of this process; its largest so far, where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


def _take_socket() -> socket.socket:
    """Take over the socket from stdin, which children of this process inherit."""
    sock = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return sock


async def _run(reporter: FaultReporter, sock: socket.socket) -> None:
    await Worker(reporter).run(sock)


def main() -> int:
    """Run a worker. Returns the exit code."""
    for number in _IGNORED_SIGNALS:
        signal.signal(number, _do_nothing)  # unlike SIG_IGN, not inherited by programs that it starts
    switch_off_core_dumps()
    collect_rarely()
    reporter = FaultReporter(__version__)
    try:
        with reporter.hooks():
            asyncio.run(_run(reporter, _take_socket()))
    except Exception as fault:  # noqa: BLE001  that is what a report is for
        reporter.report(fault)
        return ExitCode.INTERNAL_FAULT
    return 0


def _do_nothing(_number: int, _frame: object) -> None:
    """Ignore a signal."""


if __name__ == "__main__":
    sys.exit(main())
