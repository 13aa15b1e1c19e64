"""Maintenance of the store every minute: compaction, retention and cleanup, in steps between commits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from wgmon_tui.config.config_toml import Retention
from wgmon_tui.store.clock_guard import NO_CLOCK_SAYS_NS, ClockGuard
from wgmon_tui.store.maintenance.compaction import compact
from wgmon_tui.store.maintenance.retention import forget, oldest_kept
from wgmon_tui.store.timestamp_ledger import TimestampLedger

_NEWEST_CHECK = (
    "SELECT max(at) FROM (SELECT at FROM checks WHERE series > 0 ORDER BY id DESC LIMIT 1000) WHERE at <= ?"
)

_BELIEVE_CONFIRMED = "INSERT OR REPLACE INTO facts (name, value) VALUES ('believed_at', ?)"
_BELIEVE_LATER = (
    "INSERT INTO facts (name, value) VALUES ('believed_at', ?) ON CONFLICT (name)"
    " DO UPDATE SET value = max(excluded.value, iif(value < 9223372036, value, 0))"  # the year 2262
)
"""A clock that was set back, to 2020 by an empty battery for example, leaves the later time in place: else
the right clock of the next start would seem to be years ahead."""

_FREE_PAGES_A_STEP = 500
_FREE_SHARE = 0.25
"""The store shrinks its file when more than this share of it is unused."""


def run_maintenance(
    connection: sqlite3.Connection,
    retention: Retention,
    ledger: TimestampLedger | None,
    clock_guard: ClockGuard,
    *,
    boundary: float,
    now: float,
    minutes: range,
) -> Iterator[None]:
    """Run the maintenance of one minute; yields after each transaction.

    `boundary` is the end of the last minute to compact. `minutes` counts the minutes of running time since
    the last call, by a monotonic clock. Raises sqlite3.Error.
    """
    oldest = oldest_kept(retention, now) if clock_guard.may_delete else {}
    yield from compact(connection, boundary, now, oldest)
    record_clock(connection, clock_guard, now)
    yield
    for turn in minutes if clock_guard.may_delete else ():
        yield from forget(connection, retention, now, turn)
    if ledger:
        copy_timestamps(connection, ledger)
        yield
    yield from _shrink(connection)


def record_clock(connection: sqlite3.Connection, clock_guard: ClockGuard, now: float) -> None:
    """Record the last believed time, or since when the clock is in doubt, for the next start.

    Raises sqlite3.Error.
    """
    since = clock_guard.doubted_since
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if since is None:
            connection.execute(_BELIEVE_CONFIRMED if clock_guard.was_confirmed else _BELIEVE_LATER, (now,))
            connection.execute("DELETE FROM facts WHERE name = 'doubted_since'")
        else:
            connection.execute(
                "INSERT OR REPLACE INTO facts (name, value) VALUES ('doubted_since', ?)", (since,)
            )


def compare_clock(connection: sqlite3.Connection, clock_guard: ClockGuard, now: float) -> None:
    """Compare the clock with what an earlier run wrote. Raises sqlite3.Error."""
    facts = dict(
        connection.execute("SELECT name, value FROM facts WHERE typeof(value) IN ('integer', 'real')")
    )
    (row_at,) = connection.execute(_NEWEST_CHECK, (now,)).fetchone()
    (minute,) = connection.execute(
        "SELECT max(minute) FROM minutes WHERE minute <= ? AND series > 0", (now // 60.0,)
    ).fetchone()
    newest, later = facts.get("believed_at"), None
    if newest is None or newest > now:
        later = newest if newest and newest < NO_CLOCK_SAYS_NS / 1e9 else None
        newest = max(row_at or 0.0, (minute or 0) * 60.0)
    clock_guard.compare(newest, facts.get("doubted_since"), later)


def copy_timestamps(connection: sqlite3.Connection, ledger: TimestampLedger) -> None:
    """Copy the last timestamps of all identities. They only ever grow. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        connection.executemany(
            "INSERT INTO stamps (identity, last_ns) VALUES (?, ?) ON CONFLICT (identity)"
            " DO UPDATE SET last_ns = max(last_ns, excluded.last_ns)",
            ledger.last().items(),
        )


def _shrink(connection: sqlite3.Connection) -> Iterator[None]:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(0, int(free - _FREE_SHARE * pages), _FREE_PAGES_A_STEP):
        connection.execute(f"PRAGMA incremental_vacuum({_FREE_PAGES_A_STEP})").fetchall()
        yield
