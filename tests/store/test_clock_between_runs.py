"""The clock at a start, compared through the history with what earlier runs believed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.store.test_clock_guard import DAY, NOW, YEAR, Clocks
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.maintenance.schedule import compare_clock, record_clock
from wgmon_tui.store.store_file import open_store


def start(state: Path, wall: float, *, confirmed: bool = False) -> ClockGuard:
    """One run on this state directory: what its guard says, as it was after the start."""
    clocks = Clocks(wall)
    guard = ClockGuard(clocks)
    with closing(open_store(state).connection) as connection:
        compare_clock(connection, guard, wall)
        if confirmed:
            guard.confirm()
        clocks.pass_time(60)
        record_clock(connection, guard, wall + 60)
    return guard


def test_a_run_with_a_clock_that_was_set_back_raises_no_doubt_of_the_right_one(tmp_path: Path) -> None:
    start(tmp_path, NOW)
    start(tmp_path, NOW - 6 * YEAR)
    after = start(tmp_path, NOW + DAY)
    assert after.doubt is None
    assert after.notice is None


def test_a_start_before_the_end_of_the_history_is_reported_until_the_clock_is_set(tmp_path: Path) -> None:
    start(tmp_path, NOW)
    clocks = Clocks(NOW - 2 * YEAR)
    guard = ClockGuard(clocks)
    with closing(open_store(tmp_path).connection) as connection:
        compare_clock(connection, guard, clocks.wall)
    assert guard.may_delete
    line = guard.notice
    assert line is not None
    assert "730 d earlier than the history, which ends" in line
    assert "wgmon-tui doctor --trust-clock" in line
    clocks.wall = NOW + DAY
    assert guard.notice is None


def test_a_clock_that_is_confirmed_replaces_a_later_time_that_was_believed(tmp_path: Path) -> None:
    start(tmp_path, NOW)
    assert start(tmp_path, NOW - YEAR, confirmed=True).notice is None
    assert start(tmp_path, NOW - YEAR + DAY).notice is None


def test_a_few_seconds_between_two_runs_are_not_reported(tmp_path: Path) -> None:
    start(tmp_path, NOW)
    assert start(tmp_path, NOW + 30).notice is None


@pytest.mark.parametrize("damaged", [9e999, -9e999, 1e300, 2.0**40])
def test_a_damaged_time_is_no_evidence_and_is_replaced(damaged: float, tmp_path: Path) -> None:
    start(tmp_path, NOW)
    with closing(open_store(tmp_path).connection) as connection:
        connection.execute("UPDATE facts SET value = ? WHERE name = 'believed_at'", (damaged,))
    assert start(tmp_path, NOW + 60).notice is None
    assert start(tmp_path, NOW + 8 * DAY).doubt
