"""Viewer: follows the store that the writer process writes, and sends it requests over the control socket."""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from typing import Any

from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.config.models import Server
from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.remote_trace import can_trace, request_trace
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.daemon.store_follower import (
    SOURCE,
    StoreChanges,
    StoreFollower,
    apply_first_states,
    apply_store_changes,
)
from wgmon_tui.daemon.vantage_follower import expire_vantage_states
from wgmon_tui.garbage_collection import collection_paused
from wgmon_tui.monitor.controller import FleetController, LoadingProgress
from wgmon_tui.monitor.fleet_state import FleetState, Round
from wgmon_tui.monitor.freshness import read_clocks
from wgmon_tui.monitor.staleness import CheckOutage, StalenessScan, newest_check_at
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.net.accounts import login_name
from wgmon_tui.run_until_first import run_until_first
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.models import LastKnownState
from wgmon_tui.vantages.collector.manager import statuses_from_json

_POLL_INTERVAL_S = 0.4
_RECONNECT_INTERVAL_S = 0.5
_MESSAGE_SECONDS = 10.0


class Viewer(FleetController):
    """Updates a `FleetState` from the store while it runs."""

    def __init__(self, state_dir: Path, fleet_state: FleetState | None = None) -> None:
        self.fleet_state = fleet_state or FleetState()
        self.writer_gone = asyncio.Event()
        """Set while there is no writer."""
        self.store_read = asyncio.Event()
        """Set once the store has been read, or reading has failed."""
        self.writer_searched = asyncio.Event()
        """Set once it is known whether there is a writer."""
        self.writer: str | None = None
        """The writer's account and pid; None while there is no writer."""
        self._state_dir = state_dir
        self._follower = StoreFollower(state_dir)
        self._loading: LoadingProgress | None = LoadingProgress(SOURCE)
        self._connection: ControlConnection | None = None
        self._focused_server: str | None = None
        self._is_round_outdated = False
        self._checks_per_second = 0.0
        self._unresponsive_since: float | None = None
        self._writer_ended_at: float | None = None
        self._staleness_scan = StalenessScan(self.fleet_state)
        self._access_problem: str | None = None
        self._store_problem: str | None = None
        self._writer_warning: str | None = None
        self._sinks: tuple[str, ...] = ()
        self._vantages: tuple[VantageStatus, ...] = ()
        self._message: str | None = None
        self._request_tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until cancelled."""
        with ThreadPoolExecutor(1, "store") as executor:
            try:
                await run_until_first(
                    [self._stay_connected(), self._follow_store(executor), self._poll_writer()]
                )
            finally:
                for task in self._request_tasks:
                    task.cancel()
                executor.submit(self._follower.close)

    # The interface for user interfaces

    @property
    def loading(self) -> LoadingProgress | None:
        """The progress of the first read of the store."""
        return self._loading

    @property
    def status(self) -> str:
        """The writer's account and pid, or that there is no writer."""
        if self.writer is None:
            return "viewer · nobody is checking" if self.writer_gone.is_set() else "viewer"
        trouble = ", which does not answer" if self._unresponsive_since else ""
        return f"viewer · written by {self.writer}{trouble}"

    @property
    def warning(self) -> str | None:
        """The most serious problem: of this viewer first, then a refused request, then the writer's."""
        return self._access_problem or self._store_problem or self._message or self._writer_warning

    @property
    def outage(self) -> CheckOutage | None:
        """That there is no writer, or that it does not answer."""
        if self.writer is None and self.writer_gone.is_set():
            since = self._writer_ended_at or newest_check_at(self.fleet_state)
            return CheckOutage("Nobody is checking", since)
        if self.writer is not None and self._unresponsive_since is not None:
            remedy = "End that process, then take over."
            return CheckOutage(f"{self.writer} does not answer", self._unresponsive_since, remedy)
        return None

    @property
    def checks_per_second(self) -> float:
        """The rate that the writer reports."""
        return self._checks_per_second

    def recheck(self, names: Iterable[str]) -> None:
        """Ask the writer to check these servers now."""
        self._request(Operation.RECHECK, names)

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Ask the writer to stop or resume checking these servers."""
        self._request(Operation.PAUSE if paused else Operation.RESUME, names)

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Ask the writer to acknowledge the open incidents of these servers."""
        self._request(Operation.ACKNOWLEDGE, names, text=note)

    def add_note(self, incident: str, text: str) -> None:
        """Ask the writer to add a note to an incident."""
        self._request(Operation.NOTE, (), incident=incident, text=text)

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Ask the writer to mute alerts for these servers."""
        if until is None:
            self._request(Operation.UNMUTE, names)
        else:
            self._request(Operation.MUTE, names, until=0.0 if until == inf else until)

    def test_sink(self, name: str) -> None:
        """Ask the writer to send a test notification to a sink."""
        self._request(Operation.TEST_SINK, [name])

    async def trace_path(
        self, name: str, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Ask the writer to trace the path to a server. Raises TraceRefusedError."""
        connection = self._connection
        if connection is None:
            raise TraceRefusedError("nobody checks, so nobody can trace")
        if not can_trace(connection):
            raise TraceRefusedError("the process that checks is an older wgmon-tui: restart it")
        found = await request_trace(connection, name, options, on_progress)
        if found is None:
            raise TraceRefusedError("the process that checks is of another version: restart the older one")
        return found

    @property
    def sinks(self) -> tuple[str, ...]:
        """The writer's sinks."""
        return self._sinks

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """The status of the writer's vantages."""
        return self._vantages

    def retry_alert(self, number: int) -> None:
        """Ask the writer to retry a failed delivery."""
        self._request(Operation.RETRY_ALERT, (), number=number)

    def acknowledge_alerts(self, sink: str, number: int = 0) -> None:
        """Ask the writer to acknowledge failed deliveries."""
        self._request(Operation.ACKNOWLEDGE_ALERTS, [sink], number=number)

    def set_focused_server(self, name: str | None) -> None:
        """Fetch the packets of this server's last round from now on."""
        if name != self._focused_server:
            self._focused_server = name
            self._is_round_outdated = True

    def _request(
        self,
        operation: Operation,
        names: Iterable[str],
        *,
        incident: str = "",
        text: str = "",
        until: float = 0.0,
        number: int = 0,
    ) -> None:
        def ask(connection: ControlConnection) -> Coroutine[Any, Any, dict[str, object]]:
            return connection.ask(operation, names, incident=incident, text=text, until=until, number=number)

        asking = asyncio.create_task(self._send_request(operation, ask))
        self._request_tasks.add(asking)
        asking.add_done_callback(self._request_tasks.discard)

    async def _send_request(
        self, operation: Operation, ask: Callable[[ControlConnection], Coroutine[Any, Any, dict[str, object]]]
    ) -> None:
        """Send a request, and show the writer's warning or error for some seconds."""
        try:
            if self._connection is None:
                raise NoWriterError
            answer = await ask(self._connection)
            warning = answer.get("warning")
            message = warning if isinstance(warning, str) else None
        except RequestRefusedError as error:
            message = f"refused: {error}"
        except NoWriterError:
            message = f"The process that checks has ended: {operation.value} was not done."
        except TimeoutError:
            message = f"the writer does not answer: {operation.value} may not have been done"
        self._message = message
        if message:
            await asyncio.sleep(_MESSAGE_SECONDS)
            if self._message == message:
                self._message = None

    # Background tasks

    async def _stay_connected(self) -> None:
        """Keep a connection open: its end shows at once that the writer has ended."""
        while True:
            try:
                connection = await ControlConnection.connect(self._state_dir)
            except AccessDeniedError as error:
                self._access_problem = str(error)
                self.writer_searched.set()
            except NoWriterError:
                self.writer_gone.set()
                self.writer_searched.set()
            else:
                self._access_problem = None
                await self._hold_connection(connection)
                continue
            await asyncio.sleep(_RECONNECT_INTERVAL_S)

    async def _hold_connection(self, connection: ControlConnection) -> None:
        try:
            name = await asyncio.to_thread(login_name, connection.writer.uid)
            self.writer = f"{name} (pid {connection.writer.pid})"
            self._connection = connection
            self.writer_gone.clear()
            self.writer_searched.set()
            await connection.ended.wait()
        finally:
            self._connection = self.writer = self._writer_warning = None
            self._checks_per_second = 0.0
            self._vantages = ()
            self._unresponsive_since = None
            self._writer_ended_at = time.time()
            self.writer_gone.set()
            await connection.close()

    async def _follow_store(self, executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        last_good_of: str | None = None
        while True:
            try:
                changes = await loop.run_in_executor(executor, self._read_store, loop)
                focused_server = self._focused_server if self._connection else None
                apply_store_changes(self.fleet_state, changes, focused_server)
                self._is_round_outdated |= any(each.server == focused_server for each in changes.journal)
                if self._focused_server and self._focused_server != last_good_of:
                    last_good_of = self._focused_server
                    last_good = await loop.run_in_executor(executor, self._follower.last_good, last_good_of)
                    self.fleet_state.show_packets(last_good_of, last_good=last_good)
                self._store_problem = None
            except StoreUnavailableError as error:
                self._store_problem = f"history: {error}"
            expire_vantage_states(self.fleet_state, time.time())
            self._loading = None
            self._staleness_scan.update(read_clocks(), is_checking=self.outage is None)
            self.store_read.set()
            await asyncio.sleep(_POLL_INTERVAL_S)

    def _read_store(self, loop: asyncio.AbstractEventLoop) -> StoreChanges:
        """Read the changes, in the thread. The first time, the servers are shown while they are read."""
        if self._loading is None:
            return self._follower.read_changes()

        def show(*part: *tuple[Sequence[Server], Sequence[LastKnownState], LoadingProgress]) -> None:
            loop.call_soon_threadsafe(self._show_first_states, *part)

        with collection_paused():
            return self._follower.read_first(show)

    def _show_first_states(
        self, servers: Sequence[Server], known_states: Sequence[LastKnownState], progress: LoadingProgress
    ) -> None:
        self._loading = progress
        apply_first_states(self.fleet_state, servers, known_states)
        self._staleness_scan.update(read_clocks(), is_checking=self.outage is None)

    async def _poll_writer(self) -> None:
        """Poll the writer's state, and fetch the packets that the screen shows."""
        while True:
            connection = self._connection
            if connection:
                try:
                    self._apply_stats(await connection.ask(Operation.STATS))
                    if self._focused_server and self._is_round_outdated:
                        await self._fetch_round(connection, self._focused_server)
                except TimeoutError:
                    self._unresponsive_since = self._unresponsive_since or time.time()
                except (RequestRefusedError, NoWriterError):
                    pass  # the server was just removed, or the writer has just ended
            await asyncio.sleep(_POLL_INTERVAL_S)

    def _apply_stats(self, stats: dict[str, object]) -> None:
        self._unresponsive_since = None
        rate, warnings = stats.get("checks_per_second"), stats.get("warnings")
        self._checks_per_second = float(rate) if isinstance(rate, int | float) else 0.0
        self._writer_warning = str(warnings[0]) if isinstance(warnings, list) and warnings else None
        sinks = stats.get("sinks")
        self._sinks = tuple(map(str, sinks)) if isinstance(sinks, list) else ()
        self._vantages = statuses_from_json(stats.get("vantages"))

    async def _fetch_round(self, connection: ControlConnection, name: str) -> None:
        self._is_round_outdated = False
        answer = await connection.ask(Operation.ROUND, [name])
        if outcome := _round(answer.get("round")):
            self.fleet_state.show_packets(name, last=outcome)


def _round(encoded: object) -> Round | None:
    try:
        return record_codec.from_bytes(b64decode(encoded)) if isinstance(encoded, str) else None
    except NotBase64Error:
        return None
