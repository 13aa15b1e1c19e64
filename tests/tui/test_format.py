from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui.fleet import NOW
from wgmon_tui.diagnosis.wording import stretch
from wgmon_tui.monitor.samples import CAPACITY
from wgmon_tui.tui import format as write
from wgmon_tui.tui.glyphs import ASCII, UNICODE, Glyphs

GLYPHS = st.sampled_from([UNICODE, ASCII])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.00042, "0.42 ms"),
        (0.000999, "1.0 ms"),
        (0.0124, "12.4 ms"),
        (0.09996, "100 ms"),
        (0.9996, "1.00 s"),
        (1.2, "1.20 s"),
        (9.996, "10.0 s"),
    ],
)
def test_a_duration_has_three_figures_and_its_unit(seconds: float, text: str) -> None:
    assert write.duration(seconds) == text


@given(st.floats(0, 999))
def test_a_duration_fits_its_column(seconds: float) -> None:
    assert len(write.duration(seconds)) <= 7


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0%"), (1 / CAPACITY, "0.8%"), (0.0996, "10%"), (0.42, "42%"), (1, "100%")]
)
def test_a_share_is_zero_only_where_nothing_was_lost(part: float, text: str) -> None:
    assert write.share(part) == text


@pytest.mark.parametrize(
    ("ago_hours", "text"),
    [(0.5, "19:00"), (19, "00:30"), (20, "Nov 21"), (24 * 40, "Oct 13"), (24 * 400, "2025")],
)
def test_a_moment_is_absolute_and_as_short_as_it_stays_clear(ago_hours: float, text: str) -> None:
    assert write.moment(NOW - ago_hours * 3600, NOW) == text


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


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (1, "100%"),
        (0.99999, "99.99%"),
        (0.9907, "99.07%"),
        (0.9, "90.00%"),
        (0.8999, "89.9%"),
        (0.2, "20.0%"),
        (0, "0.0%"),
    ],
)
def test_an_uptime_is_whole_only_without_any_outage(part: float, text: str) -> None:
    assert write.uptime(part) == text


@given(st.floats(0, 1))
def test_an_uptime_fits_its_column_and_never_flatters(part: float) -> None:
    text = write.uptime(part)
    assert len(text) <= 6
    assert float(text.rstrip("%")) / 100 <= part + 1e-9


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (99, "99 s"),
        (100, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 00 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d 00 h"),
        (9 * 86400 + 5 * 3600, "9 d 05 h"),
        (30 * 86400, "30 d"),
    ],
)
def test_how_long_something_lasted_is_said_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert stretch(seconds) == text


@given(st.floats(0, 400 * 86400))
def test_how_long_something_lasted_fits_its_column(seconds: float) -> None:
    assert len(stretch(seconds)) <= 11


@pytest.mark.parametrize(
    ("before", "seconds", "text"),
    [
        (60, False, "19:29"),
        (60, True, "19:29:00"),
        (86400, False, "Nov 21 19:30"),
        (86400, True, "Nov 21 19:30:00"),
        (400 * 86400, True, "2025 Oct 18"),
    ],
)
def test_an_occasion_says_its_day_unless_that_is_today(before: float, seconds: bool, text: str) -> None:
    assert write.occasion(NOW - before, NOW, seconds=seconds) == text
