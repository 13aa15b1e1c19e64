"""The Textual application: it owns the engine's worker and the theme, and opens the screens."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from wgmon_tui.monitor.engine import Engine
from wgmon_tui.tui.actions import ACTIONS, EVERYWHERE, bindings_for
from wgmon_tui.tui.clipboard import osc52, through_tmux, under_tmux
from wgmon_tui.tui.glyphs import Glyphs, glyphs_for
from wgmon_tui.tui.screens.fleet import FleetScreen
from wgmon_tui.tui.themes import (
    COLOURLESS_THEME,
    DEFAULT_THEME,
    Palette,
    palette_named,
    shipped_palettes,
)
from wgmon_tui.tui.together import FailingTogether


class WgmonApp(App[None]):
    """The terminal dashboard over a running engine.

    `title` stands at the right of the top line. `theme` is the name of a shipped theme or the path of a theme
    file; NO_COLOR overrules it. `clock` gives Unix time in seconds.
    """

    BINDINGS = bindings_for(EVERYWHERE)
    ENABLE_COMMAND_PALETTE = True
    # Without colours Textual draws "reverse" as nothing, so cursors there are underlined.
    CSS = """
    Toast {
        width: auto;
        max-width: 60;
        padding: 0 2;
        border: none;
        background: $panel;
    }
    SearchIcon {
        display: none;
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
        engine: Engine,
        *,
        title: str,
        ascii_only: bool = False,
        theme: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises ConfigurationError for a theme that is not there or cannot stand."""
        self.colourless = _no_color_asked()
        chosen = palette_named(COLOURLESS_THEME if self.colourless else theme or DEFAULT_THEME)
        super().__init__(ansi_color=True if self.colourless else None)
        self.engine = engine
        self.title = title
        self.glyphs: Glyphs = glyphs_for(ascii_only)
        self.clock = clock
        self.together = FailingTogether(engine.board)
        self.engine_failure: str | None = None
        self.animation_level = "none"
        self._palettes = {**shipped_palettes(), chosen.name: chosen}
        for palette in self._palettes.values():
            self.register_theme(palette.textual_theme())
        self.theme = chosen.name
        self.set_class(ascii_only, "-ascii")

    @property
    def palette(self) -> Palette:
        """The colours of the theme in force."""
        return self._palettes[self.theme]

    @property
    def shown_names(self) -> Sequence[str]:
        """The servers in the fleet table's order, as filtered and sorted there."""
        home = self.screen_stack[0]
        return (
            tuple(home.table.order.names) if isinstance(home, FleetScreen) else tuple(self.engine.board.rows)
        )

    @property
    def ascii_only(self) -> bool:
        """Whether nothing but ASCII may be drawn."""
        return self.glyphs.ascii_only

    def get_default_screen(self) -> FleetScreen:
        """The fleet is home."""
        return FleetScreen()

    def on_mount(self) -> None:
        """Start checking."""
        self.run_worker(
            self.engine.run(),
            name="engine",
            group="probes",
            description="checks the fleet",
            exclusive=True,
            exit_on_error=False,
        )

    def on_unmount(self) -> None:
        """Stop checking."""
        self.workers.cancel_group(self, "probes")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An engine that died must not look like a quiet fleet: say so, and keep saying so."""
        if event.worker.group != "probes" or event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        reason = self.glyphs.clean(f"{type(error).__name__}: {error}".splitlines()[0])
        self.engine_failure = f"Checking has stopped: {reason}. What is shown is old. Quit and start again."
        self.notify(self.engine_failure, severity="error", timeout=15, markup=False)
        for screen in self.screen_stack:
            if isinstance(screen, FleetScreen):
                screen.show_failure(self.engine_failure)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the command palette offers: the actions of the table that make sense on this screen now."""
        offered = {action.id: action for action in ACTIONS if action.palette}
        for active in screen.active_bindings.values():
            action = offered.pop(active.binding.id or "", None)
            if action is not None and active.enabled:
                run = partial(self.run_action, active.binding.action, active.node)
                yield SystemCommand(action.label.capitalize(), f"{action.help}  ({action.shown})", run)
        if not self.colourless:
            for name in self._palettes:
                yield SystemCommand(
                    f"Theme: {name}", f"Use the colours of {name}", partial(self.use_theme, name)
                )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Under NO_COLOR there is no theme to choose."""
        if action == "next_theme" and self.colourless:
            return False
        return super().check_action(action, parameters)

    def use_theme(self, name: str) -> None:
        """Change the colours, and say which they are."""
        self.theme = name
        self.clear_notifications()
        self.notify(f"Theme: {self.glyphs.clean(name)}", timeout=2, markup=False)

    def action_next_theme(self) -> None:
        """Go to the next theme."""
        names = list(self._palettes)
        self.use_theme(names[(names.index(self.theme) + 1) % len(names)])

    def action_help(self) -> None:
        """Open the help for the screen that is shown."""
        from wgmon_tui.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(getattr(self.screen, "ACTIONS_OF", "fleet")))

    def copy_to_clipboard(self, text: str) -> None:
        """Copy over OSC 52; under tmux in both forms, since its options decide which of them it passes on."""
        super().copy_to_clipboard(text)
        if under_tmux() and self._driver is not None:
            self._driver.write(through_tmux(osc52(text)))

    def open_server(self, name: str) -> None:
        """Open a server's screen."""
        from wgmon_tui.tui.screens.server import ServerScreen

        self.push_screen(ServerScreen(name))


def _no_color_asked() -> bool:
    """Whether NO_COLOR is set, which by its standard means: and not empty.

    Textual takes an empty one for set, so it must not see it.
    """
    if not os.environ.get("NO_COLOR", "unset"):
        del os.environ["NO_COLOR"]
    return "NO_COLOR" in os.environ
