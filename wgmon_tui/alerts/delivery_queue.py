"""Delivery queue: one delivery is one message to one sink.

    pending ──lease──► a sink ──► sent, pending again, given up

A delivery is pending until its sink confirms it. After a kill in between it is sent again, with the same id.
A delivery that was given up is shown until it is acknowledged or retried.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from itertools import islice

from wgmon_tui.alerts.alert_tables import GIVEN_UP, HELD, PENDING, SENT, QueuedDelivery
from wgmon_tui.alerts.grouping import MessageDraft, common_cause_of, in_words
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, ExpiryNotice, ServerHeartbeat
from wgmon_tui.alerts.notification_policy import Notification
from wgmon_tui.alerts.working_set import WorkingSet
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
                "expiries": "expiries",
            },
            sparse=frozenset({"expiries"}),
        ),
        ExpiryNotice: StoredRecord({"server": "server", "what": "what", "name": "name", "at": "at"}),
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
            AnnouncementKind.EXPIRY: "EXPIRY",
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
    """Pending deliveries. For one thread at a time."""

    def __init__(self, working_set: WorkingSet) -> None:
        self._working_set = working_set

    def add(self, announcement: Announcement, sinks: Iterable[str], now: float) -> None:
        """Queue an announcement about no incident for these sinks."""
        for sink in sinks:
            insert(self._working_set, sink, announcement, now)
        self._working_set.save()

    def lease_next(self, sink: Sink, now: float) -> DueDelivery | float | None:
        """Lease the next delivery of a sink; else return the seconds until one is due, or None.

        Deliveries with the fewest attempts come first. Deliveries of one incident keep their order.
        """
        blocked: set[str] = set()
        best: QueuedDelivery | None = None
        wait: float | None = None
        pending = self._working_set.pending_of(sink.name)
        for delivery in islice(pending.values(), _EXAMINED_AT_MOST):
            at = max(delivery.due_at, delivery.lease_until or delivery.due_at)
            if not delivery.incident_ids & blocked:
                if at <= now or at > now + _LONGEST_WAIT_S:
                    best = delivery if best is None or delivery.attempts < best.attempts else best
                else:
                    wait = min(wait or at - now, at - now)
            blocked |= delivery.incident_ids
        if best is None:
            return wait
        announcement = announcement_of(best.announcement)
        if announcement is None:
            self._put(replace(best, state=GIVEN_UP, reason="written by another version", done_at=now))
            return 0.0
        # Not saved: a later process may send what this one leased, so nothing needs it on the disk.
        self._working_set.put(replace(best, lease_until=now + 2 * sink.timeout + 5.0))
        late_s = max(0.0, now - best.waits_since)
        return DueDelivery(sink.name, replace(announcement, late_s=late_s), best.attempts)

    def mark_sent(self, job: DueDelivery, now: float) -> None:
        """Mark a delivery as sent."""
        self._finish(job, SENT, "", now)

    def give_up(self, job: DueDelivery, reason: str, now: float) -> None:
        """Give up a delivery for good."""
        self._finish(job, GIVEN_UP, reason, now)

    def reschedule(
        self, job: DueDelivery, sink: Sink, reason: str, now: float, due: float, *, may_give_up: bool = True
    ) -> None:
        """Schedule another attempt. Deliveries older than the sink's `give_up_after` are given up.

        While the clock is in doubt, `may_give_up` is false: their age is unknown.
        """
        pending = self._working_set.pending_of(sink.name)
        if delivery := pending.get(job.announcement.id):
            attempts = delivery.attempts + 1
            again = replace(delivery, attempts=attempts, lease_until=None, due_at=due, reason=reason)
            self._working_set.put(again)
        too_long = f"{reason}; given up after {format_limit(sink.give_up_after)}"
        for delivery in list(pending.values()) if may_give_up else ():
            if delivery.waits_since < now - sink.give_up_after:
                self._working_set.put(replace(delivery, state=GIVEN_UP, reason=too_long, done_at=now))
        self._working_set.save()

    def make_due(self, sink: str, now: float) -> None:
        """Make failed deliveries due now, because the sink works again."""
        for delivery in list(self._working_set.pending_of(sink).values()):
            if delivery.attempts:
                self._working_set.put(replace(delivery, due_at=now))
        self._working_set.save()

    def retry(self, number: int, now: float) -> bool:
        """Retry a pending or given-up delivery now. Returns False if there is none with this number.

        Raises sqlite3.Error and OSError if the store cannot be read.
        """
        delivery = self._working_set.find_number(number)
        if delivery is None or delivery.state not in (PENDING, GIVEN_UP):
            return False
        self._put(_start_again(replace(delivery, number=number), now))
        return True

    def acknowledge_failed(self, sink: str, number: int, who: str, now: float) -> bool:
        """Acknowledge a given-up delivery, or with number 0 all of a sink. Returns False if none matched.

        Raises sqlite3.Error and OSError if the store cannot be read.
        """
        if not self._working_set.count_rows(_COUNT_UNSEEN, (sink, number)):
            return False
        self._working_set.run_later(_ACKNOWLEDGE, now, who, sink, number)
        self._working_set.save()
        return True

    def count_pending(self) -> int:
        """Count the pending deliveries."""
        return self._working_set.pending_count

    def memory_notice(self) -> str | None:
        """Return the notice that alerts are sent from memory, while the store cannot be written."""
        if self._working_set.trouble is None:
            return None
        pending = self.count_pending()
        rest = f", {pending} pending" if pending else ""
        return f"alerts are sent from memory until the store is writable{rest}"

    def forget(self, now: float) -> None:
        """Delete finished deliveries after their retention time."""
        if self._working_set.trouble is None:
            self._working_set.run_later(_FORGET, now - _RETENTION_S, _DELETED_AT_ONCE)
            self._working_set.save()

    def _put(self, delivery: QueuedDelivery) -> None:
        self._working_set.put(delivery)
        self._working_set.save()

    def _finish(self, job: DueDelivery, state: str, reason: str, now: float) -> None:
        if delivery := self._working_set.find((job.announcement.id, job.sink)):
            self._put(replace(delivery, state=state, reason=reason, done_at=now, lease_until=None))


# What the outbox does to the queue; it saves afterwards


def insert(working_set: WorkingSet, sink: str, announcement: Announcement, due: float) -> None:
    """Queue a message. Idempotent, except that it requeues a given-up one."""
    known = working_set.find((announcement.id, sink))
    if known is None:
        working_set.put(make_delivery(sink, announcement, due))
    elif known.state == GIVEN_UP:
        working_set.put(_start_again(known, due))


def join(working_set: WorkingSet, draft: MessageDraft, now: float) -> bool:
    """Merge a draft into the pending message it joins.

    Returns False if that message is no longer pending, or if merging would break the order of an incident.
    """
    pending = working_set.pending_of(draft.sink)
    delivery = pending.get(draft.joins or "")
    if delivery is None or delivery.attempts or delivery.lease_until is not None or delivery.due_at <= now:
        return False
    waiting = announcement_of(delivery.announcement)
    if waiting is None:
        return False
    about = (*waiting.about, *draft.announcement.about)
    mine = {each.incident.id for each in about}
    later = list(pending.values())[list(pending).index(delivery.id) + 1 :]
    if any(mine & each.incident_ids for each in later):
        return False
    joined = replace(waiting, about=about, common_cause=in_words(common_cause_of(about)))
    working_set.put(replace(delivery, incidents=incident_ids(joined), announcement=to_json(joined)))
    return True


def has_pending(working_set: WorkingSet, sink: str, incident: str) -> bool:
    """Return whether a delivery about an incident is pending for a sink."""
    return any(incident in each.incident_ids for each in working_set.pending_of(sink).values())


def insert_held(working_set: WorkingSet, notification: Notification, now: float) -> None:
    """Record a suppressed notification and its reason."""
    working_set.put(make_held_delivery(notification, now))


def insert_held_expiries(working_set: WorkingSet, sink: str, held: Announcement, reason: str) -> None:
    """Record a message about ends of certificates and keys that is not sent, and its reason."""
    delivery = make_delivery(sink, replace(held, id=f"{held.id}-held"), held.at)
    working_set.put(replace(delivery, state=HELD, reason=reason, done_at=held.at))


def delete_held(working_set: WorkingSet, notification: Notification) -> None:
    """Delete the records of suppressed notifications that this one replaces."""
    kinds = (
        (AnnouncementKind.OPENED, AnnouncementKind.RECOVERED)
        if notification.kind is AnnouncementKind.RECOVERED and notification.suppressed_by
        else (notification.kind,)
    )
    for kind in kinds:
        working_set.delete((_held_id(notification, kind), notification.sink))


def drop_other_sinks(working_set: WorkingSet, sinks: Container[str], now: float) -> None:
    """Give up pending deliveries to sinks other than these."""
    for delivery in working_set.list_pending():
        if delivery.sink not in sinks:
            reason = f'no sink "{delivery.sink}" in config.toml any more'
            working_set.put(replace(delivery, state=GIVEN_UP, reason=reason, done_at=now, lease_until=None))


def shift_times(working_set: WorkingSet, seconds: float) -> None:
    """Shift pending times after a clock change, so that delays stay the same."""
    for delivery in working_set.list_pending():
        lease = delivery.lease_until
        shifted = replace(
            delivery,
            waits_since=delivery.waits_since + seconds,
            due_at=delivery.due_at + seconds,
            lease_until=None if lease is None else lease + seconds,
        )
        working_set.put(shifted)


# Deliveries and announcements as stored


def make_delivery(sink: str, announcement: Announcement, due: float) -> QueuedDelivery:
    """Return a pending delivery."""
    kind, about = announcement.kind.value, incident_ids(announcement)
    return QueuedDelivery(
        None, announcement.id, sink, kind, announcement.at, due, due, None, 0, PENDING, "", None, about,
        to_json(announcement),
    )  # fmt: skip


def make_held_delivery(notification: Notification, now: float) -> QueuedDelivery:
    """Return the record of a suppressed notification."""
    name, kind = _held_id(notification, notification.kind), notification.kind
    held = make_delivery(notification.sink, Announcement(name, kind, now, (notification.snapshot,)), now)
    return replace(held, state=HELD, reason=notification.suppressed_by, done_at=now)


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


def _start_again(delivery: QueuedDelivery, due: float) -> QueuedDelivery:
    return replace(
        delivery,
        state=PENDING, due_at=due, waits_since=due, attempts=0, done_at=None, seen_at=None, seen_by="",
    )  # fmt: skip


def _held_id(notification: Notification, kind: AnnouncementKind) -> str:
    return f"{notification.snapshot.incident.id}-{kind.value.replace(' ', '-')}-held"


_COUNT_UNSEEN = """SELECT count(*) FROM deliveries
    WHERE sink = ? AND ? IN (0, id) AND state = 'given up' AND seen_at IS NULL"""

_ACKNOWLEDGE = """UPDATE deliveries SET seen_at = ?, seen_by = ?
    WHERE sink = ? AND ? IN (0, id) AND state = 'given up' AND seen_at IS NULL"""

_FORGET = """DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state != 'pending'
    AND NOT (state = 'given up' AND seen_at IS NULL) AND done_at < ? ORDER BY id LIMIT ?)"""
