"""A tour of all screens in a real terminal, at the four sizes that operators have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.prerequisites import require
from tests.tui.terminal.test_real_terminal import config, dashboard
from tests.tui.tmux import Tmux, tmux

__all__ = ["config"]  # a fixture

SIZES = [(60, 20), (80, 24), (140, 45), (220, 60)]


def see(terminal: Tmux, key: str, *texts: str) -> str:
    """Press a key, and wait for what its screen shows. Every full screen shows the time with its zone."""
    terminal.type(key)
    shown = terminal.wait_for(*texts)
    assert "Traceback" not in shown
    return shown


def see_and_leave(terminal: Tmux, key: str, *texts: str) -> None:
    see(terminal, key, *texts, "UTC")
    see(terminal, "Escape", "/ filter")


def tour_fleet(terminal: Tmux, columns: int) -> None:
    terminal.wait_for("fra1", "lon3", "port-closed", "incident", "last 24 h", "UTC")
    terminal.type("v")
    terminal.wait_without("last 24 h")
    see(terminal, "v", "last 24 h")
    see(terminal, "$", "Copied the command")
    terminal.type("/")
    terminal.wait_for("state:down")
    terminal.type("-l", "state:dwn")
    terminal.wait_for("dwn", "2 of 2" if columns > 60 else "dwn")
    terminal.type("Escape")
    see_and_leave(terminal, "I", "port-closed")
    see_and_leave(terminal, "A", "sink")
    see_and_leave(terminal, "O", "ettings", "preview")


def tour_server(terminal: Tmux, columns: int) -> None:
    see(terminal, "Enter", "Packets", "History", "UTC")
    if columns >= 140:
        terminal.wait_for("Evidence")
    else:
        see(terminal, "Tab", "Evidence")
    see(terminal, "P", "Path to")
    see(terminal, "Escape", "History")
    see(terminal, "x", "port-closed")
    see(terminal, "Escape", "History")
    see(terminal, "Escape", "/ filter")


def tour_help(terminal: Tmux) -> None:
    see(terminal, "?", "Move", "search")
    terminal.type("/")
    terminal.type("-l", "psk")
    terminal.wait_for("psk-mismatch")
    terminal.type("Enter")
    terminal.type("Escape")
    see(terminal, "Escape", "/ filter")


@pytest.mark.parametrize(
    ("columns", "lines"),
    [pytest.param(*size, marks=() if size == (80, 24) else pytest.mark.thorough) for size in SIZES],
)
def test_every_screen_at_this_size(tmp_path: Path, config: Path, columns: int, lines: int) -> None:
    require("tmux")
    with tmux(tmp_path, size=(columns, lines)) as terminal:
        terminal.run(*dashboard(config))
        tour_fleet(terminal, columns)
        tour_server(terminal, columns)
        tour_help(terminal)
        terminal.type("C-c")
        terminal.wait_for("left with 0")
        terminal.assert_clean()
