"""The diagnosis of a check during which this process waited for the processor.

An answer may have come in time and was read too late, a packet may have been sent too late, and a server may
have given up on a client that said nothing. So a failure by time proves nothing about the server then.
What it said itself, such as a refusal or a certificate, stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, LateAnswer, MachineStarved
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.text import format_rtt

BY_TIME = frozenset(
    {
        Verdict.SILENT,
        Verdict.LOSSY,
        Verdict.DATA_DEAD,
        Verdict.INNER_DEAD,
        Verdict.DIES_AFTER,
        Verdict.MTU_BLACKHOLE,
    }
)
"""Verdicts that mean, unless the evidence says more: something did not come in time."""


def doubt_if_starved(diagnosis: Diagnosis, check: Check, server: Server, *, is_by_time: bool) -> Diagnosis:
    """Return the diagnosis, or that of an overloaded machine if the check was starved.

    `is_by_time` tells whether the diagnosis rests on something that did not come in time.
    """
    starved = find_starvation(check.evidence)
    if starved is None or not (is_by_time or is_slow_by_lag(diagnosis.verdict, check, server, starved.lag)):
        return diagnosis
    verdict, summary, cause = blame_starvation(starved, diagnosis.summary)
    return replace(diagnosis, verdict=verdict, summary=summary, causes=(cause,))


def find_starvation(evidence: Iterable[Evidence]) -> MachineStarved | None:
    """The evidence that this process waited too long for the processor; None if it did not."""
    return first_of_kind(MachineStarved, evidence)


def is_slow_by_lag(verdict: Verdict, check: Check, server: Server, lag: float) -> bool:
    """Whether a slow answer may be within the limit, if this process waited for the processor so long."""
    rtts = [each.rtt for each in (check.handshake, check.tunnel) if each and each.rtt is not None]
    rtts += [each.age for each in all_of_kind(LateAnswer, check.evidence)]
    return verdict is Verdict.SLOW and max(rtts, default=0.0) - lag <= server.slow


def blame_starvation(starved: MachineStarved, summary: str) -> tuple[Verdict, str, Cause]:
    """What a check means whose times this machine spoiled; `summary` is what they would mean otherwise."""
    waited = f"wgmon-tui waited {format_rtt(starved.lag)} for the processor"
    doubted = summary.removesuffix(".")
    cause = Cause(
        "this machine is overloaded",
        f"{waited}, so late or missing answers may be its own fault",
        "uptime; top; vmstat 1 5 — look for st, the time that the hypervisor took",
    )
    summary = f"This machine is overloaded, {waited}; so this proves nothing about the server: {doubted}."
    return Verdict.LOCAL_FAULT, summary, cause
