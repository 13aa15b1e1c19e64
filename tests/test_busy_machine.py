"""Tests of the repetition on a busy machine: what runs again, and what fails at once."""

from __future__ import annotations

import time
from math import inf

import pytest

from tests.busy_machine import REPETITIONS, repeated_if_starved
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


async def test_a_failure_without_a_lag_stands() -> None:
    runs: list[int] = []

    @repeated_if_starved(inf)
    async def fails() -> None:
        runs.append(1)
        assert not runs

    with pytest.raises(AssertionError):
        await fails()
    assert len(runs) == 1


async def test_what_never_passes_fails_after_the_last_repetition() -> None:
    runs: list[int] = []

    @repeated_if_starved(0.0)
    async def fails() -> None:
        runs.append(1)
        assert not runs

    with pytest.raises(AssertionError):
        await fails()
    assert len(runs) == REPETITIONS + 1
