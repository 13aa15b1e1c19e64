"""Incidents: stretches of time in which a server was not up, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wgmon_tui.diagnosis.verdict import Severity, Verdict


@dataclass(frozen=True, slots=True)
class Incident:
    """A stretch of time in which a server was not up, by the damping rule. Times are Unix seconds.

    `id` is random and stays, so that whoever hears of it twice knows. `verdict` and `summary` are the cause
    as known now, `severity` the worst of it.
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


class What(Enum):
    """What happened to an incident."""

    OPENED = "opened"
    CAUSE_CHANGED = "cause changed"
    CLOSED = "closed"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to an incident: the incident as it is after that, at the Unix time `at`."""

    what: What
    at: float
    incident: Incident
