"""Tests of how `trace` draws on a terminal. What it does is tested beside the writer, which does it too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui.sample_traces import CUT_OFF
from wgmon_tui.checks.path_trace import LONGEST_TIMEOUT_S, MOST_HOPS, MOST_ROUNDS
from wgmon_tui.cli.parser import make_parser
from wgmon_tui.cli.trace import LiveTrace
from wgmon_tui.terminal import ColourDepth, Terminal

RUNNING = replace(CUT_OFF, is_finished=False, round=1)
SCREEN = Terminal(True, True, True, "utf-8", "xterm-256color", ColourDepth.EIGHT_BIT, size=(80, 24))


def test_a_terminal_is_redrawn_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    live = LiveTrace("fra1", SCREEN)
    live.show(RUNNING)
    first = capsys.readouterr().out
    assert "\x1b" not in first
    live.finish(CUT_OFF, {})
    assert capsys.readouterr().out.startswith(f"\x1b[{first.count(chr(10))}F\x1b[JPath to fra1")


@pytest.mark.parametrize(
    "terminal",
    [replace(SCREEN, is_output=False, size=None), replace(SCREEN, term="dumb")],
    ids=["pipe", "no cursor"],
)
def test_elsewhere_the_trace_is_printed_once_at_its_end(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    live = LiveTrace("fra1", terminal)
    live.show(RUNNING)
    assert capsys.readouterr().out == ""
    live.finish(CUT_OFF, {})
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "Nothing answers after hop 3" in out


def test_a_low_terminal_shows_the_farthest_hops(capsys: pytest.CaptureFixture[str]) -> None:
    LiveTrace("fra1", replace(SCREEN, size=(80, 4))).show(RUNNING)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith(" 4-11")


def test_a_notice_is_not_overdrawn(capsys: pytest.CaptureFixture[str]) -> None:
    live = LiveTrace("fra1", SCREEN)
    live.show(RUNNING)
    live.note("waiting for another process")
    capsys.readouterr()
    live.show(RUNNING)
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(("text", "seconds"), [("0.5", 0.5), ("0.5s", 0.5), ("500ms", 0.5), ("2", 2.0)])
def test_the_timeout_is_a_duration(text: str, seconds: float) -> None:
    assert make_parser().parse_args(["trace", "fra1", "--timeout", text]).timeout == seconds


@pytest.mark.parametrize(
    ("option", "limit"),
    [("--rounds", MOST_ROUNDS), ("--max-hops", MOST_HOPS), ("--timeout", int(LONGEST_TIMEOUT_S))],
)
def test_the_command_has_the_limits_of_a_trace(
    option: str, limit: int, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = make_parser()
    assert parser.parse_args(["trace", "fra1", option, str(limit)])
    with pytest.raises(SystemExit):
        parser.parse_args(["trace", "fra1", option, str(limit + 1)])
    assert f"got '{limit + 1}'" in capsys.readouterr().err
