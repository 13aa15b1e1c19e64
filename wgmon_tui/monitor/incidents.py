"""Incidents: periods in which a server was not up, and the events of each.

An incident opens when the damping rule settles that a server is not up. It closes when the rule settles that
the server is up again. It also ends when the server is no longer checked (paused, or removed from
servers.toml), or when the local uplink was to blame. A note in the last event then gives the reason. A server
whose entry is edited keeps its incident: the edit may fix it or not.

The headline of an incident is its worst verdict: the one with which it first reached its worst severity.
Among equals the first one counts, because later ones often follow from it, and because it never changes back
and forth. The sequence of verdicts is beside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.checks.check import Check

BROKEN = (Severity.DOWN, Severity.DEGRADED)
"""The severities that an incident can have, worst first."""


MAX_VERDICTS = 32
"""Verdicts that an incident keeps: the first half and the latest half. The others are counted."""


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A verdict of an incident, from the Unix time `at` on."""

    at: float
    verdict: Verdict
    summary: str


@dataclass(frozen=True, slots=True)
class Incident:
    """A period in which a server was not up, by the damping rule. Times are Unix seconds.

    `id` is random and never changes, so that a receiver can recognise duplicates. `verdict` and `summary` are
    those of its worst time; `severity` is the worst so far. `vantage` names the vantages that report it,
    separated by commas. `verdicts` is the sequence, oldest first, without repeats and without
    `omitted_verdicts` of its middle. It is empty if an earlier version or run opened the incident.
    """

    id: str
    server: str
    vantage: str
    opened_at: float
    verdict: Verdict
    severity: Severity
    summary: str
    closed_at: float | None = None
    flapping: bool = False
    acknowledged_at: float | None = None
    acknowledged_by: str = ""
    verdicts: tuple[VerdictChange, ...] = ()
    omitted_verdicts: int = 0

    @property
    def latest(self) -> VerdictChange:
        """Return the latest verdict that is not up: the cause as known now."""
        broken = (each for each in reversed(self.verdicts) if each.verdict.severity in BROKEN)
        return next(broken, VerdictChange(self.opened_at, self.verdict, self.summary))

    @property
    def sequence(self) -> str:
        """Return the slugs of the verdicts in order: "port-closed, then silent"; at least the headline."""
        slugs = [each.verdict.slug for each in self.verdicts] or [self.verdict.slug]
        if self.omitted_verdicts:
            slugs.insert(MAX_VERDICTS // 2, f"{self.omitted_verdicts} more")
        return ", then ".join(slugs)


class EventKind(Enum):
    """Kind of incident event."""

    OPENED = "opened"
    CAUSE_CHANGED = "cause changed"
    """Another verdict, a worse severity, or the server now flaps."""
    CLOSED = "closed"
    ACKNOWLEDGED = "acknowledged"
    NOTED = "noted"
    """Only a note was added: it is stored, and nobody is notified."""


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """An event of an incident: the incident after the event, at the Unix time `at`.

    `who` caused it, if a person did. `note` is a text to store with the incident.
    """

    kind: EventKind
    at: float
    incident: Incident
    who: str = ""
    note: str = ""


def random_id() -> str:
    """Return a new incident id: 64 random bits, in hex."""
    return os.urandom(8).hex()


def update_incident(
    incident: Incident | None,
    damping: Damping,
    check: Check,
    diagnosis: Diagnosis,
    now: float,
    *,
    confirmed: bool,
    new_id: Callable[[], str] = random_id,
) -> tuple[Incident | None, IncidentEvent | None]:
    """Return the open incident of a server after a counted check, and the resulting event.

    `damping` is the state after that check. `confirmed` means that the check before had the same verdict. The
    cause changes only then: an ICMP error that a router sends with every other check is not a new cause.
    """
    settled, verdict = damping.severity, diagnosis.verdict
    if settled not in BROKEN:
        if incident is None or settled is None:
            return incident, None
        if verdict.severity is Severity.UP:
            incident = _with_verdict(incident, now, diagnosis)
        return None, close_incident(incident, now)
    if incident is None:
        if verdict.severity not in BROKEN:
            return None, None
        opened = Incident(
            id=new_id(),
            server=check.server,
            vantage=check.vantage,
            opened_at=now,
            verdict=verdict,
            severity=settled,
            summary=diagnosis.summary,
            flapping=damping.flapping,
            verdicts=(VerdictChange(now, verdict, diagnosis.summary),),
        )
        return opened, IncidentEvent(EventKind.OPENED, now, opened)
    worse = BROKEN.index(settled) < BROKEN.index(incident.severity)
    other = confirmed and verdict is not incident.latest.verdict and verdict.severity is settled
    if worse or other:
        incident = _with_verdict(replace(incident, vantage=check.vantage), now, diagnosis)
    if worse:
        # The same verdict keeps its sentence, whose evidence is of the time from which the verdict stands.
        summary = incident.summary if verdict is incident.verdict else diagnosis.summary
        incident = replace(incident, verdict=verdict, summary=summary, severity=settled)
    elif not other and (incident.flapping or not damping.flapping):
        return incident, None
    incident = replace(incident, flapping=incident.flapping or damping.flapping)
    return incident, IncidentEvent(EventKind.CAUSE_CHANGED, now, incident)


def _with_verdict(incident: Incident, now: float, diagnosis: Diagnosis) -> Incident:
    """Add a verdict to the sequence, if it differs from the last one."""
    known = incident.verdicts or (VerdictChange(incident.opened_at, incident.verdict, incident.summary),)
    if known[-1].verdict is diagnosis.verdict:
        return replace(incident, verdicts=known)
    verdicts = (*known, VerdictChange(now, diagnosis.verdict, diagnosis.summary))
    omitted = max(0, len(verdicts) - MAX_VERDICTS)
    half = MAX_VERDICTS // 2
    if omitted:
        verdicts = (*verdicts[:half], *verdicts[half + omitted :])
    return replace(incident, verdicts=verdicts, omitted_verdicts=incident.omitted_verdicts + omitted)


def close_incident(incident: Incident, now: float, who: str = "", note: str = "") -> IncidentEvent:
    """Close an incident; `note` is the reason, if the server did not come up again.

    An incident never ends before it began, even if the clock was set back.
    """
    return IncidentEvent(
        EventKind.CLOSED, now, replace(incident, closed_at=max(now, incident.opened_at)), who, note
    )


def acknowledge_incident(incident: Incident, now: float, who: str, note: str = "") -> IncidentEvent:
    """Acknowledge an incident. The first acknowledgement is kept; a later one may add a note."""
    if incident.acknowledged_at is None:
        incident = replace(incident, acknowledged_at=now, acknowledged_by=who)
    return IncidentEvent(EventKind.ACKNOWLEDGED, now, incident, who, note)
