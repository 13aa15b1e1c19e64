"""The diagnosis of IKEv2. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server


def diagnose(check: Check, server: Server, standing: Sequence[Evidence]) -> Diagnosis:
    """Diagnose a check that this machine could make."""
    texts = tuple(map(describe_evidence, (*check.evidence, *standing)))
    return Diagnosis(Verdict.UNPROVEN, f"Not proven: nothing was asked of {server.endpoint}.", texts)
