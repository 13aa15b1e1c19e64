"""How the fields of a server's state follow from each other: damping, quorum, incident and severity.

`FleetState` calls these functions, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.damping import Damping, DampingRules, next_damping, reset_keeping_severity
from wgmon_tui.monitor.incidents import IncidentEvent, update_incident
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import QuorumResult, decide_quorum, validity_s
from wgmon_tui.monitor.server_state import NO_CARRIED_EVIDENCE, ReportedPresence, ServerState

JudgeQuorum = Callable[[ServerState, QuorumResult], QuorumResult]
"""Judges what vantages agree on, together with what a control plane reports."""


def new_server_state(server: Server) -> ServerState:
    """Return the state of a server before its first check."""
    severity = Severity.PAUSED if server.paused else Severity.UNKNOWN
    return ServerState(server, severity, paused=server.paused)


def change_entry(server_state: ServerState, server: Server) -> None:
    """Replace the entry of a server. If it is another one, results of earlier checks no longer hold."""
    if server_state.server != server:
        # Collected with other keys or at another address, or fixed by the change.
        server_state.carried_evidence, server_state.losses = NO_CARRIED_EVIDENCE, ()
        server_state.damping = server_state.damping_when_heard = reset_keeping_severity(server_state.damping)
        reset_vantage_states(server_state, reset_keeping_severity)
    server_state.server = server


def reset_vantage_states(server_state: ServerState, reset: Callable[[Damping], Damping]) -> None:
    """Reset the damping states of the other vantages."""
    if server_state.vantage_states:  # most servers have none, and share one empty mapping
        server_state.vantage_states = {
            name: replace(each, damping=reset(each.damping))
            for name, each in server_state.vantage_states.items()
        }


def rename_state(server_state: ServerState, name: str) -> None:
    """Give a server and its open incident another name."""
    server_state.server = replace(server_state.server, name=name)
    if server_state.incident:
        server_state.incident = replace(server_state.incident, server=name)


def apply_presence(states: Mapping[str, ServerState], plane: str) -> set[str]:
    """Note for each watched node what this control plane reported of it. Returns those that changed."""
    reported = states[plane].node_report
    if reported is None:
        return set()
    valid_until = reported.at + validity_s(states[plane].server)
    online = {node.id: node.online for node in reported.report.nodes}
    changed = set()
    for name, each in states.items():
        if each.server.control_plane == plane and each.server.node_id in online:
            before, each.presence = each.presence, ReportedPresence(online[each.server.node_id], valid_until)
            if before is None or before.online is not each.presence.online:
                changed.add(name)
    return changed


def apply_damping(
    server_state: ServerState, outcome: Round, now: float, *, confirmed: bool
) -> tuple[IncidentEvent, ...]:
    """Apply the damping rule to a round, and update the incident unless other vantages decide too."""
    severity = outcome.diagnosis.verdict.severity
    if server_state.paused or severity is Severity.UNKNOWN:
        return ()
    server_state.damping = next_damping(
        server_state.damping, severity, DampingRules.of(server_state.server), now
    )
    if server_state.vantage_states:
        return ()  # all vantages together decide
    server_state.incident, event = update_incident(
        server_state.incident,
        server_state.damping,
        outcome.check,
        outcome.diagnosis,
        now,
        confirmed=confirmed,
    )
    return (event,) if event else ()


def apply_quorum(
    server_state: ServerState,
    quorum: int,
    now: float,
    confirmed_by: str | None = None,
    *,
    judge: JudgeQuorum | None = None,
) -> tuple[IncidentEvent, ...]:
    """Decide the quorum now, and update the incident. `judge` adds what a control plane reports.

    `confirmed_by` is the vantage whose round just repeated its verdict. A result made of several vantages
    needs no confirmation: it follows from settled states.
    """
    update_quorum(server_state, quorum, judge)
    if server_state.quorum_result is None:
        return ()
    agreed = server_state.quorum_result
    damping = Damping(agreed.severity, flapping=agreed.flapping)
    check = (
        server_state.last.check
        if server_state.last
        else next(iter(server_state.vantage_states.values())).last.check
    )
    server_state.incident, event = update_incident(
        server_state.incident,
        damping,
        replace(check, vantage=",".join(agreed.vantages)),
        agreed.diagnosis,
        now,
        confirmed=agreed.source in ("", confirmed_by),
    )
    return (event,) if event else ()


def update_quorum(server_state: ServerState, quorum: int, judge: JudgeQuorum | None = None) -> None:
    """Decide the quorum now. `judge` adds what a control plane reports."""
    views = server_state.views if server_state.vantage_states and not server_state.paused else ()
    agreed = decide_quorum(views, quorum, server_state.server)
    server_state.quorum_result = judge(server_state, agreed) if judge and agreed else agreed


def refresh_severity(server_state: ServerState, now: float) -> None:
    """Show the severity that follows from the other fields; data that is stale stays so."""
    severity, stale_age = _severity_of(server_state), server_state.stale_age
    server_state.mark_fresh()
    if server_state.since is None or severity is not server_state.severity:
        server_state.severity = severity
        server_state.since = now
    if stale_age is not None:
        server_state.mark_stale(stale_age)


def _severity_of(server_state: ServerState) -> Severity:
    if server_state.paused:
        return Severity.PAUSED
    if server_state.quorum_result:
        return server_state.quorum_result.severity
    if server_state.last and server_state.last.diagnosis.verdict.severity is Severity.UNKNOWN:
        return Severity.UNKNOWN
    return server_state.damping.severity or Severity.UNKNOWN
