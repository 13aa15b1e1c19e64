"""The Textual application: combines its parts, runs the engine, and draws the fleet first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from textual.app import SystemCommand
from textual.await_complete import AwaitComplete
from textual.css.query import NoMatches
from textual.screen import Screen, SystemModalScreen
from textual.worker import NoActiveWorker, Worker, get_current_worker

from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.freshness import read_elapsed
from wgmon_tui.monitor.staleness import StalenessScan
from wgmon_tui.terminal import Terminal
from wgmon_tui.tui.bandwidth import LowBandwidthApp
from wgmon_tui.tui.choices import Choices, ChoicesFile
from wgmon_tui.tui.clipboard_copy import ClipboardApp
from wgmon_tui.tui.context import AppContext, AskServer
from wgmon_tui.tui.correlated_failures import CorrelatedFailures
from wgmon_tui.tui.fleet.column_layout import validate_columns
from wgmon_tui.tui.fleet.screen import FleetScreen
from wgmon_tui.tui.keys.action import EVERYWHERE
from wgmon_tui.tui.keys.actions import ACTIONS, bindings_for
from wgmon_tui.tui.keys.key_sequencer import KeySequencer
from wgmon_tui.tui.keys.keymap import assign_keys, textual_keymap, user_bindings, with_user_actions
from wgmon_tui.tui.keys.read_only import ReadOnlyKeys, offered_actions
from wgmon_tui.tui.keys.refused_keys import RefusedKeys
from wgmon_tui.tui.look import StartLook
from wgmon_tui.tui.navigation import NavigationApp
from wgmon_tui.tui.notices import NoticeApp
from wgmon_tui.tui.outages import OutageApp
from wgmon_tui.tui.preload import EXEMPTION_DELAY_S, PRELOAD_DELAY_S, exempt_from_collection, preload_screens
from wgmon_tui.tui.quitting import QuittableApp
from wgmon_tui.tui.remembered_choices import RememberedChoicesApp
from wgmon_tui.tui.request_dialogs import RequestDialogApp
from wgmon_tui.tui.theme.glyphs import glyphs_for
from wgmon_tui.tui.theme.themed_app import ThemedApp

if TYPE_CHECKING:
    from wgmon_tui.store.history import History

_DEFAULT_SETTINGS = TuiSettings()
_NOTHING_CHOSEN = Choices()
_DEFAULT_LOOK = StartLook()


class InputThreadError(Exception):
    """Textual's thread that reads the terminal has failed."""


class WgmonApp(
    NoticeApp,
    OutageApp,
    NavigationApp,
    RequestDialogApp,
    ClipboardApp,
    LowBandwidthApp,
    RememberedChoicesApp,
    QuittableApp,
    ThemedApp,
    ReadOnlyKeys,
    RefusedKeys,
    KeySequencer,
    AppContext,
):
    """The terminal dashboard over a running engine.

    title: shown at the right end of the top line.
    theme: name of a shipped theme, or path of a theme file; NO_COLOR overrides it.
    clock: returns Unix time in seconds.
    elapsed: returns seconds that only increase, from which the ages of checks follow.
    ask_server: asks a server how it sees this machine; without it the action is not offered.
    open_history: called once, after the first paint. Screens read the returned history in threads.
    history_note: a line shown above the history.
    state_dir: directory of the delivery log.
    config_dir: directory of servers.toml, which the forms edit, and of custom themes; None offers neither.
    settings: the settings of config.toml for the terminal UI.
    terminal: what the terminal can show; without it, the one of this process, with all colours.
    read_only: refuse every key that changes something.
    is_first_run: open the form for a first server at once.
    start_look: what config.toml and the command line say about the look, without the choices.
    choices, choices_file: what was chosen on the screen, and where it is remembered; None forgets it.
    """

    BINDINGS = bindings_for(EVERYWHERE)
    ENABLE_COMMAND_PALETTE = True
    # Without colours Textual draws "reverse" as nothing, so cursors there are underlined.
    CSS = """
    SearchIcon {
        display: none;
    }
    .-ascii CommandPalette {
        #--input { border: none; }
        CommandList, CommandList:focus { border: none; scrollbar-size-vertical: 0; }
    }
    Input:ansi > .input--cursor {
        text-style: underline;
    }
    OptionList:ansi:focus > .option-list--option-highlighted,
    CommandList:ansi > .option-list--option-highlighted {
        text-style: bold underline;
    }
    """

    def __init__(
        self,
        engine: FleetController,
        *,
        title: str,
        ascii_only: bool = False,
        theme: str | None = None,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = read_elapsed,
        ask_server: AskServer | None = None,
        open_history: Callable[[], History | None] = lambda: None,
        history_note: str = "",
        state_dir: Path | None = None,
        config_dir: Path | None = None,
        settings: TuiSettings = _DEFAULT_SETTINGS,
        terminal: Terminal | None = None,
        read_only: bool = False,
        is_first_run: bool = False,
        start_look: StartLook = _DEFAULT_LOOK,
        choices: Choices = _NOTHING_CHOSEN,
        choices_file: ChoicesFile | None = None,
    ) -> None:
        """Raises ConfigurationError for a missing or invalid theme, and for invalid keys or columns."""
        super().__init__(theme, settings, terminal, config_dir)
        self.read_only = read_only
        self._assign_actions(settings)
        self.saved_filters = settings.filters
        self.columns = validate_columns(settings.columns)
        self.is_first_run = is_first_run
        self.start_look = start_look
        self.engine = engine
        self.title = title
        self.glyphs = glyphs_for(ascii_only)
        self.clock = clock
        self._elapsed = elapsed
        self.ask_server = ask_server
        self._open_history = open_history
        self.history_note = history_note
        self.state_dir = state_dir
        self.choices = choices
        self._choices_file = choices_file
        self.deleted = None
        self.together = CorrelatedFailures(engine.fleet_state)
        self._staleness_scan = StalenessScan(engine.fleet_state)
        self.animation_level = "none"
        self.start_throttle(low=settings.low_bandwidth)
        self.set_class(ascii_only, "-ascii")

    def _assign_actions(self, settings: TuiSettings) -> None:
        """Give the actions of this app and of the operator their keys. Raises ConfigurationError."""
        self.actions = with_user_actions(assign_keys(ACTIONS, settings.keys), settings.user_actions)
        self._user_actions, self._untrusted = settings.user_actions, settings.untrusted
        for binding in user_bindings(self.actions):
            self._bindings.key_to_bindings.setdefault(binding.key, []).append(binding)
        self.set_keymap(textual_keymap(self.actions, settings.keys))
        self._offered_actions = offered_actions(self.actions, read_only=self.read_only)
        self.hinted_actions = [action for action in self._offered_actions if action.hint]

    @cached_property
    def history(self) -> History | None:
        """The stored checks and incidents; None where nothing is stored."""
        return self._open_history()

    @property
    def shown_names(self) -> Sequence[str]:
        """The servers in the fleet table's order, as filtered and sorted there."""
        home = self.screen_stack[0]
        return (
            tuple(home.table.row_index.names)
            if isinstance(home, FleetScreen)
            else tuple(self.engine.fleet_state.states)
        )

    @property
    def ascii_only(self) -> bool:
        """Whether only ASCII may be drawn."""
        return self.glyphs.ascii_only

    def get_default_screen(self) -> FleetScreen:
        """The fleet screen."""
        return FleetScreen()

    def on_mount(self) -> None:
        """Paint what is known first, then start the background work."""
        self.call_after_refresh(self._start_background_work)

    def _start_background_work(self) -> None:
        """Start checking, load the other themes and screens, and read the uptimes."""
        self.measure_link()
        self.report_damaged_choices()
        self.run_worker(
            self.engine.run(),
            name="engine",
            group="probes",
            description="checks the fleet",
            exclusive=True,
            exit_on_error=False,
        )
        self.follow_themes()
        self.set_timer(PRELOAD_DELAY_S, self._preload_screens)
        self.set_timer(EXEMPTION_DELAY_S, exempt_from_collection)
        self.run_worker(self._follow_uptimes(), group="uptimes", description="reads the fleet's uptimes")

    async def _follow_uptimes(self) -> None:
        await asyncio.to_thread(import_module, "wgmon_tui.tui.fleet.uptime_poller")
        from wgmon_tui.tui.fleet.uptime_poller import follow_uptimes

        if self.history is not None:
            await follow_uptimes(
                self.history,
                self.engine.fleet_state,
                self.clock,
                lambda: self.engine.is_history_complete,
            )

    def _preload_screens(self) -> None:
        self.run_worker(preload_screens, thread=True, group="ahead", description="loads the other screens")

    def pop_screen(self) -> AwaitComplete:
        """Close a screen. Cancel its reads first: Textual removes the widgets that they write to earlier."""
        leaving = self.screen
        for worker in self.workers:
            if worker.node in leaving.walk_children(with_self=True) and not _is_running_in(worker):
                worker.cancel()
        return super().pop_screen()

    def on_unmount(self) -> None:
        """Stop checking, and close the history if a screen has opened it."""
        self.workers.cancel_group(self, "probes")
        if history := self.__dict__.get("history"):
            history.close()

    @property
    def fault(self) -> Exception | None:
        """The internal fault that ended the app."""
        return self._exception

    def _handle_exception(self, error: Exception) -> None:
        """End after a fault. A handler of an app that is being closed may find no widgets."""
        if not (self._exit and isinstance(error, NoMatches)):
            super()._handle_exception(error)

    def panic(self, *_renderables: RenderableType) -> None:
        """End after a fault in the thread that reads keys, or after one that Textual would draw itself."""
        if self._exception is None:
            self._handle_exception(InputThreadError("the thread that reads the terminal has failed"))
        self._close_messages_no_wait()

    def _fatal_error(self) -> None:
        """End without Textual's panel: the program writes a report, which shows no values."""
        self.bell()
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """Print nothing. Textual would draw a traceback."""
        self._exit_renderables.clear()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The entries of the command palette: the actions that are available on this screen now."""
        offered = {action.id: action for action in self._offered_actions if action.palette}
        for active in screen.active_bindings.values():
            action = offered.pop(active.binding.id or "", None)
            if action is not None and active.enabled:
                run = partial(self.run_action, active.binding.action, active.node)
                yield SystemCommand(action.label.capitalize(), f"{action.help}  ({action.shown})", run)
        if isinstance(screen, FleetScreen):
            for name, line in self.saved_filters.items():
                yield SystemCommand(f"Filter: {name}", line, partial(screen.filter_by, f"@{name}"))
        if not self.colourless:
            for name in self.palettes:
                yield SystemCommand(f"Theme: {name}", f"Use the theme {name}", partial(self.use_theme, name))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the theme picker under NO_COLOR, and "take over" while another process is the writer."""
        if action == "choose_theme" and self.colourless:
            return False
        if action == "take_over":
            return self.engine.can_become_writer
        if action == "user_action":
            screens = self._user_actions[int(str(parameters[0]))].screens
            below = (each for each in reversed(self.screen_stack) if not isinstance(each, SystemModalScreen))
            return getattr(next(below, None), "ACTIONS_OF", "") in screens
        return super().check_action(action, parameters)

    def explain_refusal(self, action: str) -> str:
        """Why an action of the app is refused now."""
        if action == "choose_theme":
            return "NO_COLOR is set, so there are no colours to choose"
        if action == "user_action":
            return "This command of yours is for other screens"
        return "The checks are running: there is nothing to take over" if action == "take_over" else ""

    def use_columns(self, columns: Sequence[str]) -> None:
        """Show these columns in the fleet table; none for those of the width."""
        self.columns = tuple(columns)
        home = self.screen_stack[0]
        if isinstance(home, FleetScreen):
            home.table.use_columns(self.columns)

    def use_theme(self, name: str) -> None:
        """Switch to a theme, remember it, and show a notice with its name."""
        super().use_theme(name)
        self.choose(theme=name)

    def action_user_action(self, number: int) -> None:
        """Run a command of config.toml for the server under the cursor."""
        from wgmon_tui.tui.user_actions.run import run_user_action

        screen, action = self.screen, self._user_actions[number]
        current_server = getattr(screen, "current_server", None)
        name = current_server() if current_server else None
        if name is None:
            explain = getattr(screen, "explain_no_server", None)
            self.show_notice(explain() if explain else "No server is selected")
        else:
            self.run_worker(run_user_action(self, action, name, self._untrusted), group="user action")

    def action_take_over(self) -> None:
        """Become the writer after the previous one has ended."""
        self.engine.become_writer()


def _is_running_in(worker: Worker[Any]) -> bool:
    """Whether this code runs in that worker, such as one that closes its screen when it has saved."""
    try:
        return get_current_worker() is worker
    except NoActiveWorker:
        return False
