"""One look at a server: check every address, say what each check means, put the worst first."""

from __future__ import annotations

import time
from collections.abc import Sequence

from wgmon_tui.diagnosis.diagnose import diagnose, misconfigured
from wgmon_tui.diagnosis.verdict import Diagnosis, Severity
from wgmon_tui.fleet.records import Server
from wgmon_tui.monitor.board import Round
from wgmon_tui.probe.prober import Prober
from wgmon_tui.probe.records import Check, Target


async def look(
    prober: Prober,
    server: Server,
    target: Target | None,
    *,
    problem: str = "",
    recent: Sequence[float | None] = (),
) -> Round:
    """Check a server. Without a `target`, `problem` is the line that says why it cannot be checked.

    `recent` are the round-trip times of the last checks, None for a lost one (see `diagnose`).
    """
    if target is None:
        unsent = Check(server.name, prober.vantage, server.endpoint, None, time.time(), None)
        return Round((unsent,), (misconfigured(problem),))
    checks = await prober.check_all(target)
    judged = [(check, diagnose(check, server, recent)) for check in checks]
    judged.sort(key=lambda pair: _weight(pair[1]))
    return Round(tuple(check for check, _ in judged), tuple(diagnosis for _, diagnosis in judged))


def _weight(diagnosis: Diagnosis) -> int:
    """Worst first; what says nothing about the server last, so that a missing IPv6 hides no working IPv4."""
    severity = diagnosis.verdict.severity
    return 99 if severity is Severity.UNKNOWN else severity.rank
