"""Tests of the repetition on a busy machine: what runs again, and what fails at once."""

from __future__ import annotations

import ctypes
import time
from math import inf
from pathlib import Path

import pytest

from tests import busy_machine
from tests.busy_machine import REPETITIONS, play_again_if_starved, repeated_if_starved
from wgmon_tui.checks.evidence import MachineStarved
from wgmon_tui.checks.loop_lag import STARVED_S, TICK_S


async def test_a_test_that_fails_while_its_loop_stands_still_runs_again() -> None:
    runs: list[int] = []

    @repeated_if_starved()
    async def fails_once() -> None:
        runs.append(1)
        if len(runs) == 1:
            time.sleep(STARVED_S + 2 * TICK_S)  # noqa: ASYNC251  the loop must be blocked
            pytest.fail("no answer in time")

    await fails_once()
    assert len(runs) == 2


_runs_of_the_marked: list[int] = []


@pytest.mark.repeated_if_starved
async def test_a_mark_repeats_with_new_fixtures(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    _runs_of_the_marked.append(1)
    if len(_runs_of_the_marked) == 1:
        time.sleep(STARVED_S + 2 * TICK_S)  # noqa: ASYNC251  the loop must be blocked
        pytest.fail("no answer in time")
    assert len(_runs_of_the_marked) == 2


async def test_a_failure_without_a_lag_stands() -> None:
    runs: list[int] = []

    @repeated_if_starved(inf)
    async def fails() -> None:
        runs.append(1)
        assert not runs

    with pytest.raises(AssertionError):
        await fails()
    assert len(runs) == 1


def test_a_row_that_is_wrong_beside_a_starved_check_runs_again() -> None:
    played = iter([("wrong", (MachineStarved(1.0),)), ("right", ()), ("not reached", ())])
    found = play_again_if_starved(lambda: next(played), lambda each: each[0] == "wrong", lambda each: each[1])
    assert found[0] == "right"


def test_a_row_that_is_wrong_on_a_quiet_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy_machine, "is_starved", lambda _: False)
    runs: list[int] = []
    assert play_again_if_starved(lambda: runs.append(1), lambda _: True, lambda _: ()) is None
    assert runs == [1]


def test_a_row_during_which_the_whole_process_stood_still_runs_again() -> None:
    """A real client has no processor then either. A function that holds the interpreter stands for that."""
    runs: list[int] = []

    def play() -> bool:
        runs.append(1)
        if len(runs) == 1:
            hold_the_interpreter(STARVED_S + 2 * TICK_S)
        return len(runs) > 1

    assert play_again_if_starved(play, lambda each: not each, lambda _: ())
    assert len(runs) == 2


def hold_the_interpreter(seconds: float) -> None:
    """Let no other thread run for so long: `ctypes.PyDLL` keeps the lock of the interpreter."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


async def test_what_never_passes_fails_after_the_last_repetition() -> None:
    runs: list[int] = []

    @repeated_if_starved(0.0)
    async def fails() -> None:
        runs.append(1)
        assert not runs

    with pytest.raises(AssertionError):
        await fails()
    assert len(runs) == REPETITIONS + 1
