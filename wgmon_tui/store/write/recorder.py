"""Recorder: writes the engine's results to the store, in a background thread.

No check ever waits for the disk. What cannot be written stays in memory, `trouble` names the reason in one
line, and it is written as soon as possible. Incidents, acknowledgements, notes and pauses are synced to the
disk when they are written. Checks survive a kill once written; a power cut may lose the last seconds.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from math import inf
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
    DamagedStoreError,
    NewerStoreError,
    StoreUnavailableError,
    check_integrity,
    is_unusable,
    unavailable,
)
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.compaction import compaction_boundary
from wgmon_tui.store.maintenance.schedule import compare_clock, copy_timestamps, record_clock, run_maintenance
from wgmon_tui.store.models import Mute, Note, PeriodState
from wgmon_tui.store.resume import close_stale_incidents, restore
from wgmon_tui.store.store_file import STORE, WritableStore, open_store, set_damaged_aside
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.batch import Pause, make_outbox_row
from wgmon_tui.store.write.collector import Collector, ServerUpdate, VantageUpdate
from wgmon_tui.store.write.packet_budget import PacketBudget
from wgmon_tui.store.write.packet_sampling import PacketSampler
from wgmon_tui.store.write.unsaved_events import UnsavedEvents, unwritten
from wgmon_tui.store.write.vantage_states import VantageQuorum
from wgmon_tui.text import format_count

COMMIT_EVERY_S = 0.25
_RETRY_AFTER_S = 1.0
"""Seconds until the next try after a failed write."""

_CHECK_FILE_EVERY_S = 5.0
"""Seconds between tests that the store file is still under its path."""

_MAINTENANCE_SLICE_S = 0.03
"""Share of each quarter second, in seconds, for compaction and retention, so that checks and commits go on.
"""

_MAX_QUEUED_UPDATES = 20_000
"""Maximum number of rounds that wait for the recorder's thread."""

_DONE = object()


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
        self.trouble: str | None = None
        """Why writing fails, in one line; None while it works."""
        self.notice: str | None = None
        """One line that stays: a damaged store was moved aside, or checks could not be written."""
        self.failure: BaseException | None = None
        """A bug in this program that has stopped the recording."""
        self.unwritten: UnsavedEvents | None = None
        """Notifications to send while writing fails: they should not wait for the disk."""
        self._path = state_dir / STORE
        self._retention = retention or Retention()
        self.packet_budget = PacketBudget(self._retention.vantage_bytes_per_day, clock)
        """What the other vantages may store. Other threads may only read it."""
        self._ledger = ledger
        self._clock, self._monotonic = clock, monotonic
        self._clock_guard = clock_guard or ClockGuard(lambda: ClockReading(clock(), monotonic()))
        self._on_events_saved = on_events_saved
        # Shared between the threads.
        self._server_updates: deque[ServerUpdate | VantageUpdate] = deque(maxlen=_MAX_QUEUED_UPDATES)
        self._pending_calls: deque[Callable[[Collector], None]] = deque()
        self._dropped_updates = 0
        self._flushes: deque[Future[None]] = deque()
        self._wake, self._stopping, self._check_requested = (threading.Event() for _ in range(3))
        self._thread: threading.Thread | None = None
        # The engine's thread only.
        self._paused: dict[str, float | None] = {}
        """When the pause of each paused server ends."""
        self._muted: dict[str, float] = {}
        # The recorder's thread only.
        self._packet_sampler = PacketSampler(self._retention.exchanges_per_incident)
        self._collector = Collector(self._packet_sampler, self.packet_budget)
        self._dropped_updates_counted = 0
        self._store: WritableStore | None = None
        self._store_id: str | None = None
        self._is_own_store = False
        """Whether this process made the store. Then a value that it cannot use is a bug, and no damage."""
        self._reason = ""
        self._retry_at = self._check_file_at = -inf
        self._maintenance: Iterator[None] | None = None
        self._compacted_to: float | None = None
        self._started_at, self._minutes_run = monotonic(), 0

    def start(self) -> None:
        """Open the store and start writing.

        Raises NewerStoreError, because a later version's store must not silently go without its history. Any
        other error becomes `trouble`, and is tried again.
        """
        try:
            self._open()
        except NewerStoreError:
            raise
        except StoreUnavailableError as error:
            self._handle_failure(error)
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    def restore(self, engine: Engine) -> None:
        """Restore the engine's servers from the store, after its `watch` and before its `run`."""
        history = History(self._path)
        try:
            restored = restore(history, engine)
            ended = close_stale_incidents(history, engine, self._clock())
        except (StoreUnavailableError, *VALUE_ERRORS) as error:
            self.notice = self.notice or f"history: {error}; earlier results are not shown"
            return
        finally:
            history.close()
        self._paused |= {name: each.pause.until for name, each in restored.items() if each.pause}
        self._muted |= {name: each.mute.until for name, each in restored.items() if each.mute}
        self._pending_calls.append(lambda collector: collector.resume(restored))
        events = tuple(event for _, event in ended)
        outbox = tuple(make_outbox_row(server_state, event) for server_state, event in ended)
        self._pending_calls.append(lambda collector: collector.add_events(events, outbox))

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
        self._queue(ServerUpdate(name, now, outcome, state, since, server_state.damping, incident))
        if events:
            outbox = tuple(
                make_outbox_row(server_state, event) for event in events if event.kind is not EventKind.NOTED
            )
            self._pending_calls.append(lambda collector: collector.add_events(events, outbox))
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
        self._pending_calls.append(lambda collector: collector.set_vantages(vantages))
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
        self._pending_calls.append(lambda collector: collector.set_fleet(fleet))
        self._wake.set()

    def set_retention(self, retention: Retention) -> None:
        """Set the retention: from the next minute on, older data is deleted."""
        self._pending_calls.append(lambda _: self._set_retention(retention))
        self._wake.set()

    def note(self, incident: str, who: str, text: str) -> Note:
        """Add a note to an incident."""
        note = Note(self._clock(), who, text)
        self._pending_calls.append(lambda collector: collector.batch.notes.append((incident, note)))
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
        self._check_requested.set()
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
        self._pending_calls.append(lambda collector: collector.batch.pauses.update({name: pause}))

    def _record_mute(self, server_state: ServerState, now: float) -> None:
        name, until = server_state.server.name, server_state.muted_until
        if until is None:
            self._muted.pop(name, None)
        else:
            self._muted[name] = until
        mute = None if until is None else Mute(now, until, server_state.muted_by)
        self._pending_calls.append(lambda collector: collector.batch.mutes.update({name: mute}))

    # Called in the recorder's thread.

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.wait(COMMIT_EVERY_S)
                self._wake.clear()
                self._run_once()
            self._retry_at = -inf
            self._run_once(last=True)
        except BaseException as fault:  # noqa: BLE001 - it is reported in `trouble`, and checks go on
            self.failure = fault
            self.trouble = f"recording to the history stopped because of a bug in wgmon-tui: {fault!r}"
        finally:
            self._close()
            while self._flushes:
                self._flushes.popleft().cancel()

    def _run_once(self, *, last: bool = False) -> None:
        """Write what is pending, then do some maintenance."""
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        self._collect()
        try:
            if self._monotonic() >= self._retry_at:
                store = self._store or self._open()
                self._commit(store, synced=bool(flushes) or last)
                for done in flushes:
                    if done.set_running_or_notify_cancel():
                        done.set_result(None)
                flushes.clear()
                self.trouble = None
                if last and self._ledger:
                    copy_timestamps(store.connection, self._ledger)
                if last:
                    record_clock(store.connection, self._clock_guard, self._clock())
                if not last:
                    self._maintain(store)
        except (StoreUnavailableError, sqlite3.Error, OSError) as error:
            self._handle_failure(error)
        except VALUE_ERRORS as error:
            if self._is_own_store:
                raise  # this process wrote it: a bug
            self._handle_failure(DamagedStoreError(f"{self._path}: a stored value cannot be used: {error}"))
        else:
            self._publish_unsaved_events()
        finally:
            self._flushes.extendleft(reversed(flushes))

    def _collect(self) -> None:
        """Collect the updates of the engine."""
        for _ in range(len(self._pending_calls)):
            self._pending_calls.popleft()(self._collector)
        for _ in range(len(self._server_updates)):
            self._collector.add(self._server_updates.popleft())
        missed = self._dropped_updates
        self._collector.batch.dropped_rows += missed - self._dropped_updates_counted
        self._dropped_updates_counted = missed

    def _set_retention(self, retention: Retention) -> None:
        self._retention = retention
        self._packet_sampler.max_per_incident = retention.exchanges_per_incident
        self.packet_budget.limit_bytes = retention.vantage_bytes_per_day

    def _commit(self, store: WritableStore, *, synced: bool) -> None:
        batch, connection = self._collector.batch, store.connection
        if not batch and not synced:
            return
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced or batch.needs_sync else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            fresh = batch.write(connection, store.ids, self._clock())
            self.packet_budget.write(connection)
            if synced:
                # A transaction that writes nothing syncs nothing, and earlier writes may not be on the disk.
                connection.execute("UPDATE facts SET value = value WHERE name = 'begun'")
        store.ids.update(fresh)
        if batch.dropped_rows:
            self.notice = (
                f"{format_count(batch.dropped_rows, 'check')} could not be written; the history has a gap"
            )
        has_notifications = bool(batch.outbox or batch.mutes)
        self._collector.mark_written()
        self.packet_budget.mark_written()
        self.unwritten = None
        if has_notifications:
            self._on_events_saved()

    def _maintain(self, store: WritableStore) -> None:
        """Do a slice of maintenance. Raises StoreUnavailableError and sqlite3.Error."""
        now, started = self._clock(), self._monotonic()
        if self._check_requested.is_set():
            self._check_requested.clear()
            check_integrity(store.connection)
        if started >= self._check_file_at:
            self._check_file_at = started + _CHECK_FILE_EVERY_S
            if not store.is_there():
                self._close()
                self.notice = f"{self._path} was deleted or moved: a new history was started"
                return
            store.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        boundary = compaction_boundary(now)
        if self._maintenance is None and boundary != self._compacted_to:
            self._compacted_to = boundary
            minutes = range(self._minutes_run, int((started - self._started_at) // 60.0))
            self._minutes_run = minutes.stop
            self._maintenance = run_maintenance(
                store.connection,
                self._retention,
                self._ledger,
                self._clock_guard,
                boundary=boundary,
                now=now,
                minutes=minutes,
            )
            store.connection.execute("PRAGMA synchronous = NORMAL")
        while self._maintenance and self._monotonic() - started < _MAINTENANCE_SLICE_S:
            if next(self._maintenance, _DONE) is _DONE:
                self._maintenance = None

    def _open(self) -> WritableStore:
        """Open the store. Raises StoreUnavailableError."""
        opened = open_store(self._path.parent)
        try:
            store = WritableStore(opened.connection, self._path)
            self.packet_budget.restore(opened.connection)
        except (OSError, sqlite3.Error) as error:
            opened.connection.close()
            raise unavailable(self._path, error) from None
        if self._store_id is None:
            with suppress(sqlite3.Error):  # a damaged store is found by the next write
                compare_clock(store.connection, self._clock_guard, self._clock())
        elif self._store_id != store.id:
            self._collector.start_new_store()
        self._store, self._store_id = store, store.id
        self._is_own_store |= opened.is_new
        self.notice = opened.notice or self.notice
        return store

    def _close(self) -> None:
        self._maintenance = self._compacted_to = None
        if self._store:
            with suppress(sqlite3.Error):
                self._store.connection.close()
        self._store = None

    def _handle_failure(self, error: StoreUnavailableError | sqlite3.Error | OSError) -> None:
        """Report why writing fails, and move a damaged store aside."""
        self._maintenance = self._compacted_to = None
        self._retry_at = self._monotonic() + _RETRY_AFTER_S
        if isinstance(error, sqlite3.Error) and is_unusable(error) and not self._is_own_store:
            error = DamagedStoreError(f"{self._path}: {error}")
        elif not isinstance(error, StoreUnavailableError):
            error = unavailable(self._path, error)
        if isinstance(error, DamagedStoreError):
            with suppress(OSError):
                self.notice = set_damaged_aside(self._path)
                self._retry_at = -inf
            self._close()
        batch = self._collector.batch
        waiting = f"; {format_count(len(batch.journal), 'check')} not written yet" if batch.journal else ""
        dropped_rows = f", {batch.dropped_rows} lost" if batch.dropped_rows else ""
        self.trouble = f"history: {error}{waiting}{dropped_rows}"
        self._reason = str(error)
        self._publish_unsaved_events()

    def _publish_unsaved_events(self) -> None:
        before, batch = self.unwritten, self._collector.batch
        if self.trouble is None or (
            before and (before.events, before.mutes) == (len(batch.outbox), batch.mutes)
        ):
            return
        self.unwritten = unwritten(batch, self._reason)
        if self.unwritten:
            self._on_events_saved()


def _state_word(server_state: ServerState, severity: Severity) -> str:
    """The state to store: maintenance replaces the severity."""
    if server_state.maintenance and not server_state.paused:
        return PeriodState.MAINTENANCE.value
    return severity.word
