"""Tests of every key of the fleet screen."""

from __future__ import annotations

import asyncio
import time

import pytest
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import OptionList

from tests.daemon.harness import PATIENCE_S, until
from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import QuietEngine, record, server
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.monitor.controller import LoadingProgress
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.tui.filter.bar import FilterBar
from wgmon_tui.tui.filter.input_line import FilterInput
from wgmon_tui.tui.fleet.row_index import SORTS
from wgmon_tui.tui.fleet.sort_screen import SortScreen
from wgmon_tui.tui.fleet.table import RESORT_SECONDS, FleetTable
from wgmon_tui.tui.fleet.totals import TotalsLine
from wgmon_tui.tui.help.help_screen import HelpScreen
from wgmon_tui.tui.server.screen import ServerScreen
from wgmon_tui.tui.widgets.key_hints import KeyHints


async def test_the_worst_server_stands_under_the_cursor() -> None:
    async with face() as it:
        assert it.table.cursor_name == "fra1"
        lines = it.lines()
        assert lines[0].startswith(" ● 12 up  ▲ 3 degraded  ✖ 2 down  ? 2 unknown  ‖ 1 paused")
        assert lines[1].split() == ["state", "▾", "name", "verdict", "rtt", "last", "2", "min"]
        assert lines[2].split()[:5] == ["✖", "down", "fra1", "psk-mismatch", "lost"]


async def test_keys_move_the_cursor() -> None:
    async with face(size=(80, 14)) as it:
        assert it.table.page == 10
        for keys, line in (
            ("j", 1),
            ("down", 1),
            ("j j k", 1),
            ("j up", 0),
            ("k", 0),
            ("G", 19),
            ("end", 19),
            ("G home", 0),
            ("pagedown", 10),
            ("ctrl+f ctrl+b", 0),
            ("G pageup", 9),
        ):
            await it.press("g", *keys.split())
            assert it.table.cursor_name == it.table.row_index.names[line], keys
            assert lit_line(it) == it.table.cursor_name, keys


def lit_line(it: Face) -> str:
    """The server name on the line with the cursor style."""
    table, cursor = it.table, it.app.palette.cursor.bgcolor
    strips = [table.render_line(y) for y in range(1, 1 + table.page)]
    (lit,) = (strip for strip in strips if all(part.style and part.style.bgcolor == cursor for part in strip))
    return next(name for name in table.row_index.names if f" {name} "[:18] in lit.text)


async def test_a_new_result_is_painted_without_a_new_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face() as it:
        laid_out = []
        monkeypatch.setattr(Screen, "_refresh_layout", lambda *_, **__: laid_out.append(True))
        record(it.engine.fleet_state, "mad1", Verdict.HEALTHY, 0.04)
        await it.follow()
        assert "40.0 ms" in "".join(it.lines())
        assert laid_out == []


async def test_the_header_stays_on_top_of_what_scrolls() -> None:
    async with face(size=(80, 14)) as it:
        await it.press("G")
        lines = it.lines()
        assert lines[1].split()[:3] == ["state", "▾", "name"]
        assert "lab" in lines[11]


async def test_enter_opens_the_server_under_the_cursor() -> None:
    async with face() as it:
        await it.press("j", "enter")
        assert isinstance(it.app.screen, ServerScreen)
        await it.press("escape")
        assert it.at_home
        assert it.table.cursor_name == "mad1"


async def test_a_click_selects_and_a_double_click_opens() -> None:
    async with face() as it:
        await it.pilot.click(FleetTable, offset=(5, 3))
        await settle(it.pilot)
        assert it.table.cursor_name == "dub1"
        assert it.at_home
        await it.pilot.double_click(FleetTable, offset=(5, 2))
        await settle(it.pilot)
        assert isinstance(it.app.screen, ServerScreen)


async def test_a_click_on_the_header_selects_nothing() -> None:
    async with face() as it:
        await it.press("j")
        await it.pilot.click(FleetTable, offset=(5, 0))
        assert it.table.cursor_name == "mad1"


@pytest.mark.thorough
async def test_a_click_on_a_key_presses_it() -> None:
    async with face() as it:
        await it.pilot.click(KeyHints, offset=(it.hints().index("help"), 0))
        await settle(it.pilot)
        assert isinstance(it.app.screen, HelpScreen)


async def test_the_cursor_follows_its_server_through_a_new_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face() as it:
        await it.press("j")
        monkeypatch.setattr(it.table, "_sorted_at", it.table._sorted_at - RESORT_SECONDS)
        record(it.engine.fleet_state, "mad1", Verdict.HEALTHY, 0.04)
        await it.follow()
        assert it.table.row_index.position("mad1") == 12
        assert it.table.cursor_name == "mad1"


async def test_a_cursor_that_nobody_moved_stays_with_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face() as it:
        monkeypatch.setattr(it.table, "_sorted_at", it.table._sorted_at - RESORT_SECONDS)
        record(it.engine.fleet_state, "ams1", Verdict.SILENT, None)
        await it.follow()
        assert it.table.cursor_name == "ams1"


async def test_rows_keep_their_places_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face() as it:
        monkeypatch.setattr(
            it.table, "_sorted_at", time.monotonic() + PATIENCE_S
        )  # however slow this test is
        record(it.engine.fleet_state, "ams1", Verdict.SILENT, None)
        await it.follow()
        assert it.table.row_index.position("ams1") == 7
        assert "✖ down        ams1" in it.lines()[9]


async def test_only_the_line_that_changed_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face() as it:
        drawn: list[str] = []
        draw = it.table._draw

        def noted(server_state: ServerState, at_cursor: bool) -> Strip:
            drawn.append(server_state.server.name)
            return draw(server_state, at_cursor)

        monkeypatch.setattr(it.table, "_draw", noted)
        record(it.engine.fleet_state, "ams1", Verdict.HEALTHY, 0.009)
        await it.follow()
        await it.follow()
        assert drawn == ["ams1"]


async def test_a_new_order_repaints_only_the_lines_that_read_differently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with face() as it:
        before = it.lines()
        repainted: set[int] = set()
        refresh = it.table.refresh

        def noted(*regions: Region) -> FleetTable:
            repainted.update((region.y for region in regions) if regions else range(24))
            return refresh(*regions)

        monkeypatch.setattr(it.table, "refresh", noted)
        monkeypatch.setattr(it.table, "_sorted_at", it.table._sorted_at - RESORT_SECONDS)
        record(it.engine.fleet_state, "mad1", Verdict.HEALTHY, 0.04)
        await it.follow()
        changed = {y - 1 for y, line in enumerate(it.lines()) if y and line != before[y]}
        assert changed <= repainted < set(range(20))


async def test_servers_that_come_and_go_are_shown_at_once() -> None:
    async with face(QuietEngine([server("a"), server("b")])) as it:
        await it.press("j")
        it.engine.fleet_state.replace([server("b"), server("c")])
        await it.follow()
        assert it.table.row_index.names == ["b", "c"]
        assert it.table.cursor_name == "b"


async def test_r_checks_the_row_and_shift_r_everything() -> None:
    async with face() as it:
        await it.press("j", "r", "R")
        assert it.engine.rechecked == [["mad1"], list(it.engine.fleet_state.states)]


async def test_p_pauses_and_resumes_the_row() -> None:
    async with face() as it:
        await it.press("p")
        assert it.engine.fleet_state.states["fra1"].paused
        assert "PAUSED" in it.lines()[2]
        await it.press("p")
        assert not it.engine.fleet_state.states["fra1"].paused


async def test_the_filter_works_while_it_is_typed_and_enter_keeps_it() -> None:
    async with face() as it:
        await it.press("/", *"state:down")
        assert it.table.row_index.names == ["fra1", "mad1"]
        assert "2 of 20" in it.lines()[1]
        await it.press("enter", "j")
        assert it.table.has_focus
        assert it.table.cursor_name == "mad1"
        assert "state:down" in it.lines()[1]


async def test_escape_clears_the_filter_from_the_line_and_from_the_table() -> None:
    async with face() as it:
        for keys in (["escape"], ["enter", "escape"]):
            await it.press("/", *"fra", *keys)
            assert len(it.table.row_index) == 20
            assert it.table.has_focus
            assert "state" in it.lines()[1]


async def test_mistakes_in_the_filter_are_named_beside_the_typed_line_and_explained_below() -> None:
    async with face(size=(60, 20)) as it:
        await it.press("/", *"state:dwn tag:zz")
        shown = "\n".join(it.lines())
        assert "/ state:dwn tag:zz" in shown
        assert "unknown: state:dwn tag:zz; 20 of 20" in shown
        assert it.notices() == [
            'state:dwn has no effect: unknown state "dwn"; did you mean "down"?',
            'tag:zz has no effect: unknown tag of a server "zz"; possible: edge, eu, us',
        ]


async def test_an_empty_filter_closes_its_line() -> None:
    async with face() as it:
        await it.press("/", "enter")
        assert it.table.has_focus
        assert not it.fleet.query_one(FilterBar).is_open


@pytest.mark.thorough
async def test_the_cursor_comes_back_to_its_server_when_the_filter_that_hid_it_is_gone() -> None:
    async with face() as it:
        await it.press("G", "/", *"fra", "escape")
        assert it.table.cursor_name == "lab"


async def test_a_filter_that_matches_nothing_says_so() -> None:
    async with face() as it:
        await it.press("/", *"zzz")
        assert "No server matches this filter." in "\n".join(it.lines())
        assert it.table.cursor_name is None
        await it.press("enter", "j", "G", "enter", "r", "p")
        assert it.at_home
        assert it.engine.rechecked == []


@pytest.mark.thorough
async def test_keys_go_into_the_filter_line_while_it_is_open() -> None:
    async with face() as it:
        await it.press("/", *"qpr?")
        assert it.fleet.query_one(FilterInput).value == "qpr?"
        shown = "enter apply  tab complete  up older  esc clear filter"
        assert it.hints().split() == shown.split()


@pytest.mark.thorough
async def test_tab_completes_a_verdict_in_the_filter_line() -> None:
    async with face() as it:
        await it.press("/", *"verdict:ps")
        assert "verdict:psk-mismatch" in it.lines()[1]
        await it.press("tab")
        assert it.fleet.query_one(FilterInput).value == "verdict:psk-mismatch"
        assert it.table.row_index.names == ["fra1"]


@pytest.mark.thorough
async def test_the_candidates_are_shown_in_words_with_the_key_that_takes_the_first() -> None:
    async with face() as it:
        await it.press("/", *"state:d")
        assert "tab: degraded, down; 5 of 20" in it.lines()[1]
        await it.press("right")
        assert it.fleet.query_one(FilterInput).value == "state:degraded"
        assert "tab:" not in it.lines()[1]


async def test_s_offers_every_column_and_sorts_by_the_chosen_one() -> None:
    async with face() as it:
        await it.press("s")
        assert isinstance(it.app.screen, SortScreen)
        # "seen" is offered where there is more than one vantage.
        assert it.app.screen.query_one(OptionList).option_count == len(SORTS) - 1
        await it.press("j", "down", "k", "j", "j", "j", "j", "enter")
        assert it.at_home
        assert it.table.row_index.sort.column == "loss"
        assert it.table.cursor_name == "mad1"


async def test_escape_leaves_the_order_as_it_was() -> None:
    async with face() as it:
        await it.press("s", "j", "escape")
        assert it.table.row_index.sort.column == "state"


async def test_angle_brackets_sort_by_the_neighbouring_column_and_shift_s_turns_it_round() -> None:
    async with face() as it:
        await it.press(">")
        assert it.table.row_index.sort.column == "name"
        assert "name ▴" in it.lines()[1]
        await it.press("S")
        assert it.table.cursor_name == "waw1"
        assert "name ▾" in it.lines()[1]
        await it.press("<", "<")
        assert it.table.row_index.sort.column == "rtt"


async def test_a_click_on_a_column_title_sorts_and_a_second_one_turns_it_round() -> None:
    async with face() as it:
        x = it.lines()[1].index("rtt")
        await it.pilot.click(FleetTable, offset=(x, 0))
        assert it.table.row_index.sort.column == "rtt"
        assert "rtt ▾" in it.lines()[1]
        await it.pilot.click(FleetTable, offset=(x, 0))
        assert "rtt ▴" in it.lines()[1]
        await it.pilot.click(FleetTable, offset=(it.lines()[1].index("last"), 0))
        assert it.table.row_index.sort.column == "rtt"  # pictures have no order


async def test_a_click_on_a_count_shows_its_servers_and_a_second_one_all() -> None:
    async with face() as it:
        place = (it.lines()[0].index("2 down"), 0)
        await it.pilot.click(TotalsLine, offset=place)
        await settle(it.pilot)
        assert it.app.screen.query_one(FilterBar).line == "state:down"
        assert set(it.table.row_index.names) == {"fra1", "mad1"}
        await it.pilot.click(TotalsLine, offset=place)
        await settle(it.pilot)
        assert len(it.table.row_index) == 20


async def test_an_empty_fleet_says_what_to_do_and_offers_nothing_else() -> None:
    async with face(QuietEngine()) as it:
        text = "\n".join(it.lines())
        assert "No servers yet." in text
        assert "wgmon-tui demo" in text
        assert "open" not in it.hints()
        await it.press("enter", "r", "R", "p", "s", "S", "j", "G")
        assert it.at_home


async def test_the_empty_state_gives_way_to_the_first_server() -> None:
    async with face(QuietEngine()) as it:
        it.engine.fleet_state.replace([server("fra1")])
        await it.follow()
        assert "? unknown     fra1" in "\n".join(it.lines())
        assert "enter open" in it.hints()


class LoadingEngine(QuietEngine):
    """Its servers are not read yet; then reading them fails."""

    loading = LoadingProgress("servers.toml")

    def __init__(self) -> None:
        super().__init__(())
        self.may_fail = asyncio.Event()

    async def run(self) -> None:
        await self.may_fail.wait()
        raise ConfigurationError("servers.toml: line 3")


async def test_a_fleet_that_is_being_read_is_not_an_empty_fleet() -> None:
    async with face(LoadingEngine()) as it:
        text = "\n".join(it.lines())
        assert "Reading servers.toml" in text
        assert "import" not in text


async def test_a_fleet_that_cannot_be_read_ends_the_app_without_a_fault() -> None:
    engine = LoadingEngine()
    async with face(engine) as it:
        engine.may_fail.set()
        await until(lambda: it.app._exit)
        assert it.app.fault is None
