"""Which expiry dates of certificates, keys and subscriptions a sink is notified of. Pure functions.

- A rule has thresholds: times before the date. A sink gets one message when a date comes within a threshold.
  A date that is within several thresholds at first makes one message.
- A mute, a pause, a maintenance or quiet hours hold the message back. It is sent later, if it still holds.
- A later date is a renewal, and nothing is sent. The thresholds apply again to the new date, except those
  that it has passed already: a certificate of six days makes no message at each renewal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from hashlib import sha256

from wgmon_tui.alerts.models import Announcement, AnnouncementKind, ExpiryNotice
from wgmon_tui.alerts.notification_policy import PolicyContext
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.alerting import Rule, is_selected
from wgmon_tui.store.read.expiries import ExpiringServer

MAX_EXPIRIES = 200
"""Maximum number of expiry dates in one message."""

_SAME_DATE_S = 3600.0
"""Dates that differ by less are the same: some servers report the time that is left, not the date."""

_PAUSED = "paused"
_RENEWED = "renewed"
"""Why no message is sent for a threshold that the new date has passed already."""


@dataclass(frozen=True, slots=True)
class ExpiryState:
    """How an end `at` stands with a sink.

    `within` is the smallest threshold that needs no message any more. `suppressed_by` is why the sink gets no
    message now, or "".
    """

    at: float
    within: float | None = None
    suppressed_by: str = ""


ExpiryKey = tuple[str, str, str, str]
"""Server, kind of thing, its name, and the sink."""

ExpiryStates = Mapping[ExpiryKey, ExpiryState]


@dataclass(frozen=True, slots=True)
class ExpiryNotification:
    """An expiry date that a sink is notified of because it came within a threshold, in seconds.

    With `suppressed_by`, it is not; that is the reason for the log.
    """

    sink: str
    notice: ExpiryNotice
    within: float
    suppressed_by: str = ""


def decide_expiries(
    servers: Iterable[ExpiringServer], states: ExpiryStates, moment: PolicyContext
) -> tuple[dict[ExpiryKey, ExpiryState], tuple[ExpiryNotification, ...]]:
    """Return the states that change, and the notifications, the first date first."""
    changed: dict[ExpiryKey, ExpiryState] = {}
    notifications: list[ExpiryNotification] = []
    sinks = [sink.name for sink in moment.alerts.sinks if sink.is_event_driven]
    for server in servers:
        for sink in sinks:
            for key, state, notification in _decide_for_sink(server, sink, states, moment):
                changed[key] = state
                if notification:
                    notifications.append(notification)
    return changed, tuple(sorted(notifications, key=lambda each: _order(each.notice)))


def _decide_for_sink(
    server: ExpiringServer, sink: str, states: ExpiryStates, moment: PolicyContext
) -> Iterator[tuple[ExpiryKey, ExpiryState, ExpiryNotification | None]]:
    """The states of a server's dates that change for a sink, each with the notification if there is one."""
    rules = _rules_of(sink, server, moment)
    thresholds = {each for rule in rules for each in rule.expiry}
    if not thresholds:
        return
    for each in server.expiries:
        key = (server.name, each.what, each.name, sink)
        before = states.get(key)
        now_due = _smallest_reached(each, thresholds, moment.now)
        if before is None and now_due is None:
            continue
        state, notification = _state_of_date(before, each.at, now_due), None
        if now_due is not None and _is_news(state, now_due):
            suppressed_by = _suppression(server, rules, moment)
            if not suppressed_by or state.suppressed_by != suppressed_by:
                notice = ExpiryNotice(server.name, each.what, each.name, each.at)
                notification = ExpiryNotification(sink, notice, now_due, suppressed_by)
            state = (
                replace(state, suppressed_by=suppressed_by)
                if suppressed_by
                else ExpiryState(each.at, now_due)
            )
        if state != before:
            yield key, state, notification


def announcements_of(
    notifications: Iterable[ExpiryNotification], vantage: str, now: float
) -> list[tuple[str, Announcement]]:
    """Return the messages of each sink. What expires together is one message."""
    by_sink: dict[str, list[ExpiryNotification]] = {}
    for each in notifications:
        by_sink.setdefault(each.sink, []).append(each)
    return [
        (sink, _announce(told[start : start + MAX_EXPIRIES], vantage, now))
        for sink, told in by_sink.items()
        for start in range(0, len(told), MAX_EXPIRIES)
    ]


def _announce(told: Sequence[ExpiryNotification], vantage: str, now: float) -> Announcement:
    """Return one message. Its id is derived from its content, so that the same news never gets two ids."""
    content = [(astuple(each.notice), each.within) for each in told]
    name = f"expiry-{sha256(repr(content).encode()).hexdigest()[:24]}"
    notices = tuple(each.notice for each in told)
    return Announcement(name, AnnouncementKind.EXPIRY, now, vantage=vantage, expiries=notices)


def _rules_of(sink: str, server: ExpiringServer, moment: PolicyContext) -> list[Rule]:
    """The rules that select a server for a sink. Severities and verdicts are those of incidents."""
    return [
        rule
        for rule in moment.alerts.effective_rules
        if sink in rule.sinks
        and rule.expiry
        and is_selected(server.name, server.tags, rule.servers, rule.tags)
    ]


def _smallest_reached(expires: Expires, thresholds: Iterable[float], now: float) -> float | None:
    return min((each for each in thresholds if expires.at - now <= each), default=None)


def _state_of_date(before: ExpiryState | None, at: float, now_due: float | None) -> ExpiryState:
    """The state of this date, before it is decided what is sent now."""
    if before is None:
        return ExpiryState(at)
    if abs(at - before.at) < _SAME_DATE_S:
        return before
    if at > before.at and before.within is not None:
        return ExpiryState(at, now_due, _RENEWED if now_due is not None else "")
    return ExpiryState(at)


def _is_news(state: ExpiryState, now_due: float) -> bool:
    return state.within is None or now_due < state.within


def _suppression(server: ExpiringServer, rules: list[Rule], moment: PolicyContext) -> str:
    paused = _PAUSED if server.is_paused else ""
    return paused or moment.suppression_of(server.name, server.tags) or moment.quiet_hours(rules)


def _order(notice: ExpiryNotice) -> tuple[float, str, str, str]:
    return notice.at, notice.server, notice.what, notice.name
