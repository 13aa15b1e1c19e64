from __future__ import annotations

import pytest

from wgmon_tui.doctor.models import ItemStatus
from wgmon_tui.doctor.terminal import check_clipboard, count_colours, encoding, terminal


@pytest.mark.parametrize("name", ["utf-8", "UTF-8", "utf8"])
def test_utf_8_is_fine(name: str) -> None:
    assert encoding(name).status is ItemStatus.FINE


@pytest.mark.parametrize("name", ["ascii", "ANSI_X3.4-1968", "latin-1", ""])
def test_any_other_encoding_is_to_be_looked_at(name: str) -> None:
    item = encoding(name)
    assert (item.status, item.advice) == (ItemStatus.LOOK, "type: export LC_ALL=C.UTF-8")


@pytest.mark.parametrize(
    ("term", "colorterm", "count"),
    [
        ("xterm-256color", "truecolor", "16 million"),
        ("xterm", "24bit", "16 million"),
        ("tmux-256color", "", "256"),
        ("xterm-kitty", "", "256"),
        ("linux", "", "16"),
    ],
)
def test_colours_are_guessed_as_textual_guesses_them(term: str, colorterm: str, count: str) -> None:
    assert count_colours(term, colorterm) == count
    [item, _] = terminal({"TERM": term, "COLORTERM": colorterm}, (80, 24))
    assert (item.status, f"{count} colours" in item.fact) == (ItemStatus.FINE, True)


def test_no_color_is_told() -> None:
    [item, _] = terminal({"TERM": "xterm", "NO_COLOR": "1"}, (80, 24))
    assert (item.status, "no colours" in item.fact) == (ItemStatus.FINE, True)


@pytest.mark.parametrize("environment", [{}, {"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_can_do_nothing_is_to_be_looked_at(environment: dict[str, str]) -> None:
    assert terminal(environment, (80, 24))[0].status is ItemStatus.LOOK


@pytest.mark.parametrize("size", [(79, 24), (80, 23)])
def test_a_terminal_that_is_too_small_is_to_be_looked_at(size: tuple[int, int]) -> None:
    assert terminal({"TERM": "xterm"}, size)[1].status is ItemStatus.LOOK


def test_where_the_output_is_no_terminal_nothing_of_it_is_judged() -> None:
    assert [item.status for item in terminal({}, None)] == [ItemStatus.FINE]


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
