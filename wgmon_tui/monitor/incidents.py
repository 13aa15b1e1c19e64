"""Incidents: stretches of time in which a server was not up, and what happens to them.

An incident opens when the damping rule settles that a server is not up, and closes when it settles that it is
up again. It also ends, and a note in its last event says why, where nobody looks any more (the server was
paused, or left servers.toml) and where it never was the server's (our own uplink). A server whose entry is
edited keeps its incident: the edit is what mends it, or it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from secrets import token_hex
from typing import TYPE_CHECKING

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.monitor.damping import Damping

if TYPE_CHECKING:
    from wgmon_tui.checks.check import Check

BROKEN = (Severity.DOWN, Severity.DEGRADED)
"""The severities that an incident has, worst first."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A stretch of time in which a server was not up, by the damping rule. Times are Unix seconds.

    `id` is random and stays, so that whoever hears of it twice knows. `verdict` and `summary` are the cause
    as known now, `severity` the worst of it. `vantage` names those who say so, with commas between.
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


class EventKind(Enum):
    """What happened to an incident."""

    OPENED = "opened"
    CAUSE_CHANGED = "cause changed"
    """Another verdict, a worse severity, or it is seen to flap."""
    CLOSED = "closed"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """Something happened to an incident: the incident as it is after that, at the Unix time `at`.

    `who` did it, where somebody did, and `note` is kind is to be written beside the incident.
    """

    kind: EventKind
    at: float
    incident: Incident
    who: str = ""
    note: str = ""


def random_id() -> str:
    """An incident's id: 64 random bits, in hex."""
    return token_hex(8)


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
    """The open incident of a server after a counted check, and what happened to it.

    `damping` is the state after that check; `confirmed` says that the check before had the same verdict. A
    cause changes only then: an ICMP error that a router sends with every other check is no news.
    """
    settled, verdict = damping.severity, diagnosis.verdict
    if settled not in BROKEN:
        return (None, close_incident(incident, now)) if incident and settled else (incident, None)
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
        )
        return opened, IncidentEvent(EventKind.OPENED, now, opened)
    worse = BROKEN.index(settled) < BROKEN.index(incident.severity)
    other = confirmed and verdict is not incident.verdict and verdict.severity is settled
    if worse or other:
        incident = replace(
            incident,
            vantage=check.vantage,
            verdict=verdict,
            summary=diagnosis.summary,
            severity=settled if worse else incident.severity,
        )
    elif incident.flapping or not damping.flapping:
        return incident, None
    incident = replace(incident, flapping=incident.flapping or damping.flapping)
    return incident, IncidentEvent(EventKind.CAUSE_CHANGED, now, incident)


def close_incident(incident: Incident, now: float, who: str = "", note: str = "") -> IncidentEvent:
    """An incident is over; `note` says why, where that is not because the server is up again.

    No incident ends before it began, whatever the clock says.
    """
    return IncidentEvent(
        EventKind.CLOSED, now, replace(incident, closed_at=max(now, incident.opened_at)), who, note
    )


def acknowledge_incident(incident: Incident, now: float, who: str, note: str = "") -> IncidentEvent:
    """Somebody has seen an incident. Who was first stays so; a second one may add a note."""
    if incident.acknowledged_at is None:
        incident = replace(incident, acknowledged_at=now, acknowledged_by=who)
    return IncidentEvent(EventKind.ACKNOWLEDGED, now, incident, who, note)
