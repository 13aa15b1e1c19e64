"""The reports that wait on an agent's disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.service.agent.reports import NAME, Kept, Reports, ReportsUnavailableError


def routine(number: int) -> Kept:
    return Kept(b"routine %d" % number, True)


def failure(number: int) -> Kept:
    return Kept(b"failure %d" % number, False)


def bodies(reports: Reports) -> list[bytes]:
    return [body for _, body in reports.after(0, 1000)]


def test_reports_are_read_in_the_order_in_which_they_were_kept(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    reports.add([routine(1), failure(2)])
    reports.add([routine(3)])
    assert reports.after(0, 2) == [(1, b"routine 1"), (2, b"failure 2")]
    assert reports.after(2, 2) == [(3, b"routine 3")]
    assert reports.first() == 1


def test_what_was_taken_is_forgotten_and_its_numbers_never_come_again(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    reports.add([routine(1), routine(2)])
    reports.forget(2)
    assert reports.waiting == 0
    reports.close()
    again = Reports(tmp_path)
    again.add([routine(3)])
    assert again.after(0, 9) == [(3, b"routine 3")]
    assert again.epoch == reports.epoch


def test_a_store_that_was_lost_begins_another_epoch(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    reports.close()
    (tmp_path / NAME).unlink()
    assert Reports(tmp_path).epoch != reports.epoch


def test_a_store_that_is_none_is_replaced_under_another_epoch(tmp_path: Path) -> None:
    before = Reports(tmp_path)
    before.close()
    (tmp_path / NAME).write_bytes(b"no database at all" * 500)
    reports = Reports(tmp_path)
    reports.add([routine(1)])
    assert reports.epoch != before.epoch
    assert bodies(reports) == [b"routine 1"]


def test_others_cannot_read_it(tmp_path: Path) -> None:
    Reports(tmp_path)
    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0


def test_without_a_directory_it_says_so_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReportsUnavailableError, match=r"reports\.db: unable to open"):
        Reports(tmp_path / "nowhere")


def test_where_there_is_no_room_the_oldest_routine_goes_first_and_is_counted(tmp_path: Path) -> None:
    reports = Reports(tmp_path, most=4)
    reports.add([failure(1), routine(2), routine(3), failure(4)])
    reports.add([routine(5)])
    assert bodies(reports) == [b"failure 1", b"routine 3", b"failure 4", b"routine 5"]
    reports.add([failure(6), failure(7), failure(8)])
    assert bodies(reports) == [b"failure 4", b"failure 6", b"failure 7", b"failure 8"]
    assert reports.dropped == 4
    reports.close()
    assert Reports(tmp_path).dropped == 4


@given(st.lists(st.lists(st.booleans(), max_size=12), max_size=12), st.lists(st.integers(0, 60), max_size=6))
def test_the_bounds_hold_and_the_order_too_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bool]], taken: list[int]
) -> None:
    reports = Reports(tmp_path_factory.mktemp("reports"), most=10, most_bytes=100)
    number = 0
    for turn, batch in enumerate(batches):
        kept = []
        for is_routine in batch:
            number += 1
            kept.append(Kept(b"%012d" % number, is_routine))
        reports.add(kept)
        if turn < len(taken):
            reports.forget(taken[turn])
        found = reports.after(0, 100)
        assert len(found) == reports.waiting <= 8
        assert [int(body) for _, body in found] == [n for n, _ in found] == sorted(n for n, _ in found)
    reports.close()
