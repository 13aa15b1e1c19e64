"""The mouse: what can be clicked on every screen, and the wheel. Lists have their tests elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot
from textual.widgets import TabbedContent

from tests.alerts.outbox_harness import OutboxHarness, all_to
from tests.store.engine_updates import Clock
from tests.tui import sample_exchanges
from tests.tui.app_harness import face
from tests.tui.editing_harness import SMALL, editing, written
from tests.tui.fleet.test_marks import failing
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.sample_sinks import EngineWithSinks, fails_on_chat
from tests.tui.scenario_apps import Stage
from tests.tui.screen_scenarios import SCENES, USUAL_SIZE
from tests.tui.screen_text import terminal_lines
from tests.tui.server.test_rtt_tab import turn_to_plot
from tests.tui.server_screen_harness import opened
from wgmon_tui.monitor.staleness import CheckOutage
from wgmon_tui.store.history import History
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.filter.input_line import FilterInput
from wgmon_tui.tui.help.explain_screen import ExplainScreen
from wgmon_tui.tui.lists.alerts_screen import AlertsScreen
from wgmon_tui.tui.server.rtt_tab import RttPlot
from wgmon_tui.tui.server.vantages_tab import VantagesTab


async def click_on(app: App[None], pilot: Pilot[None], text: str) -> None:
    """Click on the first place on the screen with this text."""
    lines = terminal_lines(app)
    y = next(number for number, line in enumerate(lines) if text in line)
    await pilot.click(offset=(lines[y].index(text), y))
    await settle(pilot)


async def test_the_answers_of_a_question_can_be_clicked() -> None:
    answers: list[bool | None] = []
    async with face() as it:
        for text in ("send", "do not", "keep"):
            it.app.push_screen(
                ConfirmDialog("Really?", yes="send", no="do not", neither="keep"), answers.append
            )
            await settle(it.pilot)
            await click_on(it.app, it.pilot, text)
    assert answers == [True, False, None]


@pytest.mark.thorough
async def test_an_explanation_is_closed_with_a_click() -> None:
    async with face() as it:
        await it.press("x")
        assert isinstance(it.app.screen, ExplainScreen)
        await click_on(it.app, it.pilot, "  close")
        assert it.at_home


async def test_a_click_on_the_open_incidents_shows_only_these(past: History) -> None:
    async with face(failing(), history=past) as it:
        await it.press("I")
        await it.read()
        await click_on(it.app, it.pilot, " open, ")
        assert it.app.screen.query_one(FilterInput).value == "open"
        await click_on(it.app, it.pilot, " in total")
        assert it.app.screen.query_one(FilterInput).value == ""


@pytest.mark.thorough
async def test_a_click_on_the_marks_shows_the_marked_servers() -> None:
    async with face() as it:
        await it.press("space")
        await click_on(it.app, it.pilot, "1 marked")
        assert it.table.row_index.names == ["fra1"]


async def test_a_click_on_the_alerts_in_the_top_line_opens_them() -> None:
    async with face() as it:
        it.fleet.query_one("#totals").show_alert_badge("alerts: 1 failing")  # type: ignore[attr-defined]
        await it.follow()
        await click_on(it.app, it.pilot, "alerts: 1 failing")
        assert isinstance(it.app.screen, AlertsScreen)


@pytest.mark.thorough
async def test_a_click_on_a_count_of_alerts_goes_to_the_first_of_them(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", "chat"), Clock(NOW))
    fails_on_chat(harness)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await it.press("A")
        await it.read()
        await click_on(it.app, it.pilot, "1 failing")
        assert isinstance(it.app.screen, AlertsScreen)
        assert "failing 1x" in (it.app.screen.scrollable.text_at_cursor or "")
    harness.close()


async def test_a_click_on_the_bar_of_an_outage_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []
    monkeypatch.setattr(QuietEngine, "outage", CheckOutage("Nobody is checking", None))
    monkeypatch.setattr(QuietEngine, "can_become_writer", True)
    monkeypatch.setattr(QuietEngine, "become_writer", lambda _: taken.append(True))
    async with face() as it:
        await click_on(it.app, it.pilot, "Nobody is checking")
        assert taken == [True]


@pytest.mark.thorough
async def test_a_click_on_a_label_goes_to_its_field(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.open_form("n")
        await click_on(it.app, it.pilot, "endpoint  ")
        assert it.form.row("endpoint").has_focus_within


@pytest.mark.thorough
async def test_the_wheel_zooms_the_plot(past: History) -> None:
    async with opened(sample_exchanges.psk_mismatch(), history=past) as it:
        await turn_to_plot(it)
        await it.pilot._post_mouse_events([MouseScrollDown], RttPlot)
        await it.read()
        assert it.prose("rtt-caption").startswith("6 h")
        await it.pilot._post_mouse_events([MouseScrollUp], RttPlot)
        await it.read()
        assert it.prose("rtt-caption").startswith("1 h")


@pytest.mark.thorough
async def test_a_click_on_the_heading_of_a_vantage_selects_it(tmp_path: Path, past: History) -> None:
    app = SCENES["vantages"].app(Stage(tmp_path, past))
    async with app.run_test(size=USUAL_SIZE) as pilot:
        await settle(pilot)
        await SCENES["vantages"].until(pilot)
        await settle(pilot)
        tab = app.screen.query_one(VantagesTab)
        headings = [column.name for column in tab._shown]
        await click_on(app, pilot, f" {headings[1]}  ")
        assert tab._chosen_column
        assert tab._chosen_column.name == headings[1]


async def test_tabs_can_be_clicked() -> None:
    async with opened(sample_exchanges.psk_mismatch()) as it:
        await click_on(it.app, it.pilot, "History")
        assert it.app.screen.query_one(TabbedContent).active == "history"
