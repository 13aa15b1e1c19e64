from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import IDENTITY, silent
from wgmon_tui.cells import cell_width
from wgmon_tui.output.result_text import format_result
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, command_spans, lay_out

KEY = IDENTITY.public


def test_without_a_width_nothing_is_wrapped() -> None:
    assert lay_out([Span("word " * 100 + "end")], TextFormat()) == "word " * 100 + "end"


def test_a_line_is_wrapped_at_spaces_with_its_hanging_indent() -> None:
    shown = lay_out([Span("1. the server does not know this key")], TextFormat(20), indent=2, hanging=5)
    assert shown.split("\n") == ["  1. the server does", "     not know this", "     key"]


def test_a_key_is_never_broken() -> None:
    shown = lay_out([Span(f"must list {KEY}")], TextFormat(20), hanging=2)
    assert shown.split("\n") == ["must list", f"  {KEY}"]


def test_parts_without_a_space_between_stay_together() -> None:
    shown = lay_out([Span("Causes for "), Span("fra1", TextRole.NAME), Span(": silent")], TextFormat(15))
    assert shown.split("\n") == ["Causes for", "fra1: silent"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 140])
def test_a_command_stays_whole_at_every_width(width: int) -> None:
    command = f"wg set wg0 peer {KEY} remove"
    fix = f"on the server: {command} — then add it again, which clears the stored timestamp"
    shown = lay_out(command_spans(fix), TextFormat(width), hanging=9)
    assert command in shown
    assert " ".join(shown.split()) == fix
    assert all(cell_width(line) <= width or command in line for line in shown.split("\n"))


def test_every_part_has_its_colour_and_no_colour_is_a_character() -> None:
    coloured = format_result(silent(), TextFormat(60, has_colour=True))
    assert "\x1b[36mwg show wg0 peers\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == format_result(silent(), TextFormat(60))


@given(st.text("ab 東e\u0301", max_size=60), st.integers(4, 30))
def test_no_line_is_wider_than_the_terminal_but_for_one_long_word(text: str, width: int) -> None:
    shown = lay_out([Span(text)], TextFormat(width))
    assert shown.split() == text.split()
    for line in shown.split("\n"):
        assert cell_width(line) <= width or len(line.split()) == 1
