"""Who is to be told what of an incident, and when. Pure: a state a sink in, the next one and what to say out.

The rule, all of it:

- A sink is told that an incident opened as soon as a rule of its wants that and nothing holds it back. What
  holds it back (a mute, a maintenance, quiet hours) is said in the log, and told of when it ends, if the
  incident is still open then.
- A sink that was told is told of the end, at the latest when what holds that back has ended. A sink that was
  not is not told of the end either.
- In between it is told of another cause and of an acknowledgement, where a rule wants that and nothing holds
  it back, and reminded while nobody has acknowledged.
- Where nobody acknowledges in time, the sinks of `escalate_to` are told as well.

Times are Unix seconds. A clock that was set back makes a reminder come later by no more than its interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

from wgmon_tui.alerts.models import AnnouncementKind, IncidentSnapshot
from wgmon_tui.config.alerting import AlertSettings, Maintenance, Rule, is_selected
from wgmon_tui.store.models import Mute
from wgmon_tui.text import format_local_time

NO_MATCHING_RULE = "no rule of this sink asks for that"


@dataclass(frozen=True, slots=True)
class SinkState:
    """How an incident stands with one sink: told of since when, and what holds the next word back ("")."""

    told_at: float | None = None
    reminded_at: float | None = None
    escalated_at: float | None = None
    suppressed_by: str = ""


Standings = Mapping[str, SinkState]
"""By the sinks' names; a sink that has nothing to do with the incident is not in it."""


@dataclass(frozen=True, slots=True)
class Notification:
    """Tell a sink this. With `suppressed_by` do not: it says what keeps it from being told, now or for ever."""

    sink: str
    kind: AnnouncementKind
    snapshot: IncidentSnapshot
    suppressed_by: str = ""


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """When it is, and what it needs the time for: what the rules are, and what is muted."""

    alerts: AlertSettings
    mutes: Mapping[str, Mute]
    now: float

    @property
    def local(self) -> datetime:
        """The operator's time of day."""
        return datetime.fromtimestamp(self.now)  # noqa: DTZ006  quiet hours are local

    def suppression_of(self, snapshot: IncidentSnapshot) -> str:
        """The mute or the maintenance of a server, in words; "" where there is none."""
        server = snapshot.incident.server
        mute = self.mutes.get(server)
        if mute and self.now < mute.until:
            by = f" by {mute.who}" if mute.who else ""
            ends = "further notice" if mute.until == inf else format_local_time(mute.until, seconds=False)
            return f"muted{by} until {ends}"
        on = (each.name for each in self.alerts.maintenance if self._is_on(each, snapshot))
        name = next(on, None)
        return f'maintenance "{name}"' if name else ""

    def _is_on(self, maintenance: Maintenance, snapshot: IncidentSnapshot) -> bool:
        return maintenance.covers(snapshot.incident.server, snapshot.tags, self.now)


def decide(
    snapshot: IncidentSnapshot,
    sink_states: Standings,
    moment: PolicyContext,
    news: AnnouncementKind | None = None,
) -> tuple[dict[str, SinkState], tuple[Notification, ...]]:
    """How an incident stands with each sink from now on, and what is to be told.

    `news` is what has just happened to it, None where only time has passed.
    """
    suppressed_by = moment.suppression_of(snapshot)
    after: dict[str, SinkState] = {}
    notifications: list[Notification] = []
    for sink in moment.alerts.sinks:
        if sink.is_event_driven:
            case = _SinkDecision(sink.name, snapshot, sink_states, moment, suppressed_by)
            standing, told = (
                case.on_closed() if snapshot.incident.closed_at is not None else case.on_update(news)
            )
            notifications += told
            if standing:
                after[sink.name] = standing
    return after, tuple(notifications)


@dataclass(frozen=True, slots=True)
class _SinkDecision:
    """One incident and one sink."""

    sink: str
    snapshot: IncidentSnapshot
    sink_states: Standings
    moment: PolicyContext
    suppressed_by: str

    def on_closed(self) -> tuple[SinkState | None, list[Notification]]:
        standing = self.sink_states.get(self.sink)
        if standing is None:
            return None, []
        if standing.told_at is None:
            return None, [
                self._notify(AnnouncementKind.RECOVERED, f"{standing.suppressed_by}; it ended meanwhile")
            ]
        rules = self._rules()
        if rules and not standing.escalated_at and not self._is_wanted(rules, AnnouncementKind.RECOVERED):
            return None, [self._notify(AnnouncementKind.RECOVERED, NO_MATCHING_RULE)]
        if suppressed_by := self.suppressed_by or self._quiet_hours(rules):
            return replace(standing, suppressed_by=suppressed_by), self._suppress(
                standing, AnnouncementKind.RECOVERED, suppressed_by
            )
        return None, [self._notify(AnnouncementKind.RECOVERED)]

    def on_update(self, news: AnnouncementKind | None) -> tuple[SinkState | None, list[Notification]]:
        now, standing = self.moment.now, self.sink_states.get(self.sink)
        rules = self._rules()
        suppressed_by = self.suppressed_by or self._quiet_hours(rules)
        if standing is None or standing.told_at is None:
            if not self._is_wanted(rules, AnnouncementKind.OPENED):
                return self._escalate(SinkState())
            if suppressed_by:
                standing = standing or SinkState()
                return replace(standing, suppressed_by=suppressed_by), self._suppress(
                    standing, AnnouncementKind.OPENED, suppressed_by
                )
            return SinkState(now, now), [self._notify(AnnouncementKind.OPENED)]
        if (
            news
            and news is not AnnouncementKind.OPENED
            and (standing.escalated_at or self._is_wanted(rules, news))
        ):
            if suppressed_by:
                return standing, [self._notify(news, suppressed_by)]
            return replace(standing, reminded_at=now), [self._notify(news)]
        escalated, told = self._escalate(standing)
        if told or suppressed_by or self.snapshot.incident.acknowledged_at is not None:
            return escalated, told
        every = min(
            (rule.remind_every for rule in rules if rule.remind_every and self._is_loud(rule)), default=inf
        )
        since = min(standing.reminded_at or now, now)
        if now - since >= every:
            return replace(standing, reminded_at=now), [self._notify(AnnouncementKind.REMINDER)]
        return replace(standing, reminded_at=since), []

    def _escalate(self, standing: SinkState) -> tuple[SinkState | None, list[Notification]]:
        """Whether nobody has acknowledged it for so long that this sink is told as well."""
        now, nothing = self.moment.now, standing if standing != SinkState() else None
        if self.suppressed_by or standing.escalated_at or self.snapshot.incident.acknowledged_at is not None:
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
                escalated = SinkState(standing.told_at or now, now, now)
                return escalated, [self._notify(AnnouncementKind.ESCALATION)]
        return nothing, []

    def _rules(self) -> list[Rule]:
        """Those that tell this sink of incidents such as this one."""
        rules = self.moment.alerts.effective_rules
        return [rule for rule in rules if self.sink in rule.sinks and _matches(rule, self.snapshot)]

    def _is_wanted(self, rules: list[Rule], kind: AnnouncementKind) -> bool:
        return any(kind in rule.events for rule in rules)

    def _is_loud(self, rule: Rule) -> bool:
        return not any(span.covers(self.moment.local) for span in rule.quiet)

    def _quiet_hours(self, rules: list[Rule]) -> str:
        """The quiet hours, where all rules have theirs now."""
        spans = [
            next((span for span in rule.quiet if span.covers(self.moment.local)), None) for rule in rules
        ]
        first = spans[0] if spans and all(spans) else None
        return f"quiet hours {first.text}" if first else ""

    def _suppress(
        self, standing: SinkState, kind: AnnouncementKind, suppressed_by: str
    ) -> list[Notification]:
        return [] if standing.suppressed_by == suppressed_by else [self._notify(kind, suppressed_by)]

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
        and (not rule.verdicts or incident.verdict.slug in rule.verdicts)
    )
