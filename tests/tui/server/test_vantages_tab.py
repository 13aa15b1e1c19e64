"""A fleet checked from several vantages: fleet column, server header and Vantages tab."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.widgets import TabbedContent

from tests.parameters import default_run
from tests.tui import sample_exchanges
from tests.tui.app_harness import face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.server_screen_harness import Opened, fleet, opened
from tests.tui.vantage_fleet import FRA, NYC, bad_night_from_three_places, lookout, see
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.quorum import validity_s
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.tui.fleet.column_layout import lay_out
from wgmon_tui.tui.fleet.columns import COLUMNS, CellContext
from wgmon_tui.tui.server.page_columns import WIDE, page_columns
from wgmon_tui.tui.server.vantages_text import compare_vantages, vantage_columns
from wgmon_tui.tui.theme.glyphs import ASCII, UNICODE
from wgmon_tui.tui.theme.palette import load_palette
from wgmon_tui.tui.theme.text_style import TextStyle

NIGHT = load_palette("night")
DRAWING = CellContext(NIGHT, UNICODE, NOW, ("fra", "nyc"))
SIZES = [(60, 20), (80, 24), (140, 45)]


def marks(engine: QuietEngine, name: str) -> str:
    cell = COLUMNS["seen"].cell(engine.fleet_state.states[name], 4, DRAWING)
    assert sum(cell_len(text) for text, _ in cell) == 4
    return "".join(text for text, _ in cell)


# The column


def test_each_vantage_has_a_mark_ours_first() -> None:
    engine = lookout()
    assert marks(engine, "ams2") == "●●● "
    assert marks(engine, "fra1") == "●●✖ "
    assert marks(engine, "lon3") == "✖✖✖ "


def test_a_vantage_that_does_not_look_leaves_a_blank_and_an_old_word_a_dot() -> None:
    engine = lookout()
    see(engine, "nyc", sample_exchanges.healthy("ams2", at=NOW))
    server_state = engine.fleet_state.states["fra1"]
    server_state.vantage_states = {"nyc": server_state.vantage_states["nyc"]}
    engine.fleet_state.expire_outdated(NOW - 5 + validity_s(engine.fleet_state.states["ams2"].server))
    assert marks(engine, "ams2") == "●·● "
    assert marks(engine, "fra1")[1] == " "


def test_the_marks_are_coloured_by_severity_and_a_pause_is_one_for_all() -> None:
    engine = lookout()
    cell = COLUMNS["seen"].cell(engine.fleet_state.states["fra1"], 4, DRAWING)
    assert cell[2][1] == NIGHT.severity[Severity.DOWN]
    engine.pause(["fra1"], True)
    assert marks(engine, "fra1") == "‖‖‖ "


@pytest.mark.parametrize("width", [60, 72, 77, 78, 80, 100, 118, 124, 140, 160, 200])
@pytest.mark.parametrize("vantages", [0, 2, 3, 6])
def test_the_column_is_there_where_others_look_and_takes_no_column_that_matters(
    width: int, vantages: int
) -> None:
    layout = lay_out(width, 12, 20, vantages=vantages)
    shown = [placed.column.key for placed in layout]
    assert ("seen" in shown) is (vantages > 0 and width >= 72 + 2 + max(4, vantages))
    assert {"state", "name", "verdict", "rtt"} <= set(shown)
    assert ("checks" in shown) is (width >= 72)
    assert layout[-1].start + layout[-1].width <= width


def test_a_column_that_somebody_chose_is_as_wide_as_there_are_vantages() -> None:
    [name, seen] = lay_out(80, 8, 8, ("name", "seen"), vantages=7)
    assert (name.column.key, seen.width) == ("name", 7)


async def test_the_column_comes_and_goes_with_the_vantages() -> None:
    async with face() as it:
        assert "seen" not in it.table.shown_columns
        it.engine.fleet_state.set_vantages((FRA, NYC), 1, NOW)
        await it.follow()
        assert "seen" in it.table.shown_columns
        it.engine.fleet_state.set_vantages((), 1, NOW)
        await it.follow()
        assert "seen" not in it.table.shown_columns


async def test_the_fleet_shows_who_sees_what() -> None:
    async with face(bad_night_from_three_places()) as it:
        [line] = [line for line in it.lines() if " hel1 " in line]
        assert "regional" in line
        assert "●●✖" in line


async def test_by_seen_stands_first_what_most_hold_to_be_down() -> None:
    async with face(lookout()) as it:
        it.table.sort_by("seen")
        assert it.table.row_index.names == ["lon3", "fra1", "ams2"]


@pytest.mark.thorough
async def test_sorting_by_seen_is_offered_where_others_look() -> None:
    for engine, offered in ((lookout(), True), (fleet(), False)):
        async with face(engine) as it:
            await it.press("s")
            assert ("by seen" in "\n".join(it.lines())) is offered


async def test_the_filter_finds_what_is_down_from_one_place() -> None:
    async with face(bad_night_from_three_places()) as it:
        await it.press("/", *"downfrom:nyc !downfrom:fra")
        assert it.table.row_index.names == ["hel1"]


# The header


@pytest.mark.parametrize("size", default_run([(80, 24)], SIZES))
async def test_the_head_says_from_where_it_is_down_and_what_to_type(size: tuple[int, int]) -> None:
    async with opened(engine=lookout(), size=size) as it:
        head = it.prose("head")
        assert head.startswith("✖ down regional fra1")
        assert "Down from nyc (silent), not from here, fra: the server itself answers." in head
        words = f"{head} {it.prose('full')}" if size[0] >= WIDE else head
        assert "down from nyc; up from here, fra" in words
        assert "mtr -u -P 51820 fra1.example.net" in words
        assert words.count("down from nyc") == 1


@pytest.mark.thorough
async def test_down_from_everywhere_says_so_once() -> None:
    async with opened(engine=lookout(), name="lon3", size=(120, 45)) as it:
        assert it.prose("head").startswith("✖ down silent lon3")
        assert it.prose("head").count("down from") == 1


@pytest.mark.thorough
async def test_one_that_is_not_believed_alone_is_told_in_the_head() -> None:
    async with opened(engine=lookout(quorum=2)) as it:
        assert it.prose("head").startswith("● up healthy fra1")
        assert "Down from nyc (silent) alone; 2 must agree." in it.prose("head")


@pytest.mark.thorough
async def test_the_diagnosis_has_the_regional_causes() -> None:
    async with opened(engine=lookout()) as it:
        await it.press("tab")
        full = it.prose("full")
        assert "✖ regional" in full
        assert "a rate limiter" in full
        assert "1 the path between nyc and the server" in full


@pytest.mark.thorough
async def test_the_diagnosis_is_there_where_only_others_have_seen_the_server() -> None:
    engine = fleet()
    engine.fleet_state.set_vantages((FRA, NYC), 1, NOW)
    for vantage in ("fra", "nyc"):
        see(engine, vantage, sample_exchanges.silent("fra1", at=NOW - 10))
    assert engine.fleet_state.states["fra1"].last is None
    async with opened(engine=engine) as it:
        await it.press("tab")
        full = it.prose("full")
        assert "silent" in full
        assert "Possible causes, most likely first" in full


# The tab


async def on_vantages(it: Opened) -> None:
    await it.press("shift+tab")
    assert it.screen.query_one(TabbedContent).active == "vantages"


@pytest.mark.thorough
async def test_where_only_we_look_there_is_no_such_tab() -> None:
    async with opened(sample_exchanges.healthy(), engine=fleet()) as it:
        assert "Vantages" not in "\n".join(it.lines())
        for _ in range(4):
            await it.press("tab")
        assert it.screen.query_one(TabbedContent).active == "packets"
        it.engine.fleet_state.set_vantages((FRA,), 1, NOW)
        see(it.engine, "fra", sample_exchanges.healthy())
        it.screen.refresh_view()
        await settle(it.pilot)
        assert "Vantages" in "\n".join(it.lines())


@pytest.mark.parametrize("size", default_run([(80, 24)], SIZES))
async def test_the_tab_lays_them_beside_each_other_as_there_is_room(size: tuple[int, int]) -> None:
    async with opened(engine=lookout(), size=size) as it:
        await on_vantages(it)
        page = it.words("seen-from")
        titles = [line for line in page.splitlines() if "healthy" in line or "silent" in line]
        beside = {60: 1, 80: 2, 140: 2}[size[0]]
        assert titles[0].count("healthy") == min(2, beside)
        assert len(titles) == -(-3 // beside)
        assert all(cell_len(line) <= page_columns(size[0]).tab - 3 for line in page.splitlines())


async def test_the_tab_has_verdict_times_key_and_packets_of_each() -> None:
    async with opened(engine=lookout(), size=(220, 60)) as it:
        await on_vantages(it)
        page = it.prose("seen-from")
        assert "● fra up healthy" in page
        assert "✖ nyc down silent" in page
        assert "12.4 ms, p50 12.4 ms, loss 0%" in page
        assert "lost, p50 12.4 ms, loss 50%" in page
        assert "nothing came back" in page
        assert "not connected since" in page
        assert "Connection refused" in page
        assert str(sample_exchanges.SERVER.public)[:20] in page


async def test_enter_opens_the_packets_of_the_chosen_vantage_and_f_goes_back_to_ours() -> None:
    async with opened(engine=lookout()) as it:
        await on_vantages(it)
        await it.press("h", "enter")
        assert it.screen.query_one(TabbedContent).active == "packets"
        assert it.prose("caption").startswith("from nyc: silent")
        assert it.view.check is not None
        assert it.view.check.vantage == "nyc"
        see(it.engine, "here", sample_exchanges.healthy("fra1", at=NOW))
        it.screen.refresh_view()
        assert it.view.check.vantage == "nyc"
        await it.press("f")
        assert it.prose("caption").startswith("check of")
        assert it.view.check.vantage == "here"


@pytest.mark.thorough
async def test_the_chosen_one_comes_into_view() -> None:
    async with opened(engine=lookout(), size=(60, 20)) as it:
        await on_vantages(it)
        assert "nyc  down" not in "\n".join(it.lines())
        await it.press("l", "l")
        assert "nyc  down" in "\n".join(it.lines())


@pytest.mark.thorough
async def test_what_is_copied_is_the_key_that_the_server_must_list() -> None:
    async with opened(engine=lookout()) as it:
        await on_vantages(it)
        await it.press("l", "C")
        assert any("the public key of fra" in toast for toast in it.notices())


def page(engine: QuietEngine, name: str, statuses: tuple[VantageStatus, ...], *, ascii_only: bool) -> str:
    text_style = TextStyle(NIGHT, ASCII if ascii_only else UNICODE, 77)
    server_state = engine.fleet_state.states[name]
    return compare_vantages(
        vantage_columns(server_state, ("fra", "nyc"), statuses), 0, text_style, NOW
    ).text.plain


def test_one_that_was_not_heard_of_yet_says_why() -> None:
    engine = QuietEngine([sample_exchanges.server("fra1")])
    status = VantageStatus("nyc", False, NOW, trouble="nyc uses protocol 2")
    told = page(engine, "fra1", (status,), ascii_only=False)
    assert "nyc  unknown  no report yet" in told
    assert "nyc uses protocol 2" in " ".join(told.split())


def test_control_characters_of_a_vantage_do_not_reach_the_terminal() -> None:
    engine = lookout()
    server_state = engine.fleet_state.states["fra1"]
    vantage_state = server_state.vantage_states["nyc"]
    evil = replace(vantage_state.last.diagnosis, summary="a\x1b]0;owned\x07b")
    seen = replace(vantage_state, last=replace(vantage_state.last, diagnoses=(evil,)))
    server_state.vantage_states = {**server_state.vantage_states, "nyc": seen}
    status = VantageStatus("nyc", True, NOW, trouble="\x1b[2Jgone")
    told = page(engine, "fra1", (status,), ascii_only=False)
    assert "\x1b" not in told
    assert "\x07" not in told


def test_what_a_vantage_said_too_long_ago_is_unknown_and_shows_its_age() -> None:
    engine = lookout()
    server_state = engine.fleet_state.states["fra1"]
    states = server_state.vantage_states
    before = page(engine, "fra1", (), ascii_only=True)
    server_state.vantage_states = {**states, "nyc": replace(states["nyc"], current=False)}
    after = page(engine, "fra1", (), ascii_only=True)
    assert "too old to count" not in before
    assert "? nyc  unknown" in after
    assert "old: too" in after


def test_in_ascii_there_is_nothing_else() -> None:
    assert page(lookout(), "fra1", (), ascii_only=True).isascii()
