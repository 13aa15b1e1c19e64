"""Every screen at every size, with the terminal resized while it is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.key_presses import resize
from tests.tui.sample_fleet import QuietEngine, bad_night
from tests.tui.sample_histories import MINUTE, incident
from tests.tui.test_screens import settle_preview
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.store.history import History

SIZES = ((60, 20), (200, 60), (20, 5), (120, 40), (80, 24))
SCREENS = {
    "fleet": (),
    "filter": ("/", "f"),
    "sort": ("s",),
    "themes": ("t",),
    "help": ("?",),
    "palette": ("ctrl+p",),
    "note": ("a",),
    "incidents": ("I",),
    "incident": ("I", "enter"),
    "incident-packets": ("I", "enter", "tab"),
    "alerts": ("A",),
    "expiries": ("X",),
    "subscriptions": ("U",),
    "nodes": ("N",),
    "settings": ("O",),
    "packets": ("enter",),
    "diagnosis": ("enter", "tab"),
    "history": ("enter", "tab", "tab"),
    "rtt": ("enter", "shift+tab"),
    "path": ("enter", "P"),
}
MOST_USED = {"fleet", "packets", "history"}
WITH_KEYS = {
    "fleet",
    "incidents",
    "incident",
    "incident-packets",
    "alerts",
    "expiries",
    "subscriptions",
    "nodes",
    "settings",
    "packets",
    "diagnosis",
    "history",
    "rtt",
    "path",
}


def ill() -> QuietEngine:
    engine = bad_night()
    sample_exchanges.record_checks(engine, sample_exchanges.psk_mismatch())
    engine.fleet_state.states["fra1"].incident = incident(opened=12 * MINUTE, verdict=Verdict.PSK_MISMATCH)
    return engine


@asynccontextmanager
async def shown(screen: str, past: History) -> AsyncIterator[Face]:
    async with face(ill(), history=past) as it:
        await settle_preview(it.app, it.pilot)
        for key in SCREENS[screen]:
            await it.press(key)
            await it.read()
        await settle_preview(it.app, it.pilot)
        yield it


@pytest.mark.thorough
@pytest.mark.parametrize(
    "screen",
    [pytest.param(each, marks=() if each in MOST_USED else pytest.mark.thorough) for each in SCREENS],
)
async def test_a_screen_follows_the_terminal_through_all_sizes_and_back(screen: str, past: History) -> None:
    async with shown(screen, past) as it:
        opened, before = it.app.screen, it.lines()
        for columns, lines in SIZES:
            await resize(it.pilot, columns, lines)
            await it.read()
            drawn = it.lines()
            assert len(drawn) == lines
            assert all(len(line) <= columns for line in drawn), "a wide character counts twice"
            if screen in WITH_KEYS and columns >= 60:
                assert "? help" in drawn[-1]
        assert it.app.screen is opened
        await settle_preview(it.app, it.pilot)
        assert it.lines() == before
