from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.engine_updates import START, answered, lost
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store import schema
from wgmon_tui.store.formats.minute_block import unpack, unpack_samples
from wgmon_tui.store.maintenance import compaction
from wgmon_tui.store.maintenance.compaction import compact, compaction_boundary
from wgmon_tui.store.maintenance.rollups import COLUMNS, Rollup
from wgmon_tui.store.write.batch import Batch, JournalRow, StoredServer, make_journal_rows, make_state_row

HOLDS_S = 35.0
MINUTE = int(START // 60)


class Journal:
    """A store in memory, with a journal that a test writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.ids: dict[str, int] = {}

    def write(self, rows: list[JournalRow]) -> None:
        batch = Batch()
        batch.fleet = {row[0][0]: StoredServer("{}", HOLDS_S) for row in rows} | dict.fromkeys(
            self.ids, StoredServer("{}", HOLDS_S)
        )
        batch.add_journal_rows(rows)
        self.connection.execute("BEGIN")
        with self.connection:
            self.ids |= batch.write(self.connection, self.ids, START)

    def checks(self, at: float, seconds: float, *, fails: bool = False, name: str = "fra1") -> None:
        """Write a check every ten seconds for this long."""
        for number in range(int(seconds / 10)):
            began = at + number * 10
            outcome = lost(name, began) if fails else answered(name, began)
            self.write(make_journal_rows(name, outcome, "down" if fails else "up", at))

    def compact(self, boundary: float, now: float | None = None) -> None:
        for _ in compact(self.connection, boundary, now or boundary + 10):
            pass

    def tally(self, number: int, table: str = "minutes", server: int = 1) -> Rollup:
        column = table.removesuffix("s")
        rows = self.connection.execute(
            f"SELECT {COLUMNS} FROM {table} WHERE {column} = ? AND series = ?", (number, server)
        ).fetchall()
        return Rollup.from_row(rows[0]) if rows else Rollup()

    def one(self, query: str) -> Any:
        ((value,),) = self.connection.execute(query).fetchall()
        return value


@pytest.fixture
def journal() -> Iterator[Journal]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create_or_migrate(connection)
        yield Journal(connection)


def test_a_full_minute_becomes_a_pack_a_minute_and_part_of_its_hour_and_day(journal: Journal) -> None:
    journal.checks(START, 60)
    journal.compact(START + 60)
    minute, hour = journal.tally(MINUTE), journal.tally(MINUTE // 60, "hours")
    assert minute == hour == journal.tally(MINUTE // 1440, "days")
    assert (minute.checks, minute.lost, minute.summary().up) == (6, 0, 60.0)
    packed = journal.one("SELECT checks FROM packs")
    assert [moment.at for moment in unpack(MINUTE, packed)] == [START + 10 * n for n in range(6)]
    assert journal.one("SELECT count(*) FROM checks") == 0


def test_what_is_in_the_rollups_leaves_the_journal_and_what_is_not_stays(journal: Journal) -> None:
    journal.checks(START, 90)
    journal.compact(START + 60)
    assert journal.one("SELECT min(id) FROM checks") == 7
    assert journal.one("SELECT as_of FROM current") == 6
    assert journal.one("SELECT accounted_to FROM current") == START + 60


def test_a_pass_that_is_repeated_counts_nothing_twice(journal: Journal) -> None:
    journal.checks(START, 90)
    for _ in range(3):
        journal.compact(START + 60)
    assert journal.tally(MINUTE).checks == 6
    assert journal.tally(MINUTE).summary().up == 60.0


def test_a_pass_that_is_broken_off_is_gone_on_with_by_the_next(journal: Journal) -> None:
    rows = [
        make_journal_rows(f"server-{number:03}", answered("", START), "up", START) for number in range(600)
    ]
    journal.write([row for each in rows for row in each])
    passing = compact(journal.connection, START + 60, START + 70)
    next(passing)
    del passing
    assert 0 < journal.connection.execute("SELECT count(*) FROM minutes").fetchone()[0] < 600
    assert journal.one("SELECT count(*) FROM checks") == 600
    journal.compact(START + 60)
    assert journal.one("SELECT count(*) FROM minutes") == 600
    assert journal.one("SELECT sum(checks) FROM minutes") == 600
    assert journal.one("SELECT count(*) FROM checks") == 0


def test_a_step_ends_after_some_rows_so_that_no_commit_waits_long(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_ROWS_A_STEP", 6)
    for number in range(4):
        journal.checks(START, 60, name=f"server-{number}")
    compacted = [
        journal.one("SELECT count(*) FROM minutes") for _ in compact(journal.connection, START + 60, START)
    ]
    assert compacted[:4] == [1, 2, 3, 4]


def test_a_row_that_comes_during_a_pass_stays_for_the_next(journal: Journal) -> None:
    journal.checks(START, 60)
    passing = compact(journal.connection, START + 60, START + 70)
    next(passing)
    journal.checks(START + 50, 10)
    list(passing)
    assert journal.one("SELECT count(*) FROM checks") == 1
    journal.compact(START + 60)
    assert journal.one("SELECT sum(checks) FROM minutes") == 7
    assert journal.one("SELECT count(*) FROM checks") == 0


def test_a_row_of_a_series_that_the_store_does_not_know_is_not_deleted(journal: Journal) -> None:
    journal.checks(START, 60)
    journal.connection.execute("UPDATE checks SET series = 99 WHERE id = 4")
    journal.compact(START + 60)
    assert journal.tally(MINUTE).checks == 5
    assert journal.one("SELECT min(id) FROM checks") == 4


def test_numbers_of_the_journal_never_come_twice_though_it_is_emptied(journal: Journal) -> None:
    journal.checks(START, 60)
    journal.compact(START + 60)
    journal.checks(START + 60, 10)
    assert journal.one("SELECT id FROM checks") == 7


def test_a_state_holds_until_the_next_check_and_no_longer_than_it_may(journal: Journal) -> None:
    journal.checks(START, 60)
    journal.checks(START + 3600, 60)
    journal.compact(START + 3660)
    seen = journal.tally(MINUTE).summary()
    assert seen.up == 50.0  # the last one held for an unknown time
    assert journal.tally(MINUTE + 30).summary().counted == 0.0
    assert journal.tally(MINUTE + 60).summary().up == 60.0


def test_time_is_counted_over_the_border_of_two_passes_without_a_hole(journal: Journal) -> None:
    journal.checks(START + 5, 120)
    journal.compact(START + 60)
    journal.compact(START + 120)
    assert [journal.tally(MINUTE + n).summary().up for n in (0, 1)] == [55.0, 60.0]


def test_a_check_that_ended_late_is_counted_once_and_no_second_twice(journal: Journal) -> None:
    journal.checks(START, 50)
    journal.compact(START + 60)
    journal.write(make_journal_rows("fra1", lost("fra1", START + 55), "down", START + 75))
    journal.checks(START + 80, 40)
    journal.compact(START + 120)
    tallies = [journal.tally(MINUTE + n) for n in (0, 1)]
    assert sum(tally.checks for tally in tallies) == 10
    assert sum(tally.lost for tally in tallies) == 1
    assert [tally.summary().counted for tally in tallies] == [60.0, 60.0]
    packed = {
        minute: [moment.at - START for moment in unpack(minute, checks)]
        for minute, checks in journal.connection.execute("SELECT minute, checks FROM packs")
    }
    assert packed == {MINUTE: [0, 10, 20, 30, 40, 55], MINUTE + 1: [80, 90, 100, 110]}


def test_a_pause_is_counted_while_the_program_runs_though_nothing_is_checked(journal: Journal) -> None:
    journal.checks(START, 60)
    journal.write([make_state_row("fra1", START + 60, "paused", START + 60)])
    for minute in range(1, 31):
        journal.compact(START + 60 * minute)
    assert sum(journal.tally(MINUTE + n).summary().paused for n in range(31)) == 29 * 60.0
    # The program did not run for an hour.
    journal.compact(START + 90 * 60)
    journal.compact(START + 91 * 60)
    assert journal.tally(MINUTE + 60).summary().paused == 0.0
    assert journal.tally(MINUTE + 90).summary().paused == 60.0


def test_a_clock_set_back_adds_to_the_minutes_that_are_there(journal: Journal) -> None:
    journal.checks(START, 120)
    journal.compact(START + 120)
    journal.checks(START, 60, fails=True)
    journal.compact(START + 60, now=START + 70)
    tally = journal.tally(MINUTE)
    assert (tally.checks, tally.lost) == (12, 6)
    assert tally.summary().up == 60.0
    assert tally.summary().down == 60.0


def test_what_is_added_to_a_minute_that_is_there_is_added_once_to_its_hour_and_day(journal: Journal) -> None:
    journal.checks(START, 120)
    journal.compact(START + 120)
    for _ in range(2):
        journal.checks(START, 60, fails=True)
        journal.compact(START + 60, now=START + 70)
    minutes = journal.tally(MINUTE)
    minutes.merge(journal.tally(MINUTE + 1))
    assert (minutes.checks, minutes.lost) == (24, 12)
    assert journal.tally(MINUTE // 60, "hours") == minutes
    assert journal.tally(MINUTE // 1440, "days") == minutes


def test_what_was_written_before_the_clock_was_set_back_does_not_wait_until_that_time(
    journal: Journal,
) -> None:
    year = 365 * 86400
    journal.checks(START + year, 30)
    journal.checks(START, 60)
    journal.compact(START + 60, now=START + 70)
    assert journal.one("SELECT count(*) FROM checks") == 0
    assert journal.tally(MINUTE).checks == 6
    assert journal.tally(int((START + year) // 60)).checks == 3


def test_an_unknown_outcome_is_no_loss_and_its_time_is_unknown(journal: Journal) -> None:
    for number in range(6):
        outcome = lost("fra1", START + 10 * number, Verdict.LOCAL_FAULT)
        journal.write(make_journal_rows("fra1", outcome, "unknown", START))
    journal.compact(START + 60)
    seen = journal.tally(MINUTE).summary()
    assert (seen.checks, seen.lost, seen.counted, seen.unknown) == (0, 0, 0.0, 60.0)


def test_the_last_round_trip_times_are_stored_with_the_state(journal: Journal) -> None:
    journal.checks(START, 60)
    journal.compact(START + 60)
    journal.checks(START + 60, 60, fails=True)
    journal.compact(START + 120)
    samples = journal.one("SELECT samples FROM current")
    rtts = unpack_samples(samples)
    assert len(rtts) == 12
    assert [rtt == rtt for rtt in rtts] == [True] * 6 + [False] * 6  # NaN is not equal to itself
    assert journal.connection.execute("SELECT state, verdict, rtt FROM current").fetchall() == [
        ("down", "silent", None)
    ]


@given(
    gaps=st.lists(st.floats(0.5, 400), min_size=1, max_size=40),
    seed=st.integers(0, 2**32),
)
def test_however_passes_fall_every_check_counts_once_and_time_is_never_more_than_went_by(
    gaps: list[float], seed: int
) -> None:
    random, at = Random(seed), START
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.create_or_migrate(connection)
        journal = Journal(connection)
        for gap in gaps:
            at += gap
            state = random.choice(["up", "degraded", "down"])
            # Sometimes a check began earlier than it seems, because it took long.
            began = at - random.choice([0, 0, 0, 9, 20])
            journal.write(make_journal_rows("fra1", answered("fra1", began), state, at))
            if random.random() < 0.4:
                journal.compact(compaction_boundary(at), now=at)
        journal.compact(compaction_boundary(at + 100), now=at + 100)
        for table in ("minutes", "hours", "days"):
            checks, spent = connection.execute(
                f"SELECT sum(checks), sum(up_s + degraded_s + down_s) FROM {table}"
            ).fetchone()
            assert checks == len(gaps)
            assert spent <= at + 100 - START
        (most,) = connection.execute("SELECT max(up_s + degraded_s + down_s) FROM minutes").fetchone()
        assert most <= 60.0 + 1e-6
        assert connection.execute("SELECT count(*) FROM checks").fetchone()[0] == 0


def test_a_minute_is_compacted_once_its_late_checks_are_finished() -> None:
    minute = START // 60 * 60
    assert compaction_boundary(minute + 60 + compaction.GRACE_S - 0.1) == minute
    assert compaction_boundary(minute + 60 + compaction.GRACE_S) == minute + 60
