"""Incidents and their verdicts, for the tests of the history."""

from __future__ import annotations

from ipaddress import ip_address

from tests.store.sql_stores import T0, Store
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import Incident, VerdictChange
from wgmon_tui.store.models import (
    PeriodState,
    StoredCheck,
    TimelinePoint,
)
from wgmon_tui.store.write.batch import Batch

ADDRESS = ip_address("192.0.2.7")


def past(after: float, verdict: Verdict = Verdict.SILENT, *, is_deciding: bool = True) -> TimelinePoint:
    rtt = 0.25 if verdict is Verdict.HEALTHY else None
    check = StoredCheck(T0 + after, ADDRESS, "here", verdict, is_deciding, rtt)
    return TimelinePoint(T0 + after, PeriodState.UP if rtt else PeriodState.DOWN, check)


def incident(number: int, opened: float, closed: float | None = None, server: str = "fra1") -> Incident:
    return Incident(
        f"incident-{number}",
        server,
        "here",
        T0 + opened,
        Verdict.SILENT,
        Severity.DOWN,
        "Nothing came back.",
        None if closed is None else T0 + closed,
    )


def changes(*verdicts: Verdict) -> tuple[VerdictChange, ...]:
    return tuple(VerdictChange(T0 + at, each, f"{each.slug}.") for at, each in enumerate(verdicts))


def write(store: Store, *incidents: Incident) -> None:
    for each in incidents:
        store.server(each.server)
        Batch(incidents={each.id: each}).write(store.connection, store.ids, T0)
