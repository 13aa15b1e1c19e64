"""Transactional outbox: turns incident events into deliveries without losing any.

    outbox ──expand──► tellings, deliveries (delivery_queue.py)

Each event was written in the same transaction as its incident (store/write/batch.py). `expand` reads on from
its last position. The working set saves the deliveries and the new position in one transaction. So a kill at
any moment neither loses nor duplicates a delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from wgmon_tui.alerts import delivery_queue
from wgmon_tui.alerts.alert_tables import OpenIncident, OpenIncidents
from wgmon_tui.alerts.expiry_policy import announcements_of, decide_expiries
from wgmon_tui.alerts.grouping import MessageGrouping
from wgmon_tui.alerts.models import AnnouncementKind, ExpiryNotice, IncidentSnapshot
from wgmon_tui.alerts.notification_policy import Notification, PolicyContext, SinkState, decide
from wgmon_tui.alerts.working_set import WorkingSet
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Sink
from wgmon_tui.monitor.incidents import EventKind
from wgmon_tui.store.formats import incident_snapshot
from wgmon_tui.store.write.batch import OutboxRow

_KEPT_S = 30 * 86_400.0
_FORGOTTEN_AT_ONCE = 1_000

EXPIRY_GROUPING_S = 60.0
"""Time in which ends of certificates and keys gather into one message."""

_KINDS = {
    EventKind.OPENED.value: AnnouncementKind.OPENED,
    EventKind.CAUSE_CHANGED.value: AnnouncementKind.CAUSE_CHANGED,
    EventKind.CLOSED.value: AnnouncementKind.RECOVERED,
    EventKind.ACKNOWLEDGED.value: AnnouncementKind.ACKNOWLEDGED,
}


class Outbox:
    """The outbox reader. For one thread at a time."""

    def __init__(self, working_set: WorkingSet, vantage: str = "") -> None:
        self._working_set = working_set
        self._vantage = vantage
        self._groups = MessageGrouping()
        self._expiries_since: float | None = None
        """Since when there is something to tell that ends soon."""

    def expand(
        self, alerts: AlertSettings, now: float, *, include_due: bool = True, is_clock_believed: bool = True
    ) -> bool:
        """Queue deliveries for new events, and with `include_due` for everything that has become due.

        Without new events, due notifications are examined as well: a mute or a rule may have changed.
        While the clock is in doubt, it is unknown what expires soon. Returns whether there are more events to
        read.
        """
        working_set = self._working_set
        events = working_set.read_events(now)
        planned = _PlannedMessages(
            PolicyContext(alerts, working_set.mutes, now), dict(working_set.open_incidents)
        )
        for row in events.saved:
            planned.apply_event(row)
        unsaved = [row for row in events.unsaved if planned.apply_event(row, is_saved=False)]
        if (include_due or not (events.saved or unsaved)) and not events.more:
            planned.apply_time(events.closed)
        for incident in planned.changed:
            working_set.set_open_incident(incident, planned.open_incidents.get(incident))
        self._queue_messages(planned.notifications, now)
        if include_due and is_clock_believed:
            self._queue_expiries(PolicyContext(alerts, working_set.mutes, now))
        working_set.mark_applied(events, unsaved)
        working_set.save(retry=True)
        return events.more

    def drop_other_sinks(self, sinks: Iterable[Sink], now: float) -> None:
        """Give up everything for sinks other than these."""
        names = {sink.name for sink in sinks}
        delivery_queue.drop_other_sinks(self._working_set, names, now)
        for key in [key for key in self._working_set.expiry_states if key[-1] not in names]:
            self._working_set.set_expiry_state(key, None)
        self._update_sink_states(lambda sink, state: state if sink in names else None)

    def firing_incidents(self, sink: str) -> tuple[IncidentSnapshot, ...]:
        """Return the open incidents that a sink was notified of and that are not suppressed."""
        return tuple(
            case.snapshot
            for case in self._working_set.open_incidents.values()
            if (sink_state := case.sink_states.get(sink))
            and sink_state.told_at is not None
            and not sink_state.suppressed_by
        )

    def told_expiries(self, sink: str) -> tuple[ExpiryNotice, ...]:
        """Return the expiry notices that a sink has got, for what is neither renewed nor suppressed now."""
        states = self._working_set.expiry_states
        return tuple(
            ExpiryNotice(server.name, each.what, each.name, each.at)
            for server in self._working_set.expiring_servers
            for each in server.expiries
            if (state := states.get((server.name, each.what, each.name, sink)))
            and state.within is not None
            and not state.suppressed_by
        )

    def shift_times(self, seconds: float) -> None:
        """Shift pending times after a clock change, so that delays stay the same."""
        delivery_queue.shift_times(self._working_set, seconds)
        self._update_sink_states(lambda _, state: state.shifted(seconds))

    def forget(self, now: float) -> None:
        """Delete handled outbox rows after their retention time."""
        if self._working_set.trouble is None:
            self._working_set.run_later(_FORGET, now - _KEPT_S, _FORGOTTEN_AT_ONCE)
            self._forget_expiries(now)
            self._working_set.save()

    # Internals

    def _update_sink_states(self, update: Callable[[str, SinkState], SinkState | None]) -> None:
        for incident, case in list(self._working_set.open_incidents.items()):
            updated = {sink: update(sink, state) for sink, state in case.sink_states.items()}
            sink_states = {sink: state for sink, state in updated.items() if state}
            self._working_set.set_open_incident(incident, replace(case, sink_states=sink_states))
        self._working_set.save()

    def _queue_messages(self, notifications: Iterable[Notification], now: float) -> None:
        """Queue as few messages as possible, and record the suppressed ones."""
        working_set = self._working_set
        said: list[Notification] = []
        for notification in notifications:
            delivery_queue.delete_held(working_set, notification)
            if notification.suppressed_by:
                delivery_queue.insert_held(working_set, notification, now)
            elif not self._is_redundant(notification):
                said.append(notification)
        for draft in self._groups.draft(said, self._vantage, now):
            if not delivery_queue.join(working_set, draft, now):
                delivery_queue.insert(working_set, draft.sink, draft.announcement, draft.due)

    def _queue_expiries(self, moment: PolicyContext) -> None:
        """Queue messages about what expires soon, and record the suppressed ones.

        Checks find the ends one after another, so the first waits for others. A kill before the save loses
        nothing: the states are saved with the messages.
        """
        working_set, now = self._working_set, moment.now
        changed, notifications = decide_expiries(
            working_set.expiring_servers, working_set.expiry_states, moment
        )
        if any(not each.suppressed_by for each in notifications):
            if self._expiries_since is None or now < self._expiries_since:
                self._expiries_since = now
            if now - self._expiries_since < EXPIRY_GROUPING_S:
                return
        self._expiries_since = None
        for key, state in changed.items():
            working_set.set_expiry_state(key, state)
        for reason in dict.fromkeys(each.suppressed_by for each in notifications):
            mine = [each for each in notifications if each.suppressed_by == reason]
            for sink, announcement in announcements_of(mine, self._vantage, now):
                if reason:
                    delivery_queue.insert_held_expiries(working_set, sink, announcement, reason)
                else:
                    delivery_queue.insert(working_set, sink, announcement, now)

    def _forget_expiries(self, now: float) -> None:
        """Forget what ended long ago, and that no check sees any more."""
        seen = {
            (server.name, each.what, each.name)
            for server in self._working_set.expiring_servers
            for each in server.expiries
        }
        for key, state in list(self._working_set.expiry_states.items()):
            if state.at < now - _KEPT_S and key[:-1] not in seen:
                self._working_set.set_expiry_state(key, None)

    def _is_redundant(self, notification: Notification) -> bool:
        """Return whether it reminds of a message that the sink has not received yet."""
        return notification.kind is AnnouncementKind.REMINDER and delivery_queue.has_pending(
            self._working_set, notification.sink, notification.snapshot.incident.id
        )


class _PlannedMessages:
    """Planned notifications and states, without effect until they are applied to the working set."""

    def __init__(self, moment: PolicyContext, open_incidents: OpenIncidents) -> None:
        self.open_incidents = open_incidents
        self.changed: dict[str, None] = {}
        """Incidents whose state was decided again."""
        self.notifications: list[Notification] = []
        self._moment = moment

    def apply_event(self, row: OutboxRow, *, is_saved: bool = True) -> bool:
        """Apply an event. Returns False for an unsaved event from which nothing follows yet.

        It has to come again: earlier events of its incident may be in a store that cannot be read now.
        """
        _, what, incident, text = row
        snapshot, kind = incident_snapshot.from_json(text), _KINDS.get(what)
        if snapshot is None or kind is None:
            return True
        case = self.open_incidents.get(incident)
        if not is_saved and case is None and kind is not AnnouncementKind.OPENED:
            sink_states, notifications = decide(snapshot, {}, self._moment, kind)
            if not (sink_states or notifications):
                return False
        self._apply(OpenIncident(snapshot, case.sink_states if case else {}, hash(row)), kind)
        return True

    def apply_time(self, closed: Mapping[str, float]) -> None:
        """Apply the passing of time, and close incidents that ended without an event."""
        for key, case in list(self.open_incidents.items()):
            snapshot = case.snapshot
            if snapshot.incident.closed_at is None and key in closed:
                incident = replace(snapshot.incident, closed_at=closed[key])
                case = replace(case, snapshot=replace(snapshot, incident=incident, note="no longer watched"))
            self._apply(case, None)

    def _apply(self, case: OpenIncident, news: AnnouncementKind | None) -> None:
        """Decide about an incident after `news`, or with None after the passing of time."""
        incident = case.snapshot.incident
        after, notifications = decide(case.snapshot, case.sink_states, self._moment, news)
        self.changed[incident.id] = None
        self.open_incidents[incident.id] = replace(case, sink_states=after)
        if incident.closed_at is not None and not after:
            del self.open_incidents[incident.id]
        self.notifications += notifications


_FORGET = """DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE at < ?
    AND id <= ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0)
    AND incident NOT IN (SELECT id FROM incidents WHERE closed_at IS NULL)
    AND incident NOT IN (SELECT incident FROM tellings) ORDER BY id LIMIT ?)"""
