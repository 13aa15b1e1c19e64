"""Queries for stored rounds: lists of them, the last good one, and those of failed checks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.models import Round
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.models import FAILED, ExchangeSummary, StoredCheck, StoredExchange
from wgmon_tui.store.read.row_mapping import exchange_summary_of
from wgmon_tui.store.read.series import find_series
from wgmon_tui.store.read.tiers import TieredSeries, timeline_backwards
from wgmon_tui.store.replaced_values import note_replaced, time_of, uncounted
from wgmon_tui.text import in_calendar

Failure = tuple[StoredCheck, ExchangeSummary | None]

_LINES_OF_ALL = """
    SELECT exchanges.id, name, at, kind, verdict, incident, ifnull(series.vantage, 'local') AS origin
    FROM exchanges LEFT JOIN series ON series.id = exchanges.series
    JOIN servers ON servers.id = ifnull(series.server, exchanges.series)
    WHERE at >= :start AND at < :end AND (:incident IS NULL OR incident = :incident)
    AND (:vantage IS NULL OR origin = :vantage)
    ORDER BY at DESC, exchanges.id DESC LIMIT :limit"""

_LINES_OF_SERIES = """
    SELECT id, at, kind, verdict, incident FROM exchanges WHERE series = :series
    AND at >= :start AND at < :end AND (:incident IS NULL OR incident = :incident)
    ORDER BY at DESC, id DESC LIMIT :limit"""

_EXCHANGE = """
    SELECT exchanges.id, name, at, kind, verdict, incident, ifnull(series.vantage, 'local'), round
    FROM exchanges LEFT JOIN series ON series.id = exchanges.series
    JOIN servers ON servers.id = ifnull(series.server, exchanges.series)
    WHERE exchanges.id = ?"""

_EARLIER = """SELECT id, at, kind, verdict, incident FROM exchanges
    WHERE series = ? AND at < ? ORDER BY at DESC"""

_LATER = "SELECT id, at, kind, verdict, incident FROM exchanges WHERE series = ? AND at >= ? ORDER BY at"

_FAILED = """SELECT id, at, kind, verdict, incident FROM exchanges
    WHERE series = ? AND at < ? AND kind != 'good' ORDER BY at DESC"""

_SAME_CHECK_S = 0.002
"""A packed check keeps its time to a millisecond only; its exchange keeps the exact time."""


def lines_of_all(
    connection: sqlite3.Connection,
    span: tuple[float, float],
    incident: str | None,
    vantage: str | None,
    limit: int,
) -> list[ExchangeSummary]:
    """Return the stored exchanges of all servers from one vantage, or from all; the latest first."""
    start, end = span
    wanted = {"start": start, "end": end, "incident": incident, "vantage": vantage, "limit": limit}
    rows = connection.execute(_LINES_OF_ALL, wanted)
    return [line for row in rows if (line := exchange_summary_of(*row))]


def lines_of_server(
    connection: sqlite3.Connection,
    server: str,
    span: tuple[float, float],
    incident: str | None,
    vantage: str | None,
    limit: int,
) -> list[ExchangeSummary]:
    """Return the stored exchanges of one server from one vantage, or from all; the latest first."""
    start, end = span
    found: list[ExchangeSummary] = []
    for series in find_series(connection, server, vantage):
        wanted = {"series": series.id, "start": start, "end": end, "incident": incident, "limit": limit}
        found += _lines(connection.execute(_LINES_OF_SERIES, wanted), server, series.vantage)
    found.sort(key=lambda line: (line.at, line.id), reverse=True)
    return found if limit < 0 else found[:limit]


def stored(connection: sqlite3.Connection, number: int) -> StoredExchange | None:
    """Return the exchange with this id; None if it was deleted or this version cannot read it."""
    row = connection.execute(_EXCHANGE, (number,)).fetchone()
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


def last_good(
    connection: sqlite3.Connection, server: str, before: float, vantage: str
) -> StoredExchange | None:
    """Return the latest good exchange of a vantage before a time; if there is none, the first one after."""
    for series in find_series(connection, server, vantage):
        for query in (_EARLIER, _LATER):
            for line in _lines(connection.execute(query, (series.id, before)), server, series.vantage):
                if line.verdict.severity is Severity.UP and (found := stored(connection, line.id)):
                    return found
    return None


def failures(
    connection: sqlite3.Connection, series: TieredSeries, server: str, before: float, limit: int
) -> list[Failure]:
    """Return the last failed checks, the latest first, each with its exchange if that is stored.

    Where single checks have been deleted, only checks with a stored exchange remain.
    """
    checks: list[StoredCheck] = []
    for moment in timeline_backwards(connection, series, before):
        if moment.check and moment.check.has_failed:
            checks.append(moment.check)
        if len(checks) == limit:
            break
    lines = _failed_lines(connection, series, server, before)
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
    connection: sqlite3.Connection, series: TieredSeries, server: str, before: float
) -> Iterator[ExchangeSummary]:
    """Yield the latest first."""
    for line in _lines(connection.execute(_FAILED, (series.id, before)), server, series.vantage):
        if line.verdict.severity in FAILED:
            yield line


def _lines(rows: sqlite3.Cursor, server: str, vantage: str) -> Iterator[ExchangeSummary]:
    """Convert rows of one series."""
    for number, at, kind, verdict, incident in rows:
        if line := exchange_summary_of(number, server, at, kind, verdict, incident, vantage):
            yield line


def _check_of(connection: sqlite3.Connection, line: ExchangeSummary) -> StoredCheck:
    """Return the deciding check of a stored exchange; if its packets are gone, with fewer fields."""
    exchange = stored(connection, line.id)
    if exchange is None:
        vantage = "" if line.vantage == LOCAL_VANTAGE else line.vantage
        return StoredCheck(line.at, None, vantage, line.verdict, True, None)
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
