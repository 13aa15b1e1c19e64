"""The recorder: hears what the engine finds and writes it down, in a thread of its own.

No check ever waits for the disk. What cannot be written waits in memory, `trouble` says why in one line, and
what has waited is written when it can be. Incidents, acknowledgements, notes and pauses are synced to the
disk when they are written; checks survive a kill from then on, and a power cut may take the last seconds.
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

from wgmon_tui.fleet.config_toml import Retention
from wgmon_tui.history.batch import Pause, outbox_row
from wgmon_tui.history.compaction import boundary_at
from wgmon_tui.history.database import (
    DamagedStoreError,
    NewerStoreError,
    StoreUnavailableError,
    look_through,
    unavailable,
)
from wgmon_tui.history.intake import Heard, Intake
from wgmon_tui.history.keeping import Keeping
from wgmon_tui.history.reading import History
from wgmon_tui.history.records import Mute, Note, State
from wgmon_tui.history.restoring import ended_meanwhile, restore
from wgmon_tui.history.sightings import HeardSight, Vantages, heard_sight
from wgmon_tui.history.stamps import StampLedger
from wgmon_tui.history.store import STORE, WritableStore, open_store, set_damaged_aside
from wgmon_tui.history.unwritten import Unwritten, unwritten
from wgmon_tui.history.upkeep import mirror, upkeep
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.incidents import Event
from wgmon_tui.monitor.sights import Report

COMMIT_EVERY_S = 0.25
_AGAIN_AFTER_S = 1.0
"""So long after something kept us from writing it is tried again."""

_LOOK_EVERY_S = 5.0
"""How often is looked whether the store is still where we write it."""

_UPKEEP_S = 0.03
"""Of each quarter second so much goes to compaction and forgetting, so that checks and commits go on."""

_MOST_HEARD = 20_000
"""Rounds that wait for the recorder's thread at most."""

_DONE = object()


class Recorder:
    """Made with a state directory; `start` it, and have the engine call it after every round."""

    def __init__(
        self,
        state_dir: Path,
        retention: Retention | None = None,
        *,
        ledger: StampLedger | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        to_tell: Callable[[], None] = lambda: None,
    ) -> None:
        """The last stamps of the `ledger` are copied into the store; the clocks are for tests.

        `to_tell` is called in our thread when something that people are to be told of is on the disk, or is
        in `unwritten` because it cannot be.
        """
        self.trouble: str | None = None
        """What keeps us from writing, in one line; None while all goes well."""
        self.notice: str | None = None
        """One line that stays: a damaged store was set aside, or checks could not be written."""
        self.failure: BaseException | None = None
        """A fault of this program that has ended the recording."""
        self.unwritten: Unwritten | None = None
        """What people are to be told of, while there is trouble: it should not wait for the disk."""
        self._path = state_dir / STORE
        self._retention = retention or Retention()
        self._ledger = ledger
        self._clock, self._monotonic = clock, monotonic
        self._to_tell = to_tell
        # Between the threads.
        self._heard: deque[Heard] = deque(maxlen=_MOST_HEARD)
        self._seen: deque[HeardSight] = deque(maxlen=_MOST_HEARD)
        self._told: deque[Callable[[Intake], None]] = deque()
        self._missed = 0
        self._flushes: deque[Future[None]] = deque()
        self._wake, self._stopping, self._suspected = (threading.Event() for _ in range(3))
        self._thread: threading.Thread | None = None
        # The engine's thread.
        self._paused: set[str] = set()
        self._muted: dict[str, float] = {}
        # Our own thread.
        self._keeping = Keeping(self._retention.exchanges_per_incident)
        self._intake = Intake(self._keeping)
        self._missed_counted = 0
        self._store: WritableStore | None = None
        self._store_id: str | None = None
        self._reason = ""
        self._again_at = self._look_at = -inf
        self._upkeep: Iterator[None] | None = None
        self._compacted_to: float | None = None
        self._began, self._minutes_run = monotonic(), 0

    def start(self) -> None:
        """Open the store and begin to write.

        Raises NewerStoreError, because a later version's store must not be left without its history in
        silence. Whatever else keeps us from it becomes `trouble`, and is tried again.
        """
        try:
            self._open()
        except NewerStoreError:
            raise
        except StoreUnavailableError as error:
            self._troubled(error)
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    def restore(self, engine: Engine) -> None:
        """Fill the engine's rows with what the store knows: after it watches, before it runs."""
        history = History(self._path)
        try:
            restored = restore(history, engine)
            ended = ended_meanwhile(history, engine, self._clock())
        except StoreUnavailableError as error:
            self.notice = f"history: {error}; what it knows of the servers is not shown"
            return
        finally:
            history.close()
        self._paused |= {name for name, each in restored.items() if each.pause}
        self._muted |= {name: each.mute.until for name, each in restored.items() if each.mute}
        self._told.append(lambda intake: intake.go_on(restored))
        events = tuple(event for _, event in ended)
        outbox = tuple(outbox_row(row, event) for row, event in ended)
        self._told.append(lambda intake: intake.take_events(events, outbox))

    def stop(self) -> None:
        """Write what is left, once, and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    # What the engine's thread calls.

    def __call__(self, row: Row, outcome: Round | None, events: tuple[Event, ...]) -> None:
        """The engine's listener. Costs a few microseconds and never waits."""
        name, now = row.server.name, self._clock()
        since = now if row.since is None else row.since
        incident = row.incident.id if row.incident else None
        if len(self._heard) == _MOST_HEARD:
            self._missed += 1
        state = State.MAINTENANCE.value if row.maintenance and not row.paused else row.severity.word
        self._heard.append(Heard(name, now, outcome, state, since, row.damping, incident))
        if events:
            outbox = tuple(outbox_row(row, event) for event in events)
            self._told.append(lambda intake: intake.take_events(events, outbox))
        if row.muted_until != self._muted.get(name):
            self._hear_mute(row, now)
        if row.paused is not (name in self._paused):
            self._hear_pause(row, since)
        if events or outcome is None:
            self._wake.set()

    def hear_sight(self, row: Row, vantage: str, report: Report | None) -> None:
        """The engine's listener to other vantages. Never waits either."""
        if len(self._seen) == _MOST_HEARD:
            self._missed += 1
        self._seen.append(heard_sight(row, vantage, report))

    def see_from(self, vantages: Vantages) -> None:
        """Say which other vantages there are, after the start and whenever that changed."""
        self._told.append(lambda intake: intake.take_vantages(vantages))
        self._wake.set()

    def watch(self, rows: Iterable[Row]) -> None:
        """Say which servers are watched now, after the start and whenever servers.toml was read anew."""
        fleet = {}
        for row in rows:
            fleet[row.server.name] = row.server
            if row.paused and row.server.name not in self._paused:
                self(row, None, ())
        self._paused &= fleet.keys()
        self._muted = {name: until for name, until in self._muted.items() if name in fleet}
        self._told.append(lambda intake: intake.take_fleet(fleet))
        self._wake.set()

    def keep(self, retention: Retention) -> None:
        """Keep so much from now on: what is too much begins to go with the next minute."""
        self._told.append(lambda _: self._take_retention(retention))
        self._wake.set()

    def note(self, incident: str, who: str, text: str) -> Note:
        """Write something beside an incident."""
        note = Note(self._clock(), who, text)
        self._told.append(lambda intake: intake.batch.notes.append((incident, note)))
        self._wake.set()
        return note

    def flush(self) -> Future[None]:
        """Done when everything said before is on the disk; while there is trouble, not before that ends."""
        done: Future[None] = Future()
        self._flushes.append(done)
        self._wake.set()
        return done

    def suspect(self) -> None:
        """A reader has met damage: read the whole store, and set it aside where that is so."""
        self._suspected.set()
        self._wake.set()

    def _hear_pause(self, row: Row, since: float) -> None:
        name = row.server.name
        (self._paused.add if row.paused else self._paused.discard)(name)
        # What servers.toml says of itself needs no second place to say it.
        lasting = row.paused and not row.server.paused
        pause = Pause(since, row.paused_by) if lasting else None
        self._told.append(lambda intake: intake.batch.pauses.update({name: pause}))

    def _hear_mute(self, row: Row, now: float) -> None:
        name, until = row.server.name, row.muted_until
        if until is None:
            self._muted.pop(name, None)
        else:
            self._muted[name] = until
        mute = None if until is None else Mute(now, until, row.muted_by)
        self._told.append(lambda intake: intake.batch.mutes.update({name: mute}))

    # Our own thread.

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.wait(COMMIT_EVERY_S)
                self._wake.clear()
                self._turn()
            self._again_at = -inf
            self._turn(last=True)
        except BaseException as fault:  # noqa: BLE001 - it is told where it can be seen, and checks go on
            self.failure = fault
            self.trouble = f"the history is no longer written, by a fault of this program: {fault!r}"
        finally:
            self._close()
            while self._flushes:
                self._flushes.popleft().cancel()

    def _turn(self, *, last: bool = False) -> None:
        """Write what has come, then see to the store for a moment."""
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        self._take()
        try:
            if self._monotonic() >= self._again_at:
                store = self._store or self._open()
                self._commit(store, synced=bool(flushes) or last)
                for done in flushes:
                    if done.set_running_or_notify_cancel():
                        done.set_result(None)
                flushes.clear()
                self.trouble = None
                if last and self._ledger:
                    mirror(store.connection, self._ledger)
                if not last:
                    self._see_to(store)
        except (StoreUnavailableError, sqlite3.Error, OSError) as error:
            self._troubled(error)
        else:
            self._tell_what_waits()
        finally:
            self._flushes.extendleft(reversed(flushes))

    def _take(self) -> None:
        """Make ready to be written what the engine said."""
        for _ in range(len(self._told)):
            self._told.popleft()(self._intake)
        for _ in range(len(self._heard)):
            self._intake.take(self._heard.popleft())
        for _ in range(len(self._seen)):
            self._intake.take_sight(self._seen.popleft())
        missed = self._missed
        self._intake.batch.lost += missed - self._missed_counted
        self._missed_counted = missed

    def _take_retention(self, retention: Retention) -> None:
        self._retention = retention
        self._keeping.per_incident = retention.exchanges_per_incident

    def _commit(self, store: WritableStore, *, synced: bool) -> None:
        batch, connection = self._intake.batch, store.connection
        if not batch and not synced:
            return
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced or batch.counts else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            fresh = batch.write(connection, store.ids, self._clock())
            if synced:
                # A transaction that writes nothing syncs nothing, and what came before may not be there.
                connection.execute("UPDATE facts SET value = value WHERE name = 'begun'")
        store.ids.update(fresh)
        if batch.lost:
            self.notice = f"{batch.lost} checks could not be written: the history lacks them"
        tells = bool(batch.outbox or batch.mutes)
        self._intake.written()
        self.unwritten = None
        if tells:
            self._to_tell()

    def _see_to(self, store: WritableStore) -> None:
        """Raises StoreUnavailableError and sqlite3.Error."""
        now, started = self._clock(), self._monotonic()
        if self._suspected.is_set():
            self._suspected.clear()
            look_through(store.connection)
        if started >= self._look_at:
            self._look_at = started + _LOOK_EVERY_S
            if not store.is_there():
                self._close()
                self.notice = f"{self._path} was taken away: a new history is begun"
                return
            store.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        boundary = boundary_at(now)
        if self._upkeep is None and boundary != self._compacted_to:
            self._compacted_to = boundary
            minutes = range(self._minutes_run, int((started - self._began) // 60.0))
            self._minutes_run = minutes.stop
            self._upkeep = upkeep(
                store.connection,
                self._retention,
                self._ledger,
                boundary=boundary,
                now=now,
                minutes=minutes,
            )
            store.connection.execute("PRAGMA synchronous = NORMAL")
        while self._upkeep and self._monotonic() - started < _UPKEEP_S:
            if next(self._upkeep, _DONE) is _DONE:
                self._upkeep = None

    def _open(self) -> WritableStore:
        """Raises StoreUnavailableError."""
        opened = open_store(self._path.parent)
        try:
            store = WritableStore(opened.connection, self._path)
        except (OSError, sqlite3.Error) as error:
            opened.connection.close()
            raise unavailable(self._path, error) from None
        if self._store_id not in (None, store.id):
            self._intake.begin_anew()
        self._store, self._store_id = store, store.id
        self.notice = opened.notice or self.notice
        return store

    def _close(self) -> None:
        self._upkeep = self._compacted_to = None
        if self._store:
            with suppress(sqlite3.Error):
                self._store.connection.close()
        self._store = None

    def _troubled(self, error: StoreUnavailableError | sqlite3.Error | OSError) -> None:
        """Say what keeps us from writing, and see to it where we can."""
        self._upkeep = self._compacted_to = None
        self._again_at = self._monotonic() + _AGAIN_AFTER_S
        if not isinstance(error, StoreUnavailableError):
            error = unavailable(self._path, error)
        if isinstance(error, DamagedStoreError):
            with suppress(OSError):
                self.notice = set_damaged_aside(self._path)
                self._again_at = -inf
            self._close()
        batch = self._intake.batch
        waiting = f"; {len(batch.journal)} checks wait to be written" if batch.journal else ""
        lost = f", {batch.lost} are lost" if batch.lost else ""
        self.trouble = f"history: {error}{waiting}{lost}"
        self._reason = str(error)
        self._tell_what_waits()

    def _tell_what_waits(self) -> None:
        before, batch = self.unwritten, self._intake.batch
        if self.trouble is None or (
            before and (before.events, before.mutes) == (len(batch.outbox), batch.mutes)
        ):
            return
        self.unwritten = unwritten(batch, self._reason)
        if self.unwritten:
            self._to_tell()
