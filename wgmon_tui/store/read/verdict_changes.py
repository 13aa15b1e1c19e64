"""Queries for the sequence of verdicts of incidents."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.monitor.incidents import Incident, VerdictChange
from wgmon_tui.store.models import verdict_of
from wgmon_tui.store.replaced_values import time_of
from wgmon_tui.store.schema import has_verdict_changes

_PER_QUERY = 500


def with_verdicts(connection: sqlite3.Connection, incidents: Sequence[Incident]) -> list[Incident]:
    """Return the incidents with their sequences of verdicts.

    The sequence is empty if an earlier version wrote the incident. Verdicts that this version does not know
    count as omitted.
    """
    if not incidents or not has_verdict_changes(connection):
        return list(incidents)
    changes: defaultdict[str, list[VerdictChange]] = defaultdict(list)
    total: dict[str, int] = {}
    for start in range(0, len(incidents), _PER_QUERY):
        ids = [each.id for each in incidents[start : start + _PER_QUERY]]
        for incident, number, at, slug, summary in connection.execute(_query(len(ids)), ids):
            total[incident] = number + 1
            if verdict := verdict_of(slug):
                changes[incident].append(VerdictChange(time_of(at), verdict, summary))
    return [
        replace(each, verdicts=tuple(known), omitted_verdicts=total[each.id] - len(known))
        if (known := changes.get(each.id))
        else each
        for each in incidents
    ]


def _query(ids: int) -> str:
    marks = ", ".join("?" * ids)
    return (
        "SELECT incident, number, at, verdict, summary FROM verdict_changes"  # noqa: S608 - only marks
        f" WHERE incident IN ({marks}) ORDER BY incident, number"
    )
