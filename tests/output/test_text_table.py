from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import healthy, server, silent, unresolved, with_summary
from wgmon_tui.cells import cell_width
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.output.styled_text import TextFormat
from wgmon_tui.output.text_table import format_table, format_totals

PLAIN = TextFormat()
ASCII = TextFormat(ascii_only=True)
RIGHT = {"RTT", "LOSS", "P50", "P95"}


def board_of(*names: str) -> FleetState:
    return FleetState([server(name) for name in names])


def a_mixed_board() -> FleetState:
    names = ("fra1", "a-name-that-is-rather-long", "waiting")
    fleet_state = FleetState([*map(server, names), dataclasses.replace(server("off"), paused=True)])
    for _ in range(3):
        fleet_state.record("fra1", healthy(), now=100.0)
        fleet_state.record("a-name-that-is-rather-long", silent(), now=100.0)
    return fleet_state


def test_the_worst_stand_first_then_by_name() -> None:
    fleet_state = board_of("b-well", "a-well", "b-lost", "a-lost")
    for name in ("b-well", "a-well"):
        fleet_state.record(name, healthy(), now=100.0)
    for name in ("b-lost", "a-lost"):
        fleet_state.record(name, silent(), now=100.0)
    names = [line.split()[2] for line in format_table(fleet_state, PLAIN).split("\n")[1:]]
    assert names == ["a-lost", "b-lost", "a-well", "b-well"]


def test_a_row_says_state_verdict_and_figures() -> None:
    fleet_state = board_of("fra1")
    fleet_state.record("fra1", healthy(), now=100.0)
    _, row = format_table(fleet_state, PLAIN).split("\n")
    assert row.split() == [
        *("●", "up", "fra1", "healthy"),
        *("12.3", "ms", "0%", "12.3", "ms", "12.3", "ms"),
        "fra1.example.net:51820",
    ]


def test_a_lost_check_says_so_where_the_round_trip_would_be() -> None:
    fleet_state = board_of("fra1")
    fleet_state.record("fra1", silent(), now=100.0)
    _, row = format_table(fleet_state, PLAIN).split("\n")
    assert row.split() == ["✖", "down", "fra1", "silent", "lost", "100%", "-", "-", "fra1.example.net:51820"]


def test_a_lost_check_that_changes_no_state_yet_says_so_too() -> None:
    fleet_state = FleetState([dataclasses.replace(server("fra1"), fail_after=2)])
    fleet_state.record("fra1", healthy(), now=100.0)
    fleet_state.record("fra1", silent(), now=110.0)
    _, row = format_table(fleet_state, PLAIN).split("\n")
    assert row.split()[:6] == ["●", "up", "fra1", "silent", "lost", "50%"]


def test_a_viewer_which_has_only_the_verdict_says_lost_too() -> None:
    fleet_state = board_of("fra1")
    fleet_state.states["fra1"].verdict = Verdict.SILENT
    assert format_table(fleet_state, PLAIN).split("\n")[1].split()[3:5] == ["silent", "lost"]


def test_before_the_first_check_and_while_paused_there_are_dashes() -> None:
    fleet_state = FleetState([server("fra1"), dataclasses.replace(server("off"), paused=True)])
    _, waiting, paused = format_table(fleet_state, PLAIN).split("\n")
    assert waiting.split()[:-1] == ["?", "unknown", "fra1", "waiting", "-", "-", "-", "-"]
    assert paused.split()[:-1] == ["‖", "paused", "off", "paused", "-", "-", "-", "-"]


def _by_cells(line: str) -> str:
    """Return a line with one character for each cell."""
    return "".join(each * cell_width(each) for each in line)


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=5))
def test_columns_stand_one_below_the_other(names: list[str]) -> None:
    lines = format_table(board_of("fra1", *(f"server {name}" for name in names)), PLAIN).split("\n")
    lines = [_by_cells(line) for line in lines]
    heading = lines[0]
    for left in ("STATE", "NAME", "VERDICT", "ENDPOINT"):
        start = heading.index(left)
        assert all(line[start] != " " for line in lines)
        assert start == 0 or all(line[start - 2 : start] == "  " for line in lines)
    for right in RIGHT:
        end = heading.index(right) + len(right)
        assert all(line[end - 1] != " " and line[end : end + 2] == "  " for line in lines)


@pytest.mark.parametrize("line", format_table(a_mixed_board(), PLAIN).split("\n"))
def test_no_line_ends_in_spaces(line: str) -> None:
    assert line == line.rstrip()


@pytest.mark.parametrize("width", [200, 80, 60, 20])
def test_on_a_terminal_columns_that_do_not_fit_are_left_out(width: int) -> None:
    whole = format_table(a_mixed_board(), PLAIN)
    lines = format_table(a_mixed_board(), TextFormat(width)).splitlines()
    needed = max(map(len, whole.splitlines()))
    assert (lines == whole.splitlines()) == (width >= needed)
    assert max(map(len, lines)) <= width or lines[0].split() == ["STATE", "NAME", "VERDICT", "RTT"]


def test_an_empty_fleet_is_its_headings() -> None:
    assert format_table(FleetState(), PLAIN).split() == [
        "STATE",
        "NAME",
        "VERDICT",
        "RTT",
        "LOSS",
        "P50",
        "P95",
        "ENDPOINT",
    ]


def test_totals_name_those_there_are() -> None:
    severities = [Severity.UP, Severity.DOWN, Severity.UP]
    assert format_totals(severities, PLAIN) == "● 2 up  ✖ 1 down"
    assert format_totals([], PLAIN) == ""


# Terminals


def test_for_a_terminal_that_has_only_ascii_there_is_only_ascii() -> None:
    fleet_state = a_mixed_board()
    fleet_state.record("waiting", unresolved(), now=100.0)
    assert format_table(fleet_state, ASCII).isascii()
    assert format_totals(Severity, ASCII).isascii()


def test_wide_characters_take_two_cells_of_their_column() -> None:
    heading, *rows = format_table(board_of("fra1", "東京"), PLAIN).split("\n")
    ends = {cell_width(row[: row.index("waiting")]) for row in rows}
    assert ends == {heading.index("VERDICT")}


def test_with_colours_the_columns_stay_where_they_are() -> None:
    coloured = format_table(a_mixed_board(), TextFormat(has_colour=True))
    assert "\x1b[1;31m✖ down\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == format_table(a_mixed_board(), PLAIN)


STEERING = st.text(
    st.sampled_from("\x1b[2J\x07\r\n\t\x00\x7f\x9b\u202e\u2028\u200b\ud800") | st.characters(), max_size=30
)


@given(STEERING)
def test_nothing_that_comes_from_outside_steers_the_terminal(text: str) -> None:
    fleet_state = FleetState([server(text, text)])
    fleet_state.record(text, with_summary(text), now=100.0)
    lines = format_table(fleet_state, PLAIN).split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert len(lines) == 2
