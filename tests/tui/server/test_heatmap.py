"""Heat map: glyphs and colours."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from tests.tui.sample_fleet import NOW
from tests.tui.text_styles import text_style
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.store.models import PeriodSummary, TimeBucket
from wgmon_tui.tui.heat_marks import legend, loss_mark
from wgmon_tui.tui.server.heatmap import HOUR_S, choose_days, first_midnight, heat_map
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE, Glyphs

THIS_HOUR = NOW // HOUR_S * HOUR_S
LABEL = 12

WELL = PeriodSummary(checks=100, up=3600)
LOSSY = PeriodSummary(checks=100, lost=7, up=3600)
DEGRADED = PeriodSummary(checks=100, lost=1, up=1800, degraded=1800)
DOWN = PeriodSummary(checks=100, lost=100, up=600, down=3000)
UNKNOWN = PeriodSummary(unknown=3600)
PAUSED = PeriodSummary(paused=3000, unknown=600)
MAINTENANCE = PeriodSummary(maintenance=3600)
NOTHING = PeriodSummary()


def hours(*seen: PeriodSummary, until: float = THIS_HOUR) -> list[TimeBucket]:
    """The last hours, newest last."""
    start = until - HOUR_S * (len(seen) - 1)
    return [TimeBucket(start + HOUR_S * number, HOUR_S, each) for number, each in enumerate(seen)]


def rows(*seen: PeriodSummary, days: int = 7, ascii_only: bool = False, width: int = 100) -> list[str]:
    lines = heat_map(hours(*seen), NOW, days, text_style(width, ascii_only=ascii_only))
    return [line.plain.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("seen", "unicode", "ascii_only"),
    [
        (WELL, "▁▁", "__"),
        (LOSSY, "▄▄", "33"),
        (DEGRADED, "▲▂", "^1"),
        (DOWN, "✖█", "X7"),
        (UNKNOWN, "? ", "? "),
        (PAUSED, "‖ ", "= "),
        (MAINTENANCE, "‖ ", "= "),
        (NOTHING, "· ", ". "),
    ],
)
def test_every_hour_reads_without_colour(seen: PeriodSummary, unicode: str, ascii_only: str) -> None:
    assert rows(WELL, seen)[1].endswith("▁▁" + unicode.rstrip())
    assert rows(WELL, seen, ascii_only=True)[1].endswith("__" + ascii_only.rstrip())


def test_a_narrow_map_shows_one_cell_an_hour_and_keeps_the_severity() -> None:
    wide, narrow = rows(WELL, DOWN), rows(WELL, DOWN, width=60)
    assert len(narrow[1]) < len(wide[1])
    assert narrow[1].endswith("▁✖")


def test_the_newest_day_stands_on_top_and_what_is_to_come_is_blank() -> None:
    lines = rows(*[WELL] * 40)
    assert lines[1].startswith("Sun Nov 22")
    assert lines[2].startswith("Sat Nov 21")
    assert lines[1][LABEL:].count("▁") == 2 * 20
    assert lines[0].split() == ["00", "03", "06", "09", "12", "15", "18", "21"]


def test_an_hour_stands_under_its_heading() -> None:
    lines = rows(DOWN, *[WELL] * 10)
    assert lines[0].index("09") == lines[1].index("✖")


def test_days_before_the_first_known_one_are_left_out() -> None:
    assert len(rows(WELL)) == 2
    assert len(rows(*[WELL] * 30)) == 3
    assert len(rows(*[WELL] * 500)) == 8


def test_a_day_without_any_check_between_two_with_some_is_dotted() -> None:
    lines = heat_map([*hours(WELL), *hours(WELL, until=THIS_HOUR - 48 * HOUR_S)], NOW, 7, text_style())
    assert lines[2].plain[LABEL:].split() == ["·"] * 24


def test_where_clocks_are_put_back_an_hour_has_the_worse_of_its_two_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    now = 1_793_000_000.0
    first = 1_792_886_400.0  # 2026-10-25 00:00 UTC: 02:00 in summer time, and an hour later 02:00 again
    assert time.localtime(first).tm_hour == time.localtime(first + HOUR_S).tm_hour == 2
    buckets = [TimeBucket(first, HOUR_S, DOWN), TimeBucket(first + HOUR_S, HOUR_S, WELL)]
    lines = [line.plain for line in heat_map(buckets, now, 7, text_style())]
    assert any(line.startswith("Sun Oct 25") and "✖█" in line for line in lines)


def test_the_severity_has_its_colour_and_much_loss_draws_the_eye_too() -> None:
    with_ink = text_style()
    severity = with_ink.palette.severity

    def colour_of(seen: PeriodSummary) -> Style | str:
        return heat_map(hours(seen), NOW, 7, with_ink)[1].spans[-1].style

    assert colour_of(DOWN) == severity[Severity.DOWN]
    assert colour_of(DEGRADED) == colour_of(LOSSY) == severity[Severity.DEGRADED]
    assert colour_of(WELL) == with_ink.palette.sparkline


def test_in_ascii_a_mark_of_the_legend_is_no_figure_of_its_own() -> None:
    words = " ".join(line.plain for line in legend(text_style(200, ascii_only=True)))
    assert words.startswith("_=0%  3=5%  5=25%  7=90% lost  ^ degraded")


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([UNICODE, ASCII]))
def test_more_loss_is_never_a_lower_mark(one: float, other: float, glyphs: Glyphs) -> None:
    marks = glyphs.losses
    low, high = sorted((one, other))
    assert marks.index(loss_mark(low, glyphs)) <= marks.index(loss_mark(high, glyphs))
    assert (loss_mark(low, glyphs) == marks[0]) is (low == 0)


@pytest.mark.parametrize("width", [60, 80, 97])
def test_the_legend_fits_and_names_every_mark(width: int) -> None:
    lines = [line.plain for line in legend(text_style(width))]
    assert all(len(line.rstrip()) <= width for line in lines)
    words = " ".join(lines)
    assert all(word in words for word in ("degraded", "down", "unknown", "paused", "not checked", "90% lost"))


def test_the_first_day_begins_at_its_midnight() -> None:
    assert time.strftime("%b %d %H:%M", time.localtime(first_midnight(NOW, 7))) == "Nov 16 00:00"


@pytest.mark.parametrize(("lines", "days"), [(0, 7), (13, 7), (14, 14), (29, 14), (60, 30)])
def test_a_taller_terminal_has_more_days(lines: int, days: int) -> None:
    assert choose_days(lines) == days
