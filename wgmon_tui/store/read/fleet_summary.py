"""Queries over every server of a store at once: last known state and uptime.

For ten thousand servers this is a hundred thousand rows of the journal, so it works on plain columns. It
reads the series of this machine only: they hold the states on which all vantages agree.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import field
from math import nan

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.rtt_window import CAPACITY
from wgmon_tui.records import dataclass
from wgmon_tui.store.formats.minute_block import unpack_samples
from wgmon_tui.store.maintenance.rollups import HOUR_S, counts
from wgmon_tui.store.models import LastKnownState, PeriodState, state_of, verdict_of
from wgmon_tui.store.read.row_mapping import incident_of
from wgmon_tui.store.read.tiers import LENGTHS, Rollups, covered_span, number_of, split_by_tier
from wgmon_tui.store.read.verdict_changes import with_verdicts
from wgmon_tui.store.schema import has_pause_ends

_OPEN_INCIDENTS = """
    SELECT server, incidents.id, name, vantage, opened_at, verdict, severity, summary, closed_at, flapping,
        acknowledged_at, acknowledged_by
    FROM incidents INDEXED BY open_incidents JOIN servers ON servers.id = server
    WHERE closed_at IS NULL ORDER BY opened_at"""

_SPENT: dict[Rollups, str] = {
    "hours": """
        SELECT series, sum(up_s + degraded_s), sum(down_s) FROM hours
        WHERE hour BETWEEN ? AND ? AND series > 0 GROUP BY series""",
    "days": """
        SELECT series, sum(up_s + degraded_s), sum(down_s) FROM days
        WHERE day BETWEEN ? AND ? AND series > 0 GROUP BY series""",
}

_WELL = (PeriodState.UP, PeriodState.DEGRADED)
_NOT_COUNTED = {verdict.slug for verdict in Verdict if verdict.severity is Severity.UNKNOWN}


@dataclass(slots=True)
class _ServerScan:
    """State of one server during the scan of its rows."""

    state: str = PeriodState.UNKNOWN
    since: float | None = None
    verdict: str | None = None
    rtt: float | None = None
    port_monitor: str | None = None
    damping: str = ""
    samples: array[float] = field(default_factory=lambda: array("f"))
    as_of: int = 0
    checked_at: float | None = None
    port_monitor_at: float | None = None


def current(connection: sqlite3.Connection) -> dict[str, LastKnownState]:
    """Return the last known state of every server that was ever checked or paused, by name."""
    scans = _scan(connection)
    incidents = _open_incidents(connection)
    pauses = {row[0]: row[1:] for row in connection.execute("SELECT server, since, who FROM pauses")}
    has_ends = has_pause_ends(connection)
    ends = dict(connection.execute("SELECT server, until FROM pause_ends")) if has_ends else {}
    known = {}
    for server, name in connection.execute("SELECT id, name FROM servers ORDER BY name"):
        if server not in scans and server not in pauses:
            continue
        now = scans[server]
        known[name] = LastKnownState(
            name,
            state_of(now.state),
            now.since,
            verdict_of(now.verdict),
            now.rtt,
            now.port_monitor,
            now.damping,
            now.samples[-CAPACITY:],
            incidents.get(server),
            paused_since=pauses[server][0] if server in pauses else None,
            paused_by=pauses[server][1] if server in pauses else "",
            paused_until=ends.get(server) if server in pauses else None,
            checked_at=now.checked_at,
            port_monitor_at=now.port_monitor_at,
        )
    return known


def _scan(connection: sqlite3.Connection) -> defaultdict[int, _ServerScan]:
    """The states as of the last compaction, continued with the checks since then, by number of the server."""
    scans: defaultdict[int, _ServerScan] = defaultdict(_ServerScan)
    for server, as_of, at, state, since, verdict, rtt, port_monitor, damping, samples in connection.execute(
        "SELECT series, as_of, accounted_to, state, since, verdict, rtt, port_monitor, damping, samples"
        " FROM current WHERE series > 0"
    ):
        scans[server] = _ServerScan(
            state,
            since,
            verdict,
            rtt,
            port_monitor,
            damping,
            unpack_samples(samples),
            as_of,
            checked_at=at if verdict else None,
        )
    for number, server, at, state, since, verdict, decides, rtt, port_monitor in connection.execute(
        "SELECT id, series, at, state, since, verdict, decides, rtt, port_monitor FROM checks"
        " WHERE series > 0 ORDER BY id"
    ):
        now = scans[server]
        if number <= now.as_of:
            continue
        now.state, now.since = state, since
        if decides:
            now.verdict, now.rtt, now.checked_at = verdict, rtt, at
            if port_monitor:
                now.port_monitor, now.port_monitor_at = port_monitor, at
            if verdict not in _NOT_COUNTED:
                now.samples.append(nan if rtt is None else rtt)
    return scans


def uptimes(connection: sqlite3.Connection, start: float, end: float) -> dict[str, float]:
    """Return the share of the known time, 0 to 1, in which each server was not down.

    Counts whole hours from the hour of `start` on, or whole days where hours have been deleted. `end` must
    not lie in the future.
    """
    first, last = number_of(start, HOUR_S) * HOUR_S, number_of(end, HOUR_S, up=True) * HOUR_S
    first, last = covered_span(connection, first, last)
    well: defaultdict[int, float] = defaultdict(float)
    down: defaultdict[int, float] = defaultdict(float)
    for table, since, until in split_by_tier(first, last):
        numbers = number_of(since, LENGTHS[table]), number_of(until, LENGTHS[table]) - 1
        for server, well_s, down_s in connection.execute(_SPENT[table], numbers):
            well[server] += well_s
            down[server] += down_s
    for server, state, since, until in _recent(connection, end):
        seconds = max(0.0, until - max(since, first))
        if state == PeriodState.DOWN:
            down[server] += seconds
        elif state in _WELL:
            well[server] += seconds
    return {
        name: well[server] / (well[server] + down[server])
        for server, name in connection.execute("SELECT id, name FROM servers")
        if well[server] + down[server]
    }


def _recent(connection: sqlite3.Connection, end: float) -> Iterator[tuple[int, str, float, float]]:
    """Yield what no rollup holds yet: a server, one of its states, from when, to when."""
    holds = dict(connection.execute("SELECT id, holds FROM servers"))
    as_of: dict[int, int] = {}
    before: dict[int, tuple[float, str]] = {}
    for server, compacted, at, state in connection.execute(
        "SELECT series, as_of, accounted_to, state FROM current WHERE series > 0"
    ):
        as_of[server], before[server] = compacted, (at, state)
    for number, server, at, state in connection.execute(
        "SELECT id, series, at, state FROM checks WHERE series > 0 AND at < ? ORDER BY id", (end,)
    ):
        if number <= as_of.get(server, 0):
            continue
        if server in before:
            since, former = before[server]
            if counts(former, since, at, holds[server]):
                yield server, former, since, at
        before[server] = at, state
    for server, (since, former) in before.items():
        if counts(former, since, end, holds[server]):
            yield server, former, since, end


def _open_incidents(connection: sqlite3.Connection) -> dict[int, Incident]:
    """Return the open incident by server; the latest if there are several, which should not happen."""
    rows = connection.execute(_OPEN_INCIDENTS)
    found = {server: incident for server, *row in rows if (incident := incident_of(*row))}
    return dict(zip(found, with_verdicts(connection, list(found.values())), strict=True))
