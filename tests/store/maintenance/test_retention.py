from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.engine_updates import START, Clock
from tests.store.recorder_harness import Desk, recording
from wgmon_tui.config.config_toml import DAY, HOUR, Retention
from wgmon_tui.store import schema
from wgmon_tui.store.maintenance.retention import forget

NOW = 1_800_000_000.0
YEAR = 365 * DAY


@pytest.fixture
def store() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create_or_migrate(connection)
        yield connection


def fill(store: sqlite3.Connection, table: str, numbers: range, servers: int = 3) -> None:
    values = "x''" if table == "packs" else "1, 0, 60, 0, 0, 0, 0, 0, x''"
    store.executemany(
        f"INSERT INTO {table} SELECT ?, ?, {values}",
        ((number, server) for number in numbers for server in range(servers)),
    )


def run(
    store: sqlite3.Connection, minutes: int, now: float = NOW, retention: Retention | None = None
) -> None:
    for turn in range(minutes):
        for _ in forget(store, retention or Retention(), now + turn * 60, turn):
            pass


def span(store: sqlite3.Connection, table: str, column: str) -> tuple[int, int]:
    found = store.execute(f"SELECT min({column}), max({column}) FROM {table}").fetchone()
    return int(found[0]), int(found[1])


def test_each_tier_loses_what_is_older_than_it_keeps(store: sqlite3.Connection) -> None:
    minute, hour = int(NOW // 60), int(NOW // 3600)
    fill(store, "packs", range(minute - 12 * 60 - 10, minute))
    fill(store, "minutes", range(minute - 48 * 60 - 10, minute))
    fill(store, "hours", range(hour - 90 * 24 - 2, hour))
    run(store, 1 + 60)
    assert span(store, "packs", "minute") == (minute - 12 * 60 + 60, minute - 1)
    assert span(store, "minutes", "minute") == (minute - 48 * 60 + 60, minute - 1)
    assert span(store, "hours", "hour") == (hour - 90 * 24, hour - 1)


def test_days_stay_longest_and_leave_one_in_twelve_hours_of_running_time(store: sqlite3.Connection) -> None:
    day = int(NOW // DAY)
    fill(store, "days", range(day - 410, day))
    run(store, 24 * 60)
    assert span(store, "days", "day") == (day - 408, day - 1)
    fill(store, "days", range(day - 410, day - 408))
    run(store, 24 * 60, retention=Retention(days=420 * DAY))
    assert span(store, "days", "day") == (day - 410, day - 1)


def test_a_large_minute_leaves_in_small_steps(store: sqlite3.Connection) -> None:
    fill(store, "packs", range(1), servers=1_700)
    left = [
        store.execute("SELECT count(*) FROM packs").fetchone()[0] for _ in forget(store, Retention(), NOW, 0)
    ]
    assert left == [1_200, 700, 200, 0]


def test_a_clock_that_is_a_year_ahead_for_an_hour_takes_two_hours_of_history_at_most(
    store: sqlite3.Connection,
) -> None:
    minute, hour = int(NOW // 60), int(NOW // 3600)
    fill(store, "packs", range(minute - 12 * 60, minute))
    fill(store, "minutes", range(minute - 48 * 60, minute))
    fill(store, "hours", range(hour - 90 * 24, hour))
    run(store, 60, now=NOW + YEAR)
    assert span(store, "packs", "minute")[0] == minute - 12 * 60 + 120
    assert span(store, "minutes", "minute")[0] == minute - 48 * 60 + 120
    assert span(store, "hours", "hour")[0] == hour - 90 * 24 + 2


def test_what_lies_in_the_future_is_not_old(store: sqlite3.Connection) -> None:
    ahead = int((NOW + YEAR) // 60)
    fill(store, "minutes", range(ahead, ahead + 5))
    run(store, 10)
    assert span(store, "minutes", "minute") == (ahead, ahead + 4)


def test_a_time_in_which_nothing_ran_is_caught_up_with(store: sqlite3.Connection) -> None:
    minute = int(NOW // 60)
    fill(store, "packs", range(minute - 24 * 60, minute - 23 * 60), servers=1)
    fill(store, "packs", range(minute - 60, minute), servers=1)
    run(store, 31)
    assert span(store, "packs", "minute") == (minute - 60, minute - 1)


def test_old_exchanges_leave_and_the_last_good_ones_stay(store: sqlite3.Connection) -> None:
    old, fresh = NOW - 91 * DAY, NOW - DAY
    rows = [(1, old, "good"), (1, old + 1, "change"), (1, old + 2, "failure"), (2, fresh, "change")]
    store.executemany(
        "INSERT INTO exchanges (series, at, kind, verdict, round) VALUES (?, ?, ?, 'silent', x'')", rows
    )
    run(store, 2)
    assert store.execute("SELECT series, kind FROM exchanges ORDER BY id").fetchall() == [
        (1, "good"),
        (2, "change"),
    ]


def test_incidents_that_are_over_leave_with_their_notes_and_open_ones_never(
    store: sqlite3.Connection,
) -> None:
    old = NOW - 500 * DAY
    for number, closed in (("over", old + HOUR), ("open", None)):
        store.execute(
            "INSERT INTO incidents VALUES (?, 1, 'here', ?, ?, 'silent', 'down', '', 0, NULL, '')",
            (number, old, closed),
        )
        store.execute("INSERT INTO notes (incident, at, who, text) VALUES (?, 0, 'ana', 'x')", (number,))
        store.execute("INSERT INTO verdict_changes VALUES (?, 0, ?, 'silent', '')", (number, old))
    run(store, 2)
    assert store.execute("SELECT id FROM incidents").fetchall() == [("open",)]
    assert store.execute("SELECT incident FROM notes").fetchall() == [("open",)]
    assert store.execute("SELECT incident FROM verdict_changes").fetchall() == [("open",)]


def test_what_is_to_be_kept_can_change_while_it_is_written(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, stands_still=True)) as desk:
        desk.run(600)
        first = desk.value("SELECT min(minute) FROM packs")
        desk.recorder.set_retention(Retention(raw=120.0))
        desk.run(600)
        assert desk.value("SELECT min(minute) FROM packs") > first
        assert desk.value("SELECT min(minute) FROM minutes") == first


def test_a_clock_that_is_years_ahead_for_a_while_deletes_nothing(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, stands_still=True)) as desk:
        desk.run(600)
        before = oldest(desk)
        desk.clock.now += 2 * YEAR
        desk.run(600)
        assert oldest(desk) == before
        desk.clock.now -= 2 * YEAR
        desk.run(600)
        assert oldest(desk) == before


def test_a_start_years_later_deletes_nothing_and_a_restart_neither(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, stands_still=True)) as desk:
        desk.run(600)
        before = oldest(desk)
    for later in (2 * YEAR, 2 * YEAR + 3 * HOUR):
        with recording(Desk(tmp_path, stands_still=True, clock=Clock(START + later))) as desk:
            desk.run(600)
            assert oldest(desk) == before


def test_a_start_after_a_weekend_deletes_as_ever(tmp_path: Path) -> None:
    with recording(Desk(tmp_path, stands_still=True)) as desk:
        desk.run(600)
        before = oldest(desk)
    with recording(Desk(tmp_path, stands_still=True, clock=Clock(START + 3 * DAY))) as desk:
        desk.run(600)
        assert oldest(desk) > before


def oldest(desk: Desk) -> tuple[int, ...]:
    """The oldest minute of each tier."""
    return tuple(desk.value(f"SELECT min(minute) FROM {table}") for table in ("packs", "minutes"))
