"""Signals at random moments of every command. The long form is `python -m tests.harm.signals`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

from tests.harm.command_scenarios import (
    SCENARIOS,
    Scenario,
    commands_without_scenario,
    make_site,
    record_history,
)
from tests.harm.signals import STOPS, life_s, send
from tests.parameters import default_run


def test_every_command_of_the_parser_has_a_scenario() -> None:
    assert commands_without_scenario() == set()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_history(tmp_path_factory.mktemp("history") / "site")


@pytest.mark.parametrize(
    "scenario",
    default_run(("dashboard in a terminal", "run"), SCENARIOS, attrgetter("name")),
    ids=attrgetter("name"),
)
def test_a_stop_signal_ends_it_with_its_code_and_leaves_nothing(
    tmp_path: Path, scenario: Scenario, history: Path
) -> None:
    number, moment_s = random.choice(STOPS), random.uniform(0.0, life_s(scenario))
    outcome = send(scenario, (number,), moment_s, make_site(tmp_path / "site", scenario, history))
    assert not outcome.problem, f"{signal.Signals(number).name} after {moment_s:.3f} s"


_RUN = next(each for each in SCENARIOS if each.command == "run")
_TUI = next(each for each in SCENARIOS if each.has_terminal)


@pytest.mark.parametrize(
    ("scenario", "numbers"),
    [
        pytest.param(_RUN, (signal.SIGHUP, signal.SIGTERM), marks=pytest.mark.thorough),
        pytest.param(_RUN, (signal.SIGTERM, signal.SIGTERM), marks=pytest.mark.thorough),
        (_TUI, (signal.SIGTSTP,)),
        pytest.param(_TUI, (signal.SIGINT, signal.SIGINT), marks=pytest.mark.thorough),
    ],
    ids=lambda each: (
        each.name if isinstance(each, Scenario) else "-".join(signal.Signals(n).name for n in each)
    ),
)
def test_a_second_signal_and_a_suspension_do_no_harm(
    tmp_path: Path, scenario: Scenario, numbers: tuple[signal.Signals, ...]
) -> None:
    site = make_site(tmp_path / "site", scenario)
    outcome = send(scenario, numbers, random.uniform(0.3, life_s(scenario)), site)
    assert not outcome.problem


_SIGNAL_BEHIND_MKDTEMP = """\
import os, signal, sys, tempfile
make = tempfile.mkdtemp
def mkdtemp(*arguments, **options):
    made = make(*arguments, **options)
    os.kill(os.getpid(), signal.SIGHUP)
    return made
tempfile.mkdtemp = mkdtemp
from wgmon_tui.cli.main import main
sys.exit(main(["demo"]))
"""


@pytest.mark.thorough
def test_a_signal_while_the_demo_makes_its_directory_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SIGNAL_BEHIND_MKDTEMP],
        env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, check=False, timeout=50,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (-signal.SIGHUP, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_each_signal_ends_each_command(
    tmp_path: Path, scenario: Scenario, number: signal.Signals, history: Path
) -> None:
    for turn in range(2):
        moment_s = random.uniform(0.0, life_s(scenario))
        outcome = send(scenario, (number,), moment_s, make_site(tmp_path / f"site{turn}", scenario, history))
        assert not outcome.problem, f"after {moment_s:.3f} s"
