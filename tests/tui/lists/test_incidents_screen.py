"""Tests of the incidents screen with a real store: every key."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from tests.tui import sample_exchanges, sample_histories
from tests.tui.app_harness import Face, face
from tests.tui.sample_fleet import QuietEngine
from tests.tui.sample_histories import MINUTE, Past, Spell
from tests.tui.server_screen_harness import fleet
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.tui.filter.input_line import FilterInput
from wgmon_tui.tui.fleet.screen import FleetScreen
from wgmon_tui.tui.incident.screen import IncidentScreen
from wgmon_tui.tui.lists.incidents_screen import IncidentsScreen
from wgmon_tui.tui.server.screen import ServerScreen


def failing() -> QuietEngine:
    engine = fleet()
    sample_exchanges.record_checks(engine, sample_exchanges.psk_mismatch())
    engine.fleet_state.states["fra1"].incident = sample_histories.incident(opened=12 * MINUTE)
    return engine


async def open_timeline(it: Face) -> None:
    await it.press("I")
    await it.read()


def servers(it: Face) -> list[str]:
    """The servers and causes of the list, from top to bottom."""
    states = [line.split() for line in it.lines() if line[1:2] in ("✖", "▲")]
    return [" ".join(word for word in row[2:5] if word != "✓").split(" Nov")[0] for row in states]


def prose(it: Face, widget: str) -> str:
    shown = it.app.screen.query_one(f"#{widget}", Static).content
    return " ".join(str(shown).split())


async def test_the_open_ones_stand_on_top_then_the_newest(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        assert [line.split()[0] for line in servers(it)] == ["fra1", "fra1", "lon3", "fra1"]
        assert "psk-mismatch" in servers(it)[0]
        assert prose(it, "title") == "Incidents 1 open, 4 in total"


async def test_the_one_under_the_cursor_is_told_in_full(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        assert "not acknowledged" in prose(it, "detail")
        await it.press("G")
        assert "note anna, Nov 20 12:19: provider has a power cut" in prose(it, "detail")


async def test_enter_opens_the_incident_enter_again_its_server_and_esc_comes_back(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("j", "j", "enter")
        await it.read()
        opened = [FleetScreen, IncidentsScreen, IncidentScreen]
        assert [type(each) for each in it.app.screen_stack] == opened
        await it.press("enter")
        assert [type(each) for each in it.app.screen_stack] == [*opened, ServerScreen]
        assert " lon3 " in it.lines()[0]
        await it.press("escape", "escape")
        assert [type(each) for each in it.app.screen_stack] == opened[:2]
        await it.press("escape")
        assert it.at_home


async def test_the_filter_works_while_it_is_typed_and_esc_clears_it(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("/", *"open")
        assert len(servers(it)) == 1
        assert "1 of 4" in it.lines()[1]
        await it.press("enter", "j")
        assert len(servers(it)) == 1
        await it.press("escape")
        assert len(servers(it)) == 4
        assert isinstance(it.app.screen, IncidentsScreen)


@pytest.mark.thorough
async def test_a_filter_that_nothing_matches_says_how_to_clear_it(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("/", *"xyz", "enter")
        assert prose(it, "nothing") == "No incident matches this filter Press esc to clear the filter."


async def test_a_acknowledges_the_incident_under_the_cursor(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("a", *"me", "enter")
        assert it.engine.acknowledged == [(["fra1"], "me")]
        assert it.notices() == ["Acknowledged: fra1"]


@pytest.mark.thorough
async def test_only_an_open_incident_can_be_acknowledged(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        assert "acknowledge" in it.hints()
        await it.press("j")
        assert "acknowledge" not in it.hints()
        await it.press("a")
        assert isinstance(it.app.screen, IncidentsScreen)


async def test_a_server_whose_state_is_not_known_is_not_called_acknowledged(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        it.engine.fleet_state.states["fra1"].incident = None
        await it.press("a")
        assert it.notices() == ["The state of fra1 is not known yet. Try again after its next check."]


async def test_n_writes_a_note_beside_any_of_them(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("G", "n", *"see ticket 7", "enter")
        assert it.engine.noted == [("fra1-198720", "see ticket 7")]


@pytest.mark.thorough
async def test_an_empty_note_is_none(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        await it.press("n", " ", "enter")
        assert it.engine.noted == []


async def test_a_fleet_without_incidents_says_so(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.server("fra1", Spell(600, 0))
    async with face(fleet(), history=past.history()) as it:
        await open_timeline(it)
        assert prose(it, "nothing").startswith("No incidents yet")


async def test_a_run_without_a_store_says_so() -> None:
    async with face(fleet()) as it:
        await open_timeline(it)
        assert "This run stores nothing" in prose(it, "nothing")


async def test_a_store_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / STORE).write_bytes(b"no database" * 500)
    async with face(fleet(), history=History(tmp_path / STORE)) as it:
        await open_timeline(it)
        assert "The history cannot be read" in prose(it, "nothing")


async def test_what_is_written_while_it_is_open_appears(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.server("fra1", Spell(600, 0))
    history = past.history()
    async with face(fleet(), history=history) as it:
        await open_timeline(it)
        again = Past(tmp_path)
        again.incident(sample_histories.incident(opened=60))
        again.history()
        screen = it.app.screen
        assert isinstance(screen, IncidentsScreen)
        screen.reload()
        await it.read()
        assert len(servers(it)) == 1


@pytest.mark.thorough
async def test_a_click_on_a_title_sorts_a_second_one_reverses_and_a_third_ends_it(past: History) -> None:
    async with face(failing(), history=past) as it:
        await open_timeline(it)
        timeline, y = servers(it), next(n for n, line in enumerate(it.lines()) if "lasted" in line)

        async def click_on(title: str) -> str:
            await it.pilot.click(offset=(it.lines()[y].index(title), y))
            return it.lines()[y]

        assert "server ▴" in await click_on("server")
        assert [line.split()[0] for line in servers(it)] == ["fra1", "fra1", "fra1", "lon3"]
        assert "server ▾" in await click_on("server")
        assert [line.split()[0] for line in servers(it)] == ["lon3", "fra1", "fra1", "fra1"]
        assert "lasted ▾" in await click_on("lasted")
        assert "server ▾" not in it.lines()[y]
        assert "lasted ▴" in await click_on("lasted")
        assert servers(it) != timeline
        assert "lasted ▴" not in await click_on("lasted")
        assert servers(it) == timeline


# From the fleet


async def test_a_on_the_fleet_acknowledges_the_server_under_the_cursor(past: History) -> None:
    async with face(failing(), history=past) as it:
        await it.press("a", "enter")
        assert it.engine.acknowledged == [(["fra1"], "")]


@pytest.mark.thorough
async def test_a_does_nothing_where_there_is_nothing_to_acknowledge(past: History) -> None:
    async with face(failing(), history=past) as it:
        assert "acknowledge" in it.hints()
        await it.press("G")
        await it.follow()
        assert "acknowledge" not in it.hints()
        await it.press("a")
        assert it.at_home


async def test_the_uptimes_of_the_store_stand_in_the_table(past: History) -> None:
    async with face(failing(), history=past, size=(140, 20)) as it:
        while it.engine.fleet_state.states["fra1"].uptime is None:
            await it.pilot.pause(0.01)
        await it.follow()
        fra1 = next(line for line in it.lines()[2:] if " fra1 " in line)
        assert "up 24h" in it.lines()[1]
        assert "99." in fra1


@pytest.mark.thorough
async def test_the_flags_of_incidents_are_completed(past: History) -> None:
    async with face(failing(), history=past) as it:
        await it.press("I")
        await it.read()
        await it.press("/", *"ack")
        assert any("tab: acknowledged;" in line for line in it.lines())
        await it.press("tab")
        assert it.app.screen.query_one(FilterInput).value == "acknowledged"


@pytest.mark.parametrize(("key", "title"), [("I", "No incidents yet"), ("A", "No alerts yet")])
async def test_a_state_directory_without_a_store_is_no_error(tmp_path: Path, key: str, title: str) -> None:
    async with face(history=History(tmp_path / STORE), state_dir=tmp_path) as it:
        await it.press(key)
        await it.read()
        text = "\n".join(it.lines())
        assert title in text
        assert "No such file" not in text
