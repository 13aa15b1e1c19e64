from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wgmon_tui.tui import text_format as write
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE, Glyphs

GLYPHS = st.sampled_from([UNICODE, ASCII])


def test_a_text_too_long_ends_in_an_ellipsis() -> None:
    assert write.fit("frankfurt", 6, UNICODE) == "frank…"
    assert write.fit("frankfurt", 6, ASCII) == "frank~"


def test_a_wide_character_that_is_cut_in_half_leaves_a_blank() -> None:
    assert write.fit("東京都", 4, UNICODE) == "東 …"


@given(st.text(), st.integers(0, 40), GLYPHS)
def test_a_fitted_text_has_exactly_its_width(text: str, width: int, glyphs: Glyphs) -> None:
    assert cell_len(write.fit(glyphs.clean(text), width, glyphs)) == width


@pytest.mark.parametrize("hostile", ["a\x1b[2Jb", "a\nb", "a\x9bb", "a\u202eb", "a\u2028b", "a\x00b"])
def test_what_could_steer_the_terminal_is_replaced(hostile: str) -> None:
    assert all(each.isprintable() for each in UNICODE.clean(hostile))
    assert UNICODE.clean(hostile).startswith("a\ufffd")


@given(st.text())
def test_ascii_stays_ascii(text: str) -> None:
    assert all(" " <= each <= "~" for each in ASCII.clean(text))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("peers — ours", "peers - ours"),
        ("a → b", "a -> b"),
        ("…", "..."),
        ("1–2", "1-2"),
        ("zürich", "z?rich"),
    ],
)
def test_ascii_writes_our_typography_as_a_typewriter_would(text: str, plain: str) -> None:
    assert ASCII.clean(text) == plain


def test_a_steady_row_draws_a_line_at_half_height() -> None:
    assert write.sparkline([0.02] * 4, 4, UNICODE) == "▅▅▅▅"


def test_a_spike_stands_out() -> None:
    assert write.sparkline([0.02, 0.02, 0.02, 0.16], 4, UNICODE) == "▂▂▂█"


def test_a_lost_check_is_a_mark_and_never_a_gap() -> None:
    assert write.sparkline([0.02, None, 0.02], 3, UNICODE) == "▅╳▅"
    assert write.sparkline([None, None], 2, ASCII) == "!!"


def test_the_newest_check_stands_on_the_right() -> None:
    assert write.sparkline([0.02, None], 5, UNICODE) == "   ▅╳"


@given(st.lists(st.none() | st.floats(0, 10), max_size=150), st.integers(0, 150), GLYPHS)
def test_a_sparkline_fills_its_width(samples: list[float | None], width: int, glyphs: Glyphs) -> None:
    line = write.sparkline(samples, width, glyphs)
    assert len(line) == width
    assert line.count(glyphs.lost) == sum(sample is None for sample in (samples[-width:] if width else []))
