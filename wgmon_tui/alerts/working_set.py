"""Working set of alerting: all that it decides on is in memory, and each change is written behind.

    outbox of the store, unsaved events ──► working set ──save──► deliveries, tellings, facts of the store

There is no second mode. While the store cannot be written, changes wait here, and alerts go on. The next save
that works writes all of them in one transaction. After unsaved events were applied, a save waits until the
outbox has them: the store never knows of messages without knowing why. So after a kill at any moment, the
next process loses no message, and repeats at most those since the last save.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

from wgmon_tui.alerts.alert_tables import (
    PENDING,
    AlertChanges,
    DeliveryKey,
    OpenIncident,
    OpenIncidents,
    QueuedDelivery,
    StoredAlerts,
    delivery_with_number,
    find_delivery,
    read_alerts,
    read_closed,
    read_mutes,
    read_outbox,
)
from wgmon_tui.alerts.expiry_policy import ExpiryKey, ExpiryState
from wgmon_tui.store.database import ALERT_WRITER, connect, connect_to_read, set_patience, unavailable
from wgmon_tui.store.models import Mute
from wgmon_tui.store.read.expiries import ExpiringServer, read_expiring_servers
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import OutboxRow
from wgmon_tui.store.write.unsaved_events import UnsavedEvents

_AT_ONCE = 2_000
"""Maximum number of outbox rows read in one transaction."""

_LEFT_AT_MOST = 100_000

_RUNNING = "alerting"
_READ_TO = "alerts_read"

_FileId = tuple[int, object]
"""Inode and id of a store: either alone may be that of an earlier file."""


@dataclass(frozen=True, slots=True)
class NewEvents:
    """Events to apply. `saved` are in the store; `unsaved` come from the recorder.

    `seen` are all rows that were read, in the store with this id up to the number `read_to`. `closed` are
    incidents that ended, with or without an event. With `more`, there are more rows to read first.
    """

    saved: tuple[OutboxRow, ...] = ()
    unsaved: tuple[OutboxRow, ...] = ()
    seen: frozenset[OutboxRow] = frozenset()
    file_id: _FileId | None = None
    read_to: int | None = None
    closed: Mapping[str, float] = field(default_factory=dict)
    more: bool = False


class WorkingSet:
    """For one thread at a time. No method raises because the store cannot be used, unless it says so."""

    def __init__(self, state_dir: Path) -> None:
        self.trouble: str | None = None
        """Why changes wait in memory now."""
        self.open_incidents: OpenIncidents = {}
        self.mutes: Mapping[str, Mute] = {}
        self.expiring_servers: tuple[ExpiringServer, ...] = ()
        self.expiry_states: dict[ExpiryKey, ExpiryState] = {}
        self._fleet_version: object = None
        """The version of the fleet of which `expiring_servers` are."""
        self._path = state_dir / STORE
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._file_id: _FileId | None = None
        self._pending: defaultdict[str, dict[str, QueuedDelivery]] = defaultdict(dict)
        """Pending deliveries by sink and announcement, in order."""
        self._running_at: float | None = None
        self._read_to = 0
        self._changes = AlertChanges()
        self._unsaved: UnsavedEvents | None = None
        self._left: list[OutboxRow] = []
        """Events of a store that was replaced before they were read."""
        self._applied: set[OutboxRow] = set()
        """Unsaved events that were applied, and that the outbox did not have yet."""

    def close(self) -> None:
        """Close the store."""
        self._disconnect()

    # Events

    def sync(self, unsaved: UnsavedEvents | None) -> None:
        """Replace the unsaved events of the recorder. With some, nothing is saved."""
        self._unsaved = unsaved
        if unsaved:
            self.trouble = unsaved.reason

    def read_events(self, now: float) -> NewEvents:
        """Return the next events, and refresh the mutes. `mark_applied` confirms the events."""
        rows: list[tuple[int, OutboxRow]] = []
        closed: dict[str, float] = {}
        waiting = {row[2] for row in self._applied} | (
            self._unsaved.incidents.keys() if self._unsaved else set()
        )
        try:
            with self._reading() as connection:
                # One transaction, so that an incident does not end between two statements.
                connection.execute("BEGIN")
                with connection:
                    rows = read_outbox(connection, self._read_to, _AT_ONCE)
                    self.mutes = read_mutes(connection)
                    self._read_expiring_servers(connection)
                    closed = read_closed(connection, self.open_incidents.keys() - waiting, now)
        except (sqlite3.Error, OSError) as error:
            self._handle_failure(error)
            rows, closed = [], {}
        more = len(rows) == _AT_ONCE
        left = [row for row in self._left if not self._is_applied(row)]
        seen = frozenset((*self._left, *(row for _, row in rows)))
        # The earlier events of an incident that was announced from memory are history, too.
        last = {row[2]: number for number, row in rows if self._is_applied(row)}
        replayed = set(self._left)
        saved = [row for number, row in rows if number > last.get(row[2], 0) and row not in replayed]
        unsaved = self._read_unsaved(seen, closed, more=more)
        read_to = rows[-1][0] if rows else None
        return NewEvents((*left, *saved), unsaved, seen, self._file_id, read_to, closed, more)

    def _read_unsaved(
        self, seen: frozenset[OutboxRow], closed: dict[str, float], *, more: bool
    ) -> tuple[OutboxRow, ...]:
        """Return the unsaved events; add what else is unsaved to the mutes and to `closed`."""
        if self._unsaved is None:
            return ()
        mutes = {**self.mutes, **self._unsaved.mutes}
        self.mutes = {name: mute for name, mute in mutes.items() if mute}
        ended = {key: each.closed_at for key, each in self._unsaved.incidents.items()}
        closed |= {key: at for key, at in ended.items() if at is not None}
        if more:
            return ()
        return tuple(row for row in self._unsaved.outbox if row not in seen and not self._is_applied(row))

    def mark_applied(self, events: NewEvents, unsaved: Iterable[OutboxRow]) -> None:
        """Advance behind these events. `unsaved` are those of them that were applied."""
        if events.read_to is not None and events.file_id == self._file_id:
            self._read_to = events.read_to
            self._changes.facts[_READ_TO] = events.read_to
        self._left = [row for row in self._left if row not in events.seen]
        self._applied -= events.seen
        if not self._unsaved and not events.more:
            self._applied.clear()
        self._applied.update(unsaved)

    def set_open_incident(self, incident: str, case: OpenIncident | None) -> None:
        """Replace the state of an incident; None if nothing more will be said about it."""
        before = self.open_incidents.get(incident)
        after = case.sink_states if case else {}
        if (before.sink_states if before else {}) != after:
            self._changes.sink_states[incident] = after
        if case:
            self.open_incidents[incident] = case
        else:
            self.open_incidents.pop(incident, None)

    # Ends of certificates and keys

    def set_expiry_state(self, key: ExpiryKey, state: ExpiryState | None) -> None:
        """Replace how an end stands with a sink; None if nothing need be remembered of it."""
        self._changes.expiry_states[key] = state
        if state:
            self.expiry_states[key] = state
        else:
            self.expiry_states.pop(key, None)

    def _read_expiring_servers(self, connection: sqlite3.Connection) -> None:
        """Read them again if anything of the fleet changed. Raises sqlite3.Error."""
        version = connection.execute("SELECT value FROM facts WHERE name = 'fleet_version'").fetchone()
        if (self._file_id, version) != self._fleet_version:
            self.expiring_servers = read_expiring_servers(connection)
            self._fleet_version = self._file_id, version

    def _is_applied(self, row: OutboxRow) -> bool:
        case = self.open_incidents.get(row[2])
        return row in self._applied or (case is not None and case.last_event == hash(row))

    # Deliveries

    @property
    def pending_count(self) -> int:
        """Return the number of pending deliveries."""
        self.load()
        return sum(len(each) for each in self._pending.values())

    def list_pending(self) -> list[QueuedDelivery]:
        """Return all pending deliveries; those of a sink are in order."""
        self.load()
        return [delivery for each in self._pending.values() for delivery in each.values()]

    def pending_of(self, sink: str) -> Mapping[str, QueuedDelivery]:
        """Return the pending deliveries of a sink by announcement, in order."""
        self.load()
        return self._pending[sink]

    def find(self, key: DeliveryKey) -> QueuedDelivery | None:
        """Return a delivery in any state; None if it is not known, or only in a store that cannot be read."""
        if key in self._changes.deliveries:
            return self._changes.deliveries[key]
        name, sink = key
        if delivery := self.pending_of(sink).get(name):
            return delivery
        try:
            with self._reading() as connection:
                return find_delivery(connection, key)
        except (sqlite3.Error, OSError) as error:
            self._handle_failure(error)
            return None

    def find_number(self, number: int) -> QueuedDelivery | None:
        """Return the delivery with this number in the delivery log. Raises sqlite3.Error and OSError."""
        with self._reading() as connection:
            stored = delivery_with_number(connection, number)
        return self.find(stored.key) if stored else None

    def count_rows(self, query: str, values: tuple[object, ...]) -> int:
        """Return the number that a query gives. Raises sqlite3.Error and OSError."""
        with self._reading() as connection:
            return int(connection.execute(query, values).fetchone()[0])

    def put(self, delivery: QueuedDelivery) -> None:
        """Add or replace a delivery. One that is pending again gets its earlier place."""
        self._changes.deliveries[delivery.key] = delivery
        mine = self._pending[delivery.sink]
        if delivery.state != PENDING:
            mine.pop(delivery.id, None)
            return
        is_back = delivery.id not in mine and delivery.number is not None
        mine[delivery.id] = delivery
        if is_back:
            ordered = sorted(mine.values(), key=lambda each: inf if each.number is None else each.number)
            self._pending[delivery.sink] = {each.id: each for each in ordered}

    def delete(self, key: DeliveryKey) -> None:
        """Delete a delivery that is not pending."""
        self._changes.deliveries[key] = None

    # Shutdown marker

    @property
    def running_at(self) -> float | None:
        """When a run that did not shut down cleanly gave its last sign."""
        self.load()
        return self._running_at

    @running_at.setter
    def running_at(self, at: float | None) -> None:
        self._running_at = self._changes.facts[_RUNNING] = at

    # The store

    def load(self) -> None:
        """Load the store if it is another one than before. In trouble, only `read_events` tries again."""
        if self.trouble is None:
            try:
                with self._reading():
                    pass
            except (sqlite3.Error, OSError) as error:
                self._handle_failure(error)

    def run_later(self, statement: str, *values: object) -> None:
        """Run a statement on rows of the store that are not here, with the next save."""
        self._changes.statements.append((statement, values))

    def save(self, *, retry: bool = False) -> None:
        """Write all changes in one transaction. In trouble, only with `retry`."""
        if self._unsaved or self._applied or (self.trouble and not retry):
            return
        if not self._changes and not self.trouble:
            return
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                written = self._changes.write(connection)
            set_patience(connection, ALERT_WRITER.patience_s)
        except (sqlite3.Error, OSError) as error:
            self._handle_failure(error)
            return
        for delivery in written:
            if delivery.state == PENDING:
                self._pending[delivery.sink][delivery.id] = delivery
        self._changes, self.trouble = AlertChanges(), None

    def _open(self) -> sqlite3.Connection:
        """Return a connection for writing to the file that is now in place. Raises sqlite3.Error, OSError."""
        inode = self._path.stat().st_ino if self._path.exists() else 0
        if self._connection and inode == self._inode:
            return self._connection
        if self._connection:
            with suppress(sqlite3.Error):  # it was moved aside because it is damaged
                rest = read_outbox(self._connection, self._read_to, _LEFT_AT_MOST)
                self._left += [row for _, row in rest]
        self._disconnect()
        # In trouble without waiting for a lock: a wait here would delay every sink.
        connection = connect(self._path, ALERT_WRITER, patience_s=0.0 if self.trouble else None)
        try:
            self._take_over(connection, inode)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, inode
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for reading, also where nothing can be written. Raises sqlite3.Error, OSError."""
        try:
            connection = self._open()
        except (sqlite3.Error, OSError):
            connection, _ = connect_to_read(self._path, patience_s=0.0)
            with closing(connection):
                self._take_over(connection, self._path.stat().st_ino)
                yield connection
        else:
            yield connection

    def _take_over(self, connection: sqlite3.Connection, inode: int) -> None:
        """Add what a file holds that was not read yet. What is known here has to be written to it."""
        (store,) = connection.execute("SELECT value FROM facts WHERE name = 'store'").fetchone() or (None,)
        if (inode, store) == self._file_id:
            return
        stored = read_alerts(connection)
        self._take_over_deliveries(stored)
        self._take_over_incidents(stored)
        self._take_over_expiries(stored)
        facts = self._changes.facts
        self._read_to = stored.read_to
        facts.pop(_READ_TO, None)
        if self._file_id is None and _RUNNING not in facts:
            self._running_at = stored.running_at
        elif self._running_at is not None:
            facts[_RUNNING] = self._running_at
        self._file_id = (inode, store)

    def _take_over_deliveries(self, stored: StoredAlerts) -> None:
        mine, unwritten = self._pending, self._changes.deliveries
        self._pending, self._changes.deliveries = defaultdict(dict), {}
        for delivery in stored.deliveries:
            if delivery.key not in unwritten and delivery.id not in mine[delivery.sink]:
                # This process holds the writer's lock, so no earlier process still sends a leased delivery.
                free = replace(delivery, lease_until=None)
                self._pending[free.sink][free.id] = free
                if free != delivery:
                    self._changes.deliveries[free.key] = free
        for deliveries in mine.values():
            for delivery in deliveries.values():
                self.put(replace(delivery, number=None))
        for key, finished in unwritten.items():
            self._changes.deliveries.setdefault(key, finished and replace(finished, number=None))

    def _take_over_incidents(self, stored: StoredAlerts) -> None:
        mine, changes = self.open_incidents, self._changes
        for incident, case in mine.items():
            changes.sink_states[incident] = case.sink_states
            if incident not in stored.open_incidents:
                changes.missing_incidents[incident] = case
        fresh = {key: case for key, case in stored.open_incidents.items() if key not in changes.sink_states}
        self.open_incidents = fresh | mine

    def _take_over_expiries(self, stored: StoredAlerts) -> None:
        unwritten = self._changes.expiry_states
        fresh = {key: state for key, state in stored.expiry_states.items() if key not in unwritten}
        unwritten.update(self.expiry_states)
        self.expiry_states = fresh | self.expiry_states

    def _handle_failure(self, error: sqlite3.Error | OSError) -> None:
        self._disconnect()
        if not self._unsaved:
            self.trouble = str(unavailable(self._path, error))

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None
