"""Features of every screen: themes, help, command palette, engine worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from tests.tui.app_harness import face
from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, QuietEngine, bad_night, server
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.exit_codes import OutputError
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.dialogs.mute import MuteInput
from wgmon_tui.tui.dialogs.note import NoteInput
from wgmon_tui.tui.dialogs.theme_picker import ThemeScreen
from wgmon_tui.tui.editing.first_check_screen import FirstCheckScreen
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.editing.identities_screen import IdentitiesScreen
from wgmon_tui.tui.editing.import_screen import ImportScreen
from wgmon_tui.tui.editing.peer_stanza import PeerStanzaScreen
from wgmon_tui.tui.editing.rejected_file import RejectedFileScreen
from wgmon_tui.tui.filter.input_line import FilterInput
from wgmon_tui.tui.fleet.screen import FleetScreen
from wgmon_tui.tui.fleet.sort_screen import SortScreen
from wgmon_tui.tui.help.explain_screen import ExplainScreen
from wgmon_tui.tui.help.help_screen import HelpScreen
from wgmon_tui.tui.help.search_bar import SearchInput
from wgmon_tui.tui.incident.screen import IncidentScreen
from wgmon_tui.tui.keys.action import CHANGE, EVERYWHERE
from wgmon_tui.tui.keys.actions import ACTIONS, actions_for
from wgmon_tui.tui.lists.alerts_screen import AlertsScreen
from wgmon_tui.tui.lists.delivery_screen import DeliveryScreen
from wgmon_tui.tui.lists.expiries_screen import ExpiriesScreen
from wgmon_tui.tui.lists.incidents_screen import IncidentsScreen
from wgmon_tui.tui.lists.nodes_screen import NodesScreen
from wgmon_tui.tui.lists.subscriptions_screen import SubscriptionsScreen
from wgmon_tui.tui.path.screen import PathScreen
from wgmon_tui.tui.server.screen import ServerScreen
from wgmon_tui.tui.settings.screen import SettingsScreen
from wgmon_tui.tui.user_actions.output_screen import OutputScreen
from wgmon_tui.tui.widgets.definition_list import DefinitionList


async def test_a_theme_takes_effect_on_rows_already_drawn() -> None:
    async with face() as it:
        it.app.use_theme("paper")
        await settle(it.pilot)
        base = it.app.palette.base.bgcolor
        assert it.notices() == ["Theme: paper"]
        assert it.table.render_line(5)._segments[0].style.bgcolor == base  # type: ignore[union-attr]


async def test_help_explains_every_key_verdict_and_column() -> None:
    async with face(size=(120, 140)) as it:
        await it.press("?")
        text = " ".join(" ".join(it.lines()).split())
        for action in (*actions_for("fleet"), *actions_for(EVERYWHERE)):
            assert action.help in text
        for verdict in Verdict:
            assert f"{verdict.severity.glyph} {verdict.slug}" in text
            assert verdict.meaning in text
        assert it.hints().split() == ["/", "search", "esc", "close", "t", "theme"]


@pytest.mark.thorough
async def test_help_is_about_the_screen_it_was_asked_on() -> None:
    async with face(size=(120, 80)) as it:
        await it.press("enter", "?")
        text = " ".join(" ".join(it.lines()).split())
        for action in actions_for("server"):
            assert action.help in text


@pytest.mark.thorough
async def test_help_closes_again() -> None:
    async with face() as it:
        for key in ("q", "escape", "?"):
            await it.press("?")
            await it.press("G", "g", "j", "k", "pagedown", "pageup", key)
            assert it.at_home, key


@pytest.mark.thorough
async def test_help_follows_a_new_theme() -> None:
    async with face() as it:
        await it.press("?")
        it.app.use_theme("paper")
        await settle(it.pilot)
        await settle(it.pilot)
        written = it.app.screen.query(DefinitionList).first().render()
        assert it.app.palette.muted in {span.style for span in written.spans}


@pytest.mark.thorough
async def test_help_scrolls() -> None:
    async with face() as it:
        await it.press("?")
        top = it.lines()
        await it.press("G")
        assert it.lines() != top
        await it.press("g")
        assert it.lines() == top


async def test_the_command_palette_offers_what_the_table_says() -> None:
    async with face() as it:
        # Actions that need a filter, a mark, a mute or groups are offered as well.
        it.engine.mute(["fra1"], NOW + 60)
        await it.press("/", *"fra1", "enter", "space", "z")
        titles = [command.title for command in it.app.get_system_commands(it.fleet)]
        expected = [
            action.label.capitalize()
            for action in ACTIONS
            if action.palette
            and {"fleet", EVERYWHERE}.intersection(action.screens)
            # The demo, and this test, have no servers.toml to change.
            and action.group != CHANGE
        ]
        assert set(expected) | {"Theme: paper"} <= set(titles)
        await it.press("ctrl+p")
        assert not it.at_home


async def test_a_command_of_the_palette_does_its_work() -> None:
    async with face() as it:
        commands = {command.title: command for command in it.app.get_system_commands(it.fleet)}
        await commands["Re-check all"].callback()
        assert it.engine.rechecked == [list(it.engine.fleet_state.states)]


async def test_every_action_of_the_table_can_be_done_where_it_is_said_to() -> None:
    screens = {
        "fleet": FleetScreen,
        "help": HelpScreen,
        "sort": SortScreen,
        "theme": ThemeScreen,
        "server": ServerScreen,
        "incidents": IncidentsScreen,
        "incident": IncidentScreen,
        "note": NoteInput,
        "form": FormScreen,
        "question": ConfirmDialog,
        "identities": IdentitiesScreen,
        "import": ImportScreen,
        "rejected": RejectedFileScreen,
        "stanza": PeerStanzaScreen,
        "mute": MuteInput,
        "explain": ExplainScreen,
        "alerts": AlertsScreen,
        "expiries": ExpiriesScreen,
        "subscriptions": SubscriptionsScreen,
        "nodes": NodesScreen,
        "settings": SettingsScreen,
        "first_check": FirstCheckScreen,
        "path": PathScreen,
        "output": OutputScreen,
        "search": SearchInput,
        "delivery": DeliveryScreen,
    }
    for action in ACTIONS:
        for screen in action.screens:
            target = {EVERYWHERE: WgmonApp, "filter": FilterInput}.get(screen) or screens[screen]
            call = (action.call or action.id).partition("(")[0]
            owner = WgmonApp if call.startswith("app.") else target
            assert hasattr(owner, f"action_{call.removeprefix('app.')}"), (
                action.id,
                screen,
            )


async def test_q_stops_the_engine_and_leaves() -> None:
    async with face() as it:
        await it.press("q")
    assert it.engine.cancelled.is_set()
    assert it.app.return_code == 0


class FailingEngine(QuietEngine):
    def __init__(self) -> None:
        super().__init__([server("fra1")])
        self.fail = asyncio.Event()

    async def run(self) -> None:
        await self.fail.wait()
        raise self.error

    error: Exception = OSError("no more \x1b[31m file descriptors")


async def test_an_engine_that_died_is_told_and_stays_told() -> None:
    engine = FailingEngine()
    async with face(engine, size=(120, 24)) as it:
        engine.fail.set()
        await settle(it.pilot)
        await settle(it.pilot)
        text = "\n".join(it.lines())
        assert "Checks have stopped: OSError: no more \ufffd[31m file descriptors." in text
        assert len(it.notices()) == 1


async def test_a_fault_of_the_engine_is_told_without_values_and_reported_at_the_end() -> None:
    engine = FailingEngine()
    engine.error = RuntimeError("hunter2")
    with pytest.raises(RuntimeError):  # noqa: PT012  Textual raises it again at the end
        async with face(engine, size=(120, 24)) as it:
            engine.fail.set()
            await settle(it.pilot)
            await settle(it.pilot)
            text = "\n".join(it.lines())
            assert "Checks have stopped: RuntimeError. " in text
            assert "hunter2" not in text
    assert it.app.fault is engine.error


def is_ascii(lines: Iterable[str]) -> bool:
    return all(line.isascii() for line in lines)


async def test_ascii_is_nothing_but_ascii() -> None:
    engine = bad_night()
    engine.fleet_state.replace(
        [
            *(server_state.server for server_state in engine.fleet_state.states.values()),
            server("zürich\u202e"),
        ]
    )
    async with face(engine, size=(150, 16), ascii_only=True, title="wächter") as it:
        assert is_ascii(it.lines())
        for key in ("r", "p", "s", "escape", "?", "q", "/", "x", "escape"):
            await it.press(key)
            assert is_ascii(it.lines()), key


@pytest.mark.thorough
async def test_a_screen_that_closes_ends_its_reads_before_its_widgets_go() -> None:
    async with face() as it:
        await it.press("?")
        screen = it.app.screen
        widget = screen.query("*").first()
        reads = [node.run_worker(asyncio.Event().wait()) for node in (screen, widget)]
        kept = it.app.run_worker(asyncio.Event().wait())
        await it.pilot.pause()
        it.app.pop_screen()
        assert [read.is_cancelled for read in (*reads, kept)] == [True, True, False]


async def test_no_color_means_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with face(theme="night") as it:
        assert it.app.palette.name == "mono"
        assert it.app.native_ansi_color
        styles = {segment.style for strip in it.fleet._compositor.render_strips() for segment in strip}
        colours = {colour for style in styles if style for colour in (style.color, style.bgcolor) if colour}
        assert all(colour.is_default for colour in colours)
        assert "theme" not in it.hints()
        await it.press("t")
        assert it.app.palette.name == "mono"


async def test_an_empty_no_color_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    async with face() as it:
        assert it.app.palette.name == "night"
        assert not it.app.no_color


def test_a_theme_that_is_not_there_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(ConfigurationError, match="unknown theme"):
        WgmonApp(QuietEngine(), title="", theme="solarised")


async def test_a_crash_ends_the_app_and_draws_nothing() -> None:
    fault = ZeroDivisionError("a key that is being typed")
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  Textual raises it again at the end
        async with face() as it:
            it.app._handle_exception(fault)
            assert it.app._exit_renderables == []
    assert it.app.fault is fault


async def test_a_lost_terminal_ends_the_app_with_an_output_error() -> None:
    with pytest.raises(OutputError):  # noqa: PT012  Textual raises it again at the end
        async with face() as it:
            lost = OutputError(5, "Input/output error", "the terminal")
            it.app.call_later(it.app._handle_exception, lost)
            await it.pilot.pause()
    assert it.app.fault is lost


async def test_a_clock_that_is_far_ahead_is_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trusted: list[bool] = []
    why = "checks are held, because the clock is far ahead; it is 3650 d later; set the clock, or type: it"
    monkeypatch.setattr(QuietEngine, "clock_question", why)
    monkeypatch.setattr(QuietEngine, "trust_clock", lambda _: trusted.append(True))
    async with face() as it:
        it.app._update_staleness()
        await settle(it.pilot)
        assert isinstance(it.app.screen, ConfirmDialog)
        assert "Checks are held, because the clock is far ahead; it is 3650 d later." in " ".join(it.lines())
        await it.press("y")
        assert trusted == [True]
        it.app._update_staleness()
        await settle(it.pilot)
        assert it.at_home
