"""What the store gives back, as frozen records. Times are Unix seconds, durations and RTTs seconds."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.net.addresses import Address


class PeriodState(StrEnum):
    """What a stretch of a server's time is counted as: the words of the severities, and one more."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    PAUSED = "paused"
    MAINTENANCE = "maintenance"

    @property
    def severity(self) -> Severity:
        """How it is shown."""
        return _SEVERITIES.get(self.value, Severity.PAUSED)


FAILED = frozenset({Severity.DEGRADED, Severity.DOWN})
"""What says that something is wrong with a server."""

_SEVERITIES = {severity.word: severity for severity in Severity}
_VERDICTS = {verdict.slug: verdict for verdict in Verdict}
_STATES = {state.value: state for state in PeriodState}


def state_of(word: str) -> PeriodState:
    """The state of a stored word; one that another version wrote and we do not know is unknown to us."""
    return _STATES.get(word, PeriodState.UNKNOWN)


def severity_of(word: str) -> Severity | None:
    """The severity of a stored word; None where another version wrote one that we do not know."""
    return _SEVERITIES.get(word)


def verdict_of(slug: str | None) -> Verdict | None:
    """The verdict of a stored slug; None where there is none, and where we do not know it."""
    return _VERDICTS.get(slug) if slug else None


@dataclass(frozen=True, slots=True)
class PeriodSummary:
    """How a stretch of time was spent, in seconds by state, and what the checks in it found.

    Only `up`, `degraded` and `down` is time in which we were able to see. What is left of a window beside
    all six is time in which nobody checked. Percentiles are None where nothing was answered.
    """

    checks: int = 0
    lost: int = 0
    up: float = 0.0
    degraded: float = 0.0
    down: float = 0.0
    unknown: float = 0.0
    paused: float = 0.0
    maintenance: float = 0.0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def counted(self) -> float:
        """Seconds in which we were able to see."""
        return self.up + self.degraded + self.down

    @property
    def worst(self) -> Severity | None:
        """The worst state of the time seen; None where none was."""
        if self.down:
            return Severity.DOWN
        if self.degraded:
            return Severity.DEGRADED
        return Severity.UP if self.up else None

    @property
    def uptime(self) -> float | None:
        """The share, 0 to 1, of the time seen in which the server was not down; None where none was seen."""
        return (self.up + self.degraded) / self.counted if self.counted else None

    @property
    def loss(self) -> float | None:
        """The share of checks lost, 0 to 1; None where there were none."""
        return self.lost / self.checks if self.checks else None


EMPTY_PERIOD = PeriodSummary()


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """What was seen from `start` on, for `length` seconds."""

    start: float
    length: float
    seen: PeriodSummary


@dataclass(frozen=True, slots=True)
class StoredCheck:
    """One check of the past, without its packets. `is_deciding` says that it spoke for its round."""

    at: float
    address: Address | None
    vantage: str
    verdict: Verdict
    is_deciding: bool
    rtt: float | None
    tunnel_sent: int | None = None
    tunnel_received: int | None = None
    tunnel_rtt: float | None = None

    @property
    def is_counted(self) -> bool:
        """Whether loss and percentiles take it in: it speaks for its server, and we were able to see."""
        return self.is_deciding and self.verdict.severity is not Severity.UNKNOWN

    @property
    def has_failed(self) -> bool:
        """Whether it found something wrong with the server."""
        return self.verdict.severity in FAILED


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """From `at` on a server was in `state`, and the check that began then.

    `check` is None where the state changed without one (paused, resumed, judged anew), and where another
    version's verdict is not known to us.
    """

    at: float
    state: PeriodState
    check: StoredCheck | None = None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A row of the journal. `id` never comes twice and grows; `since` is of the moment's state."""

    id: int
    server: str
    since: float
    moment: TimelinePoint
    port_monitor: str | None = None


@dataclass(frozen=True, slots=True)
class LastKnownState:
    """What the store knows of a server now: what a face shows before the first check.

    `verdict` and `rtt` are of the last check that decided; `samples` its last round-trip times, oldest
    first, NaN for a lost one; `damping` the JSON of the damping rule's state, at most some minutes old.
    """

    server: str
    state: PeriodState
    since: float | None
    verdict: Verdict | None
    rtt: float | None
    port_monitor: str | None
    damping: str
    samples: array[float]
    incident: Incident | None = None
    paused_since: float | None = None
    paused_by: str = ""


@dataclass(frozen=True, slots=True)
class VantageLastKnown:
    """What another vantage says of a server now: its last check, and `exchange`, the last of which the
    packets are kept. The rest is as in monitor.sights.Sight; `changed` grows with every change of any.
    """

    server: str
    vantage: str
    check: StoredCheck
    valid_until: float
    current: bool
    damping: str
    last_up_at: float | None
    rtts: tuple[float | None, ...]
    exchange: Round | None
    changed: int


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A server of the store. `entry` is JSON: what viewers may know of its entry in servers.toml."""

    server: str
    entry: str
    removed_at: float | None


@dataclass(frozen=True, slots=True)
class ExchangeSummary:
    """A stored exchange as a list shows it; `id` is what opens it."""

    id: int
    server: str
    at: float
    kind: Literal["change", "failure", "good"]
    verdict: Verdict
    incident: str | None


@dataclass(frozen=True, slots=True)
class VantageCheckId:
    """What another vantage has numbered a check by, and what opens its packets."""

    vantage: str
    epoch: str
    number: int


@dataclass(frozen=True, slots=True)
class StoredExchange:
    """A round with its packets, as it was."""

    line: ExchangeSummary
    round: Round


@dataclass(frozen=True, slots=True)
class Mute:
    """Since when nobody is told of a server, until when (`inf` until somebody ends it), and at whose word."""

    since: float
    until: float
    who: str


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote beside an incident."""

    at: float
    who: str
    text: str
