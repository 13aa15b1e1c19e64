"""Tiered reads of one series: timeline points, rollups, and what no rollup holds yet.

Functions over an open connection, inside one read transaction: otherwise a compaction in between would show
in only half of an answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from math import ceil, floor, inf
from typing import Literal

from wgmon_tui.records import dataclass
from wgmon_tui.store.formats.minute_block import unpack
from wgmon_tui.store.maintenance.rollups import DAY_S, HOUR_S, MINUTE_S, Rollup, Row, roll, summary_of_row
from wgmon_tui.store.models import PeriodSummary, TimelinePoint, state_of
from wgmon_tui.store.read.row_mapping import timeline_point_of
from wgmon_tui.store.read.series import Series, find_series
from wgmon_tui.store.replaced_values import note_replaced
from wgmon_tui.text import in_calendar

Rollups = Literal["minutes", "hours", "days"]

LENGTHS: dict[Rollups, float] = {"minutes": MINUTE_S, "hours": HOUR_S, "days": DAY_S}

_COLUMN: dict[Rollups, str] = {"minutes": "minute", "hours": "hour", "days": "day"}

_IN_A_ROW = """
    WITH RECURSIVE kept(number) AS (
        SELECT :first WHERE :first <= :last UNION ALL SELECT number + 1 FROM kept WHERE number < :last)"""
"""Every number of a span."""

_EXISTING = """
    WITH RECURSIVE kept(number) AS (
        SELECT min({column}) FROM {table} WHERE {column} >= :first
        UNION ALL
        SELECT (SELECT min({column}) FROM {table} WHERE {column} > number) FROM kept WHERE number < :last)"""
"""Step from one existing number to the next: a wrong clock may have put the rows far apart."""

_LOOKUPS = """
    SELECT {column}, checks, lost, up_s, degraded_s, down_s, unknown_s, paused_s, maintenance_s, sketch
    FROM kept CROSS JOIN {table} ON {column} = number AND series = :series WHERE number <= :last"""
"""A point lookup for each number, because the tables are clustered by time."""

_MOST_IN_A_ROW = 50_000
"""A span of at most this many numbers is read number by number: half the pages of stepping."""


def _read_rows(
    connection: sqlite3.Connection, table: Rollups, first: int, last: int, series: int
) -> sqlite3.Cursor:
    """Read the rows of a series: number, and the columns of a rollup. Raises sqlite3.Error."""
    column = _COLUMN[table]
    lowest, highest = connection.execute(
        f"SELECT (SELECT min({column}) FROM {table}), (SELECT max({column}) FROM {table})"  # noqa: S608
    ).fetchone()
    if lowest is not None:
        first, last = max(first, lowest), min(last, highest)
    numbers = _IN_A_ROW if last - first < _MOST_IN_A_ROW else _EXISTING
    query = (numbers + _LOOKUPS).format(table=table, column=column)
    return connection.execute(query, {"first": first, "last": last, "series": series})


_PACKS = """
    WITH RECURSIVE kept(number) AS (
        SELECT min(minute) FROM packs WHERE minute >= :first
        UNION ALL
        SELECT (SELECT min(minute) FROM packs WHERE minute > number) FROM kept WHERE number < :last)
    SELECT minute, checks FROM kept CROSS JOIN packs ON minute = number AND series = :series
    WHERE number <= :last"""

_PACKS_BACKWARDS = """
    WITH RECURSIVE kept(number) AS (
        SELECT max(minute) FROM packs WHERE minute <= :last
        UNION ALL
        SELECT (SELECT max(minute) FROM packs WHERE minute < number) FROM kept WHERE number IS NOT NULL)
    SELECT minute, checks FROM kept CROSS JOIN packs ON minute = number AND series = :series"""

_CURRENT = "SELECT as_of, accounted_to, state FROM current WHERE series = ?"

_FINER: dict[Rollups, Literal["minutes", "hours"]] = {"hours": "minutes", "days": "hours"}

_FARTHEST = 2**60
"""No clock reaches the number of such a minute, and SQLite can hold it."""


@dataclass(frozen=True, slots=True)
class QuerySpan:
    """Query from `start` to before `end`, made at `now`: a current state holds no longer than that."""

    start: float
    end: float
    now: float


@dataclass(frozen=True, slots=True)
class TieredSeries:
    """The history of one server from one vantage, with its journal.

    `fresh` holds the points that are in no block and no rollup yet, in the order in which they happened.
    `begun` is the point from which they continue, None for a series that was never compacted.
    """

    id: int
    vantage: str
    max_gap_s: float
    begun: TimelinePoint | None
    fresh: tuple[TimelinePoint, ...]


def find_tiered_series(connection: sqlite3.Connection, server: str, vantage: str) -> TieredSeries | None:
    """Find the series of a server for one vantage."""
    found = find_series(connection, server, vantage)
    return tiered_series(connection, found[0]) if found else None


def tiered_series(connection: sqlite3.Connection, series: Series) -> TieredSeries:
    """Read the part of a series that is in no rollup yet."""
    as_of, accounted_to, state = connection.execute(_CURRENT, (series.id,)).fetchone() or (0, 0.0, None)
    rows = connection.execute(
        "SELECT state, at, address, vantage, verdict, decides, rtt, tunnel_sent, tunnel_received, tunnel_rtt"
        " FROM checks WHERE id > ? AND series = ? ORDER BY id",
        (as_of, series.id),
    )
    begun = TimelinePoint(accounted_to, state_of(state)) if state else None
    fresh = tuple(timeline_point_of(*row) for row in rows)
    return TieredSeries(series.id, series.vantage, series.max_gap_s, begun, fresh)


def timeline(
    connection: sqlite3.Connection, series: TieredSeries, start: float, end: float
) -> list[TimelinePoint]:
    """Return all stored timeline points from `start` to before `end`, ascending."""
    rows = connection.execute(
        _PACKS,
        {"first": number_of(start, MINUTE_S), "last": number_of(end, MINUTE_S), "series": series.id},
    )
    packed = [moment for minute, checks in rows for moment in _unpacked(minute, checks)]
    known = [moment for moment in (*packed, *series.fresh) if start <= moment.at < end]
    return sorted(known, key=lambda moment: moment.at)


def timeline_backwards(
    connection: sqlite3.Connection, series: TieredSeries, before: float
) -> Iterator[TimelinePoint]:
    """Yield all stored timeline points before a time, the latest first; reads lazily."""
    for moment in sorted(series.fresh, key=lambda moment: moment.at, reverse=True):
        if moment.at < before:
            yield moment
    rows = connection.execute(_PACKS_BACKWARDS, {"last": number_of(before, MINUTE_S), "series": series.id})
    for minute, checks in rows:
        for moment in sorted(_unpacked(minute, checks), key=lambda moment: moment.at, reverse=True):
            if moment.at < before:
                yield moment


def _unpacked(minute: int, checks: bytes) -> list[TimelinePoint]:
    """Unpack a minute; a block that cannot be read holds nothing."""
    is_possible = in_calendar(minute * MINUTE_S) == minute * MINUTE_S
    moments = unpack(minute, checks) if is_possible else []
    if not moments:
        note_replaced()
    return moments


def oldest(connection: sqlite3.Connection, table: Rollups | Literal["packs"]) -> float:
    """Return the Unix time at which a tier begins; infinite if it is empty."""
    query, length = {
        "packs": ("SELECT min(minute) FROM packs", MINUTE_S),
        "minutes": ("SELECT min(minute) FROM minutes", MINUTE_S),
        "hours": ("SELECT min(hour) FROM hours", HOUR_S),
        "days": ("SELECT min(day) FROM days", DAY_S),
    }[table]
    number = connection.execute(query).fetchone()[0]
    return inf if number is None else number * length


def rollups(
    connection: sqlite3.Connection, table: Rollups, series: TieredSeries, span: QuerySpan
) -> dict[int, Rollup]:
    """Return the minutes, hours or days that begin within the span, by number, up to the present."""
    found = {number: Rollup.from_row(row) for number, row in _stored_rows(connection, table, series, span)}
    for number, rollup in _recent_rollups(table, series, span).items():
        found.setdefault(number, Rollup()).merge(rollup)
    return found


def summaries(
    connection: sqlite3.Connection, table: Rollups, series: TieredSeries, span: QuerySpan
) -> dict[int, PeriodSummary]:
    """Return the summaries of what `rollups` returns, without a rollup for each row that is complete."""
    recent = _recent_rollups(table, series, span)
    found = {}
    for number, row in _stored_rows(connection, table, series, span):
        if number in recent:
            recent[number].merge(Rollup.from_row(row))
        else:
            found[number] = summary_of_row(row)
    return found | {number: rollup.summary() for number, rollup in recent.items()}


def _stored_rows(
    connection: sqlite3.Connection, table: Rollups, series: TieredSeries, span: QuerySpan
) -> Iterator[tuple[int, Row]]:
    first, last = _numbers_of(table, span)
    rows = _read_rows(connection, table, first, last, series.id)
    return ((row[0], row[1:]) for row in rows)


def _recent_rollups(table: Rollups, series: TieredSeries, span: QuerySpan) -> dict[int, Rollup]:
    """Roll up what no table holds yet."""
    first, last = _numbers_of(table, span)
    begun = [series.begun] if series.begun else []
    until, length = min(span.end, span.now), LENGTHS[table]
    recent = roll([*begun, *series.fresh], series.max_gap_s, until=until, length=length)
    return {number: rollup for number, rollup in recent.items() if first <= number <= last}


def _numbers_of(table: Rollups, span: QuerySpan) -> tuple[int, int]:
    """Return the first and the last minute, hour or day that begins within the span."""
    length = LENGTHS[table]
    return number_of(span.start, length, up=True), number_of(span.end, length, up=True) - 1


def split_by_tier(
    start: float, end: float, *, coarsest: Rollups = "days"
) -> Iterator[tuple[Rollups, float, float]]:
    """Split a period into whole days, whole hours for what is left at its ends, and minutes for the rest.

    Yields the tier, the start and the end of each part.
    """
    finer = _FINER.get(coarsest)
    first = number_of(start, LENGTHS[coarsest], up=True) * LENGTHS[coarsest]
    last = number_of(end, LENGTHS[coarsest]) * LENGTHS[coarsest]
    if start >= end:
        return
    if finer is None:
        yield coarsest, start, end
    elif first >= last:
        yield from split_by_tier(start, end, coarsest=finer)
    else:
        yield from split_by_tier(start, first, coarsest=finer)
        yield coarsest, first, last
        yield from split_by_tier(last, end, coarsest=finer)


def covered_span(connection: sqlite3.Connection, start: float, end: float) -> tuple[float, float]:
    """Extend a period to whole hours where minutes have been deleted, and to days where hours have been."""
    for coarser, finer in _FINER.items():
        length = LENGTHS[coarser]
        fine_from = complete_from(connection, finer)
        if start < fine_from:
            start = number_of(start, length) * length
        if end < fine_from:
            end = number_of(end, length, up=True) * length
    return start, end


def complete_from(connection: sqlite3.Connection, table: Literal["packs", "minutes", "hours"]) -> float:
    """Return the Unix time before which only the next coarser tier has data.

    It is a whole minute, hour or day; minus infinity if nothing was deleted.
    """
    began = oldest(connection, table)
    if table == "packs":
        return began if oldest(connection, "minutes") < began else -inf
    coarser: Rollups = "hours" if table == "minutes" else "days"
    length, of_coarser = LENGTHS[coarser], oldest(connection, coarser)
    if of_coarser == inf or of_coarser + length > began:
        return -inf
    return began if began == inf else ceil(began / length) * length


def number_of(at: float, length: float, *, up: bool = False) -> int:
    """Return the number of the minute, hour or day of a time.

    With `up`, it is that of the first one that begins at or after the time.
    """
    number = min(max(at / length, -_FARTHEST), _FARTHEST)
    return ceil(number) if up else floor(number)
