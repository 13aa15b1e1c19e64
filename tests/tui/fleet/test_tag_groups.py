"""Tests of groups by tag: order, totals in the headings, and the keys that fold them."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine, bad_night, record, server
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.tui.fleet.row_index import SORTS, RowIndex
from wgmon_tui.tui.fleet.table import FleetTable
from wgmon_tui.tui.server.screen import ServerScreen


def grouped(row_index: RowIndex) -> dict[str, list[str]]:
    return {tag: group.names for tag, group in row_index.grouping.groups.items()}


def by_tag() -> RowIndex:
    row_index = RowIndex(bad_night().fleet_state)
    row_index.group(True)
    return row_index


def headings(it: Face) -> list[str]:
    return [" ".join(line.split()) for line in it.lines() if line[1:2] in ("▾", "▸")]


def test_a_server_stands_under_each_of_its_tags_and_who_has_none_comes_last() -> None:
    row_index = by_tag()
    groups = grouped(row_index)
    assert list(groups) == ["edge", "eu", "us", ""]
    assert groups["edge"] == ["fra1", "ams1"]
    assert groups["eu"] == ["fra1", "mad1", "ams1"]
    assert row_index.lines[:4] == [("edge", ""), ("edge", "fra1"), ("edge", "ams1"), ("eu", "")]
    assert sorted(row_index.names) == sorted(bad_night().fleet_state.states)


def test_by_name_the_groups_stand_by_tag_in_the_same_direction() -> None:
    row_index = by_tag()
    row_index.sort_by("name", reverse=True)
    groups = grouped(row_index)
    assert list(groups) == ["us", "eu", "edge", ""]
    assert groups["eu"] == ["mad1", "fra1", "ams1"]


def test_a_filter_leaves_no_empty_group() -> None:
    from wgmon_tui.tui.filter.parser import parse_filter

    row_index = by_tag()
    row_index.show_only(parse_filter("tag:edge state:up"))
    assert row_index.lines == [("edge", ""), ("edge", "ams1"), ("eu", ""), ("eu", "ams1")]


def test_a_heading_counts_a_change_before_the_rows_move() -> None:
    engine = bad_night()
    row_index = RowIndex(engine.fleet_state)
    row_index.group(True)
    record(engine.fleet_state, "ams1", Verdict.SILENT, None)
    row_index.record_changes({"ams1"})
    assert row_index.grouping.groups["edge"].totals[Severity.DOWN] == 2
    assert row_index.grouping.changed_tags == {"edge", "eu"}
    assert row_index.lines[1] == ("edge", "fra1")


STEP = st.tuples(st.sampled_from("abcdef"), st.sampled_from([0.01, None]))


@given(
    st.lists(st.sets(st.sampled_from(["eu", "us", "edge"])), min_size=6, max_size=6),
    st.lists(STEP, max_size=12),
    st.sampled_from(sorted(SORTS)),
    st.booleans(),
)
def test_whatever_happens_the_headings_count_the_rows_below_them(
    tags: list[set[str]], steps: list[tuple[str, float | None]], column: str, reverse: bool
) -> None:
    engine = QuietEngine(server(name, tags=sorted(had)) for name, had in zip("abcdef", tags, strict=True))
    row_index = RowIndex(engine.fleet_state)
    row_index.group(True)
    row_index.sort_by(column, reverse=reverse)
    for name, rtt in steps:
        record(engine.fleet_state, name, Verdict.SILENT if rtt is None else Verdict.HEALTHY, rtt, NOW)
        row_index.record_changes({name})
        for group in row_index.grouping.groups.values():
            assert +group.totals == Counter(engine.fleet_state.states[each].severity for each in group.names)
    row_index.rebuild()
    assert len(row_index.lines) == len(set(row_index.lines))
    assert all(row_index.index(place) == at for at, place in enumerate(row_index.lines))
    assert {name for _, name in row_index.lines if name} == set("abcdef")


async def test_z_groups_by_tag_with_totals_and_z_again_does_not() -> None:
    async with face(size=(80, 30)) as it:
        await it.press("z")
        assert headings(it) == [
            "▾ edge ✖ 1 down ● 1 up",
            "▾ eu ✖ 2 down ● 1 up",
            "▾ us ● 1 up",
            "▾ no tag ▲ 3 degraded ? 2 unknown ● 10 up ‖ 1 paused",
        ]
        await it.press("z")
        assert headings(it) == []
        assert it.table.cursor_name == "fra1"


async def test_enter_on_a_heading_folds_its_group_and_unfolds_it() -> None:
    async with face(size=(80, 30)) as it:
        await it.press("z", "enter")
        assert it.at_home
        assert headings(it)[0] == "▸ edge ✖ 1 down ● 1 up"
        assert it.table.row_index.lines[1] == ("eu", "")
        await it.press("enter", "j", "enter")
        assert isinstance(it.app.screen, ServerScreen)


async def test_shift_z_folds_all_groups_and_the_cursor_stays_with_its_group() -> None:
    async with face(size=(80, 30)) as it:
        await it.press("z", "j", "j", "j", "j")
        assert it.table.cursor_name == "fra1"
        await it.press("Z")
        assert len(it.table.row_index) == 4
        group = it.table.cursor_group
        assert group is not None
        assert group.tag == "eu"
        await it.press("Z")
        assert len(it.table.row_index) > 4


async def test_a_heading_is_no_server_so_what_needs_one_is_not_offered() -> None:
    async with face(size=(80, 30)) as it:
        await it.press("z")
        assert it.table.cursor_name is None
        assert "re-check" not in it.hints()
        await it.press("r", "p", "m", "y", "x", "a")
        assert it.at_home
        assert it.engine.rechecked == []


async def test_only_the_heading_whose_totals_changed_is_drawn_anew() -> None:
    async with face(size=(80, 30)) as it:
        await it.press("z")
        record(it.engine.fleet_state, "nyc1", Verdict.SILENT, None)
        await it.follow()
        assert headings(it)[2] == "▾ us ✖ 1 down"


async def test_the_cursor_stays_on_its_server_in_its_group_through_every_sort() -> None:
    async with face(size=(140, 40)) as it:
        await it.press("z", "G", "k", "k")
        name = it.table.cursor_name
        for column in SORTS:
            for reverse in (False, True):
                it.table.sort_by(column, reverse=reverse)
                assert it.table.cursor_name == name, (column, reverse)


async def test_a_double_click_folds_a_group() -> None:
    async with face(size=(80, 30)) as it:
        await it.press("z")
        await it.pilot.double_click(FleetTable, offset=(5, 1))
        await settle(it.pilot)
        assert headings(it)[0].startswith("▸ edge")
