"""A read-only dashboard refuses every key that changes something, and says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Never

import pytest
from textual.events import Paste

from tests.parameters import default_run
from tests.tui.app_harness import Face, face
from tests.tui.editing_harness import CONF, SMALL, written
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import QuietEngine, bad_night
from tests.tui.sample_histories import MINUTE, incident
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.servers_file import read
from wgmon_tui.store.history import History
from wgmon_tui.tui.editing.identities_screen import IdentitiesScreen
from wgmon_tui.tui.keys.action import EVERYWHERE
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.read_only import CHANGING, VIEWING
from wgmon_tui.tui.widgets.line_list import LineList

KEYS_TO = {
    EVERYWHERE: (),
    "fleet": (),
    "server": ("enter",),
    "incidents": ("I",),
    "incident": ("I", "enter"),
    "alerts": ("A",),
    "subscriptions": ("U",),
    "nodes": ("N",),
    "identities": ("K",),
}
"""The keys that open each screen of a read-only dashboard."""

BEHIND_A_REFUSED_KEY = {
    "note": {"acknowledge", "note"},
    "mute": {"mute"},
    "form": {"new", "edit", "duplicate", "new_identity", "edit_identity"},
    "import": {"import"},
    "rejected": {"edit_file"},
    "first_check": {"add_first"},
    "question": {"delete", "delete_identity"},
    "path": {"trace_path"},
    "output": set[str](),  # a command of the operator, which is refused before it starts
}
"""The actions that open each other screen on which something can be changed."""

REACHABLE = [
    action for action in ACTIONS if action.id in CHANGING and action.id != "add_first"
]  # with servers, its key opens one


class Untouched(QuietEngine):
    """An engine that must get no request."""

    def recheck(self, names: Iterable[str]) -> Never:
        raise AssertionError(names)

    def pause(self, names: Iterable[str], paused: bool, who: str = "", until: float | None = None) -> Never:
        raise AssertionError(names)

    def acknowledge(self, names: Iterable[str], who: str = "", note: str = "") -> Never:
        raise AssertionError(names)

    def mute(self, names: Iterable[str], until: float | None, who: str = "") -> Never:
        raise AssertionError(names)

    def add_note(self, incident: str, text: str) -> Never:
        raise AssertionError(text)

    def test_sink(self, name: str) -> Never:
        raise AssertionError(name)

    def retry_alert(self, number: int) -> Never:
        raise AssertionError(number)

    def acknowledge_alerts(self, sink: str, number: int = 0) -> Never:
        raise AssertionError(sink)

    def become_writer(self) -> Never:
        raise AssertionError


@asynccontextmanager
async def read_only(tmp_path: Path, past: History | None = None) -> AsyncIterator[Face]:
    engine = Untouched()
    engine.fleet_state = bad_night().fleet_state
    engine.fleet_state.states["fra1"].incident = incident(opened=12 * MINUTE, verdict=Verdict.PSK_MISMATCH)
    engine.fleet_state.mute("fra1", 2e9)
    config = written(tmp_path / "config", SMALL)
    async with face(engine, config_dir=config, state_dir=tmp_path, history=past, read_only=True) as it:
        yield it


async def open_screen(it: Face, screen: str) -> None:
    """Open a screen, and wait until it has read its files: keys are held until then."""
    await it.press(*KEYS_TO[screen])
    for worker in it.app.workers:
        if worker.group == "reading":
            await worker.wait()
    await it.read()


def contents(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_every_action_declares_whether_it_changes_something() -> None:
    assert {action.id for action in ACTIONS} == CHANGING | VIEWING
    assert not CHANGING & VIEWING


def test_what_changes_something_is_on_a_known_screen() -> None:
    screens = {screen for action in ACTIONS if action.id in CHANGING for screen in action.screens}
    assert screens <= KEYS_TO.keys() | BEHIND_A_REFUSED_KEY.keys()
    assert set().union(*BEHIND_A_REFUSED_KEY.values()) <= CHANGING


@pytest.mark.parametrize("screen", default_run(("fleet", "server"), KEYS_TO))
async def test_a_key_that_changes_something_is_refused_in_one_line(
    screen: str, tmp_path: Path, past: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with read_only(tmp_path, past) as it:
        await open_screen(it, screen)
        before, shown = contents(tmp_path), it.app.screen
        keys = [(key, action) for action in REACHABLE if screen in action.screens for key in action.keys]
        assert keys
        for key, action in keys:
            it.app.dismiss_notice()
            await it.press(key)
            assert it.notices() == [f"Read only: {action.label} is off. Start without --read-only."]
            assert it.app.screen is shown
            assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "screen",
    default_run(("fleet", "incident"), ("fleet", "server", "incidents", "incident", "alerts", "identities")),
)
async def test_each_screen_says_read_only_and_offers_nothing_that_changes_something(
    screen: str, tmp_path: Path, past: History
) -> None:
    refused = {action.label for action in ACTIONS if action.id in CHANGING} - {
        action.label for action in ACTIONS if action.id in VIEWING
    }
    async with read_only(tmp_path, past) as it:
        await open_screen(it, screen)
        assert it.lines()[-1].endswith(" read only ")
        assert not refused & set(it.hints().split())
        commands = {command.title.lower() for command in it.app.get_system_commands(it.app.screen)}
        assert not refused & commands


async def test_a_first_server_is_refused_too(tmp_path: Path) -> None:
    async with face(Untouched(), config_dir=tmp_path, read_only=True) as it:
        await it.press("enter")
        assert it.at_home
        assert it.notices() == ["Read only: first server is off. Start without --read-only."]


async def test_the_help_lists_only_what_works(tmp_path: Path) -> None:
    async with face(config_dir=tmp_path, read_only=True, size=(120, 140)) as it:
        await it.press("?")
        text = "\n".join(it.lines())
        assert "Show only what matches" in text
        assert "Delete this server" not in text


async def test_the_last_line_fits_on_a_narrow_screen(tmp_path: Path) -> None:
    async with face(config_dir=tmp_path, read_only=True, size=(60, 20)) as it:
        assert len(it.hints()) == 60
        assert "? help" in it.hints()


async def test_a_pasted_file_is_not_imported(tmp_path: Path) -> None:
    async with read_only(tmp_path) as it:
        it.app.post_message(Paste(CONF))
        await settle(it.pilot)
        assert it.at_home
        assert "Read only" in it.notices()[0]


async def test_a_double_click_edits_no_identity(tmp_path: Path) -> None:
    async with read_only(tmp_path) as it:
        await open_screen(it, "identities")
        it.app.screen.query_one(LineList).post_message(LineList.LineOpened())
        await settle(it.pilot)
        assert isinstance(it.app.screen, IdentitiesScreen)
        assert "Read only" in it.notices()[0]
    assert read(tmp_path / "config").fleet == SMALL


async def test_without_the_option_the_same_keys_work() -> None:
    async with face() as it:
        await it.press("p")
        assert it.fleet.table.cursor_name is not None
        assert it.engine.fleet_state.states[it.fleet.table.cursor_name].paused
        assert "read only" not in it.lines()[-1]
