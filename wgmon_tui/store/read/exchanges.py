"""Queries for stored rounds of one server: the last good one, and those of failed checks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.models import Round
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.models import FAILED, ExchangeSummary, StoredCheck, StoredExchange
from wgmon_tui.store.read.row_mapping import exchange_summary_of
from wgmon_tui.store.read.tiers import TieredServer, timeline_backwards
from wgmon_tui.store.replaced_values import note_replaced, time_of, uncounted
from wgmon_tui.text import in_calendar

Failure = tuple[StoredCheck, ExchangeSummary | None]

_SAME_CHECK_S = 0.002
"""A packed check keeps its time to a millisecond only; its exchange keeps the exact time."""


def stored(connection: sqlite3.Connection, number: int) -> StoredExchange | None:
    """Return the exchange with this id; None if it was deleted or this version cannot read it."""
    row = connection.execute(
        "SELECT exchanges.id, name, at, kind, verdict, incident, round"
        " FROM exchanges JOIN servers ON servers.id = server WHERE exchanges.id = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    with uncounted():  # whoever lists the exchanges has counted these values
        line = exchange_summary_of(*row[:-1])
    outcome = stored_round(row[-1])
    return StoredExchange(line, outcome) if line and outcome else None


def stored_round(packed: bytes) -> Round | None:
    """Decode a round; None if it is damaged or of another version."""
    outcome = record_codec.from_bytes(packed)
    if outcome is None:
        note_replaced()
        return None
    if all(in_calendar(check.started_at) == check.started_at for check in outcome.checks):
        return outcome
    checks = tuple(replace(check, started_at=time_of(check.started_at)) for check in outcome.checks)
    return replace(outcome, checks=checks)


def last_good(connection: sqlite3.Connection, server: str, before: float) -> StoredExchange | None:
    """Return the latest good exchange before a time; if there is none, the first one after."""
    earlier = connection.execute(
        "SELECT id, :server, at, kind, verdict, incident FROM exchanges"
        " WHERE server = (SELECT id FROM servers WHERE name = :server) AND at < :before ORDER BY at DESC",
        {"server": server, "before": before},
    )
    later = connection.execute(
        "SELECT id, :server, at, kind, verdict, incident FROM exchanges"
        " WHERE server = (SELECT id FROM servers WHERE name = :server) AND at >= :before ORDER BY at",
        {"server": server, "before": before},
    )
    for rows in (earlier, later):
        for row in rows:
            line = exchange_summary_of(*row)
            if line and line.verdict.severity is Severity.UP and (found := stored(connection, line.id)):
                return found
    return None


def failures(
    connection: sqlite3.Connection, tiered_server: TieredServer, server: str, before: float, limit: int
) -> list[Failure]:
    """Return the last failed checks, the latest first, each with its exchange if that is stored.

    Where single checks have been deleted, only checks with a stored exchange remain.
    """
    checks: list[StoredCheck] = []
    for moment in timeline_backwards(connection, tiered_server, before):
        if moment.check and moment.check.has_failed:
            checks.append(moment.check)
        if len(checks) == limit:
            break
    lines = _failed_lines(connection, tiered_server, server, before)
    found: list[Failure] = []
    line = next(lines, None)
    for check in checks:
        while line and line.at > check.at + _SAME_CHECK_S:
            line = next(lines, None)
        kept = line if line and check.is_deciding and line.at > check.at - _SAME_CHECK_S else None
        found.append((check, kept))
        if kept:
            line = next(lines, None)
    while line and len(found) < limit:
        found.append((_check_of(connection, line), line))
        line = next(lines, None)
    return found


def _failed_lines(
    connection: sqlite3.Connection, tiered_server: TieredServer, server: str, before: float
) -> Iterator[ExchangeSummary]:
    """Yield the latest first."""
    for row in connection.execute(
        "SELECT id, ?, at, kind, verdict, incident FROM exchanges WHERE server = ? AND at < ?"
        " AND kind != 'good' ORDER BY at DESC",
        (server, tiered_server.id, before),
    ):
        line = exchange_summary_of(*row)
        if line and line.verdict.severity in FAILED:
            yield line


def _check_of(connection: sqlite3.Connection, line: ExchangeSummary) -> StoredCheck:
    """Return the deciding check of a stored exchange; if its packets are gone, with fewer fields."""
    exchange = stored(connection, line.id)
    if exchange is None:
        return StoredCheck(line.at, None, "", line.verdict, True, None)
    check = exchange.round.check
    tunnel = check.tunnel
    return StoredCheck(
        line.at,
        check.address,
        check.vantage,
        line.verdict,
        True,
        check.handshake.rtt if check.handshake else None,
        tunnel.sent if tunnel else None,
        tunnel.received if tunnel else None,
        tunnel.rtt if tunnel else None,
    )
