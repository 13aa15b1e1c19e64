"""Announcements and the errors of sinks. Announcements can be written as JSON and read again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.store.formats.incident_snapshot import IncidentSnapshot

__all__ = [
    "Announcement",
    "AnnouncementKind",
    "ExpiryNotice",
    "GiveUpError",
    "IncidentSnapshot",
    "RetryError",
    "ServerHeartbeat",
]


class AnnouncementKind(StrEnum):
    """Kind of an announcement. The values are part of the store and of the webhook's JSON."""

    OPENED = "opened"
    CAUSE_CHANGED = "cause changed"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    """Sent to further sinks, because the incident was not acknowledged in time."""
    RECOVERED = "recovered"
    ACKNOWLEDGED = "acknowledged"
    STOPPED = "writer stopped"
    """wgmon-tui stopped checking; with a `note`, it did not check for a while and has resumed."""
    TEST = "test"
    BEAT = "beat"
    """Heartbeat of wgmon-tui, for a dead-man's switch.

    `about` is empty, `heartbeats` are the servers' states.
    """
    FIRING = "firing"
    """All open incidents in `about`, for a sink that needs them repeated."""
    EXPIRY = "expiry"
    """The things in `expiries` end soon, or have ended."""


@dataclass(frozen=True, slots=True)
class ServerHeartbeat:
    """A server and its current state, for a sink with one ping per server."""

    server: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class ExpiryNotice:
    """A certificate, key or subscription of a server that ends at `at`, in Unix seconds.

    `what` and `name` are those of checks/expiry.py: Expires.
    """

    server: str
    what: str
    name: str
    at: float


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message. `id` stays the same when it is sent again, so that a receiver can drop the duplicate.

    `at` is the Unix time of the event. `about` are the incidents in the message, worst first. `common_cause`
    is what they share, as text ("the address 198.51.100.7"), or "". `vantage` is the vantage that sends it.
    `late_s` is the delay in seconds, 0 if it is too short to mention. `note` is additional text of kinds
    without an incident (TEST, STOPPED). `expiries` are what expires, the first one first.
    """

    id: str
    kind: AnnouncementKind
    at: float
    about: tuple[IncidentSnapshot, ...] = ()
    common_cause: str = ""
    vantage: str = ""
    late_s: float = 0.0
    note: str = ""
    heartbeats: tuple[ServerHeartbeat, ...] = ()
    expiries: tuple[ExpiryNotice, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the servers that it is about, each once."""
        of_incidents = (each.incident.server for each in self.about)
        return tuple(dict.fromkeys((*of_incidents, *(each.server for each in self.expiries))))

    @property
    def severity(self) -> Severity | None:
        """Return the worst severity of its incidents; None without incidents."""
        return min((each.incident.severity for each in self.about), key=lambda each: each.rank, default=None)


class RetryError(Exception):
    """Delivery failed, but a later attempt may succeed. `after` is the requested delay in seconds.

    The message is one line for the screen and contains no secret: "HTTP 503", "no answer within 10s".
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class GiveUpError(Exception):
    """Delivery failed for good: the message was refused. The message is one line without secrets."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
