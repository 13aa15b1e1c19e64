"""Figures of a server's history, and the time they do not count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW
from tests.tui.text_styles import text_style
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store.models import ExchangeSummary, PeriodSummary, StoredCheck
from wgmon_tui.tui.server.history_text import (
    WINDOWS,
    FailedCheck,
    describe_uncounted,
    failure_columns,
    failure_heading,
    failure_line,
    figures,
)

DAY = 86400.0
FULL = PeriodSummary(checks=8640, lost=40, up=DAY - 60, down=60, p50=0.0124, p95=0.015, p99=0.2)
MIXED = PeriodSummary(
    checks=10, up=3600, unknown=240, paused=7200, maintenance=600, p50=0.01, p95=0.01, p99=0.01
)


def drawn(*seen: PeriodSummary, width: int = 100) -> list[str]:
    padded = [*seen, *[PeriodSummary()] * (len(WINDOWS) - len(seen))]
    return [line.plain for line in figures(padded, text_style(width))]


def test_a_window_shows_its_figures_with_their_units() -> None:
    words = drawn(PeriodSummary(), FULL)[2].split("  ")
    assert [word.strip() for word in words if word.strip()] == [
        "24 h",
        "99.93%",
        "0.5%",
        "12.4 ms",
        "15.0 ms",
        "200 ms",
        "8,640",
    ]


def test_where_nobody_checked_there_are_no_figures_and_it_says_so() -> None:
    words = drawn()[1]
    assert "%" not in words
    assert words.count("–") == 5
    assert words.endswith("not checked 1 h 00 min")


def test_everything_that_is_not_counted_is_said_with_its_reason() -> None:
    assert describe_uncounted(MIXED, DAY) == (
        "unknown 4 min, paused 2 h 00 min, maintenance 10 min, not checked 20 h 46 min"
    )


def test_a_window_that_counts_in_full_has_nothing_to_say() -> None:
    assert describe_uncounted(FULL, DAY) == ""


def test_the_newest_seconds_that_no_check_has_judged_yet_are_no_gap() -> None:
    assert describe_uncounted(PeriodSummary(up=3590), 3600) == ""


def test_where_there_is_no_room_beside_the_figures_the_reasons_stand_below() -> None:
    lines = drawn(MIXED, FULL, MIXED, MIXED, width=58)
    assert all(len(line) <= 58 for line in lines)
    assert lines[2].startswith("      not counted: unknown 4 min, paused 2 h 00 min")
    assert lines[3] == "      maintenance 10 min"


@pytest.mark.parametrize("width", [72, 80, 97, 137])
def test_the_figures_fit_and_their_reasons_are_wrapped_under_each_other(width: int) -> None:
    lines = drawn(MIXED, FULL, MIXED, MIXED, width=width)
    assert all(len(line) <= max(width, 70) for line in lines)
    assert lines[0].index("not counted") == lines[1].index("unknown")


# Failed checks


def failure(verdict: Verdict = Verdict.SILENT, *, kept: bool = False) -> FailedCheck:
    check = StoredCheck(NOW - 2 * DAY, sample_exchanges.V6, "here", verdict, True, None, 3, 1)
    line = ExchangeSummary(1, "fra1", check.at, "failure", verdict, None) if kept else None
    return FailedCheck(check, line)


def test_a_failed_check_says_when_where_why_and_whether_its_packets_are_there() -> None:
    width = failure_columns([failure()])
    assert failure_line(failure(kept=True), NOW, width, text_style()).plain.split() == [
        "Nov",
        "20",
        "19:30:00",
        "silent",
        "2001:db8::7",
        "stored",
        "tunnel",
        "1",
        "of",
        "3",
    ]
    assert "not stored" in failure_line(failure(), NOW, width, text_style()).plain


def test_from_where_is_said_in_a_column_where_some_are_from_elsewhere() -> None:
    ours, far = failure(), replace(failure(kept=True), is_remote=True)
    far = replace(far, check=replace(far.check, vantage="a-far-\x1bplace-of-mine"))
    columns = failure_columns([ours, far])
    titles = failure_heading(columns)
    of_ours, of_far = (failure_line(each, NOW, columns, text_style()).plain for each in (ours, far))
    assert of_ours[titles.index("from") :].startswith("here ")
    assert of_far[titles.index("from") :].startswith("a-far-")
    assert "\x1b" not in of_far
    for line in (of_ours, of_far):
        assert line[titles.index("address") :].startswith("2001:db8::7")
    assert "from" not in failure_heading(failure_columns([ours]))


def test_a_failed_check_stands_under_its_heading() -> None:
    width = failure_columns([failure()])
    text, titles = failure_line(failure(kept=True), NOW, width, text_style()).plain, failure_heading(width)
    assert text[titles.index("verdict") :].startswith("silent")
    assert text[titles.index("packets") :].startswith("stored")
