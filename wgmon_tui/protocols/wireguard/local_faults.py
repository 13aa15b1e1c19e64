"""The diagnosis of faults of this machine, which say nothing about the server."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    AllSilent,
    Evidence,
    GatewaySilent,
    LateAnswer,
    MachineStarved,
    ReceiveOverflow,
    WitnessProbed,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard import causes, local_causes
from wgmon_tui.text import format_rtt

Meaning = tuple[Verdict, str, list[Cause]]


def diagnose_local_fault(evidence: Sequence[Evidence]) -> Meaning | None:
    """Diagnose a fault of this machine that explains why nothing came back."""
    if gateway := first_of_kind(GatewaySilent, evidence):
        summary = f"The gateway {gateway.gateway} of this machine does not answer on {gateway.interface}."
        return Verdict.LOCAL_FAULT, summary, [local_causes.silent_gateway(gateway)]
    if all_silent := first_of_kind(AllSilent, evidence):
        summary = (
            f"All {all_silent.servers} servers stopped answering at once: the uplink here, not this server."
        )
        return Verdict.LOCAL_FAULT, summary, [causes.uplink(all_silent.servers)]
    return None


def is_slow_by_lag(verdict: Verdict, check: Check, server: Server, lag: float) -> bool:
    """Whether a slow answer may be within the limit, if this process waited for the processor so long."""
    rtts = [each.rtt for each in (check.handshake, check.tunnel) if each and each.rtt is not None]
    rtts += [each.age for each in all_of_kind(LateAnswer, check.evidence)]
    return verdict is Verdict.SLOW and max(rtts, default=0.0) - lag <= server.slow


def diagnose_starved(starved: MachineStarved, summary: str) -> Meaning:
    """Diagnose a check whose times this machine spoiled; `summary` is what they would mean otherwise."""
    waited = f"wgmon-tui waited {format_rtt(starved.lag)} for the processor"
    doubted = summary.removesuffix(".")
    summary = f"This machine is overloaded, {waited}; so this proves nothing about the server: {doubted}."
    return Verdict.LOCAL_FAULT, summary, [local_causes.starved(waited)]


def diagnose_overflow(overflow: ReceiveOverflow) -> Meaning:
    """Diagnose a check while this machine dropped datagrams. What arrived may be a flood of forged ones."""
    summary = f"This machine dropped {overflow.dropped} datagrams; the answer may have been one of them."
    return Verdict.LOCAL_FAULT, summary, [causes.overflow()]


def diagnose_silent_witness(evidence: Sequence[Evidence]) -> Meaning | None:
    """Diagnose silence of the server and of the witness."""
    witness = first_of_kind(WitnessProbed, evidence)
    if witness is None or witness.answered:
        return None
    summary = (
        f"Neither the server nor the witness {witness.address} answers: the uplink here, not this server."
    )
    return Verdict.LOCAL_FAULT, summary, [local_causes.silent_witness(witness)]
