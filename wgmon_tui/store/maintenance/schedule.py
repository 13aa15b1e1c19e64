"""What is done for the store each minute, a little between one commit and the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from wgmon_tui.config.config_toml import Retention
from wgmon_tui.store.maintenance.compaction import compact
from wgmon_tui.store.maintenance.retention import forget
from wgmon_tui.store.maintenance.vantage_compaction import compact_vantage_checks
from wgmon_tui.store.timestamp_ledger import TimestampLedger

_FREE_PAGES_A_STEP = 500
_FREE_SHARE = 0.25
"""A store gives back what it does not need where that is more than this share of it."""


def run_maintenance(
    connection: sqlite3.Connection,
    retention: Retention,
    ledger: TimestampLedger | None,
    *,
    boundary: float,
    now: float,
    minutes: range,
) -> Iterator[None]:
    """Everything of one minute; yields after each transaction.

    `boundary` is the end of the last minute that is to be compacted; `minutes` counts those that we have run,
    by a clock that nobody sets, since this was last done. Raises sqlite3.Error.
    """
    yield from compact(connection, boundary, now)
    yield from compact_vantage_checks(connection, boundary)
    for turn in minutes:
        yield from forget(connection, retention, now, turn)
    if ledger:
        copy_timestamps(connection, ledger)
        yield
    yield from _shrink(connection)


def copy_timestamps(connection: sqlite3.Connection, ledger: TimestampLedger) -> None:
    """Copy the last stamps of all identities. They only ever grow. Raises sqlite3.Error."""
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
