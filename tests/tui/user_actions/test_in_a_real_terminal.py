"""A command of the operator gets a real terminal, and the dashboard comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.terminal.test_real_terminal import config, dashboard, terminal
from tests.tui.tmux import Tmux

__all__ = ["config", "terminal"]  # fixtures

_ACTION = """
[[action]]
key = "o"
label = "job"
command = ["sh", "-c", "echo ready; read line; echo got $line from $1; test $line = good", "sh", "{name}"]
"""


def test_it_reads_keys_and_a_failure_stays_until_enter(terminal: Tmux, config: Path) -> None:
    (config / "config.toml").write_text(_ACTION)
    terminal.run(*dashboard(config))
    terminal.wait_for("fra1", "port-closed")
    terminal.type("o")
    terminal.wait_for("ready")
    terminal.type("b", "a", "d", "Enter")
    terminal.wait_for("got bad from fra1", "job: exit code 1. Press enter to go back.")
    terminal.type("Enter")
    terminal.wait_for("/ filter", "port-closed")
    terminal.type("o")
    terminal.wait_for("ready")
    terminal.type("g", "o", "o", "d", "Enter")
    terminal.wait_for("/ filter", "port-closed")
    terminal.type("q")
    terminal.wait_for("left with 0")
    terminal.assert_clean()


@pytest.mark.thorough  # a private terminal takes seconds
def test_ctrl_c_ends_the_command_and_not_the_dashboard(terminal: Tmux, config: Path) -> None:
    (config / "config.toml").write_text(_ACTION)
    terminal.run(*dashboard(config))
    terminal.wait_for("fra1", "port-closed")
    terminal.type("o")
    terminal.wait_for("ready")
    terminal.type("C-c")
    terminal.wait_for("job: signal 2. Press enter to go back.")
    terminal.type("Enter")
    terminal.wait_for("/ filter", "port-closed")
    terminal.type("q")
    terminal.wait_for("left with 0")
    terminal.assert_clean()
