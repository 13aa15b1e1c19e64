"""Takes a round of this machine into the state of its server. Imported with the first check of a process."""

from __future__ import annotations

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.monitor.carried_evidence import carried_after
from wgmon_tui.monitor.expiries import expiries_after
from wgmon_tui.monitor.freshness import LastCheck, read_elapsed
from wgmon_tui.monitor.loss_window import window_of, with_check
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.name_moves import note_moved_name
from wgmon_tui.monitor.server_state import NO_CARRIED_EVIDENCE, ServerState

__all__ = ["note_moved_name", "take_round"]


def take_round(server_state: ServerState, outcome: Round) -> None:
    """Take over what a round of this machine shows, before damping."""
    check = outcome.check
    if outcome.diagnosis.verdict.severity is not Severity.UNKNOWN:
        measured = outcome.measured_check.handshake
        server_state.samples.add(measured.rtt if measured else None)
        server_state.losses = tuple(
            (each.address, with_check(window_of(server_state.losses, each.address), each))
            for each in outcome.checks
        )
    for good, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
        if good.handshake and diagnosis.verdict.severity is not Severity.DOWN:
            server_state.last_good = good
            break
    server_state.last = outcome
    server_state.expiries = expiries_after(server_state.expiries, outcome)
    server_state.last_check = LastCheck(check.started_at, read_elapsed(), made_here=True)
    server_state.mark_fresh()
    if outcome.port_monitor:
        server_state.port_monitor, server_state.port_monitor_at = outcome.port_monitor, check.started_at
    before = server_state.carried_evidence
    carried = {
        each.address: kept
        for each, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True)
        if (kept := carried_after(before.get(each.address, ()), each, is_doubted=_is_doubted(diagnosis)))
    }
    server_state.carried_evidence = carried or NO_CARRIED_EVIDENCE  # most servers have none


def _is_doubted(diagnosis: Diagnosis) -> bool:
    return diagnosis.verdict is Verdict.LOCAL_FAULT
