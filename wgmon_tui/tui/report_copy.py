"""Incident reports, built from the state on screen and copied to the clipboard (key `y`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.output.incident_report import IncidentReport, as_markdown, as_text, report_of
from wgmon_tui.text import format_count, format_until
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.correlated_failures import describe_group
from wgmon_tui.tui.false_green import port_answer_at, port_up
from wgmon_tui.tui.filter.query import is_muted


def build_server_report(app: AppContext, server_state: ServerState) -> IncidentReport:
    """The report on a server as it is now."""
    now = app.clock()
    together = app.together.of(server_state.server.name) if server_state.severity is Severity.DOWN else ()
    return replace(
        report_of(server_state),
        port_up=port_up(server_state),
        port_at=port_answer_at(server_state),
        together=tuple(
            f"fails together with {describe_group(each, server_state.server.name)}" for each in together
        ),
        muted_reason=muted_reason(server_state, now),
    )


def build_exchange_report(app: AppContext, server_state: ServerState, outcome: Round) -> IncidentReport:
    """The report on a round on screen. For an older round it states the verdict of that round."""
    if outcome is server_state.last:
        return build_server_report(app, server_state)
    verdict, check = outcome.diagnosis.verdict, outcome.check
    return IncidentReport(
        server=server_state.server.name,
        severity=verdict.severity,
        status_word=verdict.slug,
        sentence=outcome.diagnosis.summary,
        endpoint=str(check.endpoint),
        since=check.started_at,
        until=check.started_at,
        outcome=outcome,
    )


def copy_reports(app: AppContext, reports: Sequence[IncidentReport], *, markdown: bool) -> None:
    """Copy the reports to the clipboard, one after the other."""
    write, now = as_markdown if markdown else as_text, app.clock()
    whose = reports[0].server if len(reports) == 1 else format_count(len(reports), "server")
    form = " in Markdown" if markdown else ""
    app.copy_with_notice("\n".join(write(each, now) for each in reports), f"the report on {whose}{form}")


def muted_reason(server_state: ServerState, now: float) -> str:
    """Why alerts for a server are muted now; "" if they are not."""
    words = [f'in maintenance "{server_state.maintenance}"'] if server_state.maintenance is not None else []
    if is_muted(server_state, now) and server_state.muted_until is not None:
        by = f" by {server_state.muted_by}" if server_state.muted_by else ""
        words.append(f"muted{by} {format_until(server_state.muted_until, now)}")
    return ", ".join(words)
