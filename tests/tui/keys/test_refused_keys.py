"""Tests that no key is silent: in every state of every screen it has an effect, or says why not.

Movement keys at the ends of a list stay quiet.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parameters import default_run
from tests.tui.app_harness import Face, face
from tests.tui.keys.key_states import LONGEST_S, STATES
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import long_name

_LEAVE = frozenset({"ctrl+c", "ctrl+z", "q", "ctrl+q", "ctrl+p"})
"""Keys that work everywhere and end the test, or open Textual's palette."""

_WORK = frozenset({"writing", "editing", "reading", "preview", "history", "exchange"})
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
    async with asyncio.timeout(LONGEST_S):
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
