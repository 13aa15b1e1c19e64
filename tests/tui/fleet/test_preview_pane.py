"""The preview pane on the fleet screen: where it is, what it shows, and what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.sample_histories import DAY, HOUR, Past, Spell, incident
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.store.history import History
from wgmon_tui.store.models import PeriodState
from wgmon_tui.store.store_version import STORE
from wgmon_tui.tui.fleet.body import FleetBody, PreviewPlace, preview_place
from wgmon_tui.tui.fleet.preview_pane import PreviewPane
from wgmon_tui.tui.fleet.preview_queries import PreviewHistory
from wgmon_tui.tui.fleet.preview_queries import read_preview as read_stored
from wgmon_tui.tui.server.screen import ServerScreen


def pane(it: Face) -> PreviewPane:
    return it.fleet.query_one(PreviewPane)


def shown(it: Face) -> str:
    return "\n".join(line.plain for line in pane(it)._lines)


@pytest.mark.parametrize(
    ("width", "height", "chosen", "place"),
    [
        (80, 24, None, PreviewPlace(is_beside=False, size=8)),
        (60, 20, None, PreviewPlace(is_beside=False, size=7)),
        (80, 60, None, PreviewPlace(is_beside=False, size=12)),
        (119, 45, None, PreviewPlace(is_beside=False, size=12)),
        (120, 45, None, PreviewPlace(is_beside=True, size=43)),
        (220, 60, None, PreviewPlace(is_beside=True, size=68)),
        (80, 19, None, None),
        (80, 19, True, PreviewPlace(is_beside=False, size=7)),
        (80, 13, True, None),
        (140, 45, False, None),
    ],
)
def test_the_place_follows_the_size_and_the_choice(
    width: int, height: int, chosen: bool | None, place: PreviewPlace | None
) -> None:
    assert preview_place(width, height, chosen, is_low_bandwidth=False) == place


def test_low_bandwidth_has_no_pane_unless_it_is_chosen() -> None:
    assert preview_place(80, 24, None, is_low_bandwidth=True) is None
    assert preview_place(80, 24, True, is_low_bandwidth=True) is not None


async def test_the_pane_shows_the_server_under_the_cursor() -> None:
    async with face() as it:
        await it.press("j")
        assert it.table.cursor_name is not None
        pane(it)._draw()
        assert it.table.cursor_name in shown(it)


async def test_a_healthy_server_is_drawn_again_after_its_next_check(monkeypatch: pytest.MonkeyPatch) -> None:
    async with face() as it:
        await it.press("G", "k")
        name, drawn = it.table.cursor_name, list[bool]()
        assert name is not None
        assert it.engine.fleet_state.states[name].severity is Severity.UP
        pane(it)._draw()
        monkeypatch.setattr(pane(it), "_draw", lambda: drawn.append(True))
        pane(it).follow()
        assert drawn == []
        it.engine.fleet_state.touch(name)
        pane(it).follow()
        assert drawn == [True]


async def test_v_hides_and_shows_the_pane_and_the_choice_is_remembered() -> None:
    async with face() as it:
        await it.press("v")
        assert not pane(it).display
        assert it.app.choices.preview is False
        await it.press("v")
        assert pane(it).display
        assert it.app.choices.preview is True


async def test_v_on_a_short_screen_shows_the_pane_that_was_not_shown_by_default() -> None:
    async with face(size=(80, 16)) as it:
        assert not pane(it).display
        await it.press("v")
        assert pane(it).display


async def test_a_screen_that_is_too_short_says_so() -> None:
    async with face(size=(80, 12)) as it:
        await it.press("v")
        assert not pane(it).display
        assert it.notices() == ["The terminal is too short for the preview"]


async def test_a_wide_terminal_has_the_pane_at_the_side() -> None:
    async with face(size=(140, 45)) as it:
        assert pane(it).region.x > it.table.region.x
        assert pane(it).region.y == it.table.region.y


async def test_a_narrow_terminal_has_the_pane_below() -> None:
    async with face() as it:
        assert pane(it).region.y > it.table.region.y
        assert pane(it).region.width == 80


@pytest.mark.thorough
async def test_resizing_moves_the_pane() -> None:
    async with face() as it:
        await it.pilot.resize_terminal(140, 45)
        await settle(it.pilot)
        assert pane(it).region.x > it.table.region.x
        assert it.table.region.width < 100


async def test_a_group_heading_has_a_preview() -> None:
    async with face() as it:
        await it.press("z", "g")
        pane(it)._draw()
        assert "Group " in shown(it)


@pytest.mark.thorough
async def test_a_filter_without_match_empties_the_pane() -> None:
    async with face() as it:
        await it.press("/", *"nothing-like-this")
        pane(it)._draw()
        assert "No server under the cursor" in shown(it)


async def test_an_empty_fleet_has_no_pane() -> None:
    async with face(QuietEngine(())) as it:
        assert not it.fleet.query_one(FleetBody).display


async def test_a_click_opens_the_server_of_the_pane() -> None:
    async with face() as it:
        await it.press("j")
        name = it.table.cursor_name
        await it.pilot.click(PreviewPane)
        await settle(it.pilot)
        assert isinstance(it.app.screen, ServerScreen)
        assert it.app.screen.target_servers() == [name]


async def read_preview(it: Face) -> None:
    """Let the cursor rest, and wait until the store is read."""
    shown_pane = pane(it)
    shown_pane._moved_at = 0.0
    shown_pane._wait_for_rest()
    while shown_pane._is_waiting:
        await it.pilot.pause(0.01)


async def test_the_store_fills_incident_and_strip(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.server("mad1", Spell(2 * DAY, 2 * HOUR), Spell(2 * HOUR, 0, PeriodState.DOWN, Verdict.SILENT, None))
    async with face(history=past.history()) as it:
        await it.press("/", *"mad1", "enter")
        await read_preview(it)
        strip = next(line for line in shown(it).splitlines() if "last 24 h" in line)
        assert "✖✖" in strip
        assert "▁" in strip


async def test_a_server_is_read_once_while_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, asked = Past(tmp_path).history(), list[str]()

    def read(_history: History, name: str, _now: float) -> PreviewHistory:
        asked.append(name)
        return PreviewHistory()

    monkeypatch.setattr("wgmon_tui.tui.fleet.preview_queries.read_preview", read)
    async with face(history=history) as it:
        await read_preview(it)
        await read_preview(it)
    assert len(asked) == 1


async def test_what_is_read_later_replaces_what_was_read_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, module = ["the first"], "wgmon_tui.tui.fleet"
    monkeypatch.setattr(f"{module}.preview_queries.read_preview", lambda *_: PreviewHistory(error=stored[0]))
    monkeypatch.setattr(f"{module}.preview_pane._READ_INTERVAL_S", 0.0)
    async with face(history=Past(tmp_path).history()) as it:
        await read_preview(it)
        assert "the first" in shown(it)
        stored[0] = "the second"
        await read_preview(it)
        assert "the second" in shown(it)


async def test_a_store_that_does_not_exist_yet_is_no_error(tmp_path: Path) -> None:
    async with face(history=History(tmp_path / STORE)) as it:
        await read_preview(it)
        assert "no history yet" in shown(it)
        assert "No such file" not in shown(it)


async def test_the_causes_of_an_open_incident_are_read_from_the_store(tmp_path: Path) -> None:
    past = Past(tmp_path)
    past.server("fra1", Spell(600, 0, PeriodState.DOWN, Verdict.SILENT, None))
    past.incident(incident(opened=600))
    outcome = sample_exchanges.round_of(sample_exchanges.silent("fra1"))
    past.exchange(outcome, "change")
    with past.history() as history:
        assert read_stored(history, "fra1", NOW).diagnosis == outcome.diagnosis
