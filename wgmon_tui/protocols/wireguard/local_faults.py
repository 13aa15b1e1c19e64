"""The diagnosis of faults of this machine, which say nothing about the server."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check, Direction
from wgmon_tui.checks.evidence import (
    AllSilent,
    Evidence,
    GatewaySilent,
    ReceiveOverflow,
    SocketError,
    WitnessProbed,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.protocols.wireguard import causes, local_causes

_BLOCKED = "EPERM"

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


def find_blocked_send(check: Check) -> SocketError | None:
    """The refusal of a check that sent nothing, because a firewall rule of this machine blocked all of it.

    A rule that rejects sends an ICMP error as well. It comes from an address of this machine, so it says
    nothing about the path.
    """
    if any(each.direction is Direction.SENT for each in check.exchange):
        return None
    refusals = all_of_kind(SocketError, check.evidence)
    return next((each for each in refusals if each.name == _BLOCKED), None)


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
