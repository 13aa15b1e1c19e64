"""Transactional outbox: turns incident events into deliveries without losing any.

    outbox ──expand──► tellings, deliveries (delivery_queue.py)

Each event was written in the same transaction as its incident (store/write/batch.py). `expand` reads on from
its last position, and writes the deliveries and the new position in one transaction. So a kill at any moment
neither loses nor duplicates a delivery.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from wgmon_tui.alerts import delivery_queue
from wgmon_tui.alerts.failover_store import FailoverStore, Writes
from wgmon_tui.alerts.grouping import MessageGrouping
from wgmon_tui.alerts.models import AnnouncementKind, IncidentSnapshot
from wgmon_tui.alerts.notification_policy import Notification, PolicyContext, SinkState, Standings, decide
from wgmon_tui.config.alerting import AlertSettings, Sink
from wgmon_tui.monitor.incidents import EventKind
from wgmon_tui.store.formats import incident_snapshot
from wgmon_tui.store.models import Mute

_AT_ONCE = 2_000
"""Maximum number of outbox rows read in one transaction."""

_KEPT_S = 30 * 86_400.0
_FORGOTTEN_AT_ONCE = 1_000

_KINDS = {
    EventKind.OPENED.value: AnnouncementKind.OPENED,
    EventKind.CAUSE_CHANGED.value: AnnouncementKind.CAUSE_CHANGED,
    EventKind.CLOSED.value: AnnouncementKind.RECOVERED,
    EventKind.ACKNOWLEDGED.value: AnnouncementKind.ACKNOWLEDGED,
}


@dataclass(frozen=True, slots=True)
class _OpenIncident:
    """An incident with notifications still to come for some sink."""

    snapshot: IncidentSnapshot
    sink_states: Standings = field(default_factory=dict)


_Cases = dict[str, _OpenIncident]
"""Open incidents by id."""


class Outbox:
    """The outbox reader. For one thread at a time; everything raises sqlite3.Error and OSError."""

    def __init__(self, store: FailoverStore, vantage: str = "") -> None:
        self._store = store
        self._vantage = vantage
        self._read: sqlite3.Connection | None = None
        self._open_incidents: _Cases = {}
        self._mutes: Mapping[str, Mute] = {}
        self._groups = MessageGrouping()
        store.on_blank_store = self._copy_known_state

    def expand(self, alerts: AlertSettings, now: float, *, include_due: bool = True) -> bool:
        """Queue deliveries for new events, and with `include_due` for everything that has become due.

        Without new events, due notifications are examined as well: a mute or a rule may have changed.
        Returns whether there are more events to read.
        """
        connection = self._opened()
        # Read and decide everything first: only this process writes these tables, and the recorder must not
        # wait long for the lock.
        self._mutes = _mutes(connection)
        moment = PolicyContext(alerts, self._mutes, now)
        planned = _PlannedMessages(moment, dict(self._open_incidents))
        rows = _unread(connection)
        for _, what, text in rows:
            snapshot = incident_snapshot.from_json(text)
            if snapshot and what in _KINDS:
                planned.apply(snapshot, _KINDS[what])
        more = len(rows) == _AT_ONCE
        if (include_due or not rows) and not more:
            planned.apply_time(dict(connection.execute(_ENDED)))
        writes = planned.writes + self._messages(connection, planned.notifications, now)
        if rows:
            writes.append((_READ_TO, (rows[-1][0],)))
        if writes:
            try:
                self._store.write(writes)
            except BaseException:
                self._groups.forget()  # its recent messages were not written
                raise
        self._open_incidents = planned.open_incidents
        return more

    def drop_other_sinks(self, sinks: Iterable[Sink], now: float) -> None:
        """Give up everything for sinks other than these."""
        self._opened()
        names = [sink.name for sink in sinks]
        self._store.write([delivery_queue.drop_other_sinks(names, now), (_NO_OTHERS, (json.dumps(names),))])
        self._read = None

    def firing_incidents(self, sink: str) -> tuple[IncidentSnapshot, ...]:
        """Return the open incidents that a sink was notified of and that are not suppressed."""
        self._opened()
        return tuple(
            case.snapshot
            for case in self._open_incidents.values()
            if (sink_state := case.sink_states.get(sink))
            and sink_state.told_at is not None
            and not sink_state.suppressed_by
        )

    def shift_times(self, seconds: float) -> None:
        """Shift pending times after a clock change, so that delays stay the same."""
        self._opened()
        self._store.write([delivery_queue.shift_times(seconds), (_SHIFT, (seconds, seconds, seconds))])
        self._read = None

    def forget(self, now: float) -> None:
        """Delete handled outbox rows after their retention time."""
        self._store.write([(_FORGET, (now - _KEPT_S, _FORGOTTEN_AT_ONCE))])

    # Internals

    def _messages(
        self, connection: sqlite3.Connection, notifications: Iterable[Notification], now: float
    ) -> Writes:
        """Return the statements that queue as few messages as possible, and record the suppressed ones."""
        writes: Writes = []
        for notification in notifications:
            writes += delivery_queue.delete_held(notification)
            if notification.suppressed_by:
                writes.append(delivery_queue.insert_held(notification, now))
        said = [
            each for each in notifications if not each.suppressed_by and not _is_redundant(connection, each)
        ]
        drafted: set[tuple[str, str]] = set()
        for draft in self._groups.draft(said, self._vantage, now):
            names = {draft.joins or "", *delivery_queue.incident_ids(draft.announcement).split()}
            mine = {(draft.sink, name) for name in names}
            # A message drafted in this pass is not in the store yet: it cannot be joined or ordered there.
            joined = None if mine & drafted else delivery_queue.join(connection, draft, now)
            writes.append(joined or delivery_queue.insert(draft.sink, draft.announcement, draft.due))
            drafted |= mine - {(draft.sink, "")}
        return writes

    def _opened(self) -> sqlite3.Connection:
        """Return the connection, after its open incidents and mutes were loaded."""
        connection = self._store.open_connection()
        if connection is not self._read:
            self._open_incidents, self._mutes = _open_incidents(connection), _mutes(connection)
            self._groups.forget()
            self._read = connection
        return connection

    def _copy_known_state(self, connection: sqlite3.Connection) -> None:
        """Write the known state into an empty memory store. Rows with numbers below 1 count as read."""
        connection.execute("BEGIN")
        with connection:
            for number, (incident, case) in enumerate(self._open_incidents.items()):
                opened_at, snapshot = (
                    case.snapshot.incident.opened_at,
                    incident_snapshot.to_json(case.snapshot),
                )
                connection.execute(_INSERT_KNOWN, (-number, opened_at, incident, snapshot))
                for sink, sink_state in case.sink_states.items():
                    connection.execute(*_sink_state_row(incident, sink, sink_state))
            for name, mute in self._mutes.items():
                connection.execute(_SERVER, (name,))
                connection.execute(_MUTED, (mute.since, mute.until, mute.who, name))


class _PlannedMessages:
    """Planned notifications and statements, without effect until they are written."""

    def __init__(self, moment: PolicyContext, open_incidents: _Cases) -> None:
        self.open_incidents = open_incidents
        self.notifications: list[Notification] = []
        self.writes: Writes = []
        self._moment = moment

    def apply(self, snapshot: IncidentSnapshot, news: AnnouncementKind | None) -> None:
        """Apply an event to an incident, or with `news` None the passing of time."""
        incident = snapshot.incident
        before: Standings = (
            self.open_incidents[incident.id].sink_states if incident.id in self.open_incidents else {}
        )
        after, notifications = decide(snapshot, before, self._moment, news)
        for sink in before.keys() - after.keys():
            self.writes.append((_DELETE_SINK_STATE, (incident.id, sink)))
        for sink, sink_state in after.items():
            if before.get(sink) != sink_state:
                self.writes.append(_sink_state_row(incident.id, sink, sink_state))
        self.open_incidents[incident.id] = _OpenIncident(snapshot, after)
        if incident.closed_at is not None and not after:
            del self.open_incidents[incident.id]
        self.notifications += notifications

    def apply_time(self, ended: Mapping[str, float]) -> None:
        """Apply the passing of time, and close incidents that ended without an event."""
        for key, case in list(self.open_incidents.items()):
            snapshot = case.snapshot
            if snapshot.incident.closed_at is None and key in ended:
                incident = replace(snapshot.incident, closed_at=ended[key])
                snapshot = replace(snapshot, incident=incident, note="no longer watched")
            self.apply(snapshot, None)


def _open_incidents(connection: sqlite3.Connection) -> _Cases:
    """Return the incidents with notifications still to come, up to the read position of the outbox."""
    sink_states: dict[str, dict[str, SinkState]] = {}
    for incident, sink, *values in connection.execute(_TELLINGS):
        sink_states.setdefault(incident, {})[sink] = SinkState(*values)
    found = ((incident, incident_snapshot.from_json(text)) for incident, text in connection.execute(_CASES))
    return {
        incident: _OpenIncident(snapshot, sink_states.get(incident, {}))
        for incident, snapshot in found
        if snapshot
    }


def _sink_state_row(incident: str, sink: str, sink_state: SinkState) -> tuple[str, tuple[object, ...]]:
    values = (sink_state.told_at, sink_state.reminded_at, sink_state.escalated_at, sink_state.suppressed_by)
    return _WRITE_SINK_STATE, (incident, sink, *values)


def _mutes(connection: sqlite3.Connection) -> Mapping[str, Mute]:
    rows = connection.execute("SELECT name, since, until, who FROM mutes JOIN servers ON servers.id = server")
    return {name: Mute(*row) for name, *row in rows}


def _unread(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
    found = connection.execute("SELECT value FROM facts WHERE name = 'alerts_read'").fetchone()
    read = found[0] if found and isinstance(found[0], int) else 0
    return connection.execute(
        "SELECT id, what, matter FROM outbox WHERE id > ? ORDER BY id LIMIT ?", (read, _AT_ONCE)
    ).fetchall()


def _is_redundant(connection: sqlite3.Connection, notification: Notification) -> bool:
    """Return whether it reminds of a message that the sink has not received yet."""
    return notification.kind is AnnouncementKind.REMINDER and delivery_queue.has_pending(
        connection, notification.sink, notification.snapshot.incident.id
    )


_DELETE_SINK_STATE = "DELETE FROM tellings WHERE incident = ? AND sink = ?"

_NO_OTHERS = "DELETE FROM tellings WHERE sink NOT IN (SELECT value FROM json_each(?))"

_READ_TO = "INSERT OR REPLACE INTO facts (name, value) VALUES ('alerts_read', ?)"

_INSERT_KNOWN = "INSERT INTO outbox (id, at, what, incident, matter) VALUES (?, ?, 'known', ?, ?)"

_SERVER = "INSERT INTO servers (name, entry, holds) VALUES (?, '{}', 0)"

_MUTED = "INSERT INTO mutes (server, since, until, who) SELECT id, ?, ?, ? FROM servers WHERE name = ?"

_CASES = """SELECT incident, matter FROM outbox WHERE id IN (
    SELECT max(id) FROM outbox
    WHERE (id <= ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0) OR what = 'told')
    AND incident IN (SELECT id FROM incidents WHERE closed_at IS NULL UNION SELECT incident FROM tellings)
    GROUP BY incident)"""

_TELLINGS = "SELECT incident, sink, told_at, reminded_at, escalated_at, held FROM tellings"

_ENDED = """SELECT DISTINCT id, closed_at FROM tellings JOIN incidents ON incidents.id = tellings.incident
    WHERE closed_at IS NOT NULL"""

_WRITE_SINK_STATE = """INSERT OR REPLACE INTO tellings
    (incident, sink, told_at, reminded_at, escalated_at, held)
    VALUES (?, ?, ?, ?, ?, ?)"""

_SHIFT = """UPDATE tellings SET told_at = told_at + ?, reminded_at = reminded_at + ?,
    escalated_at = escalated_at + ?"""

_FORGET = """DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE at < ?
    AND id <= ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0)
    AND incident NOT IN (SELECT id FROM incidents WHERE closed_at IS NULL)
    AND incident NOT IN (SELECT incident FROM tellings) ORDER BY id LIMIT ?)"""
