"""Agent daemon: checks the servers of the last writer, connected or not, and queues the reports.

The stdio bridge starts it: `python -m wgmon_tui.vantages.agent.daemon CONFIG STATE LINGER_S`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from wgmon_tui import __version__
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config import servers_file
from wgmon_tui.config.models import Server
from wgmon_tui.config.secrets.process_protection import protect_secrets
from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.faults import FaultReporter
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.peer_credentials import read_peer_credentials
from wgmon_tui.net.unix_socket import serve
from wgmon_tui.run_until_first import run_until_first
from wgmon_tui.shutdown import StoppedBySignalError, shutdown
from wgmon_tui.store.formats.server_entry import server_from_entry
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.text import format_count, format_limit
from wgmon_tui.vantages.agent.assignment import Assignment, assign, find_server_problem
from wgmon_tui.vantages.agent.report_queue import QueuedReport, ReportQueue, ReportQueueUnavailableError
from wgmon_tui.vantages.agent.report_writer import ReportWriter
from wgmon_tui.vantages.agent.runtime_dir import (
    EXIT_ALREADY_RUNNING,
    PRIVATE_UMASK,
    SOCKET,
    AgentLock,
    AgentRunningError,
    append_log,
    open_listener,
)
from wgmon_tui.vantages.agent.session import AgentSession
from wgmon_tui.vantages.messages import AgentHello, AgentStatus, ServerChanges
from wgmon_tui.vantages.protocol import (
    MAX_LINE_BYTES,
    PROTOCOL,
    encode_report_body,
    is_readable_report,
    sanitize,
    sanitize_problems,
    without_packets,
)

_EXIT_FAILED = 71
_POLL_INTERVAL_S = 1.0
_SECRET_RETRY_S = 10.0
"""The interval between attempts to read missing secrets."""

MAX_SERVERS = 20_000
"""Servers that the writer can let an agent check: twice the largest fleet."""

_MAX_SESSIONS = 8
_CLOSE_DELAY_S = 5.0
_FIRST_ASSIGNMENT_TIMEOUT_S = 5.0


class AgentDaemon:
    """One agent daemon, which holds the lock of its state directory."""

    def __init__(self, config_dir: Path, state_dir: Path, linger_s: float, reports: ReportQueue) -> None:
        self._config_dir, self._state_dir = config_dir, state_dir
        self._linger_s = linger_s
        self._reports = ReportWriter(state_dir, reports, self._wake_session)
        self._stamps = TimestampLedger(state_dir)
        self._engine = Engine(FleetProber(self._stamps.services()))
        self._engine.listen(self._report_check)
        self._servers: dict[str, Server] = {}
        self._rejected_servers: dict[str, str] = {}
        self._excess = ""
        self._assignment = Assignment()
        self._assignment_outdated, self._first_assigned = asyncio.Event(), asyncio.Event()
        self._reported: dict[str, Round] = {}
        self._damping: dict[str, Damping] = {}
        self._session: AgentSession | None = None
        self._session_tasks: set[asyncio.Task[None]] = set()

    async def run(self, listener: socket.socket, lock: AgentLock | None = None) -> str:
        """Run until a signal, or until no writer was connected for `linger_s`. Returns why it ended.

        Raises OSError if no socket for probing can be opened.
        """
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        shutdown.stop_with(partial(_end, ended, "stopped by a signal"))
        self._assignment_outdated.set()
        server = await serve(listener, self._accept, limit=MAX_LINE_BYTES)
        try:
            with self._stamps:
                await run_until_first(
                    [
                        self._engine.run(),
                        self._reports.run(),
                        self._update_assignment(),
                        self._watch_configuration(),
                        self._linger(ended),
                        self._watch_lock(lock, ended),
                        _wait_for(ended),
                    ]
                )
        finally:
            server.close()
            await self._end_sessions("the agent was stopped on its machine")
            await self._reports.close()
        return ended.result()

    async def _end_sessions(self, why: str) -> None:
        if self._session:
            self._session.close(why)
        if self._session_tasks:
            _, unfinished = await asyncio.wait(self._session_tasks, timeout=1.0)
            for session in unfinished:
                session.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    # Sessions
    def _accept(self, reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        if (
            read_peer_credentials(stream.get_extra_info("socket")).uid != os.geteuid()
            or len(self._session_tasks) >= _MAX_SESSIONS
        ):
            stream.transport.abort()
            return
        task = asyncio.create_task(self._run_session(reader, stream), name="line")
        self._session_tasks.add(task)
        task.add_done_callback(self._session_tasks.discard)

    async def _run_session(self, reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        session = AgentSession(self, reader, stream, self._adopt_session)
        try:
            await session.run()
        finally:
            if self._session is session:
                self._session = None
            stream.close()  # the last message can still be delivered, until the delay ends
            asyncio.get_running_loop().call_later(_CLOSE_DELAY_S, abort_unsent, stream)

    def _adopt_session(self, session: AgentSession) -> None:
        """Close the session of any other writer: two would each take reports that the other needs."""
        if self._session:
            self._session.close("another writer has connected to this vantage")
        self._session = session

    async def _linger(self, ended: asyncio.Future[str]) -> None:
        """End after `linger_s` without a connection. Until ssh ends a silent one, it is up."""
        disconnected_at = time.monotonic()
        while True:
            if self._session_tasks:
                await asyncio.wait(self._session_tasks, return_when=asyncio.FIRST_COMPLETED)
                disconnected_at = time.monotonic()
                continue
            left = disconnected_at + self._linger_s - time.monotonic()
            if left <= 0:
                _end(ended, f"no writer connected within {format_limit(self._linger_s)}")
            await asyncio.sleep(max(left, 0.01))

    async def _watch_lock(self, lock: AgentLock | None, ended: asyncio.Future[str]) -> None:
        """End if the state directory was moved or deleted: another daemon can start under the same path."""
        while True:
            await asyncio.sleep(_POLL_INTERVAL_S)
            if lock and not await asyncio.to_thread(lock.is_in_place, self._state_dir):
                _end(ended, "the state directory was moved or deleted")

    # The interface for sessions

    async def hello(self) -> AgentHello:
        """The agent's hello message. After a start it waits for the public key, while secrets are read."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_ASSIGNMENT_TIMEOUT_S):
                await self._first_assigned.wait()
        first_number = await self._reports.first_number()
        return AgentHello(
            PROTOCOL, __version__, self._reports.epoch, self._assignment.public_key, first_number, time.time()
        )

    def status(self) -> AgentStatus:
        """The agent's current status."""
        own_trouble = self._assignment.trouble or self._excess or self._reports.trouble
        trouble = own_trouble or self._stamps.clock_warning or self._stamps.trouble or ""
        return AgentStatus(
            checks_per_second=self._engine.checks_per_second,
            waiting=self._reports.waiting,
            dropped=self._reports.dropped,
            trouble=sanitize(trouble),
            problems=sanitize_problems({**self._rejected_servers, **self._assignment.targets.problems}),
            clock=time.time(),
        )

    def update_servers(self, servers: ServerChanges) -> None:
        """Change the servers to check. It takes effect once the list is complete."""
        if servers.begin:
            self._servers, self._rejected_servers, self._excess = {}, {}, ""
        for gone in servers.gone:
            self._servers.pop(gone, None)
            self._rejected_servers.pop(gone, None)
        for each in servers.servers:
            server = server_from_entry(each.name, each.entry)
            why = (
                find_server_problem(server) if server else f'server "{each.name}": written by another version'
            )
            self._servers.pop(each.name, None)
            self._rejected_servers.pop(each.name, None)
            if len(self._servers) + len(self._rejected_servers) >= MAX_SERVERS:
                self._excess = f"the writer names more than {MAX_SERVERS} servers; the others are not checked"
            elif server and not why:
                self._servers[each.name] = server
            else:
                self._rejected_servers[each.name] = why
        if not servers.more:
            self._assignment_outdated.set()

    def recheck(self, names: tuple[str, ...]) -> None:
        """Check these servers now."""
        self._engine.recheck(names)

    async def forget_reports(self, number: int) -> None:
        """Delete every report up to this number."""
        await self._reports.delete_up_to(number)

    async def read_after(self, number: int, limit: int) -> list[tuple[int, bytes]]:
        """The first reports after this number."""
        return await self._reports.read_after(number, limit)

    # Servers and secrets

    async def _update_assignment(self) -> None:
        while True:
            await self._assignment_outdated.wait()
            self._assignment_outdated.clear()
            before = self._assignment
            assignment = await asyncio.to_thread(assign, tuple(self._servers.values()), self._config_dir)
            if assignment.trouble != before.trouble:
                append_log(self._state_dir, assignment.trouble or f"resolved: {before.trouble}")
            self._assignment = assignment
            self._first_assigned.set()
            self._engine.watch(assignment.servers, assignment.targets.ready, assignment.targets.problems)
            for known in (self._reported, self._damping):
                for gone in known.keys() - self._engine.fleet_state.states.keys():
                    del known[gone]
            ready = before.targets.ready
            self._engine.recheck(
                name for name, target in assignment.targets.ready.items() if ready.get(name) != target
            )

    async def _watch_configuration(self) -> None:
        """Watch servers.toml on this machine, and retry secrets that could not be read."""
        stamp, read_at = servers_file.stamp(self._config_dir), time.monotonic()
        while True:
            await asyncio.sleep(_POLL_INTERVAL_S)
            now = servers_file.stamp(self._config_dir)
            is_retry_due = (
                bool(self._assignment.targets.problems) and time.monotonic() - read_at > _SECRET_RETRY_S
            )
            if now != stamp or is_retry_due:
                stamp, read_at = now, time.monotonic()
                self._assignment_outdated.set()

    # Reports

    def _wake_session(self) -> None:
        if self._session:
            self._session.reports_available.set()

    def _report_check(
        self, server_state: ServerState, outcome: Round | None, _: tuple[IncidentEvent, ...]
    ) -> None:
        """Queue a report for a finished check. This is the engine's listener.

        A failure that may be a local fault is not reported yet. If another server answers, the failure counts
        after all; if the fault is local, the check is judged again.
        """
        name, last = server_state.server.name, server_state.last
        failed = outcome is not None and outcome.diagnosis.verdict.severity is Severity.DOWN
        in_doubt = (
            failed and not server_state.paused and server_state.damping == self._damping.get(name, Damping())
        )
        self._damping[name] = server_state.damping
        before = self._reported.get(name)
        if in_doubt or last is None or last is before:
            return
        self._reported[name] = last
        verdict = last.diagnosis.verdict
        as_before = before is not None and before.diagnosis.verdict is verdict
        routine = as_before and verdict is Verdict.HEALTHY
        plain = as_before and verdict.severity in (Severity.UP, Severity.DEGRADED)
        self._reports.put(
            QueuedReport(encode_report_body(name, without_packets(last) if plain else last), routine)
        )


def main(argv: Sequence[str]) -> int:
    """Run the agent daemon. Returns the exit code. The log names the report of a fault."""
    os.umask(PRIVATE_UMASK)
    protect_secrets(Path(argv[0]))
    state_dir = Path(argv[1])
    reporter = FaultReporter(__version__, partial(append_log, state_dir))
    reporter.set_command("agent daemon", state_dir)
    with shutdown.installed():
        shutdown.begin_command({signal.SIGTERM: 0, signal.SIGINT: 0})
        try:
            with reporter.hooks():
                code = _run(Path(argv[0]), state_dir, float(argv[2]))
        except StoppedBySignalError:
            shutdown.end()
        except Exception as fault:  # noqa: BLE001  that is what a report is for
            reporter.report(fault)
            return ExitCode.INTERNAL_FAULT
        if shutdown.stop_signal is not None:
            shutdown.end()
        return code


def _run(config_dir: Path, state_dir: Path, linger_s: float) -> int:
    try:
        lock = AgentLock.acquire(state_dir)
    except AgentRunningError:
        return EXIT_ALREADY_RUNNING
    except OSError as error:
        append_log(state_dir, f"cannot lock the state directory: {error.strerror}")
        return _EXIT_FAILED
    try:
        reports = ReportQueue(state_dir)
        if reports.notice:
            append_log(state_dir, reports.notice)
        if dropped := reports.drop_unreadable(is_readable_report):
            append_log(state_dir, f"{format_count(dropped, 'queued report')} could not be read: dropped")
        listener = open_listener(state_dir)
        append_log(state_dir, f"started: wgmon-tui {__version__}, pid {os.getpid()}")
        why = shutdown.run(AgentDaemon(config_dir, state_dir, linger_s, reports).run(listener, lock))
        append_log(state_dir, why)
    except (OSError, ReportQueueUnavailableError) as error:
        append_log(state_dir, f"stopped: {error}")
        return _EXIT_FAILED
    finally:
        with suppress(OSError):
            if lock.is_in_place(state_dir):
                (state_dir / SOCKET).unlink()
        os.close(lock.descriptor)
    reports.close()
    return 0


def abort_unsent(stream: asyncio.StreamWriter) -> None:
    """Abort a closed stream that still has something to send.

    Without anything to send it is closed already, and asyncio fails on a closed transport that is aborted.
    """
    if stream.transport.get_write_buffer_size():
        stream.transport.abort()


def _end(ended: asyncio.Future[str], why: str) -> None:
    if not ended.done():
        ended.set_result(why)


async def _wait_for(ended: asyncio.Future[str]) -> None:
    await ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
