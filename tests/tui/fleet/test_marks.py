"""Tests of marks: set, shown, and used as the target of actions."""

from __future__ import annotations

import pytest

from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.server_screen_harness import fleet
from wgmon_tui.tui.dialogs.mute import MuteInput, MuteScreen
from wgmon_tui.tui.dialogs.mute_until import EXAMPLES

HOUR = 3600.0


def failing() -> QuietEngine:
    """Three servers, two of them down with an open incident."""
    engine = fleet()
    sample_exchanges.record_checks(engine, sample_exchanges.healthy("ams2"))
    sample_exchanges.record_checks(engine, sample_exchanges.psk_mismatch("fra1"))
    sample_exchanges.record_checks(engine, sample_exchanges.silent("lon3"))
    return engine


def marked_lines(it: Face) -> list[str]:
    return [line.split()[2] for line in it.lines() if line.startswith("▌")]


async def test_space_marks_and_goes_on_and_the_marks_are_seen_and_counted() -> None:
    async with face() as it:
        await it.press("space", "space")
        assert it.table.marked == {"fra1", "mad1"}
        assert it.table.cursor_name == "dub1"
        assert marked_lines(it) == ["fra1", "mad1"]
        assert "2 marked" in it.lines()[0]
        await it.press("k", "space")
        assert it.table.marked == {"fra1"}


async def test_plus_marks_all_that_the_filter_shows_and_minus_takes_the_marks_away() -> None:
    async with face() as it:
        await it.press("/", *"state:degraded", "enter", "+")
        assert it.table.marked == {"dub1", "tyo1", "office-gateway-with-a-long-name"}
        await it.press("escape", "space", "+")
        assert len(it.table.marked) == 20
        await it.press("-")
        assert it.table.marked == set()
        assert marked_lines(it) == []


@pytest.mark.thorough
async def test_space_on_a_heading_marks_its_group() -> None:
    async with face(size=(80, 30)) as it:
        await it.press("z", "space")
        assert it.table.marked == {"fra1", "ams1"}
        await it.press("space")
        assert it.table.marked == set()


@pytest.mark.thorough
async def test_a_filter_for_the_marked_follows_the_marks() -> None:
    async with face() as it:
        await it.press("space", "/", *"is:marked", "enter")
        assert it.table.row_index.names == ["fra1"]
        await it.press("-")
        assert it.table.row_index.names == []


async def test_marks_of_servers_that_leave_are_forgotten() -> None:
    async with face(failing()) as it:
        await it.press("+")
        it.engine.fleet_state.replace([sample_exchanges.server("fra1")])
        await it.follow()
        assert it.table.marked == {"fra1"}


async def test_what_is_done_is_done_to_the_marked_and_says_so() -> None:
    async with face(failing()) as it:
        await it.press("space", "space")
        await it.press("r")
        assert it.engine.rechecked == [["fra1", "lon3"]]
        assert it.notices() == ["Checking 2 marked servers"]
        await it.press("a", *"on it", "enter")
        assert it.engine.acknowledged == [(["fra1", "lon3"], "on it")]
        await it.press("p")
        assert [server_state.paused for server_state in it.engine.fleet_state.states.values()] == [
            False,
            True,
            True,
        ]
        assert it.notices() == ["Paused 2 marked servers"]
        await it.press("p")
        assert it.notices() == ["Resumed 2 marked servers"]


async def test_pausing_the_marked_pauses_the_rest_of_them_first() -> None:
    async with face(failing()) as it:
        await it.press("p", "+", "p")
        assert all(server_state.paused for server_state in it.engine.fleet_state.states.values())


@pytest.mark.thorough
async def test_marks_that_the_filter_hides_still_count() -> None:
    async with face(failing()) as it:
        await it.press("space", "/", *"name:ams", "enter", "r")
        assert it.engine.rechecked == [["fra1"]]


# Muting


async def test_m_asks_until_when_and_the_row_shows_it() -> None:
    async with face(failing()) as it:
        await it.press("m")
        assert isinstance(it.app.screen, MuteScreen)
        assert "Mute fra1 for: 1h" in it.lines()[-2]
        assert "until 20:30" in it.lines()[-2]
        await it.press("enter")
        assert it.engine.fleet_state.states["fra1"].muted_until == NOW + HOUR
        assert it.notices() == ["Muted fra1 until 20:30"]
        await it.follow()
        assert "⊘" in next(line for line in it.lines() if " fra1 " in line)


@pytest.mark.thorough
async def test_tab_goes_through_the_usual_times() -> None:
    async with face(failing()) as it:
        await it.press("m", "tab", "down", "tab", "up", "shift+tab", "enter")
        assert it.engine.fleet_state.states["fra1"].muted_until == NOW + 4 * HOUR


async def test_a_time_of_ones_own_is_taken_and_what_is_none_is_said() -> None:
    async with face(failing()) as it:
        await it.press("m")
        it.app.screen.query_one(MuteInput).value = "soon"
        await it.press("enter")
        assert isinstance(it.app.screen, MuteScreen)
        assert it.notices() == [f'expected a time {EXAMPLES}, got "soon"']
        it.app.screen.query_one(MuteInput).value = "tomorrow 9:00"
        await it.press("enter")
        assert it.engine.fleet_state.states["fra1"].muted_until == NOW + 13.5 * HOUR


async def test_escape_mutes_nothing() -> None:
    async with face(failing()) as it:
        await it.press("m", "escape")
        assert it.engine.fleet_state.states["fra1"].muted_until is None
        assert it.at_home


async def test_shift_m_ends_the_mutes_of_the_marked() -> None:
    async with face(failing()) as it:
        await it.press("space", "space", "m", "enter", "-", "k")
        assert it.table.cursor_name == "lon3"
        await it.press("M")
        states = it.engine.fleet_state.states
        assert [states[name].muted_until is None for name in ("fra1", "lon3")] == [False, True]
        assert it.notices() == ["Unmuted lon3"]


async def test_unmute_is_offered_only_where_something_is_muted() -> None:
    async with face(failing()) as it:
        assert "unmute" not in it.hints()
        await it.press("M")
        assert it.notices()[0].startswith("Alerts are not muted: ")


async def test_a_server_in_a_maintenance_shows_it() -> None:
    async with face(failing()) as it:
        it.engine.fleet_state.set_maintenance("lon3", "kernel week")
        await it.follow()
        line = next(line for line in it.lines() if " lon3 " in line)
        assert "⊘" in line
        assert "silent, planned" in line
