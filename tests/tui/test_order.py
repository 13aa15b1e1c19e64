from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.fleet import NOW, QuietEngine, bad_night, record, server
from wgmon_tui.diagnosis.verdict import Verdict
from wgmon_tui.tui.columns import COLUMNS
from wgmon_tui.tui.filter import Beside, parse_filter
from wgmon_tui.tui.order import SORTS, Order


def test_the_worst_stands_first_and_equals_stand_by_name() -> None:
    order = Order(bad_night().board)
    assert order.names[:8] == [
        "fra1",
        "mad1",
        "dub1",
        "office-gateway-with-a-long-name",
        "tyo1",
        "cpt1",
        "new1",
        "ams1",
    ]
    assert order.names[-1] == "lab"


def test_a_row_without_a_figure_stands_last_in_either_direction() -> None:
    order = Order(bad_night().board)
    order.sort_by("rtt")
    assert order.names[0] == "office-gateway-with-a-long-name"
    assert set(order.names[-5:]) == {"cpt1", "dub1", "fra1", "mad1", "new1"}
    order.sort_by("rtt", reverse=True)
    assert order.names[0] == "lab"
    assert set(order.names[-5:]) == {"cpt1", "dub1", "fra1", "mad1", "new1"}


def test_by_uptime_the_lowest_stands_first_and_the_unknown_last() -> None:
    engine = QuietEngine(server(name) for name in ("best", "new", "worst"))
    engine.board.rows["best"].uptime, engine.board.rows["worst"].uptime = 1.0, 0.4
    order = Order(engine.board)
    order.sort_by("uptime")
    assert order.names == ["worst", "best", "new"]


def test_by_port_monitor_its_false_greens_stand_first_then_what_it_calls_down() -> None:
    engine = QuietEngine(server(name) for name in ("closed", "new", "psk", "well"))
    record(engine.board, "well", Verdict.HEALTHY, 0.01)
    record(engine.board, "psk", Verdict.PSK_MISMATCH, None)
    record(engine.board, "closed", Verdict.PORT_CLOSED, None, port_monitor="closed")
    order = Order(engine.board)
    order.sort_by("port")
    assert order.names == ["psk", "closed", "well", "new"]


def test_every_column_that_has_a_value_can_be_sorted_by() -> None:
    assert set(SORTS) == COLUMNS.keys() - {"checks"}


def test_a_filter_that_asks_for_an_age_lets_a_row_go_when_its_time_is_over() -> None:
    now = [NOW]
    order = Order(bad_night().board, lambda: Beside(now[0]))
    order.show_only(parse_filter("since<1h state:down"))
    assert order.ages
    assert order.names == ["fra1"]
    now[0] += 3600
    assert order.rebuild()
    assert order.names == []
    assert not order.rebuild()


def test_a_new_time_does_not_disturb_a_table_sorted_by_state() -> None:
    engine = bad_night()
    order = Order(engine.board)
    record(engine.board, "ams1", Verdict.HEALTHY, 0.5)
    assert not order.note(["ams1"])


def test_a_server_that_goes_down_is_noticed_and_moves_with_the_rebuild() -> None:
    engine = bad_night()
    order = Order(engine.board)
    record(engine.board, "ams1", Verdict.SILENT, None)
    assert order.note(["ams1"])
    assert order.position("ams1") == 7
    order.rebuild()
    assert order.position("ams1") == 0


def test_a_row_that_the_filter_should_now_show_is_noticed() -> None:
    engine = bad_night()
    order = Order(engine.board)
    order.show_only(parse_filter("state:down"))
    assert order.names == ["fra1", "mad1"]
    record(engine.board, "ams1", Verdict.SILENT, None)
    assert order.note(["ams1"])
    order.rebuild()
    assert order.names == ["ams1", "fra1", "mad1"]


def test_servers_that_come_and_go_make_it_outdated() -> None:
    engine = QuietEngine([server("a"), server("b")])
    order = Order(engine.board)
    engine.board.replace([server("b"), server("c")])
    assert order.outdated
    order.rebuild()
    assert order.names == ["b", "c"]
    assert order.position("a") is None


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
            record(engine.board, name, Verdict.SILENT if rtt is None else Verdict.HEALTHY, rtt, NOW)
    order = Order(engine.board)
    order.sort_by(column, reverse=reverse)
    assert sorted(order.names) == sorted(fleet)
    values = [SORTS[column].value(engine.board.rows[name]) for name in order.names]
    present = [value for value in values if value is not None]
    assert values[len(present) :] == [None] * (len(values) - len(present))
    assert present == sorted(present, reverse=order.descending)
