"""Compaction of the journal into minute blocks, minutes, hours and days: some series in each transaction.

`current.as_of` advances in the same transaction, so that after a kill every check still counts exactly once.
A minute, an hour or a day can exist already, because the clock was set back or a check ended late. Then the
new values are added. Nothing is ever replaced.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import inf, nan
from types import MappingProxyType
from typing import TypeVar, cast

from wgmon_tui.monitor.rtt_window import CAPACITY
from wgmon_tui.store.formats.minute_block import pack, pack_samples, unpack, unpack_samples
from wgmon_tui.store.maintenance.journal_rows import (
    JournalPoint,
    index_journal,
    read_journal,
    state_of_text,
)
from wgmon_tui.store.maintenance.rollups import COLUMNS, MINUTE_S, Rollup, Row, roll
from wgmon_tui.store.models import PeriodState, TimelinePoint

GRACE_S = 10.0
"""Seconds after its end when a minute is compacted: most checks that began in it are finished by then."""

_FUTURE_S = 120.0
"""A row this many seconds in the future dates from before the clock was set back. It is compacted without
delay.
"""

_LATE_S = 60.0
"""Maximum seconds by which a late check can have begun before other checks of its server."""

_ALL: Mapping[str, int] = MappingProxyType({})

_SERIES_A_STEP = 250
_ROWS_A_STEP = 200
"""A step compacts series until it has this many rows: a commit waits for at most one step."""

_DELETED_A_STEP = 1_000

_ALL_SERIES = "SELECT id FROM servers UNION ALL SELECT id FROM series ORDER BY id"

_HOLDS = """SELECT id, holds FROM servers WHERE id BETWEEN :first AND :last UNION ALL
    SELECT series.id, holds FROM series JOIN servers ON servers.id = series.server
    WHERE series.id BETWEEN :first AND :last"""

_CURRENT = """INSERT INTO current
    (series, as_of, accounted_to, state, since, verdict, rtt, port_monitor, damping, samples)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?) ON CONFLICT (series) DO UPDATE SET as_of = excluded.as_of,
    accounted_to = excluded.accounted_to, state = excluded.state, since = excluded.since,
    verdict = coalesce(excluded.verdict, verdict), rtt = excluded.rtt,
    port_monitor = coalesce(excluded.port_monitor, port_monitor), samples = excluded.samples"""


@dataclass(frozen=True, slots=True)
class _OpenRollups:
    """What is already in the rollups of a series."""

    as_of: int
    accounted_to: float
    state: PeriodState
    since: float | None
    samples: bytes
    rtt: float | None


T = TypeVar("T")

_BySeries = dict[int, dict[int, T]]
"""By minute, hour or day, then by series."""

_Rollups = _BySeries[Rollup]
_Moments = _BySeries[list[TimelinePoint]]


def compaction_boundary(now: float) -> float:
    """Return the end of the last minute that is due for compaction."""
    return (now - GRACE_S) // 60.0 * 60.0


def compact(
    connection: sqlite3.Connection, boundary: float, now: float, oldest_kept: Mapping[str, int] = _ALL
) -> Iterator[None]:
    """Roll up the journal before `boundary`; yields after each transaction.

    `oldest_kept` has the oldest minute, hour or day for a table. What another vantage reports later than that
    is only in coarser tables: readers take a tier as complete from its oldest row on. Raises sqlite3.Error.
    """
    series = [number for (number,) in connection.execute(_ALL_SERIES)]
    by_series = yield from index_journal(connection)
    first = min((ids[0] for ids in by_series.values()), default=None)
    left: float = max((ids[-1] for ids in by_series.values()), default=0) + 1
    for some in _steps(series, by_series):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            left = min(left, _compact_some(connection, some, by_series, boundary, now, oldest_kept))
        yield
        for number in some:
            by_series.pop(number, None)
    # A row of no known series stays, and those after it.
    left = min([left, *(ids[0] for ids in by_series.values())])
    if first is None:
        return
    for border in range(first + _DELETED_A_STEP, int(left) + _DELETED_A_STEP, _DELETED_A_STEP):
        connection.execute("DELETE FROM checks WHERE id < ?", (min(border, left),))
        yield


def _steps(series: Sequence[int], by_series: Mapping[int, Sequence[int]]) -> Iterator[list[int]]:
    """Divide the series into steps, ascending."""
    some: list[int] = []
    rows = 0
    for number in series:
        some.append(number)
        rows += len(by_series.get(number, ()))
        if rows >= _ROWS_A_STEP or len(some) == _SERIES_A_STEP:
            yield some
            some, rows = [], 0
    if some:
        yield some


def _compact_some(
    connection: sqlite3.Connection,
    some: Sequence[int],
    by_series: Mapping[int, Sequence[int]],
    boundary: float,
    now: float,
    oldest_kept: Mapping[str, int],
) -> float:
    """Compact some neighbouring series. Returns the first of their rows that is left, or infinity."""
    first, last = some[0], some[-1]
    known = _read_current(connection, first, last)
    journal = read_journal(connection, (number for series in some for number in by_series.get(series, ())))
    holding = dict(connection.execute(_HOLDS, {"first": first, "last": last}))
    minutes: _Rollups = defaultdict(dict)
    packs: _Moments = defaultdict(dict)
    current = []
    left = inf
    for series in sorted(known.keys() | journal.keys()):
        before = known.get(series)
        entries = _ready(journal.get(series, []), before, boundary, now)
        reached_id = entries[-1].id if entries else before.as_of if before else 0
        left = min(left, next((each for each in by_series.get(series, ()) if each > reached_id), inf))
        if not entries and (before is None or before.state is not PeriodState.PAUSED):
            continue
        timeline = _timeline(before, entries)
        # The reports of another vantage may come hours later. So its state counts once the next one is there.
        reached = max(boundary, timeline[-1].at) if series > 0 else timeline[-1].at
        for minute, rollup in roll(timeline, holding[series], until=reached).items():
            minutes[minute][series] = rollup
        for entry in entries:
            packs[int(entry.moment.at // MINUTE_S)].setdefault(series, []).append(entry.moment)
        paused = timeline[-1].state is PeriodState.PAUSED
        if not paused and reached - timeline[-1].at > holding[series]:
            reached = timeline[-1].at  # not checked since: the next check needs the length of the gap
        current.append(_current_row(series, before, entries, reached))
    _write_rollups(connection, minutes, (first, last), oldest_kept)
    _write_packs(connection, _without_late(packs, oldest_kept.get("packs")), first, last)
    connection.executemany(_CURRENT, current)
    return left


def _write_rollups(
    connection: sqlite3.Connection, minutes: _Rollups, border: tuple[int, int], oldest_kept: Mapping[str, int]
) -> None:
    hours = _sum(minutes, 60)
    days = _sum(hours, 24)
    for table, column, rollups in (
        ("minutes", "minute", minutes),
        ("hours", "hour", hours),
        ("days", "day", days),
    ):
        _merge(connection, table, column, _without_late(rollups, oldest_kept.get(table)), *border)


def _ready(
    entries: list[JournalPoint], before: _OpenRollups | None, boundary: float, now: float
) -> list[JournalPoint]:
    """Return the new entries of one series that are due, up to the first one not yet due."""
    as_of = before.as_of if before else 0
    fresh = (entry for entry in entries if entry.id > as_of)
    return list(takewhile(lambda entry: not boundary <= entry.moment.at <= now + _FUTURE_S, fresh))


def _timeline(before: _OpenRollups | None, entries: list[JournalPoint]) -> list[TimelinePoint]:
    """Return the timeline of the entries, continued from the rollups.

    A check that ended late counts from the time already reached, so that no second counts twice. An entry
    further back was written after the clock was set back, and counts at its stored time.
    """
    timeline = [TimelinePoint(before.accounted_to, before.state)] if before else []
    for entry in entries:
        moment, reached = entry.moment, timeline[-1].at if timeline else entry.moment.at
        if reached - _LATE_S <= moment.at < reached:
            moment = TimelinePoint(reached, moment.state, moment.check)
        timeline.append(moment)
    return timeline


def _current_row(
    series: int, before: _OpenRollups | None, entries: list[JournalPoint], accounted_to: float
) -> tuple[object, ...]:
    checks = [
        entry.moment.check for entry in entries if entry.moment.check and entry.moment.check.is_deciding
    ]
    rtts = [nan if check.rtt is None else check.rtt for check in checks if check.is_counted]
    samples = [*(unpack_samples(before.samples) if before else ()), *rtts][-CAPACITY:]
    state, since = (before.state, before.since) if before else (PeriodState.UNKNOWN, None)
    if entries:
        state, since = entries[-1].moment.state, entries[-1].since
    ports = [entry.port_monitor for entry in entries if entry.port_monitor]
    return (
        series,
        entries[-1].id if entries else before.as_of if before else 0,
        accounted_to,
        state.value,
        since,
        checks[-1].verdict.slug if checks else None,
        checks[-1].rtt if checks else before.rtt if before else None,
        ports[-1] if ports else None,
        pack_samples(samples),
    )


def _read_current(connection: sqlite3.Connection, first: int, last: int) -> dict[int, _OpenRollups]:
    rows = connection.execute(
        "SELECT series, as_of, accounted_to, state, since, samples, rtt FROM current"
        " WHERE series BETWEEN ? AND ?",
        (first, last),
    )
    return {
        series: _OpenRollups(as_of, accounted_to, state_of_text(state), since, samples, rtt)
        for series, as_of, accounted_to, state, since, samples, rtt in rows
    }


def _without_late(by_number: _BySeries[T], oldest: int | None) -> _BySeries[T]:
    """Leave out what another vantage reported of the time before this minute, hour or day."""
    return {
        number: by_series
        if oldest is None or number >= oldest
        else {series: each for series, each in by_series.items() if series > 0}
        for number, by_series in by_number.items()
    }


def _sum(rollups: _Rollups, in_each: int) -> _Rollups:
    """Sum minutes into hours, or hours into days. Use it before `_merge`, on new values only."""
    sums: _Rollups = defaultdict(dict)
    for number, by_series in rollups.items():
        of_group = sums[number // in_each]
        for series, rollup in by_series.items():
            if series in of_group:
                of_group[series].merge(rollup)
            else:
                of_group[series] = rollup.copy()
    return sums


def _merge(
    connection: sqlite3.Connection, table: str, column: str, rollups: _Rollups, first: int, last: int
) -> None:
    """Add rollups to those in the table; afterwards `rollups` holds the sums."""
    marks = ", ".join("?" * (len(COLUMNS.split(", ")) + 2))
    for number, by_series in rollups.items():
        stored = connection.execute(
            f"SELECT series, {COLUMNS} FROM {table} WHERE {column} = ? AND series BETWEEN ? AND ?",  # noqa: S608
            (number, first, last),
        )
        for series, *row in stored:
            if series in by_series:
                by_series[series].merge(Rollup.from_row(cast("Row", tuple(row))))
        connection.executemany(
            f"INSERT OR REPLACE INTO {table} ({column}, series, {COLUMNS}) VALUES ({marks})",  # noqa: S608
            ((number, series, *rollup.to_row()) for series, rollup in by_series.items()),
        )


def _write_packs(connection: sqlite3.Connection, packs: _Moments, first: int, last: int) -> None:
    for minute, by_series in packs.items():
        stored = connection.execute(
            "SELECT series, checks FROM packs WHERE minute = ? AND series BETWEEN ? AND ?",
            (minute, first, last),
        )
        for series, packed in stored:
            if series in by_series:
                by_series[series] = [*unpack(minute, packed), *by_series[series]]
        connection.executemany(
            "INSERT OR REPLACE INTO packs (minute, series, checks) VALUES (?, ?, ?)",
            ((minute, series, pack(minute, moments)) for series, moments in by_series.items()),
        )
