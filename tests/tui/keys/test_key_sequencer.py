"""Tests of the key sequencer: each key sees the effect of the previous one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.keys import _character_to_key
from textual.pilot import Pilot

from tests.config.sample_fleets import BASTION, server
from tests.daemon.harness import PATIENCE_S
from tests.tui.app_harness import face
from tests.tui.editing_harness import SMALL, editing, written
from tests.tui.key_presses import settle
from wgmon_tui.config.models import Fleet
from wgmon_tui.store.history import History
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.filter.input_line import FilterInput
from wgmon_tui.tui.help.help_screen import HelpScreen
from wgmon_tui.tui.lists.incidents_screen import IncidentsScreen


async def at_once(app: WgmonApp, pilot: Pilot[None], *keys: str) -> None:
    """Send all keys before the first one is processed, and wait until all have taken effect."""
    for key in keys:
        typed = len(key) == 1
        app.post_message(Key(_character_to_key(key) if typed else key, key if typed else None))
    await taken(app, pilot)


async def taken(app: WgmonApp, pilot: Pilot[None]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await settle(pilot)
        while app._pending_input:
            await pilot.pause(0.005)  # lets the reading thread run
    await settle(pilot)


async def test_a_filter_typed_at_once_is_a_filter() -> None:
    async with face() as it:
        await at_once(it.app, it.pilot, *"/lon")
        assert it.at_home
        assert it.fleet.query_one(FilterInput).value == "lon"
        assert set(it.table.row_index.names) == {"office-gateway-with-a-long-name", "lon1"}


async def test_keys_behind_a_filter_are_for_the_table() -> None:
    async with face() as it:
        await at_once(it.app, it.pilot, *"/1", "enter", "j", "j", "space")
        assert it.table.marked == {it.table.row_index.names[2]}


async def test_what_is_pasted_behind_a_key_is_for_what_the_key_opens() -> None:
    async with face() as it:
        it.app.post_message(Key("slash", "/"))
        it.app.post_message(Paste("lon"))
        await taken(it.app, it.pilot)
        assert it.fleet.query_one(FilterInput).value == "lon"


async def test_a_screen_hears_the_keys_behind_the_one_that_opened_it() -> None:
    async with face() as it:
        await at_once(it.app, it.pilot, "?", "q", "j")
        assert it.at_home
        assert it.table.cursor_name == it.table.row_index.names[1]
        await at_once(it.app, it.pilot, "?", "escape", "?")
        assert isinstance(it.app.screen, HelpScreen)


@pytest.mark.thorough
async def test_a_form_is_written_in_at_once(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await at_once(it.app, it.pilot, "n", *"qdj", "tab", *"e:1")
        assert it.form.row("name").text == "qdj"
        assert it.form.row("endpoint").text == "e:1"


@pytest.mark.thorough
async def test_keys_wait_for_the_incidents_that_are_read(
    past: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.tui.keys.key_sequencer._MAX_HOLD_S", 10.0)  # a busy machine reads slowly
    async with face(history=past) as it:
        await at_once(it.app, it.pilot, "I", "j", "j")
        screen = it.app.screen
        assert isinstance(screen, IncidentsScreen)
        assert screen._chosen == screen._shown[2].incident


async def test_who_waits_for_a_disk_can_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wgmon_tui.tui.keys.key_sequencer._MAX_HOLD_S", 0.01)
    async with face() as it:
        with it.app.hold_keys():
            await at_once(it.app, it.pilot, *"jj")
            assert it.table.cursor_name == it.table.row_index.names[2]


@pytest.mark.thorough  # opens the screens three times
async def test_a_key_of_a_screen_that_is_gone_holds_no_other(tmp_path: Path) -> None:
    fleet = Fleet((server("ams1"), server("fra1")), (BASTION,))
    async with editing(written(tmp_path / "config", fleet)) as it:
        await at_once(it.app, it.pilot, *("?", "escape", "enter", "escape", "n", "escape") * 3, "j")
        assert it.at_home
        assert not it.app._pending_input
