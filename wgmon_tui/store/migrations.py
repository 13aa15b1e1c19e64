"""Migrations of stores of earlier versions. All steps of a migration are one transaction of the caller.

Version 2 kept the reports of other vantages in tables of their own: `sights` for rows, `sight_packs` for the
blocks of past minutes, and no rollups. Version 3 gives each vantage a series, in the tables of the checks.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from math import inf, nan

from wgmon_tui.monitor.rtt_window import CAPACITY
from wgmon_tui.store.formats.minute_block import pack, pack_samples, unpack
from wgmon_tui.store.maintenance.rollups import COLUMNS, MINUTE_S, Rollup, roll
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint, verdict_of
from wgmon_tui.store.read.row_mapping import optional_address_of
from wgmon_tui.store.read.tiers import complete_from
from wgmon_tui.store.schema import execute_script, ignore_progress

_VERSION_2 = """
ALTER TABLE deliveries ADD COLUMN seen_at REAL;
ALTER TABLE deliveries ADD COLUMN seen_by TEXT NOT NULL DEFAULT '';
DROP INDEX given_up_deliveries;
CREATE INDEX unseen_deliveries ON deliveries (sink) WHERE state = 'given up' AND seen_at IS NULL;

CREATE TABLE sights (                 -- what other vantages saw; numbered by them, so that nothing is twice
    vantage TEXT NOT NULL, epoch TEXT NOT NULL, number INTEGER NOT NULL,
    server INTEGER NOT NULL,
    at REAL NOT NULL,                 -- when it began
    address TEXT, verdict TEXT NOT NULL, rtt REAL,
    tunnel_sent INTEGER, tunnel_received INTEGER, tunnel_rtt REAL,
    round BLOB,                       -- with its packets, for changes and failures: history.codec
    PRIMARY KEY (vantage, epoch, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX sights_of_server ON sights (server, at);
CREATE INDEX plain_sights ON sights (server, at) WHERE round IS NULL;
CREATE INDEX sights_with_packets ON sights (at) WHERE round IS NOT NULL;

CREATE TABLE sight_packs (            -- those without packets, minute by minute: history.packs
    minute INTEGER NOT NULL, server INTEGER NOT NULL, sights BLOB NOT NULL,
    PRIMARY KEY (minute, server)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_from (              -- what each of them says now
    server INTEGER NOT NULL, vantage TEXT NOT NULL,
    changed INTEGER NOT NULL,         -- the `sights_version` of `facts` in which it was written
    at REAL NOT NULL, holds_until REAL NOT NULL, current INTEGER NOT NULL,
    address TEXT, verdict TEXT NOT NULL, rtt REAL,
    tunnel_sent INTEGER, tunnel_received INTEGER, tunnel_rtt REAL,
    up_at REAL, damping TEXT NOT NULL, rtts BLOB NOT NULL,
    round BLOB,                       -- the last of which the packets are kept
    PRIMARY KEY (server, vantage)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_lately ON seen_from (changed);

CREATE TABLE reported (               -- up to which report each of them was taken
    vantage TEXT PRIMARY KEY, epoch TEXT NOT NULL, number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO facts (name, value) VALUES ('sights_version', 0);
"""

_VERSION_3 = """
CREATE TABLE series (
    id INTEGER PRIMARY KEY, server INTEGER NOT NULL, vantage TEXT NOT NULL, UNIQUE (server, vantage)
) STRICT;
ALTER TABLE checks RENAME COLUMN server TO series;
ALTER TABLE checks ADD COLUMN epoch TEXT;
ALTER TABLE checks ADD COLUMN number INTEGER;
CREATE UNIQUE INDEX checks_of_reports ON checks (vantage, epoch, number) WHERE number IS NOT NULL;
ALTER TABLE packs RENAME COLUMN server TO series;
ALTER TABLE minutes RENAME COLUMN server TO series;
ALTER TABLE hours RENAME COLUMN server TO series;
ALTER TABLE days RENAME COLUMN server TO series;
ALTER TABLE current RENAME COLUMN server TO series;
ALTER TABLE exchanges RENAME COLUMN server TO series;
DROP INDEX exchanges_of_server;
CREATE INDEX exchanges_of_series ON exchanges (series, at);
"""

_WATCHED = """
    SELECT id, holds FROM servers
    WHERE id IN (SELECT server FROM sight_packs UNION SELECT server FROM sights) ORDER BY id"""

_ROWS = """
    SELECT vantage, at, address, verdict, rtt, tunnel_sent, tunnel_received, tunnel_rtt FROM sights
    WHERE server = ? AND at >= ?"""

_NEW_SERIES = "INSERT INTO series (id, server, vantage) SELECT ifnull(min(id), 0) - 1, ?, ? FROM series"

_EXCHANGES = """
    INSERT INTO exchanges (series, at, kind, verdict, round)
    SELECT series.id, at, 'change', verdict, round FROM sights
    JOIN series ON series.server = sights.server AND series.vantage = sights.vantage
    WHERE round IS NOT NULL ORDER BY at"""

_CURRENT = """
    INSERT INTO current (series, as_of, accounted_to, state, since, verdict, rtt, damping, samples)
    VALUES (?, 0, ?, ?, ?, ?, ?, '', ?)"""

_COLUMN_OF = {"packs": "minute", "minutes": "minute", "hours": "hour", "days": "day"}

_TIERS = (("minutes", 1), ("hours", 60), ("days", 24))
"""Tables of rollups, and how many numbers of the tier before make one of it."""


def migrate(
    connection: sqlite3.Connection, version: int, on_progress: Callable[[int, int], None] = ignore_progress
) -> None:
    """Migrate a store of that version to the present one.

    `on_progress` gets how many servers are done, and of how many. What it raises ends the migration. Raises
    sqlite3.Error.
    """
    if version < 2:
        execute_script(connection, _VERSION_2)
    execute_script(connection, _VERSION_3)
    _move_vantage_reports(connection, on_progress)


def _move_vantage_reports(connection: sqlite3.Connection, on_progress: Callable[[int, int], None]) -> None:
    """Give each vantage of a server its series: blocks, rollups, last state, and rounds with packets."""
    connection.execute("CREATE INDEX sight_packs_of_server ON sight_packs (server, minute)")
    # Of the time before, only checks with packets are left: failures and changes alone make no figures.
    first = complete_from(connection, "packs")
    # Readers take a tier as complete from its oldest minute, hour or day on.
    oldest = {table: _oldest(connection, table, column) for table, column in _COLUMN_OF.items()}
    watched = connection.execute(_WATCHED).fetchall()
    for done, (server, holds) in enumerate(watched):
        on_progress(done, len(watched))
        for vantage, checks in sorted(_checks_of(connection, server, first).items()):
            series = _add_series(connection, server, vantage)
            _write_series(connection, series, checks, holds, oldest)
    named = "SELECT DISTINCT server, vantage FROM sights EXCEPT SELECT server, vantage FROM series"
    for server, vantage in connection.execute(named).fetchall():
        _add_series(connection, server, vantage)
    connection.execute(_EXCHANGES)
    connection.execute("DROP TABLE sights")
    connection.execute("DROP TABLE sight_packs")


def _checks_of(connection: sqlite3.Connection, server: int, first: float) -> dict[str, list[StoredCheck]]:
    """Return the checks of a server by vantage, ascending. Verdicts of a later version are left out."""
    found: defaultdict[str, list[StoredCheck]] = defaultdict(list)
    blocks = connection.execute("SELECT minute, sights FROM sight_packs WHERE server = ?", (server,))
    for minute, packed in blocks:
        for moment in unpack(minute, packed):
            if moment.check:
                found[moment.check.vantage].append(moment.check)
    for vantage, at, address, slug, *measured in connection.execute(_ROWS, (server, first)):
        if verdict := verdict_of(slug):
            check = StoredCheck(at, optional_address_of(address), vantage, verdict, True, *measured)
            found[vantage].append(check)
    for checks in found.values():
        checks.sort(key=lambda check: check.at)
    return found


def _add_series(connection: sqlite3.Connection, server: int, vantage: str) -> int:
    connection.execute(_NEW_SERIES, (server, vantage))
    (number,) = connection.execute("SELECT min(id) FROM series").fetchone()
    return int(number)


def _write_series(
    connection: sqlite3.Connection,
    series: int,
    checks: list[StoredCheck],
    holds: float,
    oldest: Mapping[str, float],
) -> None:
    """Write what compaction would have written. Version 2 kept no damped state: the verdicts stand for it."""
    timeline = [TimelinePoint(check.at, _state_of(check), check) for check in checks]
    minutes: defaultdict[int, list[TimelinePoint]] = defaultdict(list)
    for moment in timeline:
        minutes[int(moment.at // MINUTE_S)].append(moment)
    connection.executemany(
        "INSERT INTO packs (minute, series, checks) VALUES (?, ?, ?)",
        ((minute, series, pack(minute, of)) for minute, of in minutes.items() if minute >= oldest["packs"]),
    )
    rollups = roll(timeline, holds)
    for table, in_each in _TIERS:
        rollups = _group(rollups, in_each)
        marks = ", ".join("?" * (len(COLUMNS.split(", ")) + 2))
        connection.executemany(
            f"INSERT INTO {table} ({_COLUMN_OF[table]}, series, {COLUMNS}) VALUES ({marks})",  # noqa: S608
            (
                (number, series, *rollup.to_row())
                for number, rollup in rollups.items()
                if number >= oldest[table]
            ),
        )
    last = timeline[-1]
    connection.execute(
        _CURRENT,
        (
            series,
            last.at,
            last.state.value,
            last.at,
            checks[-1].verdict.slug,
            checks[-1].rtt,
            pack_samples(_last_rtts(checks)),
        ),
    )


def _oldest(connection: sqlite3.Connection, table: str, column: str) -> float:
    (oldest,) = connection.execute(f"SELECT min({column}) FROM {table}").fetchone()  # noqa: S608
    return -inf if oldest is None else oldest


def _group(rollups: dict[int, Rollup], in_each: int) -> dict[int, Rollup]:
    if in_each == 1:
        return rollups
    grouped: dict[int, Rollup] = {}
    for number, rollup in rollups.items():
        grouped.setdefault(number // in_each, Rollup()).merge(rollup)
    return grouped


def _last_rtts(checks: Iterable[StoredCheck]) -> list[float]:
    return [nan if check.rtt is None else check.rtt for check in checks if check.is_counted][-CAPACITY:]


def _state_of(check: StoredCheck) -> PeriodState:
    return PeriodState(check.verdict.severity.word)
