"""`wgmon-tui run`: the writer without a user interface, for systemd or a shell."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.child_processes import kill_all
from wgmon_tui.config.models import ConfigurationError, write_error
from wgmon_tui.config.secrets.core_dumps import explain_core_dumps
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.shard import Shard
from wgmon_tui.daemon.config_watcher import LoadedConfig, load_config
from wgmon_tui.daemon.metrics.listen import ListenAddress, ListenError, ListeningSocket, listen
from wgmon_tui.daemon.service_log import ServiceLog, is_journald_stream
from wgmon_tui.daemon.systemd_notify import SystemdNotifier
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import (
    StateDirectoryMovedError,
    WriterLock,
    WriterRunningError,
    WrongOwnerError,
)
from wgmon_tui.deferred_modules import load_deferred_modules
from wgmon_tui.exit_codes import ExitCode, exit_code_of_error, is_disk_error
from wgmon_tui.garbage_collection import collect_rarely
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.run_until_first import run_until_first
from wgmon_tui.shutdown import shutdown
from wgmon_tui.store.database import NewerStoreError
from wgmon_tui.store.store_file import UpgradeStoppedError, upgrade_store
from wgmon_tui.text import format_count, format_elapsed

_STDERR = 2
_UPDATE_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of `run`. `metrics_hosts` are the host names under which the metrics may be asked for."""

    metrics: ListenAddress | None = None
    shard: Shard | None = None
    metrics_hosts: tuple[str, ...] = ()
    workers: int = 1
    """The number of processes that check."""


def run(
    config_dir: Path,
    state_dir: Path,
    options: RunOptions = RunOptions(),
    environment: Mapping[str, str] = os.environ,
) -> int:
    """Check and write until a signal; return the exit code. SIGTERM and SIGINT end with 0, SIGHUP reloads."""
    log = ServiceLog(_STDERR, journald=is_journald_stream(_STDERR, environment))
    try:
        while True:
            run_once = HeadlessRun(config_dir, state_dir, options, log, SystemdNotifier(environment))
            try:
                return shutdown.run(run_once.run())
            except StateDirectoryMovedError as error:
                # Not the end: without another writer, nobody would check.
                log.warning(f"{error}; starting again")
    except WriterRunningError as error:
        hint = "; give each shard a different --state DIR" if options.shard else ""
        log.error(f"{error}{hint}")
        return ExitCode.ALREADY_RUNNING
    except ListenError as error:
        log.error(str(error))
        return ExitCode.NO_SOCKET
    except ConfigurationError as error:
        for line in error.lines:
            log.error(line)
        return exit_code_of_error(error)
    except (WrongOwnerError, NewerStoreError) as error:
        log.error(str(error))
        return exit_code_of_error(error)
    except OSError as error:
        log.error(f"cannot probe: {error}")
        return ExitCode.OUTPUT_FAILED if is_disk_error(error) else ExitCode.NO_SOCKET
    finally:
        log.close()


class HeadlessRun:
    """One run of the writer, with its log, signals and systemd notifications."""

    def __init__(
        self,
        config_dir: Path,
        state_dir: Path,
        options: RunOptions,
        log: ServiceLog,
        supervisor: SystemdNotifier,
    ) -> None:
        self._config_dir = config_dir
        self._state_dir = state_dir
        self._options = options
        self._log = log
        self._supervisor = supervisor
        self._active_warnings: dict[str, str] = {}
        self._status = ""
        self._reloads: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Run until a signal; returns the exit code.

        Raises WriterRunningError, StateDirectoryMovedError, ListenError, WrongOwnerError, ConfigurationError,
        NewerStoreError, OSError.
        """
        stop_requested = asyncio.Event()
        shutdown.stop_with(stop_requested.set)
        lock = _acquire_lock(self._state_dir)
        try:
            listening = listen(self._options.metrics) if self._options.metrics else None
            loaded = await asyncio.to_thread(
                load_config, self._config_dir, shard=self._options.shard, state_dir=self._state_dir
            )
            await asyncio.to_thread(
                upgrade_store, self._state_dir, partial(self._report_upgrade, stop_requested)
            )
            writer = build_writer(
                self._state_dir,
                loaded,
                lock,
                config_dir=self._config_dir,
                log_request=self._log.notice,
                workers=self._options.workers,
            )
        except UpgradeStoppedError:
            lock.release()
            self._log.info("stopped; the history is as it was, and the next start upgrades it")
            return 0
        except BaseException:
            lock.release()
            raise
        collect_rarely()
        load_deferred_modules()
        await self._work(writer, loaded, listening, stop_requested)
        self._log.info("stopped")
        return 0

    async def _work(
        self,
        writer: Writer,
        loaded: LoadedConfig,
        listening: ListeningSocket | None,
        stop_requested: asyncio.Event,
    ) -> None:
        """Run the writer until it ends or is asked to stop. Raises what the writer raises."""
        writer.engine.listen(partial(log_incidents, self._log))
        shutdown.reload_with(signal.SIGHUP, partial(self._start_reload, writer))
        parts = [writer.run()]
        if listening:
            parts.append(self._serve_metrics(writer, listening))
        running = asyncio.create_task(run_until_first(parts))
        stop_waiter = asyncio.create_task(stop_requested.wait())
        watching = asyncio.create_task(self._supervise(writer))
        try:
            self._log_start(loaded)
            self._supervisor.ready(self._summary(writer))
            await asyncio.wait({running, stop_waiter}, return_when=asyncio.FIRST_COMPLETED)
            is_moved = running.done() and isinstance(running.exception(), StateDirectoryMovedError)
            if not is_moved:
                self._supervisor.stopping()
            if running.done():
                running.result()
        finally:
            for task in (running, stop_waiter, watching, *self._reloads):
                task.cancel()
            if any(not each.done() for each in self._reloads):
                kill_all()  # a command that hangs would delay the end
            await asyncio.gather(running, stop_waiter, watching, *self._reloads, return_exceptions=True)

    def _log_start(self, loaded: LoadedConfig) -> None:
        shard = f", shard {loaded.shard}" if loaded.shard else ""
        workers = f", {self._options.workers} workers" if self._options.workers > 1 else ""
        servers = format_count(len(loaded.fleet.servers), "server")
        self._log.info(f"started: {servers} in {self._config_dir}{shard}{workers}")
        if trouble := explain_core_dumps():
            self._log.warning(f"a crash may write keys to a file: {trouble}")

    def _report_upgrade(self, stop_requested: asyncio.Event, done: int, total: int) -> None:
        """Tell systemd that the start goes on. Called in a thread, for each server."""
        if stop_requested.is_set():
            raise UpgradeStoppedError
        status = f"upgrading the history: {done} of {format_count(total, 'server')}"
        if not done:
            self._log.info("upgrading the history from an earlier version")
        self._supervisor.still_starting(status)

    def _serve_metrics(self, writer: Writer, listening: ListeningSocket) -> Coroutine[Any, Any, None]:
        from wgmon_tui.daemon.metrics.endpoints import MetricsServer

        self._log.info(f"metrics: http://{listening.listen_address}/metrics")
        if not listening.listen_address.address.is_loopback:
            self._log.warning(
                "metrics: there is no authentication: anyone who can connect can read server names and "
                "endpoints, and trigger checks"
            )
        hosts = self._options.metrics_hosts
        return MetricsServer(writer, listening.socket, self._log.error, hosts).run()

    def _summary(self, writer: Writer) -> str:
        status = writer.status
        return (
            f"{status}: {summarize_fleet(writer.fleet_state)}"
            if status
            else summarize_fleet(writer.fleet_state)
        )

    def _start_reload(self, writer: Writer) -> None:
        reload = asyncio.create_task(self._reload_config(writer))
        self._reloads.add(reload)
        reload.add_done_callback(self._reloads.discard)

    async def _reload_config(self, writer: Writer) -> None:
        self._supervisor.reloading()
        await writer.reload()
        self._log_warnings(writer.warnings)
        self._supervisor.ready(self._summary(writer))

    async def _supervise(self, writer: Writer) -> None:
        """Reset the watchdog from the event loop of the checks: if it hangs, systemd restarts the service."""
        limit = self._supervisor.watchdog_s
        while True:
            self._supervisor.ping_watchdog()
            self._log_warnings(writer.warnings)
            status = self._summary(writer)
            if status != self._status:
                self._status = status
                self._supervisor.status(status)
            await asyncio.sleep(min(_UPDATE_INTERVAL_S, limit / 3) if limit else _UPDATE_INTERVAL_S)

    def _log_warnings(self, warnings: tuple[str, ...]) -> None:
        """Log each warning when it appears and when it is resolved. Text after a semicolon is only detail."""
        now = {line.partition(";")[0]: line for line in warnings}
        for subject, line in now.items():
            if subject not in self._active_warnings:
                self._log.error(line)
        for subject in self._active_warnings.keys() - now.keys():
            self._log.notice(f"resolved: {subject}")
        self._active_warnings = now


def _acquire_lock(state_dir: Path) -> WriterLock:
    try:
        return WriterLock.acquire(state_dir)
    except OSError as error:
        reason = f"{shown(state_dir)}: {error.strerror}; choose another: --state DIR"
        raise write_error(reason, error) from None


def summarize_fleet(fleet_state: FleetState) -> str:
    """The number of servers, in total and by severity, in one line."""
    totals = fleet_state.totals()
    counts = ", ".join(f"{totals[severity]} {severity.word}" for severity in Severity if totals[severity])
    return f"{format_count(len(fleet_state.states), 'server')}: {counts}" if counts else "no servers yet"


def log_incidents(
    log: ServiceLog, server_state: ServerState, outcome: Round | None, events: tuple[IncidentEvent, ...]
) -> None:
    """Log the events of a server's incidents. Single checks are not logged."""
    for event in events:
        incident = event.incident
        line = f"{incident.server}: {_describe_event(event)}"
        if event.note:
            line += f": {event.note}" if event.kind is not EventKind.CLOSED else f" ({event.note})"
        is_alarming = (
            event.kind in (EventKind.OPENED, EventKind.CAUSE_CHANGED) and incident.severity is Severity.DOWN
        )
        (log.warning if is_alarming else log.notice)(line)


def _describe_event(event: IncidentEvent) -> str:
    incident = event.incident
    match event.kind:
        case EventKind.OPENED:
            return f"{incident.severity.word}, {incident.verdict.slug}: {incident.summary}"
        case EventKind.CAUSE_CHANGED:
            flapping = ", flapping" if incident.flapping else ""
            latest = incident.latest
            return f"still {incident.severity.word}{flapping}, {latest.verdict.slug}: {latest.summary}"
        case EventKind.CLOSED:
            lasted = (incident.closed_at or event.at) - incident.opened_at
            return f"incident closed after {format_elapsed(lasted)}"
        case EventKind.NOTED:
            return "note"
        case EventKind.ACKNOWLEDGED:
            return f"acknowledged by {event.who or incident.acknowledged_by}"
