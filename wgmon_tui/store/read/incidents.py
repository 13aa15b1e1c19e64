"""Queries for incidents and their notes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.models import Note
from wgmon_tui.store.read.row_mapping import incident_of
from wgmon_tui.store.read.verdict_changes import with_verdicts
from wgmon_tui.store.replaced_values import time_of

_INCIDENTS = """
    SELECT incidents.id, name, vantage, opened_at, verdict, severity, summary, closed_at, flapping,
        acknowledged_at, acknowledged_by
    FROM incidents JOIN servers ON servers.id = server
    WHERE :since IS NULL OR closed_at IS NULL OR closed_at >= :since
    ORDER BY opened_at DESC LIMIT :limit"""

_NOTES = "SELECT at, who, text FROM notes WHERE incident = ? ORDER BY at, id"

_NOTE_COUNT = """
    SELECT (SELECT count(*) FROM notes WHERE notes.incident = incidents.id) FROM incidents WHERE id = ?"""

_INCIDENT_BY_ID = """
    SELECT incidents.id, name, vantage, opened_at, verdict, severity, summary, closed_at, flapping,
        acknowledged_at, acknowledged_by
    FROM incidents JOIN servers ON servers.id = server WHERE incidents.id = ?"""

_INCIDENTS_OF_SERVER = """
    SELECT id, :server, vantage, opened_at, verdict, severity, summary, closed_at, flapping, acknowledged_at,
        acknowledged_by
    FROM incidents WHERE server = (SELECT id FROM servers WHERE name = :server)
    AND (:since IS NULL OR closed_at IS NULL OR closed_at >= :since)
    ORDER BY opened_at DESC LIMIT :limit"""

_OPEN_INCIDENTS = """
    SELECT incidents.id, name, vantage, opened_at, verdict, severity, summary, closed_at, flapping,
        acknowledged_at, acknowledged_by
    FROM incidents INDEXED BY open_incidents JOIN servers ON servers.id = server
    WHERE (:server IS NULL OR server = (SELECT id FROM servers WHERE name = :server)) AND closed_at IS NULL
    ORDER BY opened_at DESC LIMIT :limit"""


def incidents(
    connection: sqlite3.Connection, server: str | None, since: float | None, limit: int, *, open_only: bool
) -> list[Incident]:
    """Return incidents, the latest first, without those that ended before `since`."""
    parameters = {"server": server, "since": since, "limit": limit}
    usual = _INCIDENTS if server is None else _INCIDENTS_OF_SERVER
    rows = connection.execute(_OPEN_INCIDENTS if open_only else usual, parameters)
    found = [incident for row in rows if (incident := incident_of(*row))]
    return with_verdicts(connection, found)


def incident(connection: sqlite3.Connection, incident_id: str) -> Incident | None:
    """Return an incident; None if it was deleted."""
    row = connection.execute(_INCIDENT_BY_ID, (incident_id,)).fetchone()
    found = incident_of(*row) if row else None
    return with_verdicts(connection, [found])[0] if found else None


def notes(connection: sqlite3.Connection, incident_id: str) -> list[Note]:
    """Return the notes on an incident, ascending."""
    rows = connection.execute(_NOTES, (incident_id,))
    return [Note(time_of(at), who, text) for at, who, text in rows]


def count_notes(connection: sqlite3.Connection, incident_ids: Iterable[str]) -> dict[str, int]:
    """Return the number of notes of each of these incidents that exists."""
    counts = {}
    for each in incident_ids:
        found = connection.execute(_NOTE_COUNT, (each,)).fetchone()
        if found:
            counts[each] = int(found[0])
    return counts
