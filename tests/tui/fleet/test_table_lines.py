"""The gaps of a line, which cost bytes if they have a different style."""

from __future__ import annotations

from rich.style import Style

from wgmon_tui.tui.fleet.table_lines import with_plain_gaps

_RED, _GREY = Style.parse("red"), Style.parse("grey50")
_BADGE, _UNDERLINED = Style.parse("red on blue"), Style.parse("grey50 underline")


def test_a_gap_has_the_style_of_the_text_behind_it() -> None:
    parts = [("  ", _GREY), ("down", _RED), ("   ", _GREY), ("fra1", _GREY)]
    assert list(with_plain_gaps(parts)) == [("  down", _RED), ("   fra1", _GREY)]


def test_a_gap_that_looks_different_stays() -> None:
    parts = [("down", _BADGE), ("  ", _GREY), (" ", _UNDERLINED), ("fra1", _RED)]
    assert list(with_plain_gaps(parts)) == parts


def test_the_last_gap_has_the_style_of_the_text_before_it() -> None:
    assert list(with_plain_gaps([("fra1", _RED), (" ", _GREY)])) == [("fra1", _RED), (" ", _RED)]


def test_a_line_of_gaps_is_one_part() -> None:
    assert [text for text, _ in with_plain_gaps([(" ", _GREY), ("", _RED), ("  ", _RED)])] == ["   "]
