"""States of servers that an earlier run or another process stored, and how they are taken over.

A writer restores them at its start. A viewer follows them, point by point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.freshness import LastCheck, read_elapsed
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class KnownState:
    """The last known state of a server.

    `severity` is None during `maintenance`: then the incident decides it. `samples` are round-trip times in
    seconds, oldest first, NaN for a lost check. Times are Unix seconds.
    """

    severity: Severity | None
    since: float | None
    damping: Damping = field(default_factory=Damping)
    samples: Sequence[float] = ()
    verdict: Verdict | None = None
    checked_at: float | None = None
    port_monitor: str | None = None
    port_monitor_at: float | None = None
    incident: Incident | None = None
    paused: bool = False
    paused_by: str = ""
    paused_until: float | None = None
    muted_until: float | None = None
    muted_by: str = ""
    maintenance: str | None = None


@dataclass(frozen=True, slots=True)
class StoredPoint:
    """A point in the timeline of a server: its state from then on, and the check that led to it.

    `is_check` is False if the state changed without a check. `is_settled` means that checks have decided the
    state. `outcome` is the deciding check, without its packets.
    """

    severity: Severity | None
    since: float
    is_check: bool
    is_settled: bool
    paused: bool = False
    maintenance: str | None = None
    outcome: Round | None = None
    port_monitor: str | None = None


def apply_known_state(server_state: ServerState, known: KnownState) -> None:
    """Replace everything that another process has stored about a server."""
    server_state.mark_fresh()
    server_state.incident = known.incident
    server_state.paused, server_state.paused_by = known.paused, known.paused_by
    server_state.paused_until = known.paused_until
    server_state.muted_until, server_state.muted_by = known.muted_until, known.muted_by
    server_state.maintenance = known.maintenance
    server_state.severity, server_state.since = (
        Severity.PAUSED if known.paused else _severity(known.severity, server_state),
        known.since,
    )
    server_state.verdict = known.verdict
    server_state.damping = server_state.damping_when_heard = known.damping
    server_state.samples.replace_all(known.samples)
    server_state.port_monitor, server_state.port_monitor_at = known.port_monitor, known.port_monitor_at
    server_state.last_check = (
        None if known.checked_at is None or known.paused else LastCheck(known.checked_at, read_elapsed())
    )


def apply_stored_point(server_state: ServerState, point: StoredPoint, *, keep_round: bool) -> None:
    """Continue with a point that another process has stored. `keep_round` keeps a last round with packets."""
    stale_age = None if point.is_check or point.paused else server_state.stale_age
    server_state.mark_fresh()
    server_state.severity, server_state.since = _severity(point.severity, server_state), point.since
    server_state.maintenance, server_state.paused = point.maintenance, point.paused
    if point.is_settled and point.severity and not server_state.vantage_states:
        server_state.damping = Damping(point.severity, flapping=server_state.damping.flapping)
    if stale_age is not None:
        server_state.mark_stale(stale_age)
    outcome = point.outcome
    if outcome is None:
        return
    check, verdict = outcome.check, outcome.diagnosis.verdict
    server_state.last_check, server_state.verdict = LastCheck(check.started_at, read_elapsed()), verdict
    if point.port_monitor:
        server_state.port_monitor, server_state.port_monitor_at = point.port_monitor, check.started_at
    if verdict.severity is not Severity.UNKNOWN:
        server_state.samples.add(check.handshake.rtt if check.handshake else None)
    if server_state.last is None or not keep_round:
        server_state.last = outcome


def _severity(severity: Severity | None, server_state: ServerState) -> Severity:
    if severity is not None:
        return severity
    return server_state.incident.severity if server_state.incident else Severity.UP
