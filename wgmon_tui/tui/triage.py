"""`y`: reports of what is wrong, made of what this face knows, onto the clipboard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.history.reading import History
from wgmon_tui.history.store import StoreUnavailableError
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.report.summary import Account, account_of, account_of_incident, as_markdown, as_text
from wgmon_tui.tui.filter import muted
from wgmon_tui.tui.format import until_words
from wgmon_tui.tui.incidentlines import IncidentEntry
from wgmon_tui.tui.past import read_opening
from wgmon_tui.tui.port import port_up
from wgmon_tui.tui.together import fails_with

if TYPE_CHECKING:
    from wgmon_tui.tui.app import WgmonApp


def account_here(app: WgmonApp, row: Row) -> Account:
    """All that is known here of a server."""
    now = app.clock()
    together = app.together.of(row.server.name) if row.severity is Severity.DOWN else ()
    return replace(
        account_of(row),
        port_up=port_up(row),
        together=tuple(f"fails together with {fails_with(each, row.server.name)}" for each in together),
        silenced=silenced(row, now),
    )


def exchange_account(app: WgmonApp, row: Row, outcome: Round) -> Account:
    """What there is to tell with a round that is shown; one before the last is told as what it was."""
    if outcome is row.last:
        return account_here(app, row)
    verdict, check = outcome.diagnosis.verdict, outcome.check
    return Account(
        server=row.server.name,
        severity=verdict.severity,
        word=verdict.slug,
        sentence=outcome.diagnosis.summary,
        endpoint=str(check.endpoint),
        since=check.started_at,
        until=check.started_at,
        outcome=outcome,
    )


async def copy_incident(app: WgmonApp, entry: IncidentEntry, *, markdown: bool) -> None:
    """The report on an incident: of the server as it is now where that is its open one, else with the
    exchange that opened it, as far as the store has that.
    """
    incident = entry.incident
    row = app.engine.board.rows.get(incident.server)
    if row and row.incident and row.incident.id == incident.id:
        copy_accounts(app, [replace(account_here(app, row), notes=entry.notes)], markdown=markdown)
        return
    endpoint = str(entry.server.endpoint) if entry.server else ""
    outcome = await asyncio.to_thread(_opened_by, app.history, incident) if app.history else None
    account = replace(account_of_incident(incident, endpoint, entry.notes), outcome=outcome)
    copy_accounts(app, [account], markdown=markdown)


def _opened_by(history: History, incident: Incident) -> Round | None:
    try:
        opened = read_opening(history, incident)
    except StoreUnavailableError:
        return None
    return opened.round if opened else None


def copy_accounts(app: WgmonApp, accounts: Sequence[Account], *, markdown: bool) -> None:
    """Put them on the clipboard, one after the other."""
    write, now = as_markdown if markdown else as_text, app.clock()
    whose = accounts[0].server if len(accounts) == 1 else f"{len(accounts)} servers"
    form = " in Markdown" if markdown else ""
    app.copy_and_say("\n".join(write(each, now) for each in accounts), f"the report on {whose}{form}")


def silenced(row: Row, now: float) -> str:
    """Why nobody is told of a server now; "" where somebody is."""
    words = [f'in the maintenance "{row.maintenance}"'] if row.maintenance is not None else []
    if muted(row, now) and row.muted_until is not None:
        by = f" by {row.muted_by}" if row.muted_by else ""
        words.append(f"muted{by} {until_words(row.muted_until, now)}")
    return ", ".join(words)
