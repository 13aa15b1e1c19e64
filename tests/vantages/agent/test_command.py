"""Tests of the command `wgmon-tui agent`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.vantages.harness import agent_command
from wgmon_tui.cli.main import main
from wgmon_tui.exit_codes import ExitCode


@pytest.mark.parametrize("linger", ["a day", "91d", "24"])
def test_a_time_that_cannot_be_is_refused(linger: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "--linger", linger]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("wgmon-tui: agent: --linger: expected ")


def test_by_hand_it_says_what_it_is_for(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            agent_command(tmp_path, tmp_path / "state"),
            stdin=theirs,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith("wgmon-tui: agent: started by another wgmon-tui, not by hand; ")
    assert not (tmp_path / "state").exists()
