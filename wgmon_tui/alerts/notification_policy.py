"""Notification policy. Pure functions: per-sink state in; next state and notifications out.

The complete policy:

- A sink gets "opened" as soon as one of its rules selects it and nothing suppresses it. A suppression (mute,
  maintenance, quiet hours) is logged. When it ends, "opened" is sent if the incident is still open.
- A sink that got "opened" also gets "recovered", at the latest when its suppression has ended. A sink that
  did not get "opened" does not get "recovered" either.
- In between, it gets "cause changed" and "acknowledged" if a rule selects them and nothing suppresses them.
  It gets reminders until the incident is acknowledged.
- Without an acknowledgement in time, the sinks of `escalate_to` are notified as well.

Times are Unix seconds. After the clock was set back, a reminder is late by at most its interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

from wgmon_tui.alerts.models import AnnouncementKind, IncidentSnapshot
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Rule, is_selected
from wgmon_tui.store.models import Mute
from wgmon_tui.text import format_local_time

NO_MATCHING_RULE = "no rule of this sink selects this event"


@dataclass(frozen=True, slots=True)
class SinkState:
    """State of one incident for one sink: times of notifications, and the current suppression or ""."""

    told_at: float | None = None
    reminded_at: float | None = None
    escalated_at: float | None = None
    suppressed_by: str = ""

    def shifted(self, seconds: float) -> SinkState:
        """Return the state with its times shifted after a clock change."""
        times = (self.told_at, self.reminded_at, self.escalated_at)
        told, reminded, escalated = (None if at is None else at + seconds for at in times)
        return SinkState(told, reminded, escalated, self.suppressed_by)


Standings = Mapping[str, SinkState]
"""States by sink name. A sink without a state for the incident is absent."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification for a sink. With `suppressed_by`, it is not sent; that is the reason for the log."""

    sink: str
    kind: AnnouncementKind
    snapshot: IncidentSnapshot
    suppressed_by: str = ""


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """The current time, the alert rules and the mutes."""

    alerts: AlertSettings
    mutes: Mapping[str, Mute]
    now: float

    @property
    def local(self) -> datetime:
        """Return the local time, for quiet hours."""
        return datetime.fromtimestamp(self.now)  # noqa: DTZ006  quiet hours are local

    def suppression_of(self, server: str, tags: tuple[str, ...]) -> str:
        """Return the mute or maintenance of a server as text; "" if there is none."""
        mute = self.mutes.get(server)
        if mute and self.now < mute.until:
            by = f" by {mute.who}" if mute.who else ""
            ends = "further notice" if mute.until == inf else format_local_time(mute.until, seconds=False)
            return f"muted{by} until {ends}"
        on = (each.name for each in self.alerts.maintenance if each.covers(server, tags, self.now))
        name = next(on, None)
        return f'maintenance "{name}"' if name else ""

    def quiet_hours(self, rules: Sequence[Rule]) -> str:
        """Return the current quiet hours as text, if all rules are in their quiet hours; else ""."""
        spans = [next((span for span in rule.quiet if span.covers(self.local)), None) for rule in rules]
        first = spans[0] if spans and all(spans) else None
        return f"quiet hours {first.text}" if first else ""


def decide(
    snapshot: IncidentSnapshot,
    sink_states: Standings,
    moment: PolicyContext,
    news: AnnouncementKind | None = None,
) -> tuple[dict[str, SinkState], tuple[Notification, ...]]:
    """Return the next state of an incident per sink, and its notifications.

    `news` is the latest event of the incident, None if only time has passed.
    """
    suppressed_by = moment.suppression_of(snapshot.incident.server, snapshot.tags)
    after: dict[str, SinkState] = {}
    notifications: list[Notification] = []
    for sink in moment.alerts.sinks:
        if sink.is_event_driven:
            case = _SinkDecision(sink.name, snapshot, sink_states, moment, suppressed_by)
            sink_state, told = (
                case.on_closed() if snapshot.incident.closed_at is not None else case.on_update(news)
            )
            notifications += told
            if sink_state:
                after[sink.name] = sink_state
    return after, tuple(notifications)


@dataclass(frozen=True, slots=True)
class _SinkDecision:
    """Decides what one sink is notified of about one incident, by the event that came."""

    sink: str
    snapshot: IncidentSnapshot
    sink_states: Standings
    moment: PolicyContext
    suppressed_by: str

    def on_closed(self) -> tuple[SinkState | None, list[Notification]]:
        sink_state = self.sink_states.get(self.sink)
        if sink_state is None:
            return None, []
        if sink_state.told_at is None:
            return None, [
                self._notify(
                    AnnouncementKind.RECOVERED, f"{sink_state.suppressed_by}; the incident ended meanwhile"
                )
            ]
        rules = self._rules()
        if rules and not sink_state.escalated_at and not self._is_wanted(rules, AnnouncementKind.RECOVERED):
            return None, [self._notify(AnnouncementKind.RECOVERED, NO_MATCHING_RULE)]
        if suppressed_by := self.suppressed_by or self.moment.quiet_hours(rules):
            return replace(sink_state, suppressed_by=suppressed_by), self._suppress(
                sink_state, AnnouncementKind.RECOVERED, suppressed_by
            )
        return None, [self._notify(AnnouncementKind.RECOVERED)]

    def on_update(self, news: AnnouncementKind | None) -> tuple[SinkState | None, list[Notification]]:
        now, sink_state = self.moment.now, self.sink_states.get(self.sink)
        rules = self._rules()
        suppressed_by = self.suppressed_by or self.moment.quiet_hours(rules)
        if sink_state is None or sink_state.told_at is None:
            if not self._is_wanted(rules, AnnouncementKind.OPENED):
                return self._escalate(SinkState())
            if suppressed_by:
                sink_state = sink_state or SinkState()
                return replace(sink_state, suppressed_by=suppressed_by), self._suppress(
                    sink_state, AnnouncementKind.OPENED, suppressed_by
                )
            return SinkState(now, now), [self._notify(AnnouncementKind.OPENED)]
        if (
            news
            and news is not AnnouncementKind.OPENED
            and (sink_state.escalated_at or self._is_wanted(rules, news))
        ):
            if suppressed_by:
                return sink_state, [self._notify(news, suppressed_by)]
            return replace(sink_state, reminded_at=now), [self._notify(news)]
        escalated, told = self._escalate(sink_state)
        if told or suppressed_by or self.snapshot.incident.acknowledged_at is not None:
            return escalated, told
        every = min(
            (rule.remind_every for rule in rules if rule.remind_every and self._is_loud(rule)), default=inf
        )
        since = min(sink_state.reminded_at or now, now)
        if now - since >= every:
            return replace(sink_state, reminded_at=now), [self._notify(AnnouncementKind.REMINDER)]
        return replace(sink_state, reminded_at=since), []

    def _escalate(self, sink_state: SinkState) -> tuple[SinkState | None, list[Notification]]:
        """Escalate to this sink if the incident was not acknowledged in time."""
        now, nothing = self.moment.now, sink_state if sink_state != SinkState() else None
        if (
            self.suppressed_by
            or sink_state.escalated_at
            or self.snapshot.incident.acknowledged_at is not None
        ):
            return nothing, []
        for rule in self.moment.alerts.effective_rules:
            told = [
                each.told_at for name in rule.sinks if (each := self.sink_states.get(name)) and each.told_at
            ]
            if (
                self.sink in rule.escalate_to
                and rule.escalate_after is not None
                and told
                and now - min(told) >= rule.escalate_after
                and _matches(rule, self.snapshot)
                and self._is_loud(rule)
            ):
                escalated = SinkState(sink_state.told_at or now, now, now)
                return escalated, [self._notify(AnnouncementKind.ESCALATION)]
        return nothing, []

    def _rules(self) -> list[Rule]:
        """Return the rules that select this incident for this sink."""
        rules = self.moment.alerts.effective_rules
        return [rule for rule in rules if self.sink in rule.sinks and _matches(rule, self.snapshot)]

    def _is_wanted(self, rules: list[Rule], kind: AnnouncementKind) -> bool:
        return any(kind in rule.events for rule in rules)

    def _is_loud(self, rule: Rule) -> bool:
        return not any(span.covers(self.moment.local) for span in rule.quiet)

    def _suppress(
        self, sink_state: SinkState, kind: AnnouncementKind, suppressed_by: str
    ) -> list[Notification]:
        return [] if sink_state.suppressed_by == suppressed_by else [self._notify(kind, suppressed_by)]

    def _notify(self, kind: AnnouncementKind, suppressed_by: str = "") -> Notification:
        before = self.sink_states.get(self.sink)
        snapshot = self.snapshot
        if before and before.suppressed_by and not suppressed_by:
            snapshot = replace(snapshot, suppressed_by=before.suppressed_by)
        return Notification(self.sink, kind, snapshot, suppressed_by)


def _matches(rule: Rule, snapshot: IncidentSnapshot) -> bool:
    incident = snapshot.incident
    return (
        is_selected(incident.server, snapshot.tags, rule.servers, rule.tags)
        and (not rule.severities or incident.severity.word in rule.severities)
        and (
            not rule.verdicts
            or not {incident.verdict.slug, incident.latest.verdict.slug}.isdisjoint(rule.verdicts)
        )
    )
