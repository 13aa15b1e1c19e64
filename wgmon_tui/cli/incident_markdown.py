"""Reports on stored incidents in Markdown, for a post-mortem: `export incidents --format markdown`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wgmon_tui.alerts.delivery_log import deliveries_about
from wgmon_tui.alerts.notifications import notifications_of
from wgmon_tui.cli.commands_to_type import is_writer_running
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.output.history_export import ExportRequest, requested_incidents
from wgmon_tui.output.incident_report import IncidentReport, as_markdown, report_of_incident
from wgmon_tui.store.history import History


def markdown_parts(history: History, request: ExportRequest, state_dir: Path) -> Iterator[bytes]:
    """Yield one report for each incident. Raises StoreUnavailableError."""
    last_checks: dict[str, float] = {}
    if not is_writer_running(state_dir):
        last_checks = {
            name: known.checked_at
            for name, known in history.current().items()
            if known.checked_at is not None
        }
    for number, incident in enumerate(requested_incidents(history, request)):
        found = replace(_report(history, incident, state_dir), last_checked=last_checks.get(incident.server))
        report = as_markdown(found, time.time())
        yield f"{chr(10) if number else ''}{report}".encode()


def _report(history: History, incident: Incident, state_dir: Path) -> IncidentReport:
    """The report with the packets of the opening beside the last good ones, as far as they are stored."""
    report = report_of_incident(incident, notes=history.notes(incident.id))
    report = replace(report, notifications=notifications_of(deliveries_about(state_dir, incident.id)))
    kept = history.exchanges(incident.server, incident=incident.id, limit=None)
    stored = history.exchange(min(kept, key=lambda line: line.at).id) if kept else None
    if stored is None:
        return report
    good = history.last_good(incident.server, before=stored.line.at)
    checks = good.round.checks if good else ()
    return replace(
        report,
        endpoint=str(stored.round.check.endpoint),
        outcome=stored.round,
        good=next((check for check in checks if check.handshake), None),
    )
