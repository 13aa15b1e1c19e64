"""Tests of the list of expiry dates: every key, its order, filter and empty state."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from tests.tui.app_harness import Face, face
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.server_screen_harness import fleet
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.tui.lists.expiries_screen import ExpiriesScreen
from wgmon_tui.tui.server.screen import ServerScreen

CERTIFICATE = Expires("server certificate", "vpn.example.net", NOW + 6.5 * DAY_S)
KEY = Expires("API key", "", NOW - DAY_S)
AUTHORITY = Expires("authority certificate", "Example CA", NOW + 400.5 * DAY_S)
CLIENT = Expires("client certificate", "laptop", NOW + 20.5 * DAY_S)


def expiring() -> QuietEngine:
    engine = fleet()
    first, second = list(engine.fleet_state.states)[:2]
    engine.fleet_state.show_expiries({first: (KEY, CERTIFICATE), second: (CLIENT, AUTHORITY)})
    return engine


async def open_list(it: Face) -> None:
    await it.press("X")
    await it.read()


def listed(it: Face) -> list[str]:
    """The lines of the list, without blanks."""
    return [" ".join(each.split()) for each in it.lines() if each.strip()[:1] in tuple("✖▲●")]


def shown(it: Face, widget: str) -> str:
    return " ".join(str(it.app.screen.query_one(f"#{widget}", Static).content).split())


async def test_the_first_to_end_stands_on_top_with_state_and_rest() -> None:
    async with face(expiring()) as it:
        await open_list(it)
        states = [" ".join(each.split()[:2]) for each in listed(it)]
        assert states == ["✖ ended", "✖ urgent", "▲ soon", "● valid"]
        assert "6 d 12 h" in listed(it)[1]
        assert shown(it, "title") == "Certificates and keys that expire 3 within 30 days, 4 in total"


async def test_a_title_that_is_wider_than_the_terminal_is_wrapped() -> None:
    async with face(expiring(), size=(60, 20)) as it:
        await open_list(it)
        assert "3 within 30 days, 4 in total" in " ".join(" ".join(it.lines()).split())


async def test_the_one_under_the_cursor_is_shown_in_full() -> None:
    async with face(expiring()) as it:
        await open_list(it)
        await it.press("j")
        assert "server certificate vpn.example.net" in shown(it, "detail")
        assert ", in 6 d 12 h" in shown(it, "detail")


async def test_enter_opens_the_server_and_esc_comes_back() -> None:
    async with face(expiring()) as it:
        await open_list(it)
        await it.press("enter")
        assert isinstance(it.app.screen, ServerScreen)
        await it.press("escape")
        assert isinstance(it.app.screen, ExpiriesScreen)
        await it.press("escape")
        assert it.at_home


async def test_the_filter_works_while_it_is_typed_and_esc_clears_it() -> None:
    async with face(expiring()) as it:
        await open_list(it)
        for words, expected in (("soon", 1), ("state:ended", 1), ("certificate", 3), ("!certificate", 1)):
            await it.press("/", *words)
            assert len(listed(it)) == expected, words
            await it.press("enter", "escape")
            assert len(listed(it)) == 4


@pytest.mark.thorough
async def test_a_filter_that_nothing_matches_says_so() -> None:
    async with face(expiring()) as it:
        await open_list(it)
        await it.press("/", *"nothing")
        assert "Nothing matches this filter" in shown(it, "nothing")


async def test_s_sorts_by_the_next_column_and_S_reverses() -> None:  # noqa: N802  the key
    async with face(expiring()) as it:
        await open_list(it)
        before = listed(it)
        await it.press("S")
        assert listed(it) == before[::-1]
        await it.press("s", "s")
        assert ["API" in each for each in listed(it)] == [True, False, False, False]


async def test_without_any_it_says_what_is_watched() -> None:
    async with face(fleet()) as it:
        await open_list(it)
        assert "No expiry date is known" in shown(it, "nothing")
        assert "WireGuard keys do not expire" in shown(it, "nothing")


async def test_a_renewal_shows_at_once() -> None:
    engine = expiring()
    async with face(engine) as it:
        await open_list(it)
        engine.fleet_state.show_expiries({})
        it.app.screen.reload()  # type: ignore[attr-defined]
        await it.read()
        assert listed(it) == []


async def test_a_narrow_list_names_what_expires_rather_than_its_date() -> None:
    async with face(expiring(), size=(80, 24)) as it:
        await open_list(it)
        assert "vpn.example.net" in listed(it)[1]
        assert "ends" not in shown(it, "columns").split()
    async with face(expiring(), size=(110, 24)) as it:
        await open_list(it)
        assert "vpn.example.net" in listed(it)[1]
        assert "ends" in shown(it, "columns").split()
