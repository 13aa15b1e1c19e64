"""Quorum: what each vantage reports about a server, and what they agree on. Pure functions.

The complete rule:

- A vantage has a view of a server if three things hold: its last check had a known outcome, its damping rule
  has settled, and its report is current. The local vantage counts as one.
- `quorum` vantages must agree, or all that have a view if those are fewer.
- The server is down when that many settled on down, and degraded when that many settled on degraded or down.
  Otherwise it is up. If only one vantage has a view, it decides.
- If a server is down and some vantages do not see it down, `diagnose_regional` makes the diagnosis, with the
  result of each vantage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor import regional
from wgmon_tui.monitor.damping import Damping, DampingRules, next_damping
from wgmon_tui.monitor.incidents import BROKEN
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.regional import VantageView
from wgmon_tui.records import dataclass

RTTS_KEPT = 20

DISCONNECTED_GRACE_S = 60.0
"""Seconds that the report of a disconnected vantage stays valid at most: a quick reconnect ends nothing."""


@dataclass(frozen=True, slots=True)
class VantageReport:
    """A round that a vantage made. `number` grows within an `epoch`, the lifetime of its store."""

    vantage: str
    epoch: str
    number: int
    server: str
    round: Round


@dataclass(frozen=True, slots=True)
class VantageState:
    """What a vantage other than the local one last reported about a server. Times are Unix seconds.

    `last` began at `at` and is valid until `valid_until`; after that it is not `current`. `exchange` is the
    last round with its packets, which routine rounds omit. `last_up_at` is when the vantage last found the
    server up. `rtts` are the last round-trip times in seconds, oldest first, None for a lost check.
    """

    vantage: str
    last: Round
    at: float
    valid_until: float
    damping: Damping = field(default_factory=Damping)
    exchange: Round | None = None
    last_up_at: float | None = None
    rtts: tuple[float | None, ...] = ()
    current: bool = True

    @property
    def diagnosis(self) -> Diagnosis:
        """Return the diagnosis of the last round."""
        return self.last.diagnosis

    @property
    def verdict(self) -> Verdict:
        """Return the verdict of the last round."""
        return self.last.diagnosis.verdict

    @property
    def severity(self) -> Severity:
        """Return the severity to show: unknown if the report has expired or had no known outcome."""
        return self.settled if self.current else Severity.UNKNOWN

    @property
    def settled(self) -> Severity:
        """Return the severity that the report settled on, whatever its age: the state for the history."""
        if self.verdict.severity is Severity.UNKNOWN:
            return Severity.UNKNOWN
        return self.damping.severity or Severity.UNKNOWN


@dataclass(frozen=True, slots=True)
class QuorumResult:
    """What all vantages with a view agree on.

    `vantages` are those that report it. `source` is the one whose diagnosis it is, "" if several are
    combined.
    """

    severity: Severity
    flapping: bool
    diagnosis: Diagnosis
    vantages: tuple[str, ...]
    source: str


def validity_s(server: Server) -> float:
    """Return for how many seconds after its start a round stays valid."""
    return 3 * server.interval + server.timeout


def next_vantage_state(
    before: VantageState | None, vantage: str, outcome: Round, server: Server, now: float, *, counted: bool
) -> VantageState:
    """Return the vantage state after a round.

    One that is not `counted`, because the server is paused, settles nothing. An old round, which a vantage
    queued while disconnected, settles what it did at that time.
    """
    check, severity = outcome.check, outcome.diagnosis.verdict.severity
    at = check.started_at
    damping = before.damping if before else Damping()
    rtts = before.rtts if before else ()
    up_at = before.last_up_at if before else None
    if severity is not Severity.UNKNOWN:
        rtts = (*rtts, check.handshake.rtt if check.handshake else None)[-RTTS_KEPT:]
        if counted:
            damping = next_damping(damping, severity, DampingRules.of(server), at)
    valid_until = at + validity_s(server)
    return VantageState(
        vantage=vantage,
        last=outcome,
        at=at,
        valid_until=valid_until,
        damping=damping,
        exchange=outcome if check.exchange or before is None else before.exchange,
        last_up_at=at if severity in (Severity.UP, Severity.DEGRADED) else up_at,
        rtts=rtts,
        current=now < valid_until,
    )


def disconnected(vantage_state: VantageState, now: float) -> VantageState:
    """Return the state after the connection to the vantage was lost: it stays valid for a short time."""
    return replace(vantage_state, valid_until=min(vantage_state.valid_until, now + DISCONNECTED_GRACE_S))


def view_of(vantage_state: VantageState) -> VantageView | None:
    """Return the view of the server; None if this vantage has none."""
    settled, check = vantage_state.damping.severity, vantage_state.last.check
    if settled is None or vantage_state.severity is Severity.UNKNOWN:
        return None
    return VantageView(
        vantage=vantage_state.vantage,
        settled=settled,
        diagnosis=vantage_state.diagnosis,
        flapping=vantage_state.damping.flapping,
        address=check.address,
        public_key=check.probed_as.public_key if check.probed_as else None,
        has_answered=vantage_state.last_up_at is not None,
    )


def decide_quorum(views: Sequence[VantageView], quorum: int, server: Server) -> QuorumResult | None:
    """Return what the vantages agree on, the local one first if it has a view. None if none has."""
    if not views:
        return None
    needed = min(quorum, len(views))
    severity = next((level for level in BROKEN if _count_at_least(level, views) >= needed), Severity.UP)
    agreeing = [view for view in views if view.settled is severity]
    representative = next(
        (view for view in agreeing if view.diagnosis.verdict.severity is severity), agreeing[0]
    )
    if severity is Severity.UP:
        representative = agreeing[0]  # a doubtful result is shown as with one vantage
    diagnosis, source = representative.diagnosis, representative.vantage
    down = sum(view.settled is Severity.DOWN for view in views)
    if severity is Severity.DOWN and down < len(views):
        diagnosis, source = regional.diagnose_regional(views, server), ""
    elif severity is not Severity.DOWN and down:
        diagnosis = regional.diagnose_outvoted(diagnosis, views, needed, server)
    elif down > 1 or len(agreeing) < len(views):
        diagnosis = regional.add_view_evidence(diagnosis, views)
    flapping = severity in BROKEN and any(view.flapping for view in agreeing)
    return QuorumResult(severity, flapping, diagnosis, tuple(view.vantage for view in agreeing), source)


def _count_at_least(level: Severity, views: Sequence[VantageView]) -> int:
    return sum(view.settled in BROKEN and view.settled.rank <= level.rank for view in views)
