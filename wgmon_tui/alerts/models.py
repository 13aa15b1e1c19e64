"""What is told, and what a sink says of the telling. All of it can be written as JSON and read again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.store.formats.incident_snapshot import IncidentSnapshot

__all__ = [
    "Announcement",
    "AnnouncementKind",
    "GiveUpError",
    "IncidentSnapshot",
    "RetryError",
    "ServerHeartbeat",
]


class AnnouncementKind(StrEnum):
    """What an announcement is about. The words stand in the store and in the webhook's JSON."""

    OPENED = "opened"
    CAUSE_CHANGED = "cause changed"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    """Nobody has acknowledged it: this sink is told because of that."""
    RECOVERED = "recovered"
    ACKNOWLEDGED = "acknowledged"
    STOPPED = "writer stopped"
    """Nobody checks any more; or nobody did for a while, where `note` says so."""
    TEST = "test"
    BEAT = "beat"
    """All is well with us: for a dead-man's switch. `about` is empty, `heartbeats` are the servers' states."""
    FIRING = "firing"
    """`about` is everything that is open now: for a sink that wants to hear so again and again."""


@dataclass(frozen=True, slots=True)
class ServerHeartbeat:
    """A server and its state now, for a sink that is pinged for each of them."""

    server: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message. `id` stays the same when it is sent again, so that a receiver can drop the second one.

    `at` is the Unix time of what happened. `about` are the servers in one message, the worst first; `common_cause` is
    what they share, in words ("the address 198.51.100.7"), "" for nothing. `vantage` is from where we look.
    `late_s` is by how many seconds it is sent later than it should have been, 0 where it is not worth a word.
    `note` is more to say where there is no incident (TEST, STOPPED).
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

    @property
    def severity(self) -> Severity | None:
        """The worst of what it is about; None where it is about no incident."""
        return min((each.incident.severity for each in self.about), key=lambda each: each.rank, default=None)


class RetryError(Exception):
    """It did not arrive, and may another time. `after` are the seconds that the other end asks us to wait.

    The message is one line for the screen and holds no secret: "HTTP 503", "no answer within 10s".
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class GiveUpError(Exception):
    """It will never arrive as it is: refused, or the settings are wrong. One line without secrets, too."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
