from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui.sample_fleet import NOW, QuietEngine, bad_night, record, server
from tests.tui.sample_histories import incident
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.freshness import LastCheck
from wgmon_tui.monitor.server_state import ReportedPresence
from wgmon_tui.tui.filter.query import FilterContext
from wgmon_tui.tui.fleet.column_layout import PlacedColumn, lay_out, validate_columns
from wgmon_tui.tui.fleet.columns import COLUMNS, CellContext
from wgmon_tui.tui.fleet.row_index import RowIndex
from wgmon_tui.tui.fleet.table_lines import header_line
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE
from wgmon_tui.tui.theme.palette import load_palette

NIGHT = load_palette("night")
DRAWING = CellContext(NIGHT, UNICODE, NOW)


@pytest.fixture
def states() -> dict[str, ServerState]:
    return dict(bad_night().fleet_state.states)


def text(
    column: str, server_state: ServerState, width: int | None = None, cell_context: CellContext = DRAWING
) -> str:
    cell = COLUMNS[column].cell(server_state, width or COLUMNS[column].width, cell_context)
    return "".join(part for part, _ in cell)


def test_a_state_is_glyph_and_word(states: dict[str, ServerState]) -> None:
    assert text("state", states["fra1"]) == "✖ down      "
    assert text("state", states["dub1"]) == "▲ degraded  "


def test_an_acknowledged_incident_has_a_quiet_mark_beside_the_state() -> None:
    server_state = QuietEngine([server("fra1")]).fleet_state.states["fra1"]
    server_state.severity, server_state.incident = Severity.DOWN, incident(opened=600)
    assert text("state", server_state) == "✖ down      "
    server_state.incident = incident(opened=600, by="anna")
    assert text("state", server_state) == "✖ down     ✓"
    assert COLUMNS["state"].cell(server_state, 12, DRAWING)[-1][1] == NIGHT.muted


def test_of_whom_nobody_is_told_has_a_mark_and_where_there_is_room_a_word() -> None:
    fleet_state = bad_night().fleet_state
    server_state = fleet_state.states["mad1"]
    fleet_state.mute("mad1", NOW + 60)
    assert text("state", server_state) == "✖ down     ⊘"
    assert text("verdict", server_state).rstrip() == "silent, muted"
    fleet_state.mute("mad1", None)
    fleet_state.set_maintenance("mad1", "kernel week")
    assert text("state", server_state) == "✖ down     ⊘"
    assert text("verdict", server_state).rstrip() == "silent, planned"
    assert text("verdict", server_state, 8) == "silent  "


def test_a_server_that_flaps_says_so_in_the_place_of_down() -> None:
    server_state = QuietEngine([server("fra1")]).fleet_state.states["fra1"]
    server_state.severity, server_state.damping = Severity.DOWN, Damping(Severity.DOWN, flapping=True)
    assert text("state", server_state).strip() == "✖ flapping"


@pytest.mark.parametrize(
    ("verdict", "width", "said"),
    [
        (Verdict.SILENT, 16, "silent 1/2"),
        (Verdict.WRONG_SERVER_KEY, 16, "wrong-server-key"),
        (Verdict.WRONG_SERVER_KEY, 20, "wrong-server-key 1/2"),
    ],
)
def test_a_verdict_that_changes_no_state_yet_says_how_far_it_is_where_there_is_room(
    verdict: Verdict, width: int, said: str
) -> None:
    fleet_state = QuietEngine([replace(server("fra1"), fail_after=2)]).fleet_state
    record(fleet_state, "fra1", Verdict.HEALTHY, 0.01)
    record(fleet_state, "fra1", verdict, None)
    server_state = fleet_state.states["fra1"]
    assert text("state", server_state).strip() == "● up"
    assert text("verdict", server_state, width) == said.ljust(width)


@pytest.mark.parametrize(
    ("share", "written"), [(None, "–"), (1.0, "100%"), (0.9993, "99.93%"), (0.5, "50.0%")]
)
def test_an_uptime_is_blank_before_the_history_knows_it(share: float | None, written: str) -> None:
    server_state = QuietEngine([server("fra1")]).fleet_state.states["fra1"]
    server_state.uptime = share
    assert text("uptime", server_state).strip() == written


def test_a_lost_check_says_so_where_its_time_would_stand(states: dict[str, ServerState]) -> None:
    assert text("rtt", states["fra1"]) == "   lost"


def test_our_own_fault_is_no_loss_of_the_server(states: dict[str, ServerState]) -> None:
    assert text("rtt", states["cpt1"]) == "      –"


def test_a_time_stands_right_with_its_unit(states: dict[str, ServerState]) -> None:
    assert text("rtt", states["ams1"]) == " 7.5 ms"


def test_paused_is_a_badge(states: dict[str, ServerState]) -> None:
    assert text("verdict", states["lab"]).strip() == "PAUSED"


@pytest.mark.parametrize(
    ("width", "badge"), [(20, "PAUSED until 19:45"), (16, "until 19:45"), (12, "PAUSED")]
)
def test_the_badge_of_a_timed_pause_says_when_it_ends(
    states: dict[str, ServerState], width: int, badge: str
) -> None:
    timed = replace(states["lab"], paused_until=NOW + 900)
    cell = COLUMNS["verdict"].cell(timed, width, DRAWING)
    assert "".join(part for part, _ in cell).strip() == badge
    assert sum(len(part) for part, _ in cell) == width


def test_a_port_monitor_s_false_green_is_contradicted_in_words_and_quietly(
    states: dict[str, ServerState],
) -> None:
    assert text("port", states["fra1"]) == " but port: UP"
    assert text("port", states["ams1"]) == "     port: UP"
    (contradiction,) = COLUMNS["port"].cell(states["fra1"], 13, DRAWING)
    (agreement,) = COLUMNS["port"].cell(states["ams1"], 13, DRAWING)
    assert contradiction[1] == NIGHT.severity[Severity.DEGRADED]
    assert agreement[1] == NIGHT.muted


def test_where_a_port_monitor_sees_it_too_nothing_is_contradicted() -> None:
    engine = QuietEngine([server("lon1")])
    record(engine.fleet_state, "lon1", Verdict.PORT_CLOSED, None, port_monitor="closed")
    assert text("port", engine.fleet_state.states["lon1"]).strip() == "port: down"


def test_lost_checks_are_drawn_in_the_colour_for_them(states: dict[str, ServerState]) -> None:
    parts = COLUMNS["checks"].cell(states["fra1"], 12, DRAWING)
    assert [(len(part), style) for part, style in parts] == [(3, NIGHT.sparkline), (9, NIGHT.lost)]


def test_before_the_first_check_there_are_no_figures() -> None:
    server_state = QuietEngine([server("new")]).fleet_state.states["new"]
    assert [text(key, server_state).strip() for key in ("port", "rtt", "loss", "p50", "p95", "since")] == [
        "–"
    ] * 6
    assert text("verdict", server_state).strip() == "waiting"


def test_a_name_from_the_file_cannot_steer_the_terminal() -> None:
    server_state = QuietEngine([server("\x1b[31m[red]fra\x07")]).fleet_state.states["\x1b[31m[red]fra\x07"]
    assert text("name", server_state, 20).rstrip() == "\ufffd[31m[red]fra\ufffd"


@given(st.text(max_size=40), st.sampled_from([UNICODE, ASCII]))
def test_every_cell_has_exactly_the_width_of_its_column(name: str, glyphs: object) -> None:
    cell_context = CellContext(NIGHT, ASCII if glyphs is ASCII else UNICODE, NOW)
    server_state = QuietEngine([server(name)]).fleet_state.states[name]
    for column in COLUMNS.values():
        assert cell_len(text(column.key, server_state, column.width, cell_context)) == column.width


def test_every_row_fills_its_cells_exactly(states: dict[str, ServerState]) -> None:
    for server_state in states.values():
        for column in COLUMNS.values():
            assert cell_len(text(column.key, server_state)) == column.width, (
                server_state.server.name,
                column.key,
            )


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (60, "state name verdict rtt"),
        (80, "state name verdict rtt checks"),
        (100, "state name verdict rtt checks loss uptime since"),
        (120, "state name verdict port rtt checks loss p95 uptime since"),
        (130, "state name verdict port rtt checks loss p50 p95 uptime since"),
        (140, "state name verdict port rtt checks loss p50 p95 uptime since"),
        (160, "state name verdict port rtt checks loss p50 p95 uptime since endpoint"),
    ],
)
def test_each_width_has_its_designed_columns(width: int, columns: str) -> None:
    assert [placed.column.key for placed in lay_out(width, 8, 22)] == columns.split()


def test_the_longest_verdict_fits_at_80_columns() -> None:
    width = next(placed.width for placed in lay_out(80, 20, 30) if placed.column.key == "verdict")
    assert width >= max(len(verdict.slug) for verdict in Verdict)


@given(st.integers(30, 300), st.integers(0, 100), st.integers(0, 100))
def test_columns_stand_apart_and_inside_the_terminal(width: int, name: int, endpoint: int) -> None:
    layout = lay_out(width, name, endpoint)
    assert layout[0].start == 1
    assert layout[-1].start + layout[-1].width <= width - 2
    for left, right in pairwise(layout):
        assert left.start + left.width + 2 == right.start
        assert left.width >= 1


@pytest.mark.parametrize("width", range(72, 200))
def test_usual_names_are_whole_before_the_last_checks_get_more_room(width: int) -> None:
    widths = {placed.column.key: placed.width for placed in lay_out(width, 16, 22)}
    assert widths["name"] == 16 or widths["checks"] == COLUMNS["checks"].width


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (("name", "rttt"), 'unknown column "rttt"; expected one of state, name, '),
        (("name", "rtt", "name"), '"name" is listed twice'),
        (("state", "rtt"), 'the column "name" is required'),
    ],
)
def test_columns_that_cannot_be_chosen_are_named(names: tuple[str, ...], line: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^config.toml: columns: key fleet: {re.escape(line)}"):
        validate_columns(names)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_chosen_columns_come_in_their_order_as_far_as_there_is_room(width: int) -> None:
    chosen = validate_columns(("verdict", "rtt", "name", "p50", "endpoint", "checks"))
    shown = [placed.column.key for placed in lay_out(width, 12, 20, chosen)]
    assert "name" in shown
    assert shown == [key for key in chosen if key in shown]
    others = [key for key in chosen if key != "name"]
    assert [key for key in shown if key != "name"] == others[: len(shown) - 1]
    last = lay_out(width, 12, 20, chosen)[-1]
    assert last.start + last.width <= width


def test_a_healthy_verdict_of_a_server_that_still_counts_as_down_is_not_red() -> None:
    fleet_state = QuietEngine([replace(server("fra1"), recover_after=2)]).fleet_state
    for verdict in (Verdict.SILENT, Verdict.SILENT, Verdict.HEALTHY):
        record(fleet_state, "fra1", verdict, None)
    server_state = fleet_state.states["fra1"]
    assert server_state.severity is Severity.DOWN
    assert COLUMNS["verdict"].cell(server_state, 16, DRAWING)[0][1] == NIGHT.muted


def test_a_muted_server_keeps_the_mark_of_its_acknowledged_incident() -> None:
    server_state = QuietEngine([server("fra1")]).fleet_state.states["fra1"]
    server_state.severity, server_state.incident = Severity.DEGRADED, incident(opened=600, by="anna")
    server_state.muted_until = NOW + 60
    assert text("state", server_state) == "▲ degraded✓⊘"


@pytest.mark.parametrize(
    ("width", "interval", "title"),
    [
        (24, 15.0, "last 24 checks, 6 min"),
        (22, 15.0, "22 checks, 5 min"),
        (15, 15.0, "last 3 min"),
        (22, None, "last 22 checks"),
        (11, 15.0, "last checks"),
    ],
)
def test_the_title_of_the_last_checks_says_how_much_time_they_are(
    width: int, interval: float | None, title: str
) -> None:
    row_index = RowIndex(QuietEngine([server("fra1")]).fleet_state, lambda: FilterContext(NOW, set()))
    layout = (PlacedColumn(COLUMNS["checks"], 0, width),)
    parts = header_line(layout, row_index, CellContext(NIGHT, UNICODE, NOW, interval=interval))
    assert "".join(part for part, _ in parts).rstrip() == title


def test_the_title_of_the_uptime_names_its_window() -> None:
    assert COLUMNS["uptime"].title == "up 24h"


def test_a_stale_row_keeps_its_verdict_and_says_when_it_was_checked_last() -> None:
    fleet_state = QuietEngine([server("fra1")]).fleet_state
    record(fleet_state, "fra1", Verdict.PORT_CLOSED, None, NOW - 7200)
    server_state = fleet_state.states["fra1"]
    server_state.last_check = LastCheck(NOW - 3600, 0.0)
    server_state.mark_stale(3600.0)
    assert text("since", server_state).strip() == "18:30"
    server_state.mark_stale(50.0)
    assert text("verdict", server_state, 24).strip() == "port-closed, 50 s old"
    assert text("verdict", server_state, 16) == "port-closed 50 s"
    assert text("verdict", server_state, 11) == "port-closed"


@pytest.mark.parametrize(
    ("days", "written", "severity"),
    [
        (None, "–", None),
        (90.5, "90 d", None),
        (12.5, "12 d", Severity.DEGRADED),
        (6.5, "6 d", Severity.DOWN),
        (0.5, "< 1 d", Severity.DOWN),
        (-3.0, "ended", Severity.DOWN),
    ],
)
def test_what_ends_first_is_shown_in_days(
    days: float | None, written: str, severity: Severity | None
) -> None:
    server_state = QuietEngine([server("fra1")]).fleet_state.states["fra1"]
    if days is not None:
        ends = Expires("server certificate", "", NOW + days * DAY_S)
        server_state.expiries = (ends, replace(ends, name="later", at=ends.at + DAY_S))
    [(text_, style)] = COLUMNS["expires"].cell(server_state, 7, DRAWING)
    assert text_ == written.rjust(7)
    assert (style == NIGHT.severity[severity]) if severity else style in (NIGHT.muted, NIGHT.text)


def test_the_first_to_end_sorts_to_the_top_and_those_without_an_end_go_below() -> None:
    engine = QuietEngine([server("ams1"), server("fra1"), server("nyc1")])
    for name, days in (("fra1", 3), ("nyc1", 2)):
        engine.fleet_state.states[name].expiries = (Expires("API key", "", NOW + days * DAY_S),)
    row_index = RowIndex(engine.fleet_state)
    row_index.sort_by("expires")
    assert [name for _, name in row_index.lines] == ["nyc1", "fra1", "ams1"]


@pytest.mark.parametrize(
    ("online", "valid_for", "written"),
    [
        (True, 60.0, "online  "),
        (False, 60.0, "offline "),
        (None, 60.0, "unknown "),
        (True, -1.0, "online? "),
    ],
)
def test_what_a_control_plane_says_of_a_node_stands_beside_its_verdict(
    online: bool | None, valid_for: float, written: str
) -> None:
    server_state = QuietEngine([server("fra1")]).fleet_state.states["fra1"]
    server_state.presence = ReportedPresence(online, NOW + valid_for)
    [(text_, style)] = COLUMNS["control"].cell(server_state, 8, DRAWING)
    assert text_ == written
    assert (style == NIGHT.severity[Severity.DEGRADED]) is (online is False)


def test_nodes_that_are_offline_sort_above_others_and_servers_that_are_no_nodes_go_below() -> None:
    engine = QuietEngine([server("ams1"), server("fra1"), server("nyc1")])
    for name, online in (("fra1", True), ("nyc1", False)):
        engine.fleet_state.states[name].presence = ReportedPresence(online, NOW)
    row_index = RowIndex(engine.fleet_state)
    row_index.sort_by("control")
    assert [name for _, name in row_index.lines] == ["nyc1", "fra1", "ams1"]
