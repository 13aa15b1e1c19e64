"""Delivery queue: one delivery is one message to one sink.

    pending ──lease──► a sink ──► sent, pending again, given up

A delivery is pending until its sink confirms it. After a kill in between it is sent again, with the same id.
A delivery that was given up is shown until it is acknowledged or retried.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from wgmon_tui.alerts.failover_store import FailoverStore, Write, Writes
from wgmon_tui.alerts.grouping import MessageDraft, common_cause_of, in_words
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, ServerHeartbeat
from wgmon_tui.alerts.notification_policy import Notification
from wgmon_tui.config.alerting import Sink
from wgmon_tui.store.formats.incident_snapshot import SNAPSHOT_NAMES
from wgmon_tui.store.formats.record_codec import UnreadableValueError, codec_of
from wgmon_tui.store.formats.stored_names import StoredNames, StoredRecord
from wgmon_tui.text import format_limit

_EXAMINED_AT_MOST = 500
"""Number of pending deliveries examined to find the next one, so that thousands cost no more."""

_LONGEST_WAIT_S = 3_700.0
"""Longest intended delay. A later due time means that the clock was set back, so it is due now."""

_RETENTION_S = 30 * 86_400.0
"""Retention of finished deliveries. One that was given up stays until somebody has acknowledged it."""

_DELETED_AT_ONCE = 1_000


ANNOUNCEMENT_NAMES = SNAPSHOT_NAMES | StoredNames(
    {
        Announcement: StoredRecord(
            {
                "id": "id",
                "kind": "kind",
                "at": "at",
                "about": "about",
                "common_cause": "bond",
                "vantage": "vantage",
                "late_s": "late",
                "note": "note",
                "heartbeats": "beats",
            }
        ),
        ServerHeartbeat: StoredRecord({"server": "server", "severity": "severity"}),
    },
    {
        AnnouncementKind: {
            AnnouncementKind.OPENED: "OPENED",
            AnnouncementKind.CAUSE_CHANGED: "CAUSE_CHANGED",
            AnnouncementKind.REMINDER: "REMINDER",
            AnnouncementKind.ESCALATION: "ESCALATION",
            AnnouncementKind.RECOVERED: "RECOVERED",
            AnnouncementKind.ACKNOWLEDGED: "ACKNOWLEDGED",
            AnnouncementKind.STOPPED: "STOPPED",
            AnnouncementKind.TEST: "TEST",
            AnnouncementKind.BEAT: "BEAT",
            AnnouncementKind.FIRING: "FIRING",
        },
    },
)
"""The stored names of an announcement. The right side never changes: store/formats/stored_names.py."""


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A leased delivery, to be sent now."""

    sink: str
    announcement: Announcement
    attempts: int


class DeliveryQueue:
    """Pending deliveries. For one thread at a time; everything raises sqlite3.Error and OSError."""

    def __init__(self, store: FailoverStore) -> None:
        self._store = store

    def add(self, announcement: Announcement, sinks: Iterable[str], now: float) -> None:
        """Queue an announcement about no incident for these sinks."""
        self._store.write([insert(sink, announcement, now) for sink in sinks])

    def lease_next(self, sink: Sink, now: float) -> DueDelivery | float | None:
        """Lease the next delivery of a sink; else return the seconds until one is due, or None.

        Deliveries with the fewest attempts come first. Deliveries of one incident keep their order.
        """
        connection = self._store.open_connection()
        blocked: set[str] = set()
        best: tuple[int, int] | None = None
        wait: float | None = None
        for number, due, lease, attempts, incidents in connection.execute(
            _PENDING, (sink.name, _EXAMINED_AT_MOST)
        ):
            mine = set(incidents.split())
            at = max(due, lease or due)
            if not mine & blocked:
                if at <= now or at > now + _LONGEST_WAIT_S:
                    best = min(best or (attempts, number), (attempts, number))
                else:
                    wait = min(wait or at - now, at - now)
            blocked |= mine
        if best is None:
            return wait
        attempts, number = best
        text, since = connection.execute(_ANNOUNCEMENT_OF, (number,)).fetchone()
        announcement = announcement_of(text)
        if announcement is None:
            connection.execute(_UNREADABLE, (now, number))
            return 0.0
        connection.execute(_LEASE, (now + 2 * sink.timeout + 5.0, number))
        return DueDelivery(sink.name, replace(announcement, late_s=max(0.0, now - since)), attempts)

    def mark_sent(self, job: DueDelivery, now: float) -> None:
        """Mark a delivery as sent."""
        self._store.write([_finish(job, "sent", "", now)])

    def give_up(self, job: DueDelivery, reason: str, now: float) -> None:
        """Give up a delivery for good."""
        self._store.write([_finish(job, "given up", reason, now)])

    def reschedule(
        self, job: DueDelivery, sink: Sink, reason: str, now: float, due: float, *, may_give_up: bool = True
    ) -> None:
        """Schedule another attempt. Deliveries older than the sink's `give_up_after` are given up.

        While the clock is in doubt, `may_give_up` is false: their age is unknown.
        """
        too_long = f"{reason}; given up after {format_limit(sink.give_up_after)}"
        writes: Writes = [(_AGAIN, (due, reason, job.announcement.id, job.sink))]
        if may_give_up:
            writes.append((_GIVE_UP_OLD, (too_long, now, sink.name, now - sink.give_up_after)))
        self._store.write(writes)

    def make_due(self, sink: str, now: float) -> None:
        """Make failed deliveries due now, because the sink works again."""
        self._store.write([(_MAKE_DUE, (now, sink))])

    def retry(self, number: int, now: float) -> bool:
        """Retry a pending or given-up delivery now. Returns False if there is none with this number."""
        with self._store.transaction() as connection:
            return connection.execute(_RETRY, (now, now, number)).rowcount == 1

    def acknowledge_failed(self, sink: str, number: int, who: str, now: float) -> bool:
        """Acknowledge a given-up delivery, or with number 0 all of a sink. Returns False if none matched."""
        with self._store.transaction() as connection:
            return connection.execute(_ACKNOWLEDGE, (now, who, sink, number)).rowcount > 0

    def count_pending(self) -> int:
        """Count the pending deliveries."""
        (number,) = self._store.open_connection().execute(_WAITING).fetchone()
        return int(number)

    def forget(self, now: float) -> None:
        """Delete finished deliveries after their retention time."""
        self._store.write([(_FORGET, (now - _RETENTION_S, _DELETED_AT_ONCE))])


# Statements that the outbox runs in its own transactions


def insert(sink: str, announcement: Announcement, due: float) -> Write:
    """Return the statement that queues a message. Idempotent, except that it requeues a given-up one."""
    kind, text = announcement.kind.value, to_json(announcement)
    return _INSERT, (announcement.id, sink, kind, announcement.at, due, due, incident_ids(announcement), text)


def join(connection: sqlite3.Connection, draft: MessageDraft, now: float) -> Write | None:
    """Return the statement that merges a draft into the pending message it joins.

    Returns None if that message is no longer pending, or if merging would break the order of an incident.
    """
    found = connection.execute(_JOINABLE, (draft.joins, draft.sink, now)).fetchone()
    if draft.joins is None or found is None:
        return None
    number, text = found
    waiting = announcement_of(text)
    if waiting is None:
        return None
    about = (*waiting.about, *draft.announcement.about)
    mine = {each.incident.id for each in about}
    later = connection.execute(
        "SELECT incidents FROM deliveries WHERE sink = ? AND state = 'pending' AND id > ?",
        (draft.sink, number),
    )
    if any(mine & set(incidents.split()) for (incidents,) in later):
        return None
    joined = replace(waiting, about=about, common_cause=in_words(common_cause_of(about)))
    return _JOIN, (incident_ids(joined), to_json(joined), number)


def has_pending(connection: sqlite3.Connection, sink: str, incident: str) -> bool:
    """Return whether a delivery about an incident is pending for a sink."""
    return connection.execute(_WAITING_OF, (sink, f"%{incident}%")).fetchone() is not None


def insert_held(notification: Notification, now: float) -> Write:
    """Return the statement that records a suppressed notification and its reason."""
    announcement = Announcement(
        _held_id(notification, notification.kind), notification.kind, now, (notification.snapshot,)
    )
    text = to_json(announcement)
    values = (
        announcement.id,
        notification.sink,
        notification.kind.value,
        now,
        now,
        now,
        notification.suppressed_by,
        now,
    )
    return _HOLD, (*values, incident_ids(announcement), text)


def delete_held(notification: Notification) -> Writes:
    """Return the statements that delete the records of suppressed notifications that this one replaces."""
    kinds = (
        (AnnouncementKind.OPENED, AnnouncementKind.RECOVERED)
        if notification.kind is AnnouncementKind.RECOVERED and notification.suppressed_by
        else (notification.kind,)
    )
    return [(_NOT_HELD, (notification.sink, _held_id(notification, kind))) for kind in kinds]


def drop_other_sinks(sinks: Iterable[str], now: float) -> Write:
    """Return the statement that gives up pending deliveries to sinks other than these."""
    return _DROP_OTHERS, (now, json.dumps(list(sinks)))


def shift_times(seconds: float) -> Write:
    """Return the statement that shifts pending times after a clock change, so that delays stay the same."""
    return _SHIFT, (seconds, seconds, seconds)


def incident_ids(announcement: Announcement) -> str:
    """Return the ids of the announcement's incidents in stored form: separated by spaces."""
    return " ".join(each.incident.id for each in announcement.about)


def to_json(announcement: Announcement) -> str:
    """Return an announcement in stored form."""
    write, _ = codec_of(Announcement, ANNOUNCEMENT_NAMES)
    text = json.dumps(write(announcement), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def announcement_of(text: str) -> Announcement | None:
    """Parse a stored announcement; None if another version wrote it in an unknown form."""
    _, read = codec_of(Announcement, ANNOUNCEMENT_NAMES)
    try:
        announcement = read(json.loads(text))
    except (ValueError, RecursionError, UnreadableValueError):
        return None
    return announcement if isinstance(announcement, Announcement) else None


def _held_id(notification: Notification, kind: AnnouncementKind) -> str:
    return f"{notification.snapshot.incident.id}-{kind.value.replace(' ', '-')}-held"


def _finish(job: DueDelivery, state: str, reason: str, now: float) -> Write:
    """Identify the delivery by its message id: its row number differs if the store was replaced meanwhile."""
    return _FINISH, (state, reason, now, job.announcement.id, job.sink)


_NOT_HELD = "DELETE FROM deliveries WHERE sink = ? AND dedup = ?"

_JOIN = "UPDATE deliveries SET incidents = ?, announcement = ? WHERE id = ?"

_ANNOUNCEMENT_OF = "SELECT announcement, waits_since FROM deliveries WHERE id = ?"

_LEASE = "UPDATE deliveries SET lease_until = ? WHERE id = ?"

_INSERT = """INSERT INTO deliveries (dedup, sink, kind, at, waits_since, due_at, attempts, state, reason,
    incidents, announcement) VALUES (?, ?, ?, ?, ?, ?, 0, 'pending', '', ?, ?)
    ON CONFLICT (dedup, sink) DO UPDATE SET state = 'pending', reason = '', due_at = excluded.due_at,
    waits_since = excluded.waits_since, attempts = 0, done_at = NULL, seen_at = NULL, seen_by = ''
    WHERE state = 'given up'"""

_HOLD = """INSERT INTO deliveries (dedup, sink, kind, at, waits_since, due_at, attempts, state, reason,
    done_at, incidents, announcement) VALUES (?, ?, ?, ?, ?, ?, 0, 'held', ?, ?, ?, ?)
    ON CONFLICT (dedup, sink) DO UPDATE SET reason = excluded.reason, at = excluded.at"""

_JOINABLE = """SELECT id, announcement FROM deliveries WHERE dedup = ? AND sink = ? AND state = 'pending'
    AND attempts = 0 AND lease_until IS NULL AND due_at > ?"""

_PENDING = """SELECT id, due_at, lease_until, attempts, incidents FROM deliveries
    WHERE sink = ? AND state = 'pending' ORDER BY id LIMIT ?"""

_WAITING = "SELECT count(*) FROM deliveries WHERE state = 'pending'"

_WAITING_OF = "SELECT 1 FROM deliveries WHERE sink = ? AND state = 'pending' AND incidents LIKE ? LIMIT 1"

_FINISH = """UPDATE deliveries SET state = ?, reason = ?, done_at = ?, lease_until = NULL
    WHERE dedup = ? AND sink = ?"""

_UNREADABLE = """UPDATE deliveries SET state = 'given up', reason = 'written by another version', done_at = ?
    WHERE id = ?"""

_AGAIN = """UPDATE deliveries SET attempts = attempts + 1, lease_until = NULL, due_at = ?, reason = ?
    WHERE dedup = ? AND sink = ? AND state = 'pending'"""

_MAKE_DUE = "UPDATE deliveries SET due_at = ? WHERE sink = ? AND state = 'pending' AND attempts > 0"

_GIVE_UP_OLD = """UPDATE deliveries SET state = 'given up', reason = ?, done_at = ?
    WHERE sink = ? AND state = 'pending' AND waits_since < ?"""

_DROP_OTHERS = """UPDATE deliveries SET state = 'given up', done_at = ?, lease_until = NULL,
    reason = 'no sink "' || sink || '" in config.toml any more'
    WHERE state = 'pending' AND sink NOT IN (SELECT value FROM json_each(?))"""

_RETRY = """UPDATE deliveries SET state = 'pending', due_at = ?, waits_since = ?, attempts = 0,
    done_at = NULL, seen_at = NULL, seen_by = '' WHERE id = ? AND state IN ('pending', 'given up')"""

_ACKNOWLEDGE = """UPDATE deliveries SET seen_at = ?, seen_by = ?
    WHERE sink = ? AND ? IN (0, id) AND state = 'given up' AND seen_at IS NULL"""

_SHIFT = """UPDATE deliveries SET waits_since = waits_since + ?, due_at = due_at + ?,
    lease_until = lease_until + ? WHERE state = 'pending'"""

_FORGET = """DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state != 'pending'
    AND NOT (state = 'given up' AND seen_at IS NULL) AND done_at < ? ORDER BY id LIMIT ?)"""
