"""Tests that messages name the keys assigned in config.toml."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from rich.text import Text
from textual.events import Paste
from textual.screen import Screen
from textual.widgets import Static

from tests.alerts.outbox_harness import OutboxHarness, all_to
from tests.daemon.harness import PATIENCE_S
from tests.store.engine_updates import Clock
from tests.tui.app_harness import Face, face
from tests.tui.editing_harness import CONF
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.sample_sinks import EngineWithSinks
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.store.history import History
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.dialogs.mute_until import FOREVER
from wgmon_tui.tui.editing.import_preview import preview_lines
from wgmon_tui.tui.fleet.empty_state import first_steps
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import assign_keys
from wgmon_tui.tui.theme.glyphs import UNICODE
from wgmon_tui.tui.theme.palette import load_palette

NIGHT = load_palette("night")


def keys(**chosen: str) -> TuiSettings:
    return TuiSettings(keys=MappingProxyType({action: (key,) for action, key in chosen.items()}))


def text(it: Face) -> str:
    return " ".join(" ".join(it.lines()).split())


def words(screen: Screen[Any], widget: str) -> list[str]:
    shown = screen.query_one(f"#{widget}", Static).content
    assert isinstance(shown, Text)
    return shown.plain.splitlines()


async def comes(it: Face, words: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while words not in text(it):
            await it.pilot.pause(0.01)


def test_the_first_steps_begin_with_the_chosen_keys(tmp_path: Path) -> None:
    chosen = keys(**{"import": "f2", "new": "ctrl+n", "identities": "f4", "quit": "f10"})
    actions = assign_keys(ACTIONS, chosen.keys)
    steps = first_steps(tmp_path / "config", NIGHT, UNICODE, actions).plain.splitlines()
    assert [line.split()[:2] for line in steps if line.startswith("  ")] == [
        ["enter", "add"],
        ["f2", "import"],
        ["or", "paste"],
        ["ctrl+n", "add"],
        ["f4", "create"],
        ["f10", "quit;"],
    ]


async def test_a_question_names_the_keys_that_answer_it() -> None:
    async with face(settings=keys(yes="o", neither="f7")) as it:
        answers: list[bool | None] = []
        question = ConfirmDialog("Delete fra1?", yes="delete it", neither="keep it")
        it.app.push_screen(question, answers.append)
        await settle(it.pilot)
        assert [line.split()[:2] for line in words(question, "ways")] == [["o", "delete"], ["f7", "keep"]]
        await it.press("y", "o")
        assert answers == [True]


@pytest.mark.thorough
async def test_a_filter_without_a_match_says_what_clears_it(past: History) -> None:
    async with face(history=past, settings=keys(back="f7")) as it:
        await it.press("I")
        await it.read()
        await it.press("/", *"zzz")
        assert "Press f7 to clear" in text(it)


async def test_a_mute_without_an_end_says_what_ends_it() -> None:
    async with face(settings=keys(unmute="f6")) as it:
        await it.press("m", "ctrl+u", *FOREVER)
        assert "no end; press f6 to unmute" in text(it)


async def test_sinks_that_were_sent_nothing_say_what_tests_them(tmp_path: Path) -> None:
    OutboxHarness(tmp_path, all_to("pager"), Clock(NOW)).close()
    async with face(EngineWithSinks("pager"), state_dir=tmp_path, settings=keys(test_sink="f3")) as it:
        await it.press("A")
        await comes(it, "Press f3 to send a test.")


def test_the_import_says_what_completes_a_path() -> None:
    actions = assign_keys(ACTIONS, keys(complete_path="f3").keys)
    assert "Press f3 to complete a path" in preview_lines(None, Fleet(), NIGHT, UNICODE, actions).plain


async def test_the_import_says_what_edits_a_server(tmp_path: Path) -> None:
    async with face(QuietEngine(), config_dir=tmp_path / "config", settings=keys(edit="f4")) as it:
        it.app.post_message(Paste(CONF))
        await comes(it, "press f4 on the server.")
