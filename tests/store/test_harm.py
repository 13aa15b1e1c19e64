"""Short forms of tests/harm: `wgmon-tui run` on damaged state directories, and kills of it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("times", "seed"),
    [(2, 1), *(pytest.param(8, seed, marks=pytest.mark.thorough) for seed in (1, 100, 1000))],
)
def test_run_starts_on_a_damaged_state_directory_or_prints_one_line(times: int, seed: int) -> None:
    command = [sys.executable, "-m", "tests.harm.damaged_stores", str(times), str(seed)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("times", "workers"), [(1, 1), *(pytest.param(3, each, marks=pytest.mark.thorough) for each in (1, 2))]
)
def test_kills_of_run_lose_nothing_that_was_acknowledged_no_alert_and_repeat_no_timestamp(
    times: int,
    workers: int,
) -> None:
    command = [sys.executable, "-m", "tests.harm.kills", str(times), "5", str(workers)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
