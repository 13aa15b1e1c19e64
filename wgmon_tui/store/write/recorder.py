"""Recorder: writes the engine's results to the store, in a background thread.

No check ever waits for the disk. What cannot be written stays in memory, `trouble` names the reason in one
line, and it is written as soon as possible. Incidents, acknowledgements, notes and pauses are synced to the
disk when they are written. Checks survive a kill once written; a power cut may lose the last seconds.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.config_toml import Retention
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.freshness import ClockReading
from wgmon_tui.monitor.incidents import EventKind, IncidentEvent
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.database import (
    VALUE_ERRORS,
    MissingStoreError,
    NewerStoreError,
    StoreUnavailableError,
    UnwritableStoreError,
)
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.loop import MaintenanceLoop
from wgmon_tui.store.models import Mute, Note, PeriodState
from wgmon_tui.store.resume import close_stale_incidents, restore
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.batch import Pause, make_outbox_row
from wgmon_tui.store.write.collector import Collector, ServerUpdate, VantageUpdate
from wgmon_tui.store.write.commands import (
    AddEvents,
    AddNote,
    Command,
    RenameServers,
    Resume,
    SetFleet,
    SetMute,
    SetPause,
    SetRetention,
    SetVantages,
)
from wgmon_tui.store.write.packet_budget import PacketBudget
from wgmon_tui.store.write.packet_sampling import PacketSampler
from wgmon_tui.store.write.store_writer import StoreWriter
from wgmon_tui.store.write.unsaved_events import UnsavedEvents
from wgmon_tui.store.write.vantage_states import VantageQuorum

COMMIT_EVERY_S = 0.25
_MAX_QUEUED_UPDATES = 20_000
"""Maximum number of rounds that wait for the recorder's thread."""


class Recorder:
    """Recorder for a state directory: `start` it, and register it as a listener of the engine."""

    def __init__(
        self,
        state_dir: Path,
        retention: Retention | None = None,
        *,
        ledger: TimestampLedger | None = None,
        clock_guard: ClockGuard | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        on_events_saved: Callable[[], None] = lambda: None,
    ) -> None:
        """The last timestamps of the `ledger` are copied into the store; the clocks are for tests.

        `on_events_saved` is called in the recorder's thread once notifications are on the disk, or in
        `unwritten` because they cannot be saved.
        """
        self.failure: BaseException | None = None
        """A bug in this program that has stopped the recording."""
        self._path = state_dir / STORE
        self._clock = clock
        retention = retention or Retention()
        clock_guard = clock_guard or ClockGuard(lambda: ClockReading(clock(), monotonic()))
        self.packet_budget = PacketBudget(retention.vantage_bytes_per_day, clock)
        """What the other vantages may store. Other threads may only read it."""
        # Shared between the threads.
        self._server_updates: deque[ServerUpdate | VantageUpdate] = deque(maxlen=_MAX_QUEUED_UPDATES)
        self._commands: deque[Command] = deque()
        self._dropped_updates = 0
        self._flushes: deque[Future[None]] = deque()
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        # The engine's thread only.
        self._paused: dict[str, float | None] = {}
        """When the pause of each paused server ends."""
        self._muted: dict[str, float] = {}
        # The recorder's thread only.
        self._maintenance = MaintenanceLoop(retention, ledger, clock_guard, clock, monotonic)
        self._collector = Collector(PacketSampler(retention.exchanges_per_incident), self.packet_budget)
        self._dropped_updates_counted = 0
        self._store_writer = StoreWriter(
            self._path,
            self._collector,
            self.packet_budget,
            self._maintenance,
            ledger=ledger,
            clock_guard=clock_guard,
            clock=clock,
            monotonic=monotonic,
            on_events_saved=on_events_saved,
        )

    @property
    def trouble(self) -> str | None:
        """Why writing fails, in one line; None while it works."""
        if self.failure:
            return f"recording to the history stopped because of a bug in wgmon-tui: {self.failure!r}"
        return self._store_writer.trouble

    def require_written(self) -> None:
        """Raise UnwritableStoreError while writing fails, or the bug that has stopped it."""
        if self.failure:
            raise self.failure
        if self._store_writer.trouble:
            raise UnwritableStoreError(self._store_writer.reason)

    @property
    def notice(self) -> str | None:
        """One line that stays: a damaged store was moved aside, or checks could not be written."""
        return self._store_writer.notice

    @property
    def unwritten(self) -> UnsavedEvents | None:
        """Notifications to send while writing fails: they should not wait for the disk."""
        return self._store_writer.unwritten

    def start(self) -> None:
        """Open the store and start writing.

        Raises NewerStoreError, because a later version's store must not silently go without its history. Any
        other error becomes `trouble`, and is tried again.
        """
        try:
            self._store_writer.open()
        except NewerStoreError:
            raise
        except StoreUnavailableError as error:
            self._store_writer.handle_failure(error)
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    def restore(self, engine: Engine) -> None:
        """Restore the engine's servers from the store, after its `watch` and before its `run`."""
        history = History(self._path)
        try:
            restored = restore(history, engine)
            ended = close_stale_incidents(history, engine, self._clock())
        except MissingStoreError:
            return  # it cannot be created: `trouble` says why
        except (StoreUnavailableError, *VALUE_ERRORS) as error:
            line = f"history: {error}; earlier results are not shown"
            self._store_writer.notice = self._store_writer.notice or line
            return
        finally:
            history.close()
        self._paused |= {name: each.pause.until for name, each in restored.items() if each.pause}
        self._muted |= {name: each.mute.until for name, each in restored.items() if each.mute}
        self._commands.append(Resume(restored))
        events = tuple(event for _, event in ended)
        outbox = tuple(make_outbox_row(server_state, event) for server_state, event in ended)
        self._commands.append(AddEvents(events, outbox))

    def stop(self) -> None:
        """Write what is pending, once, and stop."""
        self._stopping.set()
        self._wake.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    # Called from the engine's thread.

    def __call__(
        self, server_state: ServerState, outcome: Round | None, events: tuple[IncidentEvent, ...]
    ) -> None:
        """Listen to the engine. Takes a few microseconds and never waits."""
        name, now = server_state.server.name, self._clock()
        since = now if server_state.since is None else server_state.since
        incident = server_state.incident.id if server_state.incident else None
        state = _state_word(server_state, server_state.known_severity)
        damping, reported = server_state.damping, server_state.node_report
        ends = server_state.expiries
        self._queue(ServerUpdate(name, now, outcome, state, since, damping, incident, reported, ends))
        if events:
            outbox = tuple(
                make_outbox_row(server_state, event) for event in events if event.kind is not EventKind.NOTED
            )
            self._commands.append(AddEvents(events, outbox))
        if server_state.muted_until != self._muted.get(name):
            self._record_mute(server_state, now)
        if server_state.paused is not (name in self._paused) or (
            server_state.paused_until != self._paused.get(name)
        ):
            self._record_pause(server_state, since)
        if events or outcome is None:
            self._wake.set()

    def record_vantage(self, server_state: ServerState, vantage: str, report: VantageReport | None) -> None:
        """Listen to the reports of other vantages. Never waits."""
        vantage_state = server_state.vantage_states.get(vantage)
        state = _state_word(server_state, vantage_state.settled if vantage_state else Severity.UNKNOWN)
        incident = server_state.incident.id if server_state.incident else None
        name = server_state.server.name
        self._queue(VantageUpdate(name, vantage, vantage_state, report, state, incident))

    def set_vantages(self, vantages: VantageQuorum) -> None:
        """Set the other vantages, after the start and whenever they change."""
        self._commands.append(SetVantages(vantages))
        self._wake.set()

    def watch(self, rows: Iterable[ServerState]) -> None:
        """Set the watched servers, after the start and whenever servers.toml was reloaded."""
        fleet = {}
        for server_state in rows:
            fleet[server_state.server.name] = server_state.server
            if server_state.paused and server_state.server.name not in self._paused:
                self(server_state, None, ())
        self._paused = {name: until for name, until in self._paused.items() if name in fleet}
        self._muted = {name: until for name, until in self._muted.items() if name in fleet}
        self._commands.append(SetFleet(fleet))
        self._wake.set()

    def rename(self, names: Mapping[str, str]) -> None:
        """Give servers other names, before `watch` has them under these."""
        self._paused = {names.get(name, name): until for name, until in self._paused.items()}
        self._muted = {names.get(name, name): until for name, until in self._muted.items()}
        self._commands.append(RenameServers(names))
        self._wake.set()

    def set_retention(self, retention: Retention) -> None:
        """Set the retention: from the next minute on, older data is deleted."""
        self._commands.append(SetRetention(retention))
        self._wake.set()

    def note(self, incident: str, who: str, text: str) -> Note:
        """Add a note to an incident."""
        note = Note(self._clock(), who, text)
        self._commands.append(AddNote(incident, note))
        self._wake.set()
        return note

    def flush(self) -> Future[None]:
        """Wait until everything reported so far is on the disk; while writing fails, until it works again."""
        done: Future[None] = Future()
        self._flushes.append(done)
        self._wake.set()
        return done

    def request_check(self) -> None:
        """Request a full check of the store after a reader found damage; a damaged store is moved aside."""
        self._maintenance.request_check()
        self._wake.set()

    def _queue(self, update: ServerUpdate | VantageUpdate) -> None:
        if len(self._server_updates) == _MAX_QUEUED_UPDATES:
            self._dropped_updates += 1
        self._server_updates.append(update)

    def _record_pause(self, server_state: ServerState, since: float) -> None:
        name = server_state.server.name
        self._paused.pop(name, None)
        if server_state.paused:
            self._paused[name] = server_state.paused_until
        # A pause that servers.toml defines needs no copy in the store.
        lasting = server_state.paused and not server_state.server.paused
        pause = Pause(since, server_state.paused_by, server_state.paused_until) if lasting else None
        self._commands.append(SetPause(name, pause))

    def _record_mute(self, server_state: ServerState, now: float) -> None:
        name, until = server_state.server.name, server_state.muted_until
        if until is None:
            self._muted.pop(name, None)
        else:
            self._muted[name] = until
        mute = None if until is None else Mute(now, until, server_state.muted_by)
        self._commands.append(SetMute(name, mute))

    # Called in the recorder's thread.

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.wait(COMMIT_EVERY_S)
                self._wake.clear()
                self._run_once()
            self._run_once(last=True)
        except BaseException as fault:  # noqa: BLE001 - it is reported in `trouble`, and checks go on
            self.failure = fault
        finally:
            self._store_writer.close()
            while self._flushes:
                self._flushes.popleft().cancel()

    def _run_once(self, *, last: bool = False) -> None:
        """Write what is pending, then do some maintenance."""
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]

        def finish_flushes() -> None:
            for done in flushes:
                if done.set_running_or_notify_cancel():
                    done.set_result(None)
            flushes.clear()

        self._collect()
        try:
            self._store_writer.write(synced=bool(flushes), last=last, on_written=finish_flushes)
        finally:
            self._flushes.extendleft(reversed(flushes))

    def _collect(self) -> None:
        """Carry out the commands, and collect the updates of the engine."""
        renamed: dict[str, str] = {}
        for _ in range(len(self._commands)):
            command = self._commands.popleft()
            if isinstance(command, RenameServers):
                renamed |= command.names
            if isinstance(command, SetRetention):
                self._maintenance.retention = command.retention
            self._collector.apply(command)
        for _ in range(len(self._server_updates)):
            update = self._server_updates.popleft()
            if update.server in renamed:  # it came before its new name
                update = replace(update, server=renamed[update.server])
            self._collector.add(update)
        missed = self._dropped_updates
        self._collector.batch.dropped_rows += missed - self._dropped_updates_counted
        self._dropped_updates_counted = missed


def _state_word(server_state: ServerState, severity: Severity) -> str:
    """The state to store: maintenance replaces the severity."""
    if server_state.maintenance and not server_state.paused:
        return PeriodState.MAINTENANCE.value
    return severity.word
