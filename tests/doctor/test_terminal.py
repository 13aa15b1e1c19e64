"""Texts of the checks of the terminal. tests/test_terminal.py has the environments in which they apply."""

from __future__ import annotations

import pytest

from tests.test_terminal import ALL, FILE, IN_SCREEN, LATIN_1, TTY, XTERM
from wgmon_tui.doctor.models import ItemStatus
from wgmon_tui.doctor.terminal import check_clipboard, check_terminal
from wgmon_tui.terminal import Terminal, count_colours, terminal_of


def fact(terminal: Terminal, subject: str) -> str:
    return next(item.fact for item in check_terminal(terminal) if item.subject == subject)


def test_an_encoding_without_glyphs_comes_with_the_command_that_changes_it() -> None:
    item = check_terminal(terminal_of(XTERM, (LATIN_1, LATIN_1, LATIN_1), (80, 24)))[0]
    assert (item.status, item.advice) == (ItemStatus.LOOK, "type: export LC_ALL=C.UTF-8")


@pytest.mark.parametrize(
    ("term", "colorterm", "count"),
    [
        ("xterm-256color", "truecolor", "16 million"),
        ("xterm", "24bit", "16 million"),
        ("tmux-256color", "", "256"),
        ("xterm-kitty", "", "256"),
        ("linux", "", "16"),
        ("dumb", "truecolor", "none"),
    ],
)
def test_colours_are_guessed_as_textual_guesses_them(term: str, colorterm: str, count: str) -> None:
    assert count_colours(term, colorterm).value == count


def test_no_color_is_told() -> None:
    assert fact(terminal_of({**XTERM, "NO_COLOR": "1"}, ALL), "terminal").endswith("NO_COLOR: no colours")


def test_the_multiplexer_is_told() -> None:
    assert fact(terminal_of(IN_SCREEN, ALL), "terminal") == "TERM=screen in GNU screen: 16 colours"


def test_a_redirected_standard_error_is_told() -> None:
    assert fact(terminal_of(XTERM, (TTY, TTY, FILE)), "streams").startswith("standard error is not")


@pytest.mark.parametrize("size", [(79, 24), (80, 23), None])
def test_a_size_that_is_small_or_unknown_is_to_be_looked_at(size: tuple[int, int] | None) -> None:
    item = next(each for each in check_terminal(terminal_of(XTERM, ALL, size)) if each.subject == "size")
    assert item.status is ItemStatus.LOOK


def test_where_the_output_is_no_terminal_nothing_of_it_is_judged() -> None:
    items = check_terminal(terminal_of({}, (TTY, FILE, TTY)))
    assert [(item.subject, item.status) for item in items] == [
        ("encoding", ItemStatus.FINE),
        ("terminal", ItemStatus.FINE),
    ]


@pytest.mark.parametrize(
    ("set_clipboard", "passthrough", "status"),
    [
        ("on", "off", ItemStatus.FINE),
        ("external", "on", ItemStatus.FINE),
        ("external", "off", ItemStatus.LOOK),
        ("off", None, ItemStatus.LOOK),
    ],
)
def test_tmux_lets_copies_through_by_either_option(
    set_clipboard: str, passthrough: str | None, status: ItemStatus
) -> None:
    assert [item.status for item in check_clipboard(set_clipboard, passthrough)] == [status]


def test_a_tmux_that_does_not_answer_is_not_judged() -> None:
    assert check_clipboard(None, None) == []
