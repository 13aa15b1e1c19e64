"""Files of the agent daemon that somebody has replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wgmon_tui.vantages.agent.runtime_dir import LOG, append_log, read_agent_version, read_last_log_line


def test_a_fifo_in_place_of_the_log_is_moved_aside_and_the_log_goes_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOG)
    append_log(tmp_path, "started")
    assert read_last_log_line(tmp_path).endswith("started")
    assert [each.is_fifo() for each in tmp_path.glob(f"{LOG}.damaged-*")] == [True]


@pytest.mark.parametrize("name", [LOG, "agent.lock"])
def test_a_fifo_that_nobody_writes_to_is_read_as_nothing(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert (read_last_log_line(tmp_path), read_agent_version(tmp_path)) == ("", "")


def test_the_last_line_of_a_long_log_is_its_last(tmp_path: Path) -> None:
    for number in range(2_000):
        append_log(tmp_path, f"line {number}")
    assert read_last_log_line(tmp_path).endswith("line 1999")
