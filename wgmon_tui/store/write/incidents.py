"""How incidents, their sequence of verdicts and their notes are written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from wgmon_tui.monitor.incidents import MAX_VERDICTS, Incident
from wgmon_tui.store.models import Note
from wgmon_tui.store.replaced_values import to_valid_utf8

_NO_LONGER_OPEN = """UPDATE incidents SET closed_at = max(opened_at, ?)
    WHERE server = ? AND closed_at IS NULL AND id != ?"""

_INCIDENT = """INSERT INTO incidents (id, server, vantage, opened_at, closed_at, verdict, severity, summary,
    flapping, acknowledged_at, acknowledged_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET vantage = excluded.vantage, closed_at = excluded.closed_at,
    verdict = excluded.verdict, severity = excluded.severity, summary = excluded.summary,
    flapping = excluded.flapping, acknowledged_at = excluded.acknowledged_at,
    acknowledged_by = excluded.acknowledged_by"""

_NO_VERDICTS = "DELETE FROM verdict_changes WHERE incident = ?"

_VERDICT = "INSERT INTO verdict_changes (incident, number, at, verdict, summary) VALUES (?, ?, ?, ?, ?)"

_NOTE = "INSERT INTO notes (incident, at, who, text) VALUES (?, ?, ?, ?)"


def write_incident(connection: sqlite3.Connection, server: int, incident: Incident) -> None:
    """Write an incident of a server as it stands now. Raises sqlite3.Error."""
    if incident.closed_at is None:
        # If it could not be restored, an older incident of its server is still open.
        connection.execute(_NO_LONGER_OPEN, (incident.opened_at, server, incident.id))
    connection.execute(_INCIDENT, _incident_row(server, incident))
    connection.execute(_NO_VERDICTS, (incident.id,))
    connection.executemany(_VERDICT, _verdict_rows(incident))


def write_notes(connection: sqlite3.Connection, notes: Iterable[tuple[str, Note]]) -> None:
    """Add notes to their incidents. Raises sqlite3.Error."""
    rows = (
        (incident, note.at, to_valid_utf8(note.who), to_valid_utf8(note.text)) for incident, note in notes
    )
    connection.executemany(_NOTE, rows)


def _incident_row(server: int, incident: Incident) -> tuple[object, ...]:
    return (
        incident.id,
        server,
        incident.vantage,
        incident.opened_at,
        incident.closed_at,
        incident.verdict.slug,
        incident.severity.word,
        to_valid_utf8(incident.summary),
        incident.flapping,
        incident.acknowledged_at,
        to_valid_utf8(incident.acknowledged_by),
    )


def _verdict_rows(incident: Incident) -> Iterator[tuple[object, ...]]:
    """Build the rows of its sequence. The numbers count the verdicts that were left out in the middle."""
    for index, each in enumerate(incident.verdicts):
        number = index if index < MAX_VERDICTS // 2 else index + incident.omitted_verdicts
        yield incident.id, number, each.at, each.verdict.slug, to_valid_utf8(each.summary)
