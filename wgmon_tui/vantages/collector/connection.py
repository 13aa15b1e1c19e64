"""Connection to one vantage: sends the list of servers, receives reports and reconnects after a failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from random import Random

from wgmon_tui import __version__
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.monitor.report_numbers import ReportNumbers
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.rate_limits import Pacer
from wgmon_tui.run_until_first import run_until_first
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.text import format_elapsed, quoted
from wgmon_tui.vantages.collector.agent_limits import AgentLimits
from wgmon_tui.vantages.collector.ssh_process import AgentProcess, ConnectionEndedError
from wgmon_tui.vantages.collector.validation import sanitize_report
from wgmon_tui.vantages.messages import (
    Ack,
    AgentHello,
    AgentStatus,
    Bye,
    CheckReport,
    RecheckRequest,
    ServerChanges,
    ServerEntry,
    ToWriter,
    WriterHello,
)
from wgmon_tui.vantages.protocol import (
    PROTOCOL,
    BadLineError,
    describe_protocol_mismatch,
    encode_message,
    parse_to_writer,
    without_packets,
)

ReportHandler = Callable[[VantageReport], None]
"""Receives every accepted report, once and in order. It must be fast and must not raise."""

NOT_CONNECTED_YET = "not connected yet"
"""The trouble of a connection before its first attempt."""

_HELLO_TIMEOUT_S = 30.0
_SILENCE_TIMEOUT_S = 60.0
_FIRST_BACKOFF_S, _MAX_BACKOFF_S = 1.0, 60.0
_STABLE_AFTER_S = 30.0
"""A connection that lasted at least this long is retried after the shortest backoff."""

_MAX_BAD_LINES = 10
_ACK_INTERVAL_S = 1.0
_MAX_ACK_INTERVAL_S = 15.0
_ENTRIES_PER_LINE = 100
_CLOCK_WARNING_S = 5.0
_CLOCK_TOLERANCE_S = 1.0


class _PermanentError(Exception):
    """An error that a quick retry does not fix. The message is one line."""


class VantageConnection:
    """Keeps the connection to one vantage open while it runs."""

    def __init__(
        self,
        vantage: Vantage,
        on_report: ReportHandler,
        on_disconnect: Callable[[str], None],
        wait_until_stored: Callable[[], Awaitable[None]],
        numbers: ReportNumbers,
        random: Random,
        processor: Pacer,
    ) -> None:
        """The parameters are those of `VantageManager`; the connections share `processor`."""
        self.vantage = vantage
        self.limits = AgentLimits(processor)
        self.status = VantageStatus(vantage.name, False, time.time(), trouble=NOT_CONNECTED_YET)
        self._on_report, self._on_disconnect, self._wait_until_stored, self._numbers = (
            on_report,
            on_disconnect,
            wait_until_stored,
            numbers,
        )
        self._random = random
        self._servers: dict[str, Server] = {}
        self._servers_sent: dict[str, Server] = {}
        self._rechecks: set[str] = set()
        self._send_needed = asyncio.Event()
        self._epoch = ""
        self._ack_to_send: int | None = None
        self._clock_offset_s = 0.0
        self._bad_lines = 0
        self._line_bytes = 0

    def watch(self, servers: Iterable[Server]) -> None:
        """Set the servers to check from now on. Servers outside the vantage's scope are left out."""
        self._servers = {server.name: server for server in servers if self.vantage.covers(server)}
        self._send_needed.set()

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers from the vantage now."""
        if self.status.connected:
            self._rechecks.update(name for name in names if name in self._servers)
            self._send_needed.set()

    async def run(self) -> None:
        """Run until cancelled."""
        backoff_s = _FIRST_BACKOFF_S
        while True:
            began = time.monotonic()
            try:
                await self._run_session()
            except ConnectionEndedError as error:
                self._mark_disconnected(str(error))
            except TimeoutError:
                self._mark_disconnected("does not answer")
            except (_PermanentError, BadLineError) as error:
                self._mark_disconnected(str(error))
                backoff_s = _MAX_BACKOFF_S
            if backoff_s < _MAX_BACKOFF_S and time.monotonic() - began > _STABLE_AFTER_S:
                backoff_s = _FIRST_BACKOFF_S
            # With jitter: after an outage all connections would otherwise reconnect at the same moment.
            await asyncio.sleep(backoff_s * self._random.uniform(0.7, 1.3))
            backoff_s = min(2 * backoff_s, _MAX_BACKOFF_S)

    def _mark_disconnected(self, trouble: str) -> None:
        if self.status.connected:
            self.status = replace(self.status, connected=False, since=time.time(), checks_per_second=0.0)
        self.status = replace(self.status, trouble=trouble)

    async def _run_session(self) -> None:
        """Run one connection until it ends. Raises an error that says why it ended."""
        process = await AgentProcess.start(self.vantage.command)
        try:
            await process.send(encode_message(WriterHello(PROTOCOL, __version__, self.vantage.name)))
            self._bad_lines = 0
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                self._accept_hello(await self._receive_hello(process))
            self._servers_sent = {}
            self._send_needed.set()
            await run_until_first([self._listen(process), self._send_messages(process), self._acknowledge()])
        finally:
            if self.status.connected:
                self._on_disconnect(self.vantage.name)
            await process.stop()

    # Messages from the agent

    async def _receive_hello(self, process: AgentProcess) -> AgentHello:
        """Return the agent's hello. Other lines before it are skipped: a login may print some."""
        while True:
            match await self._receive(process):
                case AgentHello() as hello:
                    return hello
                case Bye(line):
                    raise _PermanentError(line)
                case CheckReport() | AgentStatus():
                    raise BadLineError("expected a hello first")

    def _accept_hello(self, hello: AgentHello) -> None:
        name = self.vantage.name
        if hello.protocol != PROTOCOL:
            raise _PermanentError(
                describe_protocol_mismatch(name, hello.protocol, hello.version, __version__)
            )
        self._epoch = hello.epoch
        self._ack_to_send = None
        self._clock_offset_s = _clock_offset(hello.clock)
        self.status = VantageStatus(
            name, True, time.time(), hello.version, public_key=hello.public_key, trouble=self._clock_problem()
        )

    async def _listen(self, process: AgentProcess) -> None:
        while True:
            async with asyncio.timeout(_SILENCE_TIMEOUT_S):
                message = await self._receive(process)
            began = time.monotonic()
            match message:
                case CheckReport() as report:
                    self._handle_report(report)
                case AgentStatus() as status:
                    self._handle_status(status)
                case Bye(line):
                    raise _PermanentError(line)
                case AgentHello():
                    raise BadLineError("expected one hello only")
            self.limits.charge(began)

    async def _receive(self, process: AgentProcess) -> ToWriter:
        """The next valid message. Raises BadLineError after too many invalid lines."""
        while True:
            line = await process.read_line()
            await self.limits.take_line(len(line))
            self._line_bytes, began = len(line), time.monotonic()
            try:
                return parse_to_writer(line)
            except BadLineError as error:
                self._count_bad_line(line, error)
            finally:
                self.limits.charge(began)

    def _count_bad_line(self, line: bytes, error: BadLineError) -> None:
        self._bad_lines += 1
        if self._bad_lines >= _MAX_BAD_LINES:
            what = quoted(line.decode(errors="replace").strip())
            raise BadLineError(f"the data is not from an agent: {error}; got {what}") from None

    def _handle_report(self, report: CheckReport) -> None:
        if not self._numbers.accept(self.vantage.name, self._epoch, report.number):
            return  # received before: the earlier connection ended before the acknowledgement
        server = self._servers.get(report.server)
        if server is None:
            return  # no longer checked from this vantage
        try:
            outcome = sanitize_report(
                report.round, server, self.vantage.name, self._clock_offset_s, time.time()
            )
        except BadLineError as error:
            self._count_bad_line(report.server.encode(), error)
            return
        if self.limits.accepts_report(server, outcome.check.started_at, time.time()):
            if not self.limits.has_room_for_packets(self._line_bytes):
                outcome = without_packets(outcome)
            name = self.vantage.name
            self._on_report(VantageReport(name, self._epoch, report.number, server.name, outcome))

    def _handle_status(self, status: AgentStatus) -> None:
        self._clock_offset_s = _clock_offset(status.clock)
        trouble = status.trouble or self._clock_problem()
        if status.problems and not trouble:
            others = f" (and {len(status.problems) - 1} more)" if len(status.problems) > 1 else ""
            trouble = f"cannot check {status.problems[0].server}{others}: {status.problems[0].line}"
        if trouble != self.status.trouble and not self.limits.accepts_problem():
            trouble = self.status.trouble
        self.status = replace(
            self.status,
            checks_per_second=status.checks_per_second,
            waiting=status.waiting,
            dropped=status.dropped,
            trouble=trouble,
        )

    def _clock_problem(self) -> str:
        if abs(self._clock_offset_s) <= _CLOCK_WARNING_S:
            return ""
        side = "ahead of" if self._clock_offset_s > 0 else "behind"
        return f"its clock is {format_elapsed(abs(self._clock_offset_s))} {side} this machine's: set it there"

    # Messages to the agent

    async def _send_messages(self, process: AgentProcess) -> None:
        while True:
            await self._send_needed.wait()
            self._send_needed.clear()
            for line in self._pending_messages():
                async with asyncio.timeout(_SILENCE_TIMEOUT_S):
                    await process.send(line)
                await asyncio.sleep(0)  # send() does not yield while the pipe accepts everything

    def _pending_messages(self) -> Iterator[bytes]:
        yield from self._server_changes()
        if self._rechecks:
            names, self._rechecks = sorted(self._rechecks), set()
            for begin in range(0, len(names), _ENTRIES_PER_LINE):
                yield encode_message(RecheckRequest(tuple(names[begin : begin + _ENTRIES_PER_LINE])))
        if self._ack_to_send is not None:
            yield encode_message(Ack(self._ack_to_send))

    def _server_changes(self) -> Iterator[bytes]:
        """The messages for all changes since the last list that was sent."""
        begin, sent, wanted = not self._servers_sent, self._servers_sent, self._servers
        fresh = [server for name, server in wanted.items() if sent.get(name) != server]
        gone = [name for name in sent if name not in wanted]
        self._servers_sent = wanted
        chunks = _chunks(fresh, gone)
        for number, (servers, names) in enumerate(chunks, 1):
            entries = tuple(ServerEntry(server.name, _encode_entry(server)) for server in servers)
            yield encode_message(
                ServerChanges(entries, tuple(names), begin and number == 1, number < len(chunks))
            )
        if begin and not chunks:
            yield encode_message(ServerChanges(begin=True))

    async def _acknowledge(self) -> None:
        """Acknowledge reports that are on disk, so that the agent can delete them."""
        acked, acked_at = 0, time.monotonic()
        while True:
            await asyncio.sleep(_ACK_INTERVAL_S)
            number = self._numbers.last_number(self.vantage.name, self._epoch)
            if number == acked and time.monotonic() - acked_at < _MAX_ACK_INTERVAL_S:
                continue
            if number != acked:
                unstored_bytes = self.limits.unstored_bytes
                await self._wait_until_stored()
                self.limits.mark_stored(unstored_bytes)
            self._ack_to_send = acked = number
            acked_at = time.monotonic()
            self._send_needed.set()


def _clock_offset(clock: float) -> float:
    """How far a clock is ahead of this machine's, in seconds. Small offsets (transfer time) count as 0."""
    clock_offset_s = clock - time.time()
    return clock_offset_s if abs(clock_offset_s) > _CLOCK_TOLERANCE_S else 0.0


def _chunks(servers: list[Server], gone: list[str]) -> list[tuple[list[Server], list[str]]]:
    """Split both lists into chunks of one line each."""
    longest = max(len(servers), len(gone))
    return [
        (servers[begin : begin + _ENTRIES_PER_LINE], gone[begin : begin + _ENTRIES_PER_LINE])
        for begin in range(0, longest, _ENTRIES_PER_LINE)
    ]


@lru_cache(32768)
def _encode_entry(server: Server) -> str:
    """Encode a server without its note, which stays on this machine."""
    return server_to_entry(replace(server, note="", control_plane="", node_id=""))
