from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui.sample_fleet import QuietEngine, bad_night, record, server
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.correlation import FailureGroup
from wgmon_tui.tui.fleet.totals import FleetTotals, fleet_p95, totals_line
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE
from wgmon_tui.tui.theme.palette import load_palette

NIGHT = load_palette("night")
BUSY = FleetTotals({Severity.UP: 41, Severity.DEGRADED: 2, Severity.DOWN: 1, Severity.PAUSED: 1}, 4.4, 0.031)


def line(totals: FleetTotals, width: int, note: str = "") -> str:
    return "".join(text for text, _ in totals_line(totals, note, width, NIGHT, UNICODE))


def test_the_line_has_every_severity_the_rate_and_the_percentile() -> None:
    assert line(BUSY, 100, "bastion") == (
        "● 41 up  ▲ 2 degraded  ✖ 1 down  ? 0 unknown  ‖ 1 paused · 4.4 checks/s · p95 31.0 ms       bastion "
    )


def test_a_line_with_room_says_of_what_the_percentile_is() -> None:
    assert "p95 of last checks 31.0 ms" in line(BUSY, 120)


def test_a_small_fleet_has_its_rate_per_minute() -> None:
    assert "· 2 checks/min ·" in line(replace(BUSY, checks_per_second=2 / 60), 120)


def test_no_check_in_the_last_minute_shows_no_rate() -> None:
    assert "checks/" not in line(replace(BUSY, checks_per_second=0.0), 120)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (78, "● 41 up  ▲ 2 degraded  ✖ 1 down  ? 0 unknown  ‖ 1 paused · p95 31.0 ms"),
        (60, "● 41 up  ▲ 2 degraded  ✖ 1 down  ? 0 unknown  ‖ 1 paused"),
        (50, "● 41 up  ▲ 2 degraded  ✖ 1 down  ‖ 1 paused"),
    ],
)
def test_a_narrow_line_leaves_out_the_rate_then_the_percentile_then_zeros(width: int, shown: str) -> None:
    assert line(BUSY, width).rstrip() == shown


EDGE = FailureGroup('the tag "edge"', ("fra1", "fra2", "lon1"))
IN_COMPANY = replace(BUSY, together=EDGE)


def test_marked_servers_are_counted_and_never_left_out() -> None:
    totals = FleetTotals({Severity.UP: 3}, 1.0, 0.01, marked=2)
    for width in (60, 120):
        parts = totals_line(totals, "bastion", width, NIGHT, UNICODE)
        assert "▌ 2 marked" in "".join(text for text, _ in parts)


def test_marks_on_a_narrow_line_take_the_words_from_the_last_states() -> None:
    counts = {**BUSY.counts, Severity.UNKNOWN: 3}
    marked = replace(BUSY, counts=counts, marked=2)
    assert line(marked, 58).rstrip() == "● 41 up  ▲ 2 degraded  ✖ 1 down  ? 3  ‖ 1 · ▌ 2 marked"
    assert line(marked, 68).rstrip() == "● 41 up  ▲ 2 degraded  ✖ 1 down  ? 3 unknown  ‖ 1 · ▌ 2 marked"


def test_a_wide_line_says_who_fails_together() -> None:
    assert line(IN_COMPANY, 138).rstrip() == (
        "● 41 up  ▲ 2 degraded  ✖ 1 down  ? 0 unknown  ‖ 1 paused · 4.4 checks/s · p95 of last checks 31.0 ms"
        ' · all 3 with the tag "edge" are down'
    )


def test_zeros_make_room_for_who_fails_together_and_below_120_columns_nobody_does() -> None:
    shown = line(IN_COMPANY, 118)
    assert 'all 3 with the tag "edge" are down' in shown
    assert "? 0 unknown" not in shown
    assert line(IN_COMPANY, 117) == line(BUSY, 117)


def test_where_zeros_are_too_little_room_the_line_stays_as_it_is() -> None:
    far = FailureGroup("the network 2001:db8:aaaa::/48 of a provider with a long name", ("a", "b"))
    assert line(replace(BUSY, together=far), 118) == line(BUSY, 118)


def test_only_a_count_that_is_not_zero_has_colour() -> None:
    styles = dict(totals_line(BUSY, "", 100, NIGHT, UNICODE))
    assert styles["✖ 1 down"] == NIGHT.severity[Severity.DOWN]
    assert styles["? 0 unknown"] == NIGHT.muted


@given(
    st.dictionaries(st.sampled_from(list(Severity)), st.integers(0, 10_000)),
    st.integers(0, 200),
    st.text("bastion ", max_size=30),
)
def test_no_count_above_zero_is_ever_left_out(counts: dict[Severity, int], width: int, note: str) -> None:
    parts = totals_line(FleetTotals(counts, 1.0, 0.02), note, width, NIGHT, ASCII)
    text = "".join(part for part, _ in parts)
    for severity, count in counts.items():
        if count and width >= 100:
            assert f"{severity.ascii_glyph} {count} {severity.word}" in text
        elif count:
            assert f"{severity.ascii_glyph} {count}" in text
    assert cell_len(text) >= width


def test_the_percentile_is_of_what_was_answered_last() -> None:
    engine = QuietEngine(server(f"s{n}") for n in range(20))
    assert fleet_p95(engine.fleet_state) is None
    for n, name in enumerate(engine.fleet_state.states, start=1):
        record(engine.fleet_state, name, Verdict.HEALTHY, n / 1000)
    assert fleet_p95(engine.fleet_state) == pytest.approx(0.019)
    assert fleet_p95(bad_night().fleet_state) == pytest.approx(1.19, abs=0.01)
