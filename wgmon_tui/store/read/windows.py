"""History of one series as a summary or as buckets, from the finest tier that still has data."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from math import ceil, floor

from wgmon_tui.store.maintenance.rollups import DAY_S, HOUR_S, MINUTE_S, Rollup, roll, total_of
from wgmon_tui.store.models import EMPTY_PERIOD, PeriodSummary, TimeBucket
from wgmon_tui.store.read.tiers import (
    LENGTHS,
    QuerySpan,
    Rollups,
    TieredSeries,
    complete_from,
    covered_span,
    rollups,
    split_by_tier,
    summaries,
    timeline,
)


def window(connection: sqlite3.Connection, series: TieredSeries, span: QuerySpan) -> PeriodSummary:
    """Summarise a period. Its ends are rounded to whole minutes, or to the tier that still has data."""
    return total_of(
        rollup
        for table, since, until in split_by_tier(*covered_span(connection, span.start, span.end))
        for rollup in rollups(connection, table, series, QuerySpan(since, until, span.now)).values()
    )


def buckets(
    connection: sqlite3.Connection, series: TieredSeries, span: QuerySpan, length: float
) -> list[TimeBucket]:
    """Divide a period into buckets without gaps. They begin at multiples of their length since the epoch.

    A length of a minute or more is cut to whole minutes, of an hour or more to whole hours, of a day or more
    to whole days. Where only a coarser tier has data, buckets have its length.
    """
    if span.start >= span.end:
        return []
    if length >= DAY_S:
        return _rolled(connection, "days", series, span, length // DAY_S * DAY_S)
    if length >= HOUR_S:
        length = length // HOUR_S * HOUR_S
        before, after = _divided(span, complete_from(connection, "hours"), length)
        coarse = buckets(connection, series, before, DAY_S)
        return coarse + _rolled(connection, "hours", series, after, length)
    if length >= MINUTE_S:
        length = length // MINUTE_S * MINUTE_S
        before, after = _divided(span, complete_from(connection, "minutes"), length)
        coarse = buckets(connection, series, before, HOUR_S)
        return coarse + _rolled(connection, "minutes", series, after, length)
    before, after = _divided(span, complete_from(connection, "packs"), length)
    coarse = buckets(connection, series, before, MINUTE_S)
    return coarse + _raw(connection, series, after, length)


def _divided(span: QuerySpan, border: float, length: float) -> tuple[QuerySpan, QuerySpan]:
    """Split a span at a border; the first part starts where a bucket of that length begins."""
    start = floor(span.start / length) * length
    border = min(max(start, border), span.end)
    return QuerySpan(start, border, span.now), QuerySpan(border, span.end, span.now)


def _rolled(
    connection: sqlite3.Connection,
    table: Rollups,
    series: TieredSeries,
    span: QuerySpan,
    length: float,
) -> list[TimeBucket]:
    if span.start >= span.end:
        return []
    start = floor(span.start / length) * length
    whole = QuerySpan(start, span.end, span.now)
    in_each = int(length // LENGTHS[table])
    if in_each == 1:
        return _filled(summaries(connection, table, series, whole), span, length)
    grouped: dict[int, Rollup] = {}
    for number, rollup in rollups(connection, table, series, whole).items():
        grouped.setdefault(number // in_each, Rollup()).merge(rollup)
    return _filled(_summarised(grouped), span, length)


def _raw(
    connection: sqlite3.Connection, series: TieredSeries, span: QuerySpan, length: float
) -> list[TimeBucket]:
    """Build buckets from single points.

    Reads `max_gap_s` more on both sides, for states that reach into the span.
    """
    if span.start >= span.end:
        return []
    known = timeline(connection, series, span.start - series.max_gap_s, span.end + series.max_gap_s)
    until = min(span.end, span.now)
    return _filled(_summarised(roll(known, series.max_gap_s, until=until, length=length)), span, length)


def _summarised(found: Mapping[int, Rollup]) -> dict[int, PeriodSummary]:
    return {number: rollup.summary() for number, rollup in found.items()}


def _filled(found: Mapping[int, PeriodSummary], span: QuerySpan, length: float) -> list[TimeBucket]:
    return [
        TimeBucket(number * length, length, found.get(number, EMPTY_PERIOD))
        for number in range(floor(span.start / length), ceil(span.end / length))
    ]
