"""Plot of round-trip times, in braille and ASCII and at every width."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tui.sample_fleet import NOW
from tests.tui.text_styles import text_style
from wgmon_tui.store.models import PeriodSummary, TimeBucket
from wgmon_tui.tui.server.rtt_plot import (
    LABEL_CELLS,
    LINES_BELOW,
    TimeWindow,
    legend,
    plot,
    plot_window,
    scale_for,
    time_ticks,
)

HOUR = TimeWindow(NOW - 3600, NOW, 60.0)
WIDTH = LABEL_CELLS + 60
"""One cell per bucket."""

LINES = 12


def answered(p50: float, p95: float | None = None, p99: float | None = None) -> PeriodSummary:
    p95 = p95 or p50
    return PeriodSummary(checks=6, up=60, p50=p50, p95=p95, p99=p99 or p95)


WELL = answered(0.010)
LOST = PeriodSummary(checks=6, lost=6, down=60)


def minutes(*seen: PeriodSummary) -> list[TimeBucket]:
    """Buckets from the start of the hour."""
    return [TimeBucket(HOUR.start + 60 * number, 60.0, each) for number, each in enumerate(seen)]


def drawn(*seen: PeriodSummary, ascii_only: bool = True, width: int = WIDTH) -> list[str]:
    """The lines of a plot without the left axis."""
    return [
        line.plain[LABEL_CELLS:]
        for line in plot(minutes(*seen), HOUR, LINES, text_style(width, ascii_only=ascii_only))
    ]


def column(lines: list[str], number: int) -> str:
    return "".join(line[number] for line in lines[:LINES])


def test_the_median_is_a_line_with_its_band_above_it() -> None:
    lines = drawn(*[answered(0.010, 0.015, 0.020)] * 60)
    assert column(lines, 30).strip() == "".join(sorted(column(lines, 30).strip(), key=".:*".index))
    assert set(column(lines, 30)) == {" ", ".", ":", "*"}
    assert column(lines, 30).count("*") == 1


def test_a_steady_server_draws_one_level_line() -> None:
    lines = drawn(*[WELL] * 60)
    assert [line for line in lines[:LINES] if "*" in line] == ["*" * 60]


def test_a_step_is_joined_and_an_outage_is_not() -> None:
    step = drawn(*[answered(0.002)] * 30, *[answered(0.010)] * 30)
    assert column(step, 30).count("*") > 3
    outage = drawn(*[answered(0.002)] * 20, *[LOST] * 20, *[answered(0.010)] * 20)
    assert all(not column(outage, number).strip() for number in range(20, 40))
    assert column(outage, 40).count("*") == 1


def test_a_bucket_between_two_checks_does_not_break_the_line() -> None:
    between = PeriodSummary(up=60)
    lines = drawn(*[WELL, between, between] * 20)
    assert column(lines, 1).count("*") == column(lines, 2).count("*") == 1


def test_what_was_lost_is_marked_under_the_plot_in_the_colour_of_loss() -> None:
    some = PeriodSummary(checks=10, lost=2, up=60, p50=0.01, p95=0.01, p99=0.01)
    under = drawn(*[WELL] * 20, *[LOST] * 20, *[some] * 20, ascii_only=False)[LINES]
    assert under == " " * 20 + "╳" * 20 + "▅" * 20
    line = plot(minutes(LOST), HOUR, LINES, text_style(WIDTH))[LINES]
    assert line.spans[-1].style is not None
    assert any(span.style == text_style().palette.lost for span in line.spans)


def test_time_without_checks_says_why() -> None:
    under = drawn(
        PeriodSummary(paused=60),
        PeriodSummary(unknown=60),
        PeriodSummary(),
        PeriodSummary(up=60),
        ascii_only=False,
    )[LINES]
    assert under.startswith("‖?· ")


def test_a_fleet_of_nothing_but_losses_has_a_plot_without_a_scale() -> None:
    lines = drawn(*[LOST] * 60)
    assert not "".join(lines[:LINES]).strip()
    assert lines[LINES] == "!" * 60


@pytest.mark.parametrize(
    ("slowest", "lines", "top", "tick"),
    [
        (0.0124, 12, 0.015, 0.005),
        (0.0007, 12, 0.00075, 0.00025),
        (1.4, 12, 1.5, 0.5),
        (0.0124, 30, 0.014, 0.002),
        (0.1, 4, 0.1, 0.1),
    ],
)
def test_the_axis_ends_at_a_round_number_just_above(
    slowest: float, lines: int, top: float, tick: float
) -> None:
    scale = scale_for(minutes(answered(slowest)), lines)
    assert scale is not None
    assert scale.top == pytest.approx(top)
    assert scale.tick == pytest.approx(tick)


def test_one_outlier_does_not_flatten_everything_and_is_marked_at_the_top() -> None:
    lines = drawn(*[WELL] * 59, answered(0.010, 0.012, 3.0), ascii_only=False)
    scale = scale_for(minutes(*[WELL] * 59, answered(0.010, 0.012, 3.0)), LINES)
    assert scale is not None
    assert scale.top < 0.1
    assert lines[0][59] == "▴"
    assert "▴" not in lines[0][:59]


def test_who_was_slow_for_a_good_part_of_the_time_is_shown_in_full() -> None:
    scale = scale_for(minutes(*[WELL] * 50, *[answered(0.6)] * 10), LINES)
    assert scale is not None
    assert scale.top >= 0.6


def test_a_moment_of_slowness_is_marked_and_flattens_nothing() -> None:
    lines = drawn(*[WELL] * 58, *[answered(0.6)] * 2, ascii_only=False)
    assert lines[0].endswith(" ▴▴")
    assert (
        "40 ms" in plot(minutes(*[WELL] * 58, *[answered(0.6)] * 2), HOUR, LINES, text_style(WIDTH))[0].plain
    )


@given(st.floats(1e-6, 100), st.integers(1, 60))
def test_nothing_lies_above_the_axis_but_what_is_marked(slowest: float, lines: int) -> None:
    scale = scale_for(minutes(answered(slowest)), lines)
    assert scale is not None
    assert slowest <= scale.top * (1 + 1e-6)
    assert scale.top <= 5 * slowest + 1e-9 or lines < 8


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_plot_is_as_wide_as_it_may_be_and_no_wider(width: int, ascii_only: bool) -> None:
    drawing = text_style(width, ascii_only=ascii_only)
    lines = plot(minutes(*[WELL] * 60), HOUR, LINES, drawing)
    assert len(lines) == LINES + LINES_BELOW
    assert all(line.cell_len <= width for line in lines)
    assert all(line.cell_len == width for line in lines[:-1])
    assert legend(drawing).cell_len <= width + 2
    if ascii_only:
        assert all(line.plain.isascii() for line in [*lines, legend(drawing)])


def test_in_ascii_the_marks_of_losses_do_not_read_as_a_count() -> None:
    words = legend(text_style(200, ascii_only=True)).plain
    assert "1 to 7 = a part lost" in words
    assert "! = all lost" in words
    assert not re.search(r"\d+ lost", words)


@given(
    st.lists(
        st.one_of(
            st.just(PeriodSummary()),
            st.just(LOST),
            st.just(PeriodSummary(paused=60)),
            st.floats(1e-5, 20).map(answered),
            st.floats(1e-5, 5).map(lambda p50: answered(p50, p50 * 2, p50 * 9)),
        ),
        max_size=60,
    ),
    st.integers(LABEL_CELLS + 1, 150),
    st.integers(1, 20),
    st.booleans(),
)
@example([answered(1e-5)], LABEL_CELLS + 1, 16, False)
def test_whatever_was_seen_it_can_be_drawn(
    seen: list[PeriodSummary], width: int, lines: int, ascii_only: bool
) -> None:
    drawing = plot(minutes(*seen), HOUR, lines, text_style(width, ascii_only=ascii_only))
    assert len(drawing) == lines + LINES_BELOW
    assert all(line.cell_len <= width for line in drawing)


# The time axis


def ticks(window: float, most: int = 7) -> list[str]:
    return [label for _, label in time_ticks(NOW - window, NOW, most)]


@pytest.mark.parametrize(
    ("window", "labels"),
    [
        (900, ["19:15", "19:20", "19:25", "19:30"]),
        (3600, ["18:30", "18:40", "18:50", "19:00", "19:10", "19:20", "19:30"]),
        (21600, ["14:00", "15:00", "16:00", "17:00", "18:00", "19:00"]),
        (86400, ["20:00", "Nov 22", "04:00", "08:00", "12:00", "16:00"]),
        (604800, [f"Nov {day}" for day in range(16, 23)]),
    ],
)
def test_times_are_round_and_midnight_is_its_day(window: float, labels: list[str]) -> None:
    assert ticks(window) == labels


def test_a_month_has_ticks_some_days_apart() -> None:
    found = [at for at, _ in time_ticks(NOW - 30 * 86400, NOW, 7)]
    assert 3 <= len(found) <= 7
    assert {round(after - before) for before, after in pairwise(found)} == {5 * 86400}


def test_buckets_are_round_and_no_shorter_than_it_takes_to_hold_a_check() -> None:
    assert plot_window(900, NOW, 120, 10.0, ascii_only=False).length == 15
    assert plot_window(900, NOW, 120, 60.0, ascii_only=False).length == 120
    assert plot_window(86400, NOW, 120, 10.0, ascii_only=False).length == 600
    assert plot_window(86400, NOW, 120, 10.0, ascii_only=True).length == 900
    assert plot_window(30 * 86400, NOW, 60, 10.0, ascii_only=True).length == 43200
