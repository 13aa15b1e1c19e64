"""Notices and the clock in the status line."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.screen import ModalScreen

from tests.parameters import default_run
from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW
from tests.tui.scenario_apps import Stage
from tests.tui.screen_scenarios import SCENES, USUAL_SIZE
from wgmon_tui.store.history import History
from wgmon_tui.tui.context import NOTICE_S
from wgmon_tui.tui.server.screen import ServerScreen
from wgmon_tui.tui.widgets.status_line import StatusLine, format_data_age

LONG = "This notice is much longer than one line of a terminal of eighty columns, so it takes another one."


def status(it: Face) -> str:
    """The status line, which is above the key hints."""
    return it.lines()[-2]


async def gone(it: Face) -> None:
    while it.app.notice:
        await it.pilot.pause(0.005)
    await settle(it.pilot)


async def test_a_notice_covers_nothing() -> None:
    async with face() as it:
        before = it.lines()
        it.app.show_notice("Copied the report")
        await settle(it.pilot)
        assert "Copied the report" in status(it)
        assert it.lines()[:-2] == before[:-2]
        assert it.lines()[-1] == before[-1]


async def test_a_long_notice_takes_more_lines_and_gives_them_back() -> None:
    async with face() as it:
        page = it.table.page
        it.app.show_notice(LONG)
        await settle(it.pilot)
        assert it.table.page == page - 1
        assert LONG in " ".join(" ".join(it.lines()[-3:-1]).replace("19:30 UTC", "").split())
        it.app.dismiss_notice()
        await settle(it.pilot)
        assert it.table.page == page


async def test_a_file_name_in_a_notice_is_not_broken_at_its_hyphens() -> None:
    names = ("wgmon-fleet-20261130T104218Z.csv", "wgmon-fleet-20261130T104218Z.json")
    async with face() as it:
        it.app.show_notice(f"Wrote {' and '.join(names)} in /home/ada")
        await settle(it.pilot)
        assert set(names) <= set(" ".join(it.lines()[-3:-1]).split())


async def test_a_notice_lasts_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert NOTICE_S == 3
    monkeypatch.setattr("wgmon_tui.tui.notices.NOTICE_S", 0.01)
    async with face() as it:
        it.app.show_notice("soon over")
        await gone(it)
        assert "soon over" not in status(it)


async def test_a_notice_does_not_survive_a_change_of_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wgmon_tui.tui.notices.NOTICE_S", 60.0)
    async with face() as it:
        it.app.show_notice("about the fleet")
        await it.press("enter")
        assert isinstance(it.app.screen, ServerScreen)
        assert it.notices() == []
        await it.press("escape")
        assert "about the fleet" not in status(it)


async def test_a_notice_about_the_change_of_screen_is_shown_after_it() -> None:
    async with face() as it:
        await it.press("m", "enter")
        assert "Muted fra1 until 20:30" in status(it)


async def test_an_error_stays_until_a_key_is_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wgmon_tui.tui.notices.NOTICE_S", 0.01)
    async with face() as it:
        it.app.show_error("It failed")
        while not it.app._is_notice_read:
            await it.pilot.pause(0.005)
        assert it.notices() == ["It failed"]
        await it.press("j")
        assert it.notices() == []


async def test_a_key_pressed_at_once_does_not_remove_an_error() -> None:
    async with face() as it:
        it.app.show_error("It failed")
        await it.press("j")
        assert it.notices() == ["It failed"]


async def test_a_click_removes_a_notice() -> None:
    async with face() as it:
        it.app.show_error("It failed")
        await it.pilot.click(StatusLine)
        assert it.notices() == []


async def test_what_textual_itself_says_is_no_toast() -> None:
    async with face() as it:
        it.app.notify("From Textual", severity="error")
        await settle(it.pilot)
        assert "From Textual" in status(it)
        assert not it.app._notifications


@pytest.mark.parametrize("scene", default_run(("fleet", "diagnosis"), SCENES))
async def test_every_screen_that_fills_the_terminal_has_the_clock_with_its_zone(
    scene: str, tmp_path: Path, past: History
) -> None:
    app = SCENES[scene].app(Stage(tmp_path, past))
    async with app.run_test(size=USUAL_SIZE) as pilot:
        await settle(pilot)
        await SCENES[scene].until(pilot)
        await settle(pilot)
        if not isinstance(app.screen, ModalScreen):
            [line] = app.screen.query(StatusLine)
            assert line.render().plain.rstrip().endswith("19:30 UTC")


async def test_the_fleet_shows_the_age_of_the_newest_check() -> None:
    async with face() as it:
        assert "checked under 10 s ago · 19:30 UTC" in status(it)
        it.app.clock = lambda: NOW + 190
        it.fleet.query_one(StatusLine).follow()
        await settle(it.pilot)
        assert "checked 3 min ago · 19:33 UTC" in status(it)


@pytest.mark.thorough
async def test_lists_show_when_they_were_read(past: History) -> None:
    async with face(history=past) as it:
        await it.press("I")
        await it.read()
        assert "read under 10 s ago" in status(it)


async def test_ascii_is_kept() -> None:
    async with face(ascii_only=True) as it:
        assert status(it).isascii()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "under 10 s ago"),
        (29.9, "under 30 s ago"),
        (59.0, "under 1 min ago"),
        (99.0, "1 min ago"),
        (121.0, "2 min ago"),
        (7200.0, "2 h 00 min ago"),
    ],
)
def test_the_age_is_coarse(seconds: float, words: str) -> None:
    assert format_data_age(seconds) == words
