"""Retention: delete what is older than config.toml allows, a little at a time.

A clock that is a year ahead would make all data old at once. So each minute of running time deletes at most
two minutes of each tier, and never data that is not old. Once the clock is corrected, little is lost. After a
week without this program, the backlog is deleted within a week.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from wgmon_tui.config.config_toml import Retention
from wgmon_tui.store.maintenance.rollups import DAY_S, HOUR_S, MINUTE_S

_A_STEP = 500
"""Maximum number of rows deleted in one transaction."""

_TIERS = (
    ("packs", "minute", MINUTE_S),
    ("minutes", "minute", MINUTE_S),
    ("hours", "hour", HOUR_S),
    ("days", "day", DAY_S),
)

_PER_TURN_S = 120.0
"""Seconds of data that may be deleted per minute of running time."""


def forget(connection: sqlite3.Connection, retention: Retention, now: float, turn: int) -> Iterator[None]:
    """Delete what is due in the `turn`th minute of running time; yields after each transaction.

    Raises sqlite3.Error.
    """
    oldest = oldest_kept(retention, now)
    for table, column, length in _TIERS:
        every = length / _PER_TURN_S
        for _ in range(int((turn + 1) / every) - int(turn / every)):
            yield from _delete_oldest(connection, table, column, oldest[table])
    yield from _delete_exchanges(connection, now - retention.exchanges)
    yield from _delete_incidents(connection, now - retention.incidents)


def oldest_kept(retention: Retention, now: float) -> dict[str, int]:
    """Return the oldest minute, hour or day that each table keeps."""
    kept = (retention.raw, retention.minutes, retention.hours, retention.days)
    return {
        table: int((now - seconds) // length)
        for (table, _, length), seconds in zip(_TIERS, kept, strict=True)
    }


def _delete_oldest(connection: sqlite3.Connection, table: str, column: str, until: int) -> Iterator[None]:
    """Delete rows of the oldest minute, hour or day, if it lies before `until`."""
    (oldest,) = connection.execute(f"SELECT min({column}) FROM {table}").fetchone()  # noqa: S608
    if oldest is None or oldest >= until:
        return
    while True:
        border = connection.execute(
            f"SELECT series FROM {table} WHERE {column} = ? ORDER BY series LIMIT 1 OFFSET {_A_STEP}",  # noqa: S608
            (oldest,),
        ).fetchone()
        rest = "" if border is None else f" AND series < {int(border[0])}"
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?{rest}", (oldest,))  # noqa: S608
        yield
        if border is None:
            return


def _delete_exchanges(connection: sqlite3.Connection, until: float) -> Iterator[None]:
    """Delete the oldest exchanges, in the order in which they were written; keep the last good ones."""
    head = connection.execute(
        "SELECT id, at FROM exchanges WHERE kind != 'good' ORDER BY id LIMIT ?", (_A_STEP,)
    ).fetchall()
    old = [(number,) for number, at in head if at < until and at <= head[0][1] + _PER_TURN_S]
    if old:
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            connection.executemany("DELETE FROM exchanges WHERE id = ?", old)
        yield


def _delete_incidents(connection: sqlite3.Connection, until: float) -> Iterator[None]:
    """Delete closed incidents, the oldest first, with their notes."""
    head = connection.execute(
        "SELECT id, opened_at FROM incidents WHERE closed_at IS NOT NULL AND closed_at < ?"
        " ORDER BY opened_at LIMIT ?",
        (until, _A_STEP),
    ).fetchall()
    old = [(incident,) for incident, opened_at in head if opened_at <= head[0][1] + _PER_TURN_S]
    if old:
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            connection.executemany("DELETE FROM notes WHERE incident = ?", old)
            connection.executemany("DELETE FROM incidents WHERE id = ?", old)
            connection.execute("UPDATE facts SET value = value + 1 WHERE name = 'fleet_version'")
        yield
