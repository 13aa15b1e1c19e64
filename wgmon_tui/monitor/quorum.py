"""What other vantages see of a server, and what all of them agree on. Pure.

The rule, all of it:

- A vantage sees a server when its last check could tell, its damping rule has settled, and its word is still
  current. Home is one of them.
- So many must agree as `quorum` says, or all who see where those are fewer.
- The server is down when so many are settled on down; it is degraded when so many are settled on that or on
  down; otherwise it is up. With one that sees, its word is the word.
- Where some who see it are not down while it is, it is `diagnose_regional`, with what each of them says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor import regional
from wgmon_tui.monitor.damping import Damping, DampingRules, next_damping
from wgmon_tui.monitor.incidents import BROKEN
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.regional import VantageView

RTTS_KEPT = 20

DISCONNECTED_GRACE_S = 60.0
"""So long the word of a vantage holds at most whose line is down: one that is back at once ends nothing."""


@dataclass(frozen=True, slots=True)
class VantageReport:
    """A round that a vantage made. `number` grows within an `epoch`, the life of its store."""

    vantage: str
    epoch: str
    number: int
    round: Round


@dataclass(frozen=True, slots=True)
class VantageState:
    """What a vantage other than ours last saw of a server. Times are Unix seconds.

    `last` began at `at`, and holds until `valid_until`: after that it is not `current`. `exchange` is the
    last round that came with its packets, which routine ones do not. `last_up_at` is when it last found the server
    up, `rtts` are the last round-trip times in seconds, oldest first, None for a lost one.
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
        """What its last round means."""
        return self.last.diagnosis

    @property
    def verdict(self) -> Verdict:
        """The verdict of its last round."""
        return self.last.diagnosis.verdict

    @property
    def severity(self) -> Severity:
        """What is shown of it: unknown where its word is no longer current, or it could not see."""
        if not self.current or self.verdict.severity is Severity.UNKNOWN:
            return Severity.UNKNOWN
        return self.damping.severity or Severity.UNKNOWN


@dataclass(frozen=True, slots=True)
class QuorumResult:
    """What all who see a server agree on. `vantages` are those who say so, `source` the one whose diagnosis
    it is, "" where it is made of several.
    """

    severity: Severity
    flapping: bool
    diagnosis: Diagnosis
    vantages: tuple[str, ...]
    source: str


def validity_s(server: Server) -> float:
    """For how many seconds after it began a round is a vantage's word."""
    return 3 * server.interval + server.timeout


def next_vantage_state(
    before: VantageState | None, vantage: str, outcome: Round, server: Server, now: float, *, counted: bool
) -> VantageState:
    """The sight after a round. One that is not `counted`, because the server is paused, settles nothing.

    A round of long ago, that a vantage has kept while its line was down, settles what it did then.
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
    """The line to its vantage is down: it holds for a moment more."""
    return replace(vantage_state, valid_until=min(vantage_state.valid_until, now + DISCONNECTED_GRACE_S))


def view_of(vantage_state: VantageState) -> VantageView | None:
    """What the sight says of its server; None where it does not see it."""
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
    """What they agree on, who see the server; home comes first where it does. None where nobody sees it."""
    if not views:
        return None
    needed = min(quorum, len(views))
    severity = next((level for level in BROKEN if _count_at_least(level, views) >= needed), Severity.UP)
    agreeing = [view for view in views if view.settled is severity]
    representative = next(
        (view for view in agreeing if view.diagnosis.verdict.severity is severity), agreeing[0]
    )
    if severity is Severity.UP:
        representative = agreeing[0]  # what it doubts just now is shown as with one vantage
    diagnosis, source = representative.diagnosis, representative.vantage
    down = sum(view.settled is Severity.DOWN for view in views)
    if severity is Severity.DOWN and down < len(views):
        diagnosis, source = regional.diagnose_regional(views, server), ""
    elif severity is not Severity.DOWN and down:
        diagnosis = regional.diagnose_outvoted(diagnosis, views, needed, server)
    elif down > 1 or len(agreeing) < len(views):
        diagnosis = regional.add_view_evidence(diagnosis, views)
    flapping = severity is Severity.DOWN and any(view.flapping for view in agreeing)
    return QuorumResult(severity, flapping, diagnosis, tuple(view.vantage for view in agreeing), source)


def _count_at_least(level: Severity, views: Sequence[VantageView]) -> int:
    return sum(view.settled in BROKEN and view.settled.rank <= level.rank for view in views)
