"""What is detected of a terminal, in the environments that people have; and what `doctor` says there."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from wgmon_tui.doctor.models import ItemStatus
from wgmon_tui.doctor.terminal import check_terminal
from wgmon_tui.terminal import (
    ColourDepth,
    Multiplexer,
    Terminal,
    TmuxClient,
    _ask_tmux,
    adapt_output,
    detect_terminal,
    hide_misleading_variables,
    terminal_of,
)


@dataclass(frozen=True)
class FakeStream:
    """A standard stream."""

    is_terminal: bool = True
    encoding: str = "utf-8"

    def isatty(self) -> bool:
        return self.is_terminal


TTY, FILE, LATIN_1 = FakeStream(), FakeStream(is_terminal=False), FakeStream(encoding="iso-8859-1")
ALL = (TTY, TTY, TTY)
NORMAL = (80, 24)
DASHBOARD, TABLE = True, False
UNICODE, ASCII = True, False


@dataclass(frozen=True)
class Environment:
    """Facts about an environment, what follows, and the items that `doctor` wants looked at."""

    name: str
    variables: Mapping[str, str]
    shows: bool
    glyphs: bool
    colours: ColourDepth
    look_at: tuple[str, ...] = ()
    streams: tuple[FakeStream | None, FakeStream | None, FakeStream | None] = ALL
    size: tuple[int, int] | None = NORMAL
    tmux_client: TmuxClient | None = None

    def detect(self) -> Terminal:
        return terminal_of(self.variables, self.streams, self.size, self.tmux_client)


XTERM = {"TERM": "xterm-256color"}
IN_TMUX = {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"}
IN_SCREEN = {"TERM": "screen", "STY": "12.pts-0", "COLORTERM": "truecolor"}
NONE, SIXTEEN, EIGHT_BIT, TRUE = ColourDepth

ENVIRONMENTS = (
    Environment("desktop", {**XTERM, "COLORTERM": "truecolor"}, DASHBOARD, UNICODE, TRUE, size=(140, 45)),
    Environment("over ssh", XTERM, DASHBOARD, UNICODE, EIGHT_BIT),
    Environment("small", XTERM, DASHBOARD, UNICODE, EIGHT_BIT, ("size",), size=(60, 20)),
    Environment("Linux console", {"TERM": "linux"}, DASHBOARD, ASCII, SIXTEEN),
    Environment("serial console", {"TERM": "vt100"}, DASHBOARD, ASCII, SIXTEEN, ("size",), size=None),
    Environment("shell of an editor", {"TERM": "dumb"}, TABLE, ASCII, NONE, ("terminal",)),
    Environment("no TERM", {}, TABLE, ASCII, NONE, ("terminal",)),
    Environment(
        "Latin-1", XTERM, DASHBOARD, ASCII, EIGHT_BIT, ("encoding",), streams=(LATIN_1, LATIN_1, LATIN_1)
    ),
    Environment("no input", XTERM, TABLE, UNICODE, EIGHT_BIT, ("streams",), streams=(FILE, TTY, TTY)),
    Environment("no error output", XTERM, DASHBOARD, UNICODE, EIGHT_BIT, streams=(TTY, TTY, FILE)),
    Environment("pipe", {"TERM": "linux"}, TABLE, UNICODE, SIXTEEN, streams=(TTY, FILE, TTY), size=None),
    Environment("cron", {}, TABLE, UNICODE, NONE, streams=(FILE, FILE, FILE), size=None),
    Environment("closed streams", XTERM, TABLE, ASCII, EIGHT_BIT, ("encoding",), (None, None, None), None),
    Environment(
        "tmux", IN_TMUX, DASHBOARD, UNICODE, EIGHT_BIT, tmux_client=TmuxClient("xterm-256color", is_utf8=True)
    ),
    Environment("detached tmux", IN_TMUX, DASHBOARD, UNICODE, EIGHT_BIT),
    Environment(
        "tmux without UTF-8",
        IN_TMUX,
        DASHBOARD,
        ASCII,
        EIGHT_BIT,
        ("encoding",),
        tmux_client=TmuxClient("xterm-256color", is_utf8=False),
    ),
    Environment(
        "tmux on the Linux console",
        IN_TMUX,
        DASHBOARD,
        ASCII,
        EIGHT_BIT,
        tmux_client=TmuxClient("linux", is_utf8=True),
    ),
    Environment("GNU screen", IN_SCREEN, DASHBOARD, UNICODE, SIXTEEN),
    Environment(
        "GNU screen on the Linux console", {**IN_SCREEN, "TERM": "screen.linux"}, DASHBOARD, ASCII, SIXTEEN
    ),
)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_what_a_terminal_can_show_follows_from_its_environment(environment: Environment) -> None:
    terminal = environment.detect()
    assert (terminal.is_interactive, not terminal.ascii_only, terminal.colours, terminal.size) == (
        environment.shows,
        environment.glyphs,
        environment.colours,
        environment.size,
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_doctor_wants_looked_at_what_can_be_better(environment: Environment) -> None:
    items = check_terminal(environment.detect())
    assert tuple(item.subject for item in items if item.status is not ItemStatus.FINE) == environment.look_at
    assert all(item.advice for item in items if item.status is not ItemStatus.FINE)


@pytest.mark.parametrize(
    ("variables", "multiplexer"),
    [
        ({"TERM": "tmux-256color", "TMUX": "x"}, Multiplexer.TMUX),
        ({"TERM": "screen-256color", "TMUX": "x"}, Multiplexer.TMUX),
        ({"TERM": "screen", "STY": "x"}, Multiplexer.SCREEN),
        ({"TERM": "screen.tmux-256color", "STY": "x", "TMUX": "x"}, Multiplexer.SCREEN),
        ({"TERM": "tmux-256color", "STY": "x", "TMUX": "x"}, Multiplexer.TMUX),
        ({"TERM": "screen-256color", "TMUX": "", "STY": ""}, None),
    ],
)
def test_the_innermost_multiplexer_counts(
    variables: Mapping[str, str], multiplexer: Multiplexer | None
) -> None:
    assert terminal_of(variables, ALL).multiplexer is multiplexer


@pytest.mark.parametrize(("value", "no_colour"), [("1", True), ("0", True), ("", False), (None, False)])
def test_an_empty_no_color_is_unset(value: str | None, no_colour: bool) -> None:
    variables = XTERM if value is None else {**XTERM, "NO_COLOR": value}
    assert terminal_of(variables, ALL).no_colour is no_colour


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8", "utf_8"])
def test_utf_8_has_many_spellings(encoding: str) -> None:
    assert terminal_of(XTERM, (TTY, FakeStream(encoding=encoding), TTY)).is_unicode


@pytest.mark.parametrize("encoding", ["ascii", "ANSI_X3.4-1968", "latin-1", "koi8-r", "gb18030", "", "bogus"])
def test_other_encodings_have_no_glyphs(encoding: str) -> None:
    assert not terminal_of(XTERM, (TTY, FakeStream(encoding=encoding), TTY)).is_unicode


def test_columns_and_lines_come_before_the_answer_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("COLUMNS", "132")
    monkeypatch.setenv("LINES", "50")
    assert detect_terminal().size == (132, 50)


@pytest.mark.parametrize(
    ("output", "size", "width"), [(TTY, (100, 30), 100), (TTY, None, 80), (FILE, (100, 30), None)]
)
def test_only_a_terminal_has_a_width(
    output: FakeStream, size: tuple[int, int] | None, width: int | None
) -> None:
    assert terminal_of(XTERM, (TTY, output, TTY), size).width == width


def test_textual_does_not_see_what_it_would_misunderstand(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (*IN_SCREEN.items(), ("NO_COLOR", "")):
        monkeypatch.setenv(name, value)
    hide_misleading_variables()
    assert not {"NO_COLOR", "COLORTERM"} & set(os.environ)


def written(terminal: Terminal, text: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    adapt_output(terminal)
    sys.stdout.write(text)
    sys.stdout.flush()
    return raw.getvalue()


@pytest.mark.parametrize(
    ("term", "is_terminal", "encoding", "expected"),
    [
        ("xterm", True, "utf-8", "züri … → 日".encode()),
        ("linux", True, "utf-8", rb"z\xfcri ... -> \u65e5"),
        ("linux", False, "utf-8", "züri … → 日".encode()),
        ("xterm", True, "iso-8859-1", b"z\xfcri ... -> \\u65e5"),
    ],
)
def test_typographic_characters_become_ascii_where_they_cannot_be_shown(
    term: str, is_terminal: bool, encoding: str, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = FakeStream(is_terminal, encoding)
    terminal = terminal_of({"TERM": term}, (TTY, stream, TTY))
    if encoding != "utf-8":
        # A Latin-1 terminal shows ASCII only, its own letters too; a file keeps them.
        terminal = terminal_of({"TERM": term}, (TTY, FakeStream(False, encoding), TTY))
    assert written(terminal, "züri … → 日", encoding, monkeypatch) == expected


@pytest.mark.parametrize(
    ("answer", "client"),
    [
        ("1 xterm-256color", TmuxClient("xterm-256color", is_utf8=True)),
        ("0 linux", TmuxClient("linux", is_utf8=False)),
        ("", None),  # nobody is attached, or tmux is older
        ("#{client_utf8}", None),
    ],
)
def test_tmux_is_asked_about_its_terminal(
    answer: str, client: TmuxClient | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert _ask_tmux(str(tmp_path)) == client


def test_outside_of_tmux_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert _ask_tmux("") is None
