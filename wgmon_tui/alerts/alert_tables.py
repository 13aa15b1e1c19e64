"""Tables of alerting in the store: records of their rows, and the statements that read and write them.

Deliveries are written by announcement id and sink, not by row number: a file that replaces another one has
other numbers.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wgmon_tui.alerts.expiry_policy import ExpiryKey, ExpiryState
from wgmon_tui.alerts.models import IncidentSnapshot
from wgmon_tui.alerts.notification_policy import SinkState, Standings
from wgmon_tui.store.formats import incident_snapshot
from wgmon_tui.store.models import Mute
from wgmon_tui.store.schema import has_expiry_notices
from wgmon_tui.store.write.batch import OutboxRow

PENDING, SENT, GIVEN_UP, HELD = "pending", "sent", "given up", "held"
"""States of a delivery."""

Statement = tuple[str, tuple[object, ...]]
"""A statement and its values."""

_ROWS_A_STATEMENT = 100
"""SQLite allows 999 values in one statement."""

DeliveryKey = tuple[str, str]
"""Id of an announcement, and the sink."""


@dataclass(frozen=True, slots=True)
class QueuedDelivery:
    """A row of `deliveries`. `number` is None until it is written."""

    number: int | None
    id: str
    sink: str
    kind: str
    at: float
    waits_since: float
    due_at: float
    lease_until: float | None
    attempts: int
    state: str
    reason: str
    done_at: float | None
    incidents: str
    announcement: str
    seen_at: float | None = None
    seen_by: str = ""

    @property
    def key(self) -> DeliveryKey:
        """Return what identifies it in every file."""
        return self.id, self.sink

    @property
    def incident_ids(self) -> frozenset[str]:
        """Return the ids of its incidents."""
        return frozenset(self.incidents.split())


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident with notifications still to come for some sink. `last_event` is the hash of its last event.

    The hash recognises the event in a file that replaces another one.
    """

    snapshot: IncidentSnapshot
    sink_states: Standings = field(default_factory=dict)
    last_event: int = 0


OpenIncidents = dict[str, OpenIncident]
"""Open incidents by id."""


@dataclass(frozen=True, slots=True)
class StoredAlerts:
    """What a store holds: pending deliveries in order, open incidents, and how far its outbox was read.

    `running_at` is the last sign of a run that did not shut down cleanly, None after a clean shutdown.
    """

    deliveries: tuple[QueuedDelivery, ...]
    open_incidents: OpenIncidents
    read_to: int
    running_at: float | None
    expiry_states: Mapping[ExpiryKey, ExpiryState] = field(default_factory=dict)


@dataclass(slots=True)
class AlertChanges:
    """What is not written yet: the latest value of each row, None for a row to delete.

    `missing_incidents` are those whose last event a replaced file may lack. `statements` run at the end.
    """

    deliveries: dict[DeliveryKey, QueuedDelivery | None] = field(default_factory=dict)
    sink_states: dict[str, Standings] = field(default_factory=dict)
    missing_incidents: OpenIncidents = field(default_factory=dict)
    facts: dict[str, float | None] = field(default_factory=dict)
    expiry_states: dict[ExpiryKey, ExpiryState | None] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.deliveries
            or self.sink_states
            or self.missing_incidents
            or self.facts
            or self.expiry_states
            or self.statements
        )

    def write(self, connection: sqlite3.Connection) -> list[QueuedDelivery]:
        """Write everything, inside a transaction of the caller. Returns the deliveries with their numbers.

        Many rows go into one statement: after each, this thread waits for the interpreter that checks use.
        """
        # A new record of a suppression is the latest.
        _delete_deliveries(
            connection,
            [
                key
                for key, delivery in self.deliveries.items()
                if delivery is None or (delivery.state == HELD and delivery.number is None)
            ],
        )
        written = [_write_delivery(connection, delivery) for delivery in self.deliveries.values() if delivery]
        for incident, case in self.missing_incidents.items():
            opened_at, text = case.snapshot.incident.opened_at, incident_snapshot.to_json(case.snapshot)
            connection.execute(_KNOWN, (opened_at, incident, text, incident))
        _write_sink_states(connection, self.sink_states)
        for key, expiry in self.expiry_states.items():
            connection.execute(_NO_EXPIRY_NOTICE, key)
            if expiry:
                told = (expiry.at, expiry.within, expiry.suppressed_by)
                connection.execute(_EXPIRY_NOTICE, (*key, *told))
        for name, value in self.facts.items():
            connection.execute(*(_NO_FACT, (name,)) if value is None else (_FACT, (name, value)))
        for statement, values in self.statements:
            connection.execute(statement, values)
        return written


def read_alerts(connection: sqlite3.Connection) -> StoredAlerts:
    """Read what a store holds. Raises sqlite3.Error."""
    facts = dict(
        connection.execute("SELECT name, value FROM facts WHERE name IN ('alerts_read', 'alerting')")
    )
    read_to, running_at = facts.get("alerts_read"), facts.get("alerting")
    sink_states: dict[str, dict[str, SinkState]] = {}
    for incident, sink, *values in connection.execute(_TELLINGS):
        sink_states.setdefault(incident, {})[sink] = SinkState(*values)
    open_incidents = {
        incident: OpenIncident(snapshot, sink_states.get(incident, {}), hash((at, what, incident, text)))
        for at, what, incident, text in connection.execute(_OPEN)
        if (snapshot := incident_snapshot.from_json(text))
    }
    return StoredAlerts(
        tuple(QueuedDelivery(*row) for row in connection.execute(_PENDING)),
        open_incidents,
        read_to if isinstance(read_to, int) else 0,
        running_at if isinstance(running_at, float) else None,
        _read_expiry_states(connection),
    )


def _read_expiry_states(connection: sqlite3.Connection) -> dict[ExpiryKey, ExpiryState]:
    if not has_expiry_notices(connection):
        return {}
    rows = connection.execute(_EXPIRY_NOTICES)
    return {(server, what, name, sink): ExpiryState(*state) for server, what, name, sink, *state in rows}


def read_outbox(connection: sqlite3.Connection, after: int, limit: int) -> list[tuple[int, OutboxRow]]:
    """Read the next events with their numbers. Raises sqlite3.Error."""
    rows = connection.execute(_OUTBOX, (after, limit))
    return [(number, (at, what, incident, snapshot)) for number, at, what, incident, snapshot in rows]


def read_mutes(connection: sqlite3.Connection) -> Mapping[str, Mute]:
    """Read the mutes by server. Raises sqlite3.Error."""
    rows = connection.execute("SELECT name, since, until, who FROM mutes JOIN servers ON servers.id = server")
    return {name: Mute(*row) for name, *row in rows}


def read_closed(connection: sqlite3.Connection, incidents: Iterable[str], now: float) -> dict[str, float]:
    """Return which of these incidents are closed, and since when. Raises sqlite3.Error.

    The recorder writes all open incidents into a new store: one that is missing there ended meanwhile.
    """
    return dict(connection.execute(_CLOSED, (now, json.dumps(list(incidents)))))


def find_delivery(connection: sqlite3.Connection, key: DeliveryKey) -> QueuedDelivery | None:
    """Return a delivery in any state. Raises sqlite3.Error."""
    found = connection.execute(f"{_SELECT} WHERE dedup = ? AND sink = ?", key).fetchone()
    return QueuedDelivery(*found) if found else None


def delivery_with_number(connection: sqlite3.Connection, number: int) -> QueuedDelivery | None:
    """Return a delivery in any state. Raises sqlite3.Error."""
    found = connection.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
    return QueuedDelivery(*found) if found else None


def _delete_deliveries(connection: sqlite3.Connection, keys: Sequence[DeliveryKey]) -> None:
    if keys:
        connection.execute(_DELETE, (json.dumps(keys),))


def _write_sink_states(connection: sqlite3.Connection, sink_states: Mapping[str, Standings]) -> None:
    if sink_states:
        connection.execute(_NO_TELLINGS, (json.dumps(list(sink_states)),))
    rows = [
        (incident, sink, state.told_at, state.reminded_at, state.escalated_at, state.suppressed_by)
        for incident, states in sink_states.items()
        for sink, state in states.items()
    ]
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        some = rows[start : start + _ROWS_A_STATEMENT]
        marks = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(some))
        connection.execute(_TELLINGS_OF + marks, [value for row in some for value in row])


def _write_delivery(connection: sqlite3.Connection, delivery: QueuedDelivery) -> QueuedDelivery:
    values = tuple(getattr(delivery, name) for name in QueuedDelivery.__slots__[1:])
    (number,) = connection.execute(_WRITE, values).fetchone()
    return delivery if number == delivery.number else QueuedDelivery(number, *values)


_COLUMNS = """dedup, sink, kind, at, waits_since, due_at, lease_until, attempts, state, reason, done_at,
    incidents, announcement, seen_at, seen_by"""

_SELECT = f"SELECT id, {_COLUMNS} FROM deliveries"  # noqa: S608

_PENDING = f"{_SELECT} WHERE state = 'pending' ORDER BY id"

_DELETE = """DELETE FROM deliveries WHERE (dedup, sink) IN
    (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"""

_WRITE = f"""INSERT INTO deliveries ({_COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (dedup, sink) DO UPDATE SET kind = excluded.kind, at = excluded.at,
    waits_since = excluded.waits_since, due_at = excluded.due_at, lease_until = excluded.lease_until,
    attempts = excluded.attempts, state = excluded.state, reason = excluded.reason,
    done_at = excluded.done_at, incidents = excluded.incidents, announcement = excluded.announcement,
    seen_at = excluded.seen_at, seen_by = excluded.seen_by RETURNING id"""  # noqa: S608

_FACT = "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)"

_NO_FACT = "DELETE FROM facts WHERE name = ?"

_NO_TELLINGS = "DELETE FROM tellings WHERE incident IN (SELECT value FROM json_each(?))"

_TELLINGS_OF = "INSERT INTO tellings (incident, sink, told_at, reminded_at, escalated_at, held) VALUES "

_TELLINGS = "SELECT incident, sink, told_at, reminded_at, escalated_at, held FROM tellings"

_EXPIRY_NOTICES = "SELECT server, what, name, sink, at, within, held FROM expiry_notices"

_EXPIRY_NOTICE = """INSERT INTO expiry_notices (server, what, name, sink, at, within, held)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""

_NO_EXPIRY_NOTICE = "DELETE FROM expiry_notices WHERE server = ? AND what = ? AND name = ? AND sink = ?"

# Numbers below 1 count as read.
_KNOWN = """INSERT INTO outbox (id, at, what, incident, matter)
    SELECT min(0, ifnull((SELECT min(id) FROM outbox), 0)) - 1, ?, 'known', ?, ?
    WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE incident = ?)"""

# An earlier version marks events as 'told' that it read while it sent from memory.
_OPEN = """SELECT at, what, incident, matter FROM outbox WHERE id IN (
    SELECT max(id) FROM outbox
    WHERE (id <= ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0) OR what = 'told')
    AND incident IN (SELECT id FROM incidents WHERE closed_at IS NULL UNION SELECT incident FROM tellings)
    GROUP BY incident)"""

_OUTBOX = "SELECT id, at, what, incident, matter FROM outbox WHERE id > ? ORDER BY id LIMIT ?"

_CLOSED = """SELECT value, ifnull(closed_at, ?) FROM json_each(?) LEFT JOIN incidents ON incidents.id = value
    WHERE closed_at IS NOT NULL OR (incidents.id IS NULL AND EXISTS (SELECT 1 FROM servers))"""
