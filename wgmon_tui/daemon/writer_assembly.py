"""Assembly of the writer: every part, in the order in which each needs those before it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.models import ServerHeartbeat
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.config.models import Server
from wgmon_tui.daemon.config_watcher import LoadedConfig
from wgmon_tui.daemon.control_requests import RequestLog
from wgmon_tui.daemon.note_limits import NoteLimits
from wgmon_tui.daemon.writer import Writer, WriterParts, set_vantages
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.path_traces import PathTraces
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.store_file import mirrored_stamps
from wgmon_tui.store.timestamp_ledger import GROUP_LENGTH, TimestampLedger
from wgmon_tui.store.write.recorder import Recorder
from wgmon_tui.vantages.collector.manager import VantageManager

if TYPE_CHECKING:
    from wgmon_tui.workers.pool import WorkerPool


def build_writer(
    state_dir: Path,
    loaded: LoadedConfig,
    lock: WriterLock | None,
    *,
    config_dir: Path | None = None,
    fleet_state: FleetState | None = None,
    log_request: RequestLog = lambda _: None,
    workers: int = 1,
) -> Writer:
    """Open the store, restore the fleet state from it, and return the writer that continues there.

    Without a lock (the state directory is not writable) there is no control socket, so viewers cannot
    connect. Without a `config_dir` nothing is reloaded. `fleet_state` is one that screens already show.
    `log_request` gets a line for every request. With more than one of `workers`, child processes run the
    checks. Raises NewerStoreError.
    """
    with ExitStack() as opened:
        parts = _open_parts(
            opened, state_dir, loaded, fleet_state or FleetState(), log_request=log_request, workers=workers
        )
    return Writer(state_dir, loaded, lock, parts, config_dir=config_dir, log_request=log_request)


def _open_parts(
    opened: ExitStack,
    state_dir: Path,
    loaded: LoadedConfig,
    fleet_state: FleetState,
    *,
    log_request: RequestLog,
    workers: int,
) -> WriterParts:
    """Open each part after those that it needs. `opened` closes them if one fails; else the parts own it."""
    clock_guard = ClockGuard(state_dir=state_dir)
    known_stamps, group = mirrored_stamps(state_dir), os.urandom(GROUP_LENGTH) if workers > 1 else b""
    ledger = TimestampLedger(state_dir, known=known_stamps, clock_guard=clock_guard, group=group)
    stamps = opened.enter_context(ledger)
    note_limits = NoteLimits(state_dir, fleet_state)
    opened.callback(note_limits.close)
    alerts = _make_dispatcher(state_dir, loaded, fleet_state, clock_guard)
    recorder = _make_recorder(state_dir, loaded, stamps, clock_guard, alerts)
    recorder.start()
    opened.callback(recorder.stop)
    note_report, pool = partial(_note_report, fleet_state), None
    if workers > 1:
        pool = _make_pool(
            workers,
            state_dir,
            clock_guard,
            group=group,
            known_stamps=known_stamps,
            log_request=log_request,
            note_report=note_report,
        )
        pool.assign(loaded.fleet, loaded.keyring)
    prober = pool or _make_prober(loaded, replace(stamps.services(), note_report=note_report))
    engine = Engine(prober, fleet_state=fleet_state, clock=clock_guard.believed_time)
    _restore_and_connect(engine, recorder, loaded)
    path_traces = PathTraces(prober, lambda: engine.targets)
    vantages = _build_vantages(engine, recorder)
    vantages.watch(loaded.config.vantages)
    return WriterParts(
        clock_guard=clock_guard,
        stamps=stamps,
        note_limits=note_limits,
        alerts=alerts,
        recorder=recorder,
        engine=engine,
        path_traces=path_traces,
        vantages=vantages,
        workers=pool,
        opened=opened.pop_all(),
    )


def _make_dispatcher(
    state_dir: Path, loaded: LoadedConfig, fleet_state: FleetState, clock_guard: ClockGuard
) -> Dispatcher:
    """The dispatcher of alerts, which signs with the name of this host."""
    return Dispatcher(
        state_dir,
        loaded.orders,
        heartbeats=partial(_list_heartbeats, fleet_state),
        vantage=gethostname(),
        clock_guard=clock_guard,
        clock=clock_guard.believed_time,
    )


def _make_recorder(
    state_dir: Path,
    loaded: LoadedConfig,
    stamps: TimestampLedger,
    clock_guard: ClockGuard,
    alerts: Dispatcher,
) -> Recorder:
    """The recorder, which wakes the dispatcher when events are on the disk."""
    return Recorder(
        state_dir,
        loaded.config.history,
        ledger=stamps,
        clock_guard=clock_guard,
        on_events_saved=alerts.wake,
    )


def _make_pool(
    size: int,
    state_dir: Path,
    clock_guard: ClockGuard,
    *,
    group: bytes,
    known_stamps: dict[bytes, int],
    log_request: RequestLog,
    note_report: Callable[[str, ControlPlaneReport], None],
) -> WorkerPool:
    """The child processes of a writer that leaves its checks to them."""
    from wgmon_tui.workers.pool import WorkerPool
    from wgmon_tui.workers.worker_records import WorkerOutlets

    return WorkerPool(
        size,
        state_dir,
        group=group,
        known_stamps=known_stamps,
        read_belief=lambda: clock_guard.belief,
        outlets=WorkerOutlets(log_request, note_report),
    )


def _make_prober(loaded: LoadedConfig, services: ProbeServices) -> FleetProber:
    """The prober of a writer that checks itself."""
    prober = FleetProber(services)
    prober.expect(loaded.fleet.servers)
    return prober


def _restore_and_connect(engine: Engine, recorder: Recorder, loaded: LoadedConfig) -> None:
    """Restore the engine's state from the store, then record what it reports."""
    engine.watch(loaded.fleet.servers, loaded.targets.ready, loaded.targets.problems)
    set_vantages(engine, recorder, loaded.config)
    recorder.restore(engine)
    recorder.watch(engine.fleet_state.states.values())
    engine.listen(recorder)
    engine.vantage_reports.listen(recorder.record_vantage)
    engine.set_maintenance(loaded.config.alerts.maintenance)
    engine.set_witness(loaded.config.witness)


def _note_report(fleet_state: FleetState, name: str, report: ControlPlaneReport) -> None:
    """Record what a control plane reported, before the round in which it did ends."""
    fleet_state.record_node_report(name, NodeReport(time.time(), report))


def _build_vantages(engine: Engine, recorder: Recorder) -> VantageManager:
    reports = engine.vantage_reports

    def record(report: VantageReport) -> None:
        reports.record(report, time.time())

    return VantageManager(
        record,
        reports.mark_disconnected,
        partial(_wait_until_stored, recorder),
        partial(_list_active_servers, engine.fleet_state),
        reports.numbers,
    )


async def _wait_until_stored(recorder: Recorder) -> None:
    """Return when all accepted reports are on disk. Never returns if the recorder has stopped."""
    flushed = asyncio.wrap_future(recorder.flush())
    await asyncio.wait({flushed})
    if flushed.cancelled():
        await asyncio.Event().wait()


def _list_active_servers(fleet_state: FleetState) -> tuple[Server, ...]:
    """The servers that the other vantages check too."""
    return tuple(each.server for each in fleet_state.states.values() if not each.paused)


def _list_heartbeats(fleet_state: FleetState) -> tuple[ServerHeartbeat, ...]:
    """The servers whose alerts are active: not paused, muted or in maintenance."""
    return tuple(
        ServerHeartbeat(name, each.severity)
        for name, each in fleet_state.states.items()
        if not (each.paused or each.muted_until or each.maintenance)
    )
