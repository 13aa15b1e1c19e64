"""Tests in a real terminal: start, keys, and a restored terminal at the end."""

from __future__ import annotations

import os
import shlex
import signal
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.prerequisites import require
from tests.tui.tmux import Tmux, program, tmux

_SERVERS = f"""
[defaults]
identity = "here"

[[identity]]
name = "here"
private_key = "{b64encode(bytes([8] * 31 + [72])).decode()}"

[[server]]
name = "fra1"
endpoint = "127.0.0.1:9"
public_key = "{b64encode(bytes([9] * 32)).decode()}"

[[server]]
name = "lon3"
endpoint = "127.0.0.1:9"
public_key = "{b64encode(bytes([7] * 32)).decode()}"
"""
"""Nothing listens on port 9."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    directory.mkdir()
    file = directory / "servers.toml"
    file.touch(0o600)
    file.write_text(_SERVERS)
    return directory


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    require("tmux")
    with tmux(tmp_path) as shown:
        yield shown


def dashboard(config: Path, *options: str) -> tuple[str, ...]:
    state = str(config.parent / "state")
    return (*program("wgmon_tui"), "--config", str(config), "--state", state, *options)


def test_it_starts_hears_keys_and_leaves_the_terminal_clean(terminal: Tmux, config: Path) -> None:
    terminal.run(*dashboard(config))
    terminal.wait_for("fra1", "lon3", "port-closed")
    terminal.type("Enter")
    terminal.wait_for("Packets", "Diagnosis")
    terminal.type("Escape")
    terminal.wait_for(" state ▾ ")
    terminal.type("v", "/")  # without the preview, which names servers that fail together
    terminal.wait_for("state:down")
    terminal.type("l", "o", "n", "Enter")
    terminal.wait_for("1 of 2")
    assert "fra1" not in terminal.text
    terminal.resize(60, 20)
    terminal.wait_for("lon3")
    terminal.type("q")
    terminal.wait_for("left with 0")
    terminal.assert_clean()


@pytest.mark.thorough  # a private terminal takes seconds
def test_keys_that_arrive_in_one_read_take_effect_one_after_the_other(terminal: Tmux, config: Path) -> None:
    terminal.run(*dashboard(config))
    terminal.wait_for("port-closed")
    terminal.type("/lon")
    terminal.wait_for("/ lon", "1 of 2")
    terminal.type("Enter", "n", "par1", "Tab", "par1.example.net:51820")
    terminal.wait_for(" par1\n", " par1.example.net:51820\n")
    terminal.type("Escape")
    terminal.wait_for("unsaved changes")
    terminal.type("y?q", "q")
    terminal.wait_for("left with 0")
    terminal.assert_clean()


@pytest.mark.thorough
def test_a_fault_of_the_program_leaves_the_terminal_clean_and_names_a_report(
    terminal: Tmux, tmp_path: Path
) -> None:
    places = (f"TMPDIR={tmp_path}", f"XDG_STATE_HOME={tmp_path}")
    terminal.run("env", *places, *program("tests.tui.crashing_app"))
    terminal.wait_for("psk-mismatch")
    terminal.type("L")
    text = terminal.wait_for("internal fault: RuntimeError", "left with 70")
    assert "Traceback" not in text
    assert "hunter2" not in text
    terminal.assert_clean()
    [report] = tmp_path.glob("wgmon-tui-faults-*/fault-*.txt")
    assert "hunter2" not in report.read_text()


@pytest.mark.thorough  # a private terminal takes seconds
def test_it_can_be_suspended_and_continued(terminal: Tmux, config: Path) -> None:
    terminal.run(*dashboard(config))
    terminal.wait_for("port-closed")
    for stop in (signal.SIGTSTP, signal.SIGSTOP):
        os.kill(terminal.pid, stop)
        terminal.wait_for("topped")  # what the shell says
        terminal.type("fg", "C-j")  # after SIGSTOP, the terminal still does not translate Enter
        terminal.wait_for("2 down", "? help")  # the whole screen, also where the shell has written nothing
    terminal.type("C-z")
    terminal.wait_for("topped")
    terminal.type("fg", "Enter")
    terminal.wait_for("2 down", "? help")
    terminal.type("q")
    terminal.wait_for("left with 147")  # the line that the shell has printed when it was stopped
    terminal.assert_clean()


def test_sigterm_leaves_the_terminal_clean(terminal: Tmux, config: Path) -> None:
    terminal.run(*dashboard(config))
    terminal.wait_for("port-closed")
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.wait_for("left with 143")
    terminal.assert_clean()


@pytest.mark.thorough
def test_with_standard_error_in_a_file_the_screen_is_drawn_and_the_file_has_no_sequences(
    terminal: Tmux, config: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    terminal.run("sh", "-c", f"exec {shlex.join(dashboard(config))} 2>{shlex.quote(str(log))}")
    terminal.wait_for("port-closed")
    terminal.type("q")
    terminal.wait_for("left with 0")
    terminal.assert_clean()
    assert log.read_text() == ""


@pytest.mark.thorough  # a private terminal takes seconds
@pytest.mark.parametrize("term", ["linux", "vt100"])
def test_a_terminal_of_few_glyphs_gets_ascii(tmp_path: Path, config: Path, term: str) -> None:
    require("tmux")
    with tmux(tmp_path, environment={"TERM": term}) as terminal:
        terminal.run(*dashboard(config))
        assert terminal.wait_for("port-closed", "checks").isascii()
        terminal.type("q")
        terminal.wait_for("left with 0")


def test_a_terminal_without_a_cursor_gets_a_table_and_the_reason(tmp_path: Path, config: Path) -> None:
    require("tmux")
    with tmux(tmp_path, environment={"TERM": "dumb"}) as terminal:
        terminal.run(*dashboard(config))
        shown = terminal.wait_for("TERM is dumb", "VERDICT", "fra1", "left with 2")
        assert shown.isascii()


@pytest.mark.thorough  # a private terminal takes seconds
def test_low_bandwidth_leaves_the_mouse_to_the_terminal(terminal: Tmux, config: Path) -> None:
    terminal.run(*dashboard(config, "--low-bandwidth"))
    terminal.wait_for("port-closed")
    assert terminal._ask("display-message", "-p", "#{mouse_any_flag}").strip() == "0"
    terminal.type("L")
    terminal.wait_for("Low bandwidth off")
    assert terminal._ask("display-message", "-p", "#{mouse_any_flag}").strip() == "1"
    terminal.type("q")
    terminal.wait_for("left with 0")
    terminal.assert_clean()


@pytest.mark.thorough  # a private terminal takes seconds
@pytest.mark.parametrize(("term", "sequence"), [("xterm", "\x1b[31m"), ("xterm-256color", "\x1b[38;5;203m")])
def test_a_terminal_with_few_colours_gets_colours_it_has(
    tmp_path: Path, config: Path, term: str, sequence: str
) -> None:
    require("tmux")
    # tmux 3.8 promises its panes 24 bits.
    with tmux(tmp_path, environment={"TERM": term, "COLORTERM": ""}) as terminal:
        terminal.run(*dashboard(config))
        terminal.wait_for("port-closed")
        shown = terminal.coloured
        assert sequence in shown or sequence.replace("[", "[1;") in shown or "[1m" + sequence in shown
        assert "38;2;" not in shown
        terminal.type("q")
        terminal.wait_for("left with 0")
