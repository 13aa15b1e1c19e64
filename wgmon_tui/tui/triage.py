"""`y`: reports of what is wrong, made of what this face knows, onto the clipboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.report.summary import Account, account_of, as_markdown, as_text
from wgmon_tui.text import format_count, format_until
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.filter import muted
from wgmon_tui.tui.port import port_up
from wgmon_tui.tui.together import fails_with


def account_here(app: AppContext, row: Row) -> Account:
    """All that is known here of a server."""
    now = app.clock()
    together = app.together.of(row.server.name) if row.severity is Severity.DOWN else ()
    return replace(
        account_of(row),
        port_up=port_up(row),
        together=tuple(f"fails together with {fails_with(each, row.server.name)}" for each in together),
        silenced=silenced(row, now),
    )


def exchange_account(app: AppContext, row: Row, outcome: Round) -> Account:
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


def copy_accounts(app: AppContext, accounts: Sequence[Account], *, markdown: bool) -> None:
    """Put them on the clipboard, one after the other."""
    write, now = as_markdown if markdown else as_text, app.clock()
    whose = accounts[0].server if len(accounts) == 1 else format_count(len(accounts), "server")
    form = " in Markdown" if markdown else ""
    app.copy_and_say("\n".join(write(each, now) for each in accounts), f"the report on {whose}{form}")


def silenced(row: Row, now: float) -> str:
    """Why nobody is told of a server now; "" where somebody is."""
    words = [f'in the maintenance "{row.maintenance}"'] if row.maintenance is not None else []
    if muted(row, now) and row.muted_until is not None:
        by = f" by {row.muted_by}" if row.muted_by else ""
        words.append(f"muted{by} {format_until(row.muted_until, now)}")
    return ", ".join(words)
