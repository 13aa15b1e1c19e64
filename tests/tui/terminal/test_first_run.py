"""The first run, the settings and the read-only dashboard of the real program, in a real terminal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, healthy, write_config
from tests.forked_program import run_program
from tests.real.prerequisites import require
from tests.tui.tmux import Tmux, program, tmux


def dashboard(directory: Path, *options: str) -> tuple[str, ...]:
    config, state = str(directory / "config"), str(directory / "state")
    return (*program("wgmon_tui"), "--config", config, "--state", state, *options)


def fill_in(terminal: Tmux, *texts: str) -> None:
    for text in texts:
        terminal.type("-l", text)
        terminal.wait_for(text[-20:])  # a long text scrolls in its field
        terminal.type("Enter")


def leave(terminal: Tmux) -> None:
    """Go back to the fleet, and quit. Esc and a letter at once would be another key."""
    terminal.type("Escape")
    terminal.wait_for("/ filter")
    terminal.type("q")
    terminal.wait_for("left with 0")


def add_first(terminal: Tmux, directory: Path, endpoint: str, key: str) -> str:
    """Add a server with three fields. Returns the screen once its handshake works."""
    terminal.run(*dashboard(directory))
    terminal.wait_for("Your first server", "e.g. fra1")
    fill_in(terminal, "lab1", endpoint, key)
    return terminal.wait_for(f"wg set wg0 peer {CLIENT.public}", "handshake works")


@pytest.mark.thorough  # a private terminal takes seconds; tests/tui/editing has the screen
async def test_three_fields_lead_to_a_handshake_that_works(tmp_path: Path) -> None:
    require("tmux")
    write_config(tmp_path / "config")  # an identity without servers
    async with healthy("lab1") as (lab, _):
        with tmux(tmp_path) as terminal:
            await asyncio.to_thread(add_first, terminal, tmp_path, str(lab.endpoint), str(lab.public_key))
            await asyncio.to_thread(leave, terminal)


@pytest.mark.thorough  # a private terminal takes seconds
def test_a_small_terminal_shows_why_it_is_not_up(tmp_path: Path) -> None:
    require("tmux")
    (tmp_path / "config").mkdir()
    with tmux(tmp_path) as terminal:
        terminal.resize(60, 20)
        terminal.run(*dashboard(tmp_path))
        terminal.wait_for("Your first server", "esc leave")
        fill_in(terminal, "fra1", "127.0.0.1:9", str(CLIENT.public))
        shown = terminal.wait_for("wg set wg0 peer", "port-closed")
        assert len(list((tmp_path / "config").glob("*.key"))) == 1
        assert all(len(line) <= 60 for line in shown.splitlines())


def choose_theme(terminal: Tmux, directory: Path) -> None:
    terminal.run(*dashboard(directory))
    terminal.wait_for("lab1", "healthy")
    terminal.type("O")
    terminal.wait_for("Settings", "default")
    terminal.type("Right")
    terminal.wait_for("paper", "chosen here")
    leave(terminal)


@pytest.mark.thorough  # two private terminals
async def test_a_theme_is_remembered_and_a_read_only_dashboard_refuses_keys(tmp_path: Path) -> None:
    require("tmux")
    async with healthy("lab1") as (_, server):
        write_config(tmp_path / "config", server)
        with tmux(tmp_path) as terminal:
            await asyncio.to_thread(choose_theme, terminal, tmp_path)
    choices = tmp_path / "state" / "choices.json"
    assert json.loads(await asyncio.to_thread(choices.read_text)) == {"theme": "paper"}
    with tmux(tmp_path) as terminal:
        terminal.run(*dashboard(tmp_path, "--read-only"))
        await asyncio.to_thread(terminal.wait_for, "lab1", "Nobody is checking", "read only")
        terminal.type("p")
        await asyncio.to_thread(terminal.wait_for, "Read only: pause is off.")
        terminal.type("O")
        await asyncio.to_thread(terminal.wait_for, "paper", "Kept until the program ends.")


@pytest.mark.parametrize("word", ["demo", "probe"])
def test_read_only_is_for_the_dashboard_only(tmp_path: Path, word: str) -> None:
    ran = run_program("--config", tmp_path / "config", "--state", tmp_path / "state", "--read-only", word)
    assert ran.code == 64
    assert f"--read-only is for the dashboard, not for `{word}`" in ran.err.decode()
