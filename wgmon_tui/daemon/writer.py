"""Writer: the process that runs the engine, writes the store and serves the control socket."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
from wgmon_tui.config.config_toml import Config
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.control.budgets import Budget, Resource, budgets_as_json
from wgmon_tui.control.server import ControlServer, RequestRefusedError
from wgmon_tui.control.worker_status import WorkerStatus, workers_as_json
from wgmon_tui.daemon import alert_requests
from wgmon_tui.daemon.config_watcher import ConfigWatcher, LoadedConfig, without_nodes
from wgmon_tui.daemon.control_requests import ControlRequests, RequestLog
from wgmon_tui.daemon.node_follower import NodeFollower
from wgmon_tui.daemon.note_limits import NoteLimits
from wgmon_tui.daemon.requested_probes import RequestedProbes
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.path_traces import PathTraces
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.net.accounts import login_name
from wgmon_tui.run_until_first import run_until_first
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.recorder import Recorder
from wgmon_tui.store.write.vantage_states import VantageQuorum
from wgmon_tui.subscriptions.follower import SubscriptionFollower
from wgmon_tui.subscriptions.quota import Quota
from wgmon_tui.text import format_count
from wgmon_tui.vantages.collector.manager import VantageManager, statuses_as_json

if TYPE_CHECKING:
    from wgmon_tui.workers.pool import WorkerPool

_LOCK_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class WriterParts:
    """What the writer runs. The recorder records already; `opened` closes what is open, in order.

    `workers` run the checks; without any, this process does.
    """

    clock_guard: ClockGuard
    stamps: TimestampLedger
    note_limits: NoteLimits
    alerts: Dispatcher
    recorder: Recorder
    engine: Engine
    path_traces: PathTraces
    vantages: VantageManager
    workers: WorkerPool | None
    opened: ExitStack


class Writer(FleetController):
    """Checks servers and writes the store while it runs. Owns the lock, and releases it when `run` ends.

    writer_assembly.py builds it.
    """

    def __init__(
        self,
        state_dir: Path,
        loaded: LoadedConfig,
        lock: WriterLock | None,
        parts: WriterParts,
        *,
        config_dir: Path | None,
        log_request: RequestLog,
    ) -> None:
        self.loaded = loaded
        self.state_dir = state_dir
        self.alerts = parts.alerts
        self.engine = parts.engine
        self.fleet_state = parts.engine.fleet_state
        self._lock = lock
        self._log_request = log_request
        self._account = login_name(os.geteuid())
        self._clock_guard = parts.clock_guard
        self._stamps = parts.stamps
        self._note_limits = parts.note_limits
        self._recorder = parts.recorder
        self._path_traces = parts.path_traces
        self._vantages = parts.vantages
        self._workers = parts.workers
        self._opened = parts.opened
        self._background_tasks: set[asyncio.Task[None]] = set()
        self._control_problem: str | None = None
        requests = ControlRequests(
            self,
            parts.engine,
            parts.recorder,
            parts.alerts,
            path_traces=parts.path_traces,
            requested_probes=RequestedProbes(parts.engine, parts.stamps),
            note_limits=parts.note_limits,
            log_request=log_request,
        )
        self._control = ControlServer(state_dir, requests.answer, time.time()) if lock else None
        files = without_nodes(loaded)
        self._nodes = NodeFollower(self.fleet_state, loaded, self._apply_nodes, log_request)
        self._reload = ConfigWatcher(config_dir, files, self._nodes.watch) if config_dir else None
        self._lists = SubscriptionFollower(config_dir, state_dir, log_request) if config_dir else None
        if self._lists:
            self._lists.watch(loaded.config.subscriptions)
            parts.engine.subscription_ends.read = self._lists.find_ends

    async def run(self) -> None:
        """Run until cancelled.

        Raises OSError if no socket for probing can be opened, and StateDirectoryMovedError.
        """
        try:
            await self._listen()
            parts = [
                self.engine.run(),
                self.alerts.run(self._recorder),
                self._vantages.run(),
                self._nodes.run(),
            ]
            if self._lock:
                parts.append(self._watch_lock(self._lock))
            if self._reload:
                parts.append(self._reload.run())
            if self._lists:
                parts.append(self._lists.run())
            await run_until_first(parts)
        finally:
            try:
                if self._control:
                    await self._control.close()
            finally:  # a second cancellation, as Textual sends it, must not leave the store open
                await asyncio.shield(asyncio.to_thread(self.close))

    async def _watch_lock(self, lock: WriterLock) -> None:
        """Watch that no other process can become the writer. Raises StateDirectoryMovedError."""
        while True:
            # In a thread: the directory may be on a network that is down.
            await asyncio.to_thread(lock.require_in_place, self.state_dir)
            await asyncio.sleep(_LOCK_INTERVAL_S)

    def close(self) -> None:
        """Write pending records and release the lock. `run` calls it at its end."""
        self._opened.close()
        if self._lock:
            self._lock.release()

    async def reload(self) -> None:
        """Read the files and every secret again. Returns when that is done."""
        if self._reload:
            await self._reload.reload_now()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The current problems, one line each, the most serious first."""
        clock_doubt = self._clock_guard.doubt
        lines = (
            self.clock_question,
            self._recorder.trouble,
            self._stamps.trouble,
            *(self._workers.warnings if self._workers else ()),
            *(self._reload.troubles if self._reload else ()),
            self._control_problem,
            self.alerts.warning,
            *self._vantages.troubles,
            clock_doubt.line if clock_doubt else self._clock_guard.notice,
            *self._used_up_vantages(),
            *(self._lists.notices if self._lists else ()),
            *self._nodes.notices,
            self._recorder.notice,
            self._stamps.notice,
            self._lock.notice if self._lock else None,
        )
        return tuple(line for line in lines if line)

    @property
    def store_trouble(self) -> str | None:
        """Why the history cannot be written; None if it can."""
        return self._recorder.trouble

    def require_stored(self) -> None:
        """Raise UnwritableStoreError if the history cannot be written."""
        self._recorder.require_written()

    @property
    def reload_trouble(self) -> str | None:
        """Why the current files are not in force; None if they are."""
        return self._reload.trouble if self._reload else None

    # The interface for user interfaces

    @property
    def status(self) -> str:
        """The shard of this writer; "" if it checks the whole fleet."""
        return f"shard {self.loaded.shard}" if self.loaded.shard else ""

    @property
    def warning(self) -> str | None:
        """The most serious problem, with its effect on alerts; None if there is none."""
        line, fallback = next(iter(self.warnings), None), self.alerts.memory_notice
        return f"{line}; {fallback}" if line and fallback and fallback not in line else line

    @property
    def clock_question(self) -> str | None:
        """Why checks wait until the operator trusts the clock."""
        return self._stamps.held or (self._workers.held if self._workers else None)

    @property
    def workers(self) -> tuple[WorkerStatus, ...]:
        """The worker processes; none if this process runs the checks."""
        return self._workers.statuses if self._workers else ()

    def trust_clock(self) -> None:
        """Send checks with this clock."""
        try:
            self._stamps.trust_clock()
        except OSError as error:
            self._log_request(f"{self._stamps.directory}: {error.strerror}")
            return
        self.recheck(self.fleet_state.states)

    @property
    def checks_per_second(self) -> float:
        """Finished checks per second, averaged over the last few seconds."""
        return self.engine.checks_per_second

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now, from every vantage."""
        names = tuple(names)
        self.engine.recheck(names)
        self._vantages.recheck(names)

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Stop or resume checking these servers, recorded under this account."""
        self.engine.pause(names, paused, self._account)

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Acknowledge open incidents, recorded under this account."""
        self.engine.acknowledge(names, self._account, note)

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Mute alerts for these servers, recorded under this account."""
        self.engine.mute(names, until, self._account)

    def test_sink(self, name: str) -> None:
        """Send a test notification to a sink."""
        self._start(alert_requests.test_sinks(self.alerts, (name,)))

    def retry_alert(self, number: int) -> None:
        """Retry a failed delivery."""
        self._start(alert_requests.retry_alert(self.alerts, number))

    def acknowledge_alerts(self, sink: str, number: int = 0) -> None:
        """Acknowledge failed deliveries, recorded under this account."""
        self._start(alert_requests.acknowledge_alerts(self.alerts, (sink,), number, self._account))

    async def trace_path(
        self, name: str, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to a server. Raises TraceRefusedError."""
        return await self._path_traces.trace(name, options, on_progress)

    @property
    def sinks(self) -> tuple[str, ...]:
        """The sinks of config.toml."""
        return tuple(sink.name for sink in self.loaded.orders.alerts.sinks)

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """The status of the other vantages, in the order of config.toml."""
        return self._vantages.statuses

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background. A refusal is only logged: the delivery log shows that nothing changed."""
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._background_tasks.discard(task)
        if not task.cancelled() and isinstance(refused := task.exception(), RequestRefusedError):
            self._log_request(f"refused: {refused}")

    def add_note(self, incident: str, text: str) -> None:
        """Add a note to an incident, recorded under this account."""
        self._recorder.note(incident, self._account, text)

    # The control socket

    def describe(self) -> Mapping[str, object]:
        """The rates, warnings and limits for viewers."""
        warnings = self.warnings
        return {
            "checks_per_second": self.checks_per_second,
            "lag": self.engine.schedule.lag_percentile(0.99),
            "warnings": [self.warning, *warnings[1:]] if warnings else [],
            "sinks": self.sinks,
            "vantages": statuses_as_json(self.vantages),
            "budgets": budgets_as_json(self.budgets),
            "workers": workers_as_json(self.workers),
        }

    def explain_editing(self) -> str:
        """How to edit the configuration that this writer uses."""
        if self._reload is None:
            return "this fleet has no servers.toml"
        return f"edit the file servers.toml as {self._account}; a change takes effect within a second"

    async def _listen(self) -> None:
        try:
            if self._control:
                await self._control.open()
        except OSError as error:
            place = shown(self.state_dir)
            self._control_problem = f"{place}: {error.strerror}; viewers cannot connect"

    @property
    def quotas(self) -> dict[str, Quota]:
        """Expiry date and traffic that providers report, by subscription."""
        return self._lists.quotas if self._lists else {}

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """What accounts and other vantages have used of their limits."""
        of_accounts = self._control.budgets if self._control else []
        return (*of_accounts, self._note_limits.budget, *self._vantage_budgets())

    def _vantage_budgets(self) -> Iterator[Budget]:
        packet_budget = self._recorder.packet_budget
        for name, refused in self._vantages.refused_reports.items():
            use = packet_budget.use_of(name)
            yield Budget(Resource.PACKETS, name, use.bytes, packet_budget.limit_bytes, use.left_out)
            yield Budget(Resource.REPORTS, name, None, None, refused)

    def _used_up_vantages(self) -> Iterator[str]:
        packet_budget = self._recorder.packet_budget
        for name in self.fleet_state.vantages:
            if packet_budget.is_used_up(name):
                size = packet_budget.limit_bytes // 1_000_000
                yield (
                    f"vantage {name}: stored {size} MB of packets today, its limit; others are not kept "
                    "(vantage_megabytes_per_day in config.toml)"
                )

    def _apply_nodes(self, loaded: LoadedConfig, renamed: Mapping[str, str]) -> None:
        """Apply a configuration with other nodes. Renamed ones keep their state and history."""
        if done := self.engine.rename(renamed):
            self._recorder.rename(done)
        self._apply_config(loaded)

    def _apply_config(self, loaded: LoadedConfig) -> None:
        """Apply a reloaded configuration. Changed servers are checked at once."""
        before, self.loaded = self.loaded, loaded
        if self._workers:
            self._workers.assign(loaded.fleet, loaded.keyring)
        self.engine.watch(loaded.fleet.servers, loaded.targets.ready, loaded.targets.problems)
        set_vantages(self.engine, self._recorder, loaded.config)
        self._recorder.watch(self.fleet_state.states.values())
        self._recorder.set_retention(loaded.config.history)
        self.engine.set_maintenance(loaded.config.alerts.maintenance)
        self.engine.set_witness(loaded.config.witness)
        self._vantages.watch(loaded.config.vantages)
        if self._lists:
            self._lists.watch(loaded.config.subscriptions)
        self.alerts.configure(loaded.orders)
        self.engine.recheck(_list_changed_servers(before, loaded))
        self._log_request(f"reloaded: {format_count(len(loaded.fleet.servers), 'server')}")


def set_vantages(engine: Engine, recorder: Recorder, config: Config) -> None:
    """Pass the vantages of config.toml to the engine and the recorder."""
    engine.vantage_reports.set_vantages(config.vantages, config.quorum)
    recorder.set_vantages(VantageQuorum(engine.fleet_state.vantages, config.quorum))


def _list_changed_servers(before: LoadedConfig, after: LoadedConfig) -> list[str]:
    """The servers whose entry or secrets have changed."""
    old = {server.name: server for server in before.fleet.servers}
    ready_before, ready_after = before.targets.ready, after.targets.ready
    return [
        name
        for name, server in ((server.name, server) for server in after.fleet.servers)
        # Comparing tuples is fast for identical objects: usually one of ten thousand servers has changed.
        if (old.get(name), ready_before.get(name)) != (server, ready_after.get(name))
    ]
