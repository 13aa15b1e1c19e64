"""Tests that no key is silent: in every state of every screen it has an effect, or says why not.

Movement keys at the ends of a list stay quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.config.sample_fleets import BASTION
from tests.parameters import default_run
from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.editing_harness import SMALL, written
from tests.tui.lists.test_alerts_screen import Telling
from tests.tui.lists.test_nodes_screen import NODES, PLANES, mesh
from tests.tui.sample_fleet import QuietEngine, server
from tests.tui.sample_incidents import over, remembered
from tests.tui.user_actions.harness import acting, shell
from wgmon_tui.config.models import Fleet
from wgmon_tui.subscriptions.state_file import SubscriptionState, write_state
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.keys import refused_keys
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import long_name
from wgmon_tui.tui.user_actions.output_screen import OutputScreen

_LEAVE = frozenset({"ctrl+c", "ctrl+z", "q", "ctrl+q", "ctrl+p"})
"""Keys that work everywhere and end the test, or open Textual's palette."""

_WORK = frozenset({"writing", "editing", "reading", "preview", "history", "exchange"})
_LONGEST_S = 30.0
_LEAVING = frozenset({"yes", "no", "neither"})

_MOVEMENT = frozenset(
    {
        *("up", "down", "left", "right", "first", "last", "page_up", "page_down", "sort_up", "sort_down"),
        "complete",  # like the right arrow, which shares its action; the line names what can be completed
    }
)
_CURSOR_KEYS = frozenset({"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter"})
_KEYS = sorted({key for action in ACTIONS for key in action.keys} - _LEAVE)


@dataclass
class State:
    """What the operator can notice: the screen, and what was asked of the engine."""

    lines: list[str]
    screens: int
    asked: object

    @classmethod
    def of(cls, it: Face) -> State:
        engine = it.engine
        asked = (list(engine.rechecked), list(engine.acknowledged), list(engine.noted))
        return cls(it.lines(), len(it.app.screen_stack), asked)


def is_movement(it: Face, key: str) -> bool:
    """Whether a key moves a cursor here, so that it may stay quiet."""
    active = it.app.screen.active_bindings.get(long_name(key))
    if active is None:
        return False
    return active.binding.id in _MOVEMENT or (active.binding.id is None and key in _CURSOR_KEYS)


def is_typed(it: Face, key: str) -> bool:
    focused = it.app.screen.focused
    return focused is not None and (
        focused.check_consume_key(key, key if len(key) == 1 else None)
        or (focused.check_consume_key("a", "a") and key in _CURSOR_KEYS)
    )


def is_leaving(it: Face, key: str) -> bool:
    """Whether a key closes this screen, so that it has to be the last one."""
    active = it.app.screen.active_bindings.get(long_name(key))
    return active is not None and (
        active.binding.action.startswith(("close", "back", "select")) or active.binding.id in _LEAVING
    )


async def is_noticed(it: Face, before: State) -> bool:
    """Whether a key changed something, or is explained. Files and the store are read in threads."""
    async with asyncio.timeout(_LONGEST_S):
        while State.of(it) == before and not it.notices():
            if not any(each.group in _WORK and not each.is_finished for each in it.app.workers):
                return False
            await it.pilot.pause(0.005)
            await it.press()
    return True


async def silent_keys(it: Face) -> list[str]:
    """The keys that neither have an effect on this screen nor say why."""
    found: list[str] = []
    base, focused = it.app.screen, it.app.focused
    for key in sorted(_KEYS, key=lambda key: is_leaving(it, key)):
        it.app.dismiss_notice()
        it.app._told_at.clear()
        may_be_quiet = is_movement(it, key) or is_typed(it, key)
        before = State.of(it)
        await it.press(key)
        noticed = may_be_quiet or await is_noticed(it, before)
        if it.app.screen is not base and base not in it.app.screen_stack:
            return found
        if not noticed:
            found.append(key)
        while it.app.screen is not base:
            await it.app.pop_screen()
        for worker in it.app.workers:
            if worker.group == "editing":
                worker.cancel()  # it waits for the answer of a screen that is gone
        it.app.set_focus(focused)
        await it.press()
    return found


Opening = Callable[[Path], AbstractAsyncContextManager[Face]]


@asynccontextmanager
async def fleet(directory: Path) -> AsyncIterator[Face]:
    async with face(config_dir=written(directory, SMALL)) as it:
        yield it


@asynccontextmanager
async def demo(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        yield it


@asynccontextmanager
async def empty_fleet(directory: Path) -> AsyncIterator[Face]:
    async with face(QuietEngine(), config_dir=written(directory, Fleet())) as it:
        yield it


@asynccontextmanager
async def no_match(directory: Path) -> AsyncIterator[Face]:
    async with fleet(directory) as it:
        await it.press("/", *"zzz", "enter")
        yield it


@asynccontextmanager
async def group_heading(directory: Path) -> AsyncIterator[Face]:
    async with fleet(directory) as it:
        await it.press("z", "g")
        yield it


async def _open_server(it: Face, tabs: int) -> None:
    sample_exchanges.record_checks(it.engine, sample_exchanges.healthy())
    it.app.open_server("fra1")
    await it.press(*["tab"] * tabs)
    await it.read()


def server_tab(tabs: int) -> Opening:
    @asynccontextmanager
    async def opened(directory: Path) -> AsyncIterator[Face]:
        async with face(QuietEngine([sample_exchanges.server("fra1")])) as it:
            await _open_server(it, tabs)
            yield it

    return opened


@asynccontextmanager
async def unchecked_server(directory: Path) -> AsyncIterator[Face]:
    async with face(QuietEngine([server("fra1")])) as it:
        it.app.open_server("fra1")
        await it.press("end")
        yield it


@asynccontextmanager
async def incidents_without_history(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        await it.press("I")
        yield it


@asynccontextmanager
async def incidents(directory: Path) -> AsyncIterator[Face]:
    async with face(history=remembered(directory)) as it:
        await it.press("I")
        await it.read()
        yield it


@asynccontextmanager
async def incident(directory: Path) -> AsyncIterator[Face]:
    async with face(Telling("chat"), history=remembered(directory)) as it:
        it.app.open_incident(over())
        await it.press("end")
        await it.read()
        yield it


@asynccontextmanager
async def alerts_without_store(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        await it.press("A")
        yield it


@asynccontextmanager
async def alerts_of_a_sink(directory: Path) -> AsyncIterator[Face]:
    async with face(Telling("chat"), state_dir=directory) as it:
        await it.press("A")
        await it.read()
        yield it


@asynccontextmanager
async def subscriptions(directory: Path) -> AsyncIterator[Face]:
    config_dir = written(directory, SMALL)
    (config_dir / "config.toml").write_text('[[subscription]]\nname = "p"\nurl = "http://127.0.0.1:1/"\n')
    write_state(directory, "p", SubscriptionState(1e9, lines=("- old  trojan  old.example:443",)))
    async with face(config_dir=config_dir, state_dir=directory) as it:
        await it.press("U")
        await it.read()
        yield it


@asynccontextmanager
async def nodes(directory: Path) -> AsyncIterator[Face]:
    (directory / "servers.toml").touch(0o600)
    (directory / "servers.toml").write_text(PLANES)
    async with face(mesh(*NODES), config_dir=directory) as it:
        await it.press("N", "G")
        yield it


@asynccontextmanager
async def node_page(_: Path) -> AsyncIterator[Face]:
    async with face(mesh(*NODES)) as it:
        it.app.open_server("office/web1")
        await it.press()
        yield it


@asynccontextmanager
async def identities(directory: Path) -> AsyncIterator[Face]:
    async with face(config_dir=written(directory, Fleet((), (BASTION,)))) as it:
        await it.press("K")
        await it.read()
        yield it


@asynccontextmanager
async def no_identities(directory: Path) -> AsyncIterator[Face]:
    async with face(config_dir=written(directory, Fleet())) as it:
        await it.press("K")
        await it.read()
        yield it


def dialog(*keys: str) -> Opening:
    @asynccontextmanager
    async def opened(directory: Path) -> AsyncIterator[Face]:
        async with fleet(directory) as it:
            await it.press(*keys)
            yield it

    return opened


@asynccontextmanager
async def question(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        it.app.push_screen(ConfirmDialog("Really?", yes="do it", neither="keep it"))
        await it.press()
        yield it


@asynccontextmanager
async def command_output(directory: Path) -> AsyncIterator[Face]:
    async with face(settings=acting(shell("seq 3"))) as it:
        await it.press("o")
        async with asyncio.timeout(_LONGEST_S):
            while not isinstance(it.app.screen, OutputScreen) or it.app.screen.program.code is None:
                await it.pilot.pause(0.01)
        it.app.screen.follow()
        await it.press()
        yield it


STATES: dict[str, Opening] = {
    "fleet": fleet,
    "demo": demo,
    "empty-fleet": empty_fleet,
    "no-match": no_match,
    "group-heading": group_heading,
    "packets": server_tab(0),
    "diagnosis": server_tab(1),
    "history": server_tab(2),
    "rtt": server_tab(3),
    "unchecked": unchecked_server,
    "incidents-without-history": incidents_without_history,
    "incidents": incidents,
    "incident": incident,
    "alerts-without-store": alerts_without_store,
    "alerts": alerts_of_a_sink,
    "subscriptions": subscriptions,
    "no-subscriptions": dialog("U"),
    "nodes": nodes,
    "no-nodes": dialog("N"),
    "node-page": node_page,
    "identities": identities,
    "no-identities": no_identities,
    "help": dialog("?"),
    "sort": dialog("s"),
    "theme": dialog("t"),
    "explain": dialog("x"),
    "filter": dialog("/"),
    "search": dialog("?", "/"),
    "mute": dialog("m"),
    "form": dialog("n"),
    "import": dialog("i"),
    "output": command_output,
    "settings": dialog("O"),
    "question": question,
}


_QUICK = ("alerts",)
"""The state of the default run: pressing every key takes seconds."""


@pytest.mark.parametrize("state", default_run(_QUICK, STATES))
async def test_every_key_has_an_effect_or_says_why_not(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with STATES[state](tmp_path) as it:
        assert await silent_keys(it) == []


async def test_the_demo_says_what_it_cannot_do() -> None:
    async with face() as it:
        told = {}
        for key in ("n", "K", "i", "E", "d", "e", "D", "u"):
            await it.press(key)
            told[key] = it.notices()
        assert told == {
            "n": ["The demo cannot add servers: it has no servers.toml"],
            "K": ["The demo cannot show identities: it has no servers.toml"],
            "i": ["The demo cannot import servers: it has no servers.toml"],
            "E": ["The demo cannot open a file: it has no servers.toml"],
            "d": ["The demo cannot delete servers: it has no servers.toml"],
            "e": ["The demo cannot edit servers: it has no servers.toml"],
            "D": ["The demo cannot copy servers: it has no servers.toml"],
            "u": ["The demo cannot delete servers, so there is nothing to restore: it has no servers.toml"],
        }


async def refusal_of(it: Face, key: str) -> list[str]:
    it.app.dismiss_notice()
    await it.press(key)
    return it.notices()


async def test_a_reason_is_given_once_for_each_visit_of_a_screen() -> None:
    async with face() as it:
        assert await refusal_of(it, "-") == ["No server is marked. Press space to mark one."]
        assert await refusal_of(it, "-") == []
        await it.press("?", "escape")
        assert await refusal_of(it, "-") == ["No server is marked. Press space to mark one."]


async def test_a_reason_is_given_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_keys, "REPEAT_S", 0.0)
    async with face() as it:
        assert await refusal_of(it, "-") == await refusal_of(it, "-") != []


@pytest.mark.thorough
async def test_another_reason_for_the_same_key_is_given() -> None:
    async with face() as it:
        await it.press(*"/fra1", "enter")
        assert await refusal_of(it, "M") == ["Alerts are not muted: fra1"]
        it.fleet.filter_by("ams1")
        assert await refusal_of(it, "M") == ["Alerts are not muted: ams1"]


async def test_a_key_without_an_action_names_the_help() -> None:
    async with face() as it:
        assert await refusal_of(it, "b") == ["b does nothing here. Press ? for the keys."]
        assert await refusal_of(it, "f7") == ["f7 does nothing here. Press ? for the keys."]
        assert await refusal_of(it, "tab") == ["tab does nothing here. Press ? for the keys."]


async def test_a_dialog_names_its_keys() -> None:
    async with face() as it:
        it.app.push_screen(ConfirmDialog("Really?", yes="do it", neither="keep it"))
        await it.press()
        assert await refusal_of(it, "b") == ["b does nothing here. Keys: y do it, esc keep it."]
        assert await refusal_of(it, "n") == ["There is no answer no. Press esc: keep it"]


async def test_the_end_of_a_list_stays_quiet() -> None:
    async with face() as it:
        await it.press("G")
        assert await refusal_of(it, "j") == await refusal_of(it, "G") == []


async def test_a_key_that_is_typed_is_not_refused() -> None:
    async with face() as it:
        await it.press("/")
        for key in ("b", "up", "left", "home"):
            assert await refusal_of(it, key) == [], key


@pytest.mark.thorough
async def test_the_history_tab_says_which_keys_work_elsewhere() -> None:
    async with server_tab(2)(Path()) as it:
        assert await refusal_of(it, "c") == ["This key works in the tab Packets. Press tab for the next tab."]
        assert await refusal_of(it, "plus") == ["This key works in the tab RTT. Press tab for the next tab."]


@pytest.mark.thorough
async def test_a_closed_incident_cannot_be_acknowledged(tmp_path: Path) -> None:
    async with incidents(tmp_path) as it:
        assert await refusal_of(it, "a") == ["Only an open incident can be acknowledged: this one is closed"]
