"""Result records of the store, all frozen. Times are Unix seconds, durations and RTTs seconds."""

from __future__ import annotations

from array import array
from enum import StrEnum
from typing import Literal

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass


class PeriodState(StrEnum):
    """State that a period of a server counts as: the severities, and maintenance."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    PAUSED = "paused"
    MAINTENANCE = "maintenance"

    @property
    def severity(self) -> Severity:
        """Return the severity by whose colour it is shown; maintenance is shown as a pause."""
        return _SEVERITIES.get(self.value, Severity.PAUSED)


FAILED = frozenset({Severity.DEGRADED, Severity.DOWN})
"""Severities that mean a problem with the server."""

_SEVERITIES = {severity.word: severity for severity in Severity}
_VERDICTS = {verdict.slug: verdict for verdict in Verdict}
_STATES = {state.value: state for state in PeriodState}


def state_of(word: str) -> PeriodState:
    """Return the state of a stored string; unknown if another version wrote it."""
    return _STATES.get(word, PeriodState.UNKNOWN)


def severity_of(word: str) -> Severity | None:
    """Return the severity of a stored string; None if another version wrote it."""
    return _SEVERITIES.get(word)


def verdict_of(slug: str | None) -> Verdict | None:
    """Return the verdict of a stored slug; None if there is none or this version does not know it."""
    return _VERDICTS.get(slug) if slug else None


@dataclass(frozen=True, slots=True)
class PeriodSummary:
    """Time per state of a period, in seconds, and the results of its checks.

    Only `up`, `degraded` and `down` is time with a known state. The rest of the period, beyond all six, is
    time without checks. Percentiles are None if no check was answered.
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
        """Return the seconds with a known state."""
        return self.up + self.degraded + self.down

    @property
    def worst(self) -> Severity | None:
        """Return the worst known state; None if there is none."""
        if self.down:
            return Severity.DOWN
        if self.degraded:
            return Severity.DEGRADED
        return Severity.UP if self.up else None

    @property
    def uptime(self) -> float | None:
        """Return the share of the known time, 0 to 1, in which the server was not down.

        None if no time is known.
        """
        return (self.up + self.degraded) / self.counted if self.counted else None

    @property
    def loss(self) -> float | None:
        """Return the share of lost checks, 0 to 1; None if there were none."""
        return self.lost / self.checks if self.checks else None


EMPTY_PERIOD = PeriodSummary()


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """Summary of the `length` seconds from `start` on."""

    start: float
    length: float
    seen: PeriodSummary


@dataclass(frozen=True, slots=True)
class StoredCheck:
    """One stored check, without its packets. `is_deciding` marks the deciding check of its round."""

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
        """Return whether it counts in loss and percentiles: it decides its round and had no local fault."""
        return self.is_deciding and self.verdict.severity is not Severity.UNKNOWN

    @property
    def has_failed(self) -> bool:
        """Return whether it found a problem with the server."""
        return self.verdict.severity in FAILED


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """A point in a server's timeline: from `at` on it was in `state`, with the check that began then.

    `check` is None if the state changed without a check (paused, resumed, diagnosed again). It is also None
    if this version does not know the stored verdict.
    """

    at: float
    state: PeriodState
    check: StoredCheck | None = None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A row of the journal. `id` is unique and grows; `since` belongs to the state of the point.

    That is the state of the server; in a row of another vantage, the state as that one sees it.
    """

    id: int
    server: str
    since: float
    moment: TimelinePoint
    port_monitor: str | None = None
    vantage: str = LOCAL_VANTAGE


@dataclass(frozen=True, slots=True)
class LastKnownState:
    """Last known state of a server: what a screen shows before the first check.

    `verdict` and `rtt` are of the last deciding check. `samples` are the last round-trip times, oldest first,
    NaN for a lost one. `damping` is the damping state as JSON, at most some minutes old. `checked_at` is Unix
    time: for a check that compaction has moved, the end of the time that is in the rollups. `port_monitor_at`
    is None where compaction has dropped it.
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
    checked_at: float | None = None
    port_monitor_at: float | None = None
    paused_until: float | None = None


@dataclass(frozen=True, slots=True)
class VantageLastKnown:
    """Last known report of another vantage on a server.

    `check` is its last check, `exchange` the last round with stored packets. The other fields are as in
    monitor.quorum.VantageState. `changed` grows with every change of any vantage state.
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
    """A server of the store. `entry` is JSON: the public part of its entry in servers.toml."""

    server: str
    entry: str
    removed_at: float | None


@dataclass(frozen=True, slots=True)
class ExchangeSummary:
    """A stored exchange of a vantage as a line in a list; `id` opens it."""

    id: int
    server: str
    at: float
    kind: Literal["change", "failure", "good"]
    verdict: Verdict
    incident: str | None
    vantage: str = LOCAL_VANTAGE


@dataclass(frozen=True, slots=True)
class StoredExchange:
    """A stored round with its packets."""

    line: ExchangeSummary
    round: Round


@dataclass(frozen=True, slots=True)
class Mute:
    """A mute: since when, until when (`inf`: until unmuted), and who asked for it."""

    since: float
    until: float
    who: str


@dataclass(frozen=True, slots=True)
class Note:
    """A note that a person added to an incident."""

    at: float
    who: str
    text: str
