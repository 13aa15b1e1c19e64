from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.sample_fleet import NOW, QuietEngine, bad_night, record, server
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.tui.filter.parser import parse_filter
from wgmon_tui.tui.filter.query import FilterContext
from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.fleet.row_index import SORTS, RowIndex


def test_the_worst_stands_first_and_equals_stand_by_name() -> None:
    row_index = RowIndex(bad_night().fleet_state)
    assert row_index.names[:8] == [
        "fra1",
        "mad1",
        "dub1",
        "office-gateway-with-a-long-name",
        "tyo1",
        "cpt1",
        "new1",
        "ams1",
    ]
    assert row_index.names[-1] == "lab"


def test_a_row_without_a_figure_stands_last_in_either_direction() -> None:
    row_index = RowIndex(bad_night().fleet_state)
    row_index.sort_by("rtt")
    assert row_index.names[0] == "office-gateway-with-a-long-name"
    assert set(row_index.names[-5:]) == {"cpt1", "dub1", "fra1", "mad1", "new1"}
    row_index.sort_by("rtt", reverse=True)
    assert row_index.names[0] == "lab"
    assert set(row_index.names[-5:]) == {"cpt1", "dub1", "fra1", "mad1", "new1"}


def test_by_uptime_the_lowest_stands_first_and_the_unknown_last() -> None:
    engine = QuietEngine(server(name) for name in ("best", "new", "worst"))
    engine.fleet_state.states["best"].uptime, engine.fleet_state.states["worst"].uptime = 1.0, 0.4
    row_index = RowIndex(engine.fleet_state)
    row_index.sort_by("uptime")
    assert row_index.names == ["worst", "best", "new"]


def test_by_port_monitor_its_false_greens_stand_first_then_what_it_calls_down() -> None:
    engine = QuietEngine(server(name) for name in ("closed", "new", "psk", "well"))
    record(engine.fleet_state, "well", Verdict.HEALTHY, 0.01)
    record(engine.fleet_state, "psk", Verdict.PSK_MISMATCH, None)
    record(engine.fleet_state, "closed", Verdict.PORT_CLOSED, None, port_monitor="closed")
    row_index = RowIndex(engine.fleet_state)
    row_index.sort_by("port")
    assert row_index.names == ["psk", "closed", "well", "new"]


def test_every_column_that_has_a_value_can_be_sorted_by() -> None:
    assert set(SORTS) == COLUMNS.keys() - {"checks"}


def test_a_filter_that_asks_for_an_age_lets_a_row_go_when_its_time_is_over() -> None:
    now = [NOW]
    row_index = RowIndex(bad_night().fleet_state, lambda: FilterContext(now[0]))
    row_index.show_only(parse_filter("since<1h state:down"))
    assert row_index.depends_on_time
    assert row_index.names == ["fra1"]
    now[0] += 3600
    assert row_index.rebuild()
    assert row_index.names == []
    assert not row_index.rebuild()


def test_a_new_time_does_not_disturb_a_table_sorted_by_state() -> None:
    engine = bad_night()
    row_index = RowIndex(engine.fleet_state)
    record(engine.fleet_state, "ams1", Verdict.HEALTHY, 0.5)
    assert not row_index.record_changes(["ams1"])


def test_a_server_that_goes_down_is_noticed_and_moves_with_the_rebuild() -> None:
    engine = bad_night()
    row_index = RowIndex(engine.fleet_state)
    record(engine.fleet_state, "ams1", Verdict.SILENT, None)
    assert row_index.record_changes(["ams1"])
    assert row_index.position("ams1") == 7
    row_index.rebuild()
    assert row_index.position("ams1") == 0


def test_a_row_that_the_filter_should_now_show_is_noticed() -> None:
    engine = bad_night()
    row_index = RowIndex(engine.fleet_state)
    row_index.show_only(parse_filter("state:down"))
    assert row_index.names == ["fra1", "mad1"]
    record(engine.fleet_state, "ams1", Verdict.SILENT, None)
    assert row_index.record_changes(["ams1"])
    row_index.rebuild()
    assert row_index.names == ["ams1", "fra1", "mad1"]


def test_servers_that_come_and_go_make_it_outdated() -> None:
    engine = QuietEngine([server("a"), server("b")])
    row_index = RowIndex(engine.fleet_state)
    engine.fleet_state.replace([server("b"), server("c")])
    assert row_index.is_outdated
    row_index.rebuild()
    assert row_index.names == ["b", "c"]
    assert row_index.position("a") is None


@given(
    st.dictionaries(
        st.text("abcXYZ", min_size=1, max_size=4),
        st.lists(st.none() | st.floats(0.001, 2), max_size=4),
        max_size=12,
    ),
    st.sampled_from(sorted(SORTS)),
    st.booleans(),
)
def test_every_sort_shows_every_server_once(
    fleet: dict[str, list[float | None]], column: str, reverse: bool
) -> None:
    engine = QuietEngine(server(name) for name in fleet)
    for name, times in fleet.items():
        for rtt in times:
            record(engine.fleet_state, name, Verdict.SILENT if rtt is None else Verdict.HEALTHY, rtt, NOW)
    row_index = RowIndex(engine.fleet_state)
    row_index.sort_by(column, reverse=reverse)
    assert sorted(row_index.names) == sorted(fleet)
    values = [SORTS[column].value(engine.fleet_state.states[name]) for name in row_index.names]
    present = [value for value in values if value is not None]
    assert values[len(present) :] == [None] * (len(values) - len(present))
    assert present == sorted(present, reverse=row_index.descending)
