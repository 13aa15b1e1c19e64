"""Rounds of a process that is not the writer: a one-shot command, or a program that uses the library.

If a writer runs on the state directory, it makes the checks: one identity has one prober. Otherwise, and for
a server that the writer does not know, this process checks, under the identity lock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from types import TracebackType

from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
from wgmon_tui.checks.protocol import ProtocolProber, ProtocolTarget
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.config.models import Server
from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError, WriterBusyError
from wgmon_tui.control.one_shot_reports import OneShotReports
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.remote_trace import can_trace, request_trace
from wgmon_tui.control.round_request import (
    RoundWithKeys,
    depth_words,
    read_round,
    read_round_with_keys,
    read_soaks,
    run_with_keys,
    target_digest,
)
from wgmon_tui.control.server import MAX_CHECKS_PER_CLIENT, RequestRefusedError
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.uplink_evidence import UplinkEvidence
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.text import format_count, format_elapsed

_ANSWER_TIMEOUT_S = 300.0
"""The longest round: all addresses of a server, each with experiments, after the round in flight."""

_FIRST_PROGRESS_S = 1.0
_PROGRESS_INTERVAL_S = 5.0
_SOAK_REPORT_S = 1.0

_BUSY_PATIENCE_S = 10.0
"""How long to wait for a free connection: many one-shot commands of one account may run at once."""

_BUSY_RETRY_S = 0.25

_NOTICED_WITHIN_S = 3.0
"""How long a writer may take to read a changed servers.toml."""

_NOTICE_RETRY_S = 0.3


def _ignore(_: str) -> None:
    """Show no progress."""


class SoakReport:
    """Reports how far a soak is, at most once per second: `fra1: soak: 40 of 100 echoes, 12 s`."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._shown_at = -inf

    def note(self, server: str, soak: SoakProgress) -> None:
        """Report this state of a soak, unless another report is too recent."""
        now = time.monotonic()
        if now - self._shown_at >= _SOAK_REPORT_S or soak.sent == soak.planned:
            self._shown_at = now
            elapsed = format_elapsed(soak.elapsed)
            self._progress(f"{server}: soak: {soak.sent} of {soak.planned} echoes, {elapsed}")


class OneShotRounds:
    """Runs rounds inside of its `async with` block."""

    def __init__(
        self,
        state_dir: Path,
        timestamps: TimestampLedger,
        progress: Callable[[str], None] = _ignore,
        *,
        witness: Endpoint | None = None,
        on_wait: Callable[[str], None] | None = None,
        planes: Iterable[Server] = (),
    ) -> None:
        """`progress` gets a line about who makes the checks, and why. `witness` is that of config.toml.

        `on_wait` gets what the checks are waiting for, which soon is past. Without it, `progress` does.
        `planes` are the control planes whose reports rounds of nodes are judged by, too.
        """
        on_wait = on_wait or progress
        self._reports = OneShotReports(state_dir, planes)
        self._servers: set[str] = set()
        self._uplink_evidence = UplinkEvidence(lambda: len(self._servers))
        self._uplink_evidence.witness = witness
        self._state_dir = state_dir
        self._timestamps = timestamps
        self._progress = progress
        self._on_wait = on_wait
        timestamps.identity_locks.on_wait = on_wait
        self._connection: ControlConnection | None = None
        self._prober: FleetProber | None = None
        self._opening = asyncio.Lock()
        self._slots = asyncio.Semaphore(MAX_CHECKS_PER_CLIENT)
        self._asked = 0
        self._soaked: list[str] = []
        """Servers whose requested rounds of the writer run a soak."""
        self._soaks = SoakReport(on_wait)
        self._reporting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> OneShotRounds:
        """Connect to the writer; without one, open the sockets. Raises OSError if there is none."""
        try:
            self._connection = await self._connect()
        except NoWriterError:
            await self._own_prober()
        except AccessDeniedError as error:
            self._progress(f"checking without the running wgmon-tui: {error}")
            await self._own_prober()
        else:
            self._reporting = asyncio.create_task(self._report_progress())
            if Operation.PROBE not in self._connection.greeting.allowed:
                self._progress("checking beside an older wgmon-tui: restart it, so that it makes the checks")
        return self

    async def _connect(self) -> ControlConnection:
        """Connect to the writer once it has a free connection. Raises NoWriterError, AccessDeniedError."""
        deadline = time.monotonic() + _BUSY_PATIENCE_S
        while True:
            try:
                return await ControlConnection.connect(self._state_dir)
            except WriterBusyError:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(_BUSY_RETRY_S)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reporting:
            self._reporting.cancel()
            await asyncio.gather(self._reporting, return_exceptions=True)
        if self._connection:
            await self._connection.close()
        if self._prober:
            await self._prober.close()

    @property
    def has_writer(self) -> bool:
        """Whether a writer was there when the block began."""
        return self._connection is not None

    async def run(
        self, server: Server, target: ProtocolTarget | None, depth: CheckDepth, *, problem: str = ""
    ) -> Round:
        """Run a round (see `run_check_round`). Raises OSError if this process has no socket to send from."""
        self._servers.add(server.name)
        if target is not None:
            answer = await self._ask(Operation.PROBE, target, depth)
            if answer and (outcome := read_round(answer)):
                return outcome
            if answer:
                self._progress(f"checking {server.name} here: {answer.get('why')}")
        return await self.run_here(server, target, depth, problem=problem)

    async def run_when_known(self, target: ProtocolTarget, depth: CheckDepth) -> Round | None:
        """Run a round at the writer, for a server that was added just now: the writer may not know it yet.

        None without a writer that checks it.
        """
        deadline = time.monotonic() + _NOTICED_WITHIN_S
        while answer := await self._ask(Operation.PROBE, target, depth):
            if (outcome := read_round(answer)) or time.monotonic() >= deadline:
                return outcome
            await asyncio.sleep(_NOTICE_RETRY_S)
        return None

    async def run_here(
        self, server: Server, target: ProtocolTarget | None, depth: CheckDepth, *, problem: str = ""
    ) -> Round:
        """Run a round in this process. Raises OSError if it has no socket to send from."""
        self._servers.add(server.name)
        outcome = await run_check_round(
            await self._own_prober(),
            server,
            target,
            depth,
            problem=problem,
            uplink_evidence=self._uplink_evidence,
            on_soak=partial(self._soaks.note, server.name),
        )
        return await self._reports.judge(server, outcome)

    async def run_with_keys(self, target: ProtocolTarget) -> RoundWithKeys:
        """Run a round without experiments, and keep its one-time keys. Raises OSError.

        Experiments try other keys of servers.toml, which nobody asked to reveal.
        """
        answer = await self._ask(Operation.PROBE_WITH_KEYS, target, CheckDepth())
        if answer and (done := read_round_with_keys(answer)):
            return done

        def run(prober: ProtocolProber) -> Awaitable[Round]:
            return run_check_round(prober, target.server, target, CheckDepth())

        return await run_with_keys(run, target.server, self._timestamps.services())

    async def trace(
        self, target: ProtocolTarget, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to a server. Raises TraceRefusedError, and OSError without a socket."""
        connection = await self._open_connection()
        if connection and can_trace(connection):
            name, digest = target.server.name, target_digest(target)
            found = await request_trace(connection, name, options, on_progress, digest=digest)
            if found:
                return found
            self._progress(f"tracing {name} here: the running wgmon-tui has another entry or other keys")
        return await (await self._own_prober()).trace_path(target, options, on_progress)

    async def _ask(
        self, operation: Operation, target: ProtocolTarget, depth: CheckDepth
    ) -> dict[str, object] | None:
        """Ask the writer; None if this process has to check."""
        connection = await self._open_connection()
        if connection is None or operation not in connection.greeting.allowed:
            return None
        async with self._slots:
            self._asked += 1
            if depth.soak:
                self._soaked.append(target.server.name)
            try:
                return await connection.ask(
                    operation,
                    [target.server.name],
                    depth=depth_words(depth),
                    digest=target_digest(target),
                    timeout_s=_ANSWER_TIMEOUT_S,
                )
            except (NoWriterError, RequestRefusedError, TimeoutError) as error:
                self._progress(f"the running wgmon-tui did not check {target.server.name}: {error}")
                return None
            finally:
                self._asked -= 1
                if depth.soak:
                    self._soaked.remove(target.server.name)

    async def _open_connection(self) -> ControlConnection | None:
        """The connection, opened again if it ended: the writer closes idle ones. None without a writer."""
        async with self._opening:
            if self._connection and self._connection.ended.is_set():
                with suppress(NoWriterError, AccessDeniedError):
                    ended, self._connection = self._connection, await self._connect()
                    await ended.close()
            return self._connection

    async def _own_prober(self) -> FleetProber:
        async with self._opening:
            if self._prober is None:
                services = replace(self._timestamps.services(), note_report=self._reports.note)
                self._prober = FleetProber(services)
            return self._prober

    async def _report_progress(self) -> None:
        next_report = time.monotonic() + _FIRST_PROGRESS_S
        while connection := self._connection:
            await asyncio.sleep(_SOAK_REPORT_S)
            if self._soaked and Operation.SOAKS in connection.greeting.allowed:
                await self._report_soaks(connection)
            if self._asked and time.monotonic() >= next_report:
                next_report = time.monotonic() + _PROGRESS_INTERVAL_S
                checks = format_count(self._asked, "check")
                self._on_wait(f"waiting for {checks} of the running wgmon-tui (pid {connection.writer.pid})")

    async def _report_soaks(self, connection: ControlConnection) -> None:
        """Report how far the requested soaks of the writer are."""
        with suppress(NoWriterError, RequestRefusedError, TimeoutError):
            answer = await connection.ask(Operation.SOAKS, self._soaked)
            for name, soak in read_soaks(answer).items():
                self._soaks.note(name, soak)
