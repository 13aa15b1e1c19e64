"""The diagnosis of a server that cannot be checked, because of the configuration of this machine."""

from __future__ import annotations

from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict


def diagnose_misconfiguration(problem: str) -> Diagnosis:
    """Diagnose a server that the configuration does not let wgmon-tui check; `problem` is one line."""
    fix = Cause(
        "the configuration on this machine",
        problem,
        "wgmon-tui doctor — after correcting what that line names",
        proven=True,
    )
    return Diagnosis(Verdict.MISCONFIGURED, problem, (problem,), (fix,))
