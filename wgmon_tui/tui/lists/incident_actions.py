"""Reports on incidents, copied to the clipboard or written to files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wgmon_tui.alerts.delivery_log import deliveries_about
from wgmon_tui.alerts.notifications import notifications_of
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.output import history_export
from wgmon_tui.output.history_export import incident_object
from wgmon_tui.output.incident_report import ReportedDelivery, report_of_incident
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.file_export import write_list
from wgmon_tui.tui.lists.incident_queries import OpenedExchange, read_opening
from wgmon_tui.tui.lists.incident_text import IncidentEntry
from wgmon_tui.tui.report_copy import build_server_report, copy_reports


async def copy_incident(app: AppContext, entry: IncidentEntry, *, markdown: bool) -> None:
    """Copy the report on an incident.

    For the server's open incident it describes the server as it is now. For another one it includes the
    exchange that opened the incident, if that is still stored.
    """
    incident = entry.incident
    notifications = await asyncio.to_thread(_notifications, app.state_dir, incident.id)
    server_state = app.engine.fleet_state.states.get(incident.server)
    if server_state and server_state.incident and server_state.incident.id == incident.id:
        now = replace(build_server_report(app, server_state), notes=entry.notes, notifications=notifications)
        copy_reports(app, [now], markdown=markdown)
        return
    endpoint = str(entry.server.endpoint) if entry.server else ""
    opened = await asyncio.to_thread(_opened_by, app.history, incident) if app.history else None
    report_data = replace(
        report_of_incident(incident, endpoint, entry.notes),
        outcome=opened.round if opened else None,
        good=opened.last_good if opened else None,
        notifications=notifications,
    )
    copy_reports(app, [report_data], markdown=markdown)


def _opened_by(history: History, incident: Incident) -> OpenedExchange | None:
    try:
        return read_opening(history, incident)
    except StoreUnavailableError:
        return None


def _notifications(state_dir: Path | None, incident_id: str) -> tuple[ReportedDelivery, ...]:
    try:
        return notifications_of(deliveries_about(state_dir, incident_id)) if state_dir else ()
    except StoreUnavailableError:
        return ()


def write_incidents(app: AppContext, entries: Sequence[IncidentEntry]) -> None:
    """Write the incidents with their notes as CSV and JSON."""
    columns = history_export.COLUMNS["incidents"]
    write_list(
        app, "incidents", columns, lambda: [incident_object(each.incident, each.notes) for each in entries]
    )
