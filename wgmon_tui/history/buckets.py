"""One server's past as buckets of one length, and as a whole: out of the finest tier that still remembers."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from math import ceil, floor

from wgmon_tui.history.records import NOTHING_SEEN, Bucket, Seen
from wgmon_tui.history.rollups import HOUR_S, MINUTE_S, Tally, roll, seen
from wgmon_tui.history.tiers import Rollups, Span, Subject, complete_from, moments, number_of, tallies


def window(connection: sqlite3.Connection, subject: Subject, span: Span) -> Seen:
    """A stretch of time as a whole: whole minutes at its ends, whole hours where minutes are forgotten."""
    fine_from = complete_from(connection, "minutes")
    start, end = span.start, span.end
    if start < fine_from:
        start = number_of(start, HOUR_S) * HOUR_S
    if end < fine_from:
        end = number_of(end, HOUR_S, up=True) * HOUR_S
    first_hour = number_of(start, HOUR_S, up=True) * HOUR_S
    last_hour = number_of(end, HOUR_S) * HOUR_S
    parts: list[tuple[Rollups, float, float]] = [("minutes", start, end)]
    if first_hour < last_hour:
        parts = [
            ("minutes", start, first_hour),
            ("hours", first_hour, last_hour),
            ("minutes", last_hour, end),
        ]
    return seen(
        tally
        for table, since, until in parts
        if since < until
        for tally in tallies(connection, table, subject, Span(since, until, span.now)).values()
    )


def buckets(connection: sqlite3.Connection, subject: Subject, span: Span, length: float) -> list[Bucket]:
    """A stretch of time in buckets without gaps. They begin at multiples of their length since the epoch.

    A length from a minute on is cut to whole minutes, one from an hour on to whole hours. What only a coarser
    tier remembers comes in buckets of that tier's length.
    """
    if span.start >= span.end:
        return []
    if length >= HOUR_S:
        return _rolled(connection, "hours", subject, span, length // HOUR_S * HOUR_S)
    if length >= MINUTE_S:
        length = length // MINUTE_S * MINUTE_S
        before, after = _divided(span, complete_from(connection, "minutes"), length)
        coarse = _rolled(connection, "hours", subject, before, HOUR_S)
        return coarse + _rolled(connection, "minutes", subject, after, length)
    before, after = _divided(span, complete_from(connection, "packs"), length)
    coarse = buckets(connection, subject, before, MINUTE_S)
    return coarse + _raw(connection, subject, after, length)


def _divided(span: Span, border: float, length: float) -> tuple[Span, Span]:
    """What lies before a border and what lies after; begun where a bucket of that length begins."""
    start = floor(span.start / length) * length
    border = min(max(start, border), span.end)
    return Span(start, border, span.now), Span(border, span.end, span.now)


def _rolled(
    connection: sqlite3.Connection, table: Rollups, subject: Subject, span: Span, length: float
) -> list[Bucket]:
    if span.start >= span.end:
        return []
    start = floor(span.start / length) * length
    found = tallies(connection, table, subject, Span(start, span.end, span.now))
    in_each = int(length // (MINUTE_S if table == "minutes" else HOUR_S))
    if in_each == 1:
        return _filled(found, span, length)
    grouped: dict[int, Tally] = {}
    for number, tally in found.items():
        grouped.setdefault(number // in_each, Tally()).merge(tally)
    return _filled(grouped, span, length)


def _raw(connection: sqlite3.Connection, subject: Subject, span: Span, length: float) -> list[Bucket]:
    """Moment by moment. One state's hold more is read on both sides, for what reaches into the span."""
    if span.start >= span.end:
        return []
    known = moments(connection, subject, span.start - subject.holds, span.end + subject.holds)
    until = min(span.end, span.now)
    return _filled(roll(known, subject.holds, until=until, length=length), span, length)


def _filled(found: Mapping[int, Tally], span: Span, length: float) -> list[Bucket]:
    return [
        Bucket(number * length, length, found[number].seen() if number in found else NOTHING_SEEN)
        for number in range(floor(span.start / length), ceil(span.end / length))
    ]
