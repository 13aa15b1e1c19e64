"""What the store gives back, as frozen records. Times are Unix seconds, durations and RTTs seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wgmon_tui.diagnosis.verdict import Severity, Verdict
from wgmon_tui.fleet.records import Address
from wgmon_tui.monitor.board import Round


@dataclass(frozen=True, slots=True)
class Seen:
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
    worst: Severity | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def counted(self) -> float:
        """Seconds in which we were able to see."""
        return self.up + self.degraded + self.down

    @property
    def uptime(self) -> float | None:
        """The share, 0 to 1, of the time seen in which the server was not down; None where none was seen."""
        return (self.up + self.degraded) / self.counted if self.counted else None

    @property
    def loss(self) -> float | None:
        """The share of checks lost, 0 to 1; None where there were none."""
        return self.lost / self.checks if self.checks else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was seen from `start` on, for `length` seconds."""

    start: float
    length: float
    seen: Seen


@dataclass(frozen=True, slots=True)
class PastCheck:
    """One check of the past, without its packets."""

    at: float
    address: Address | None
    vantage: str
    verdict: Verdict
    decides: bool
    rtt: float | None
    tunnel_sent: int | None = None
    tunnel_received: int | None = None
    tunnel_rtt: float | None = None


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    """A stored exchange as a list shows it; `id` is what opens it."""

    id: int
    server: str
    at: float
    kind: Literal["change", "failure", "good"]
    verdict: Verdict
    incident: str | None


@dataclass(frozen=True, slots=True)
class StoredExchange:
    """A round with its packets, as it was."""

    line: ExchangeLine
    round: Round


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote beside an incident."""

    at: float
    who: str
    text: str
