"""The search in the help: it narrows while typing, and says when nothing is found."""

from __future__ import annotations

import pytest

from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle


def text(it: Face) -> str:
    return " ".join(" ".join(it.lines()).split())


async def test_typing_narrows_the_help_to_what_has_all_words() -> None:
    async with face(size=(100, 30)) as it:
        await it.press("?", "/", *"MUTE marked")
        assert "m Mute alerts for this server, or for the marked ones" in text(it)
        assert "Move one line up" not in text(it)
        assert "Columns" not in text(it)
        await it.press(*"zzz")
        assert "Nothing here has these words. Press esc to clear the search." in text(it)


@pytest.mark.thorough
async def test_headings_without_entries_disappear() -> None:
    async with face(size=(100, 30)) as it:
        await it.press("?", "/", *"psk-mismatch")
        assert "Verdicts" in text(it)
        assert "This program" not in text(it)


async def test_the_explanations_of_verdicts_are_searched() -> None:
    async with face(size=(100, 30)) as it:
        await it.press("?", "/", *"verdicts first")
        assert "First: " in text(it)
        await it.press("escape")
        assert "First: " not in text(it)


async def test_keys_of_other_screens_are_found() -> None:
    async with face(size=(100, 30)) as it:
        await it.press("?")
        assert "Keys of other screens" not in text(it)
        await it.press("/", *"plot shorter")
        assert "Keys of other screens" in text(it)
        assert "+, = Plot a shorter time (screen: server)" in text(it)


@pytest.mark.thorough
async def test_escape_clears_the_search_first_and_then_closes() -> None:
    async with face() as it:
        await it.press("?", "/", "m", "u", "escape")
        assert not it.at_home
        assert "Move one line up" in text(it)
        await it.press("escape")
        assert it.at_home


async def test_enter_keeps_what_was_found_and_gives_the_keys_back() -> None:
    async with face() as it:
        await it.press("?", "/", *"mute", "enter")
        assert "esc clear search" in it.hints()
        assert "Move one line up" not in text(it)
        await it.press("q")
        assert it.at_home


@pytest.mark.thorough
async def test_enter_without_words_closes_the_line() -> None:
    async with face() as it:
        await it.press("?", "/", "enter")
        assert "clear search" not in it.hints()


@pytest.mark.thorough
async def test_arrows_scroll_while_the_line_is_open() -> None:
    async with face() as it:
        await it.press("?", "/")
        top = it.lines()
        await it.press("down", "down")
        assert it.lines() != top


@pytest.mark.thorough
async def test_the_search_stays_after_a_new_theme() -> None:
    async with face() as it:
        await it.press("?", "/", *"mute", "enter")
        it.app.use_theme("paper")
        await settle(it.pilot)
        await settle(it.pilot)
        assert "Mute alerts" in text(it)
        assert "Move one line up" not in text(it)


@pytest.mark.thorough
async def test_what_was_found_is_marked_without_colours() -> None:
    async with face(ascii_only=True) as it:
        await it.press("?", "/", *"mute")
        strips = it.app.screen._compositor.render_strips()
        marked = {each.text for strip in strips for each in strip if each.style and each.style.underline}
        assert "Mute" in marked
