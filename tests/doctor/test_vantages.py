"""Doctor findings for other vantages. Scripts replace ssh."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wgmon_tui.cli.doctor_output import format_item
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus
from wgmon_tui.doctor.vantages import vantages
from wgmon_tui.output.styled_text import TextFormat


def examined(config_dir: Path, script: str, timeout_s: float = 5.0) -> ExaminedItem:
    path = config_dir / "reach"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    (config_dir / "config.toml").write_text(f'[[vantage]]\nname = "fra"\ncommand = ["{path}", "fra1"]\n')
    (item,) = vantages(config_dir, timeout_s)
    return item


def test_without_vantages_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert vantages(tmp_path) == []


def test_a_command_that_ends_well_once_its_input_is_over_is_fine(tmp_path: Path) -> None:
    item = examined(tmp_path, "cat; echo 'a banner' >&2")
    assert (item.subject, item.status) == ("vantage fra", ItemStatus.FINE)


@pytest.mark.parametrize(
    ("script", "fact"),
    [
        (
            "echo Warning >&2; echo 'Permission denied (publickey).' >&2; exit 255",
            "Permission denied (publickey).",
        ),
        ("printf 'gone\\r\\n** a warning of ssh\\r\\n' >&2; exit 255", "gone"),
    ],
)
def test_a_command_that_fails_is_to_be_fixed_and_its_last_line_says_why(
    tmp_path: Path, script: str, fact: str
) -> None:
    item = examined(tmp_path, script)
    assert (item.status, item.fact) == (ItemStatus.FIX, fact)
    assert item.advice == f"type: {tmp_path}/reach fra1 </dev/null"


def test_a_command_that_fails_without_a_word_has_its_exit_code_told(tmp_path: Path) -> None:
    assert examined(tmp_path, "exit 7").fact.endswith("reach ended with exit code 7")


def test_what_it_says_cannot_move_the_cursor(tmp_path: Path) -> None:
    assert format_item(examined(tmp_path, "printf '\\033[2Jgone\\n' >&2; exit 1"), TextFormat()).isprintable()


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    item = examined(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; echo waiting >&2; wait", 0.5)
    assert (item.status, item.fact) == (ItemStatus.LOOK, "still running after 500 ms: waiting")
    assert time.monotonic() - began < 40
    child = int((tmp_path / "child").read_text())
    while _lives(child):
        assert time.monotonic() - began < 40


def _lives(number: int) -> bool:
    """Whether the process runs. A zombie does not count."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    os.sched_yield()
    return state != "Z"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[[vantage]]\nname = "fra"\ncommand = ["no-such-ssh", "fra1"]\n')
    (item,) = vantages(tmp_path)
    assert (item.status, item.fact) == (ItemStatus.FIX, "program no-such-ssh not found")


def test_each_error_of_config_toml_is_an_item(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("quorum = 3\ncolour = 1\n")
    assert [item.fact.partition(": k")[0] for item in vantages(tmp_path)] == [
        "config.toml: line 1",
        'config.toml: line 2: unknown setting "colour"; all are listed by: wgmon-tui config --template',
    ]


def test_a_config_toml_that_cannot_stand_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("quorum = 3\n")
    (item,) = vantages(tmp_path)
    assert item.status is ItemStatus.FIX
    assert item.fact.startswith("config.toml: line 1: key quorum:")
