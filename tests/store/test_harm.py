"""The short form of tests/harm/damaged_stores.py: some damaged state directories, with `wgmon-tui run` on each."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("seed", [1, 100, 1000])
def test_run_starts_on_a_damaged_state_directory_or_prints_one_line(seed: int) -> None:
    command = [sys.executable, "-m", "tests.harm.damaged_stores", "8", str(seed)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
