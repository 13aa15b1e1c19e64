"""Key hints, the last line of a screen: the keys that have an effect now. A click on one presses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.widget import Widget

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.action import OWN
from wgmon_tui.tui.keys.keymap import long_name

if TYPE_CHECKING:
    from textual.screen import Screen

_HELP = "help"
_READ_ONLY = " read only "


class KeyHints(Widget):
    """The active bindings with `hint`, in the order of the action table.

    Textual's Footer rebuilds a row of widgets with every change, and cuts a key in half at the right edge.
    This widget is one line, and leaves out whole keys.
    """

    app: AppContext
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyHints {
        dock: bottom;
        height: 1;
        text-wrap: nowrap;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._hint_ends: list[tuple[int, str]] = []

    def on_mount(self) -> None:
        """Follow the available actions, which depend on the focus and on the cursor."""
        self.screen.bindings_updated_signal.subscribe(self, self._on_bindings_updated)

    def _on_bindings_updated(self, _screen: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Text:
        """As many whole keys as fit."""
        palette = self.app.palette
        line = Text(no_wrap=True, end="", style=palette.base)
        self._hint_ends = []
        for key, label, press in self._fitting():
            line.append(f" {key} ", palette.accent + Style(bold=True))
            line.append(f"{label} ", palette.muted)
            self._hint_ends.append((line.cell_len, press))
        if self.app.read_only:
            line.append(" " * (self._room - line.cell_len))
            line.append(_READ_ONLY, palette.accent + Style(bold=True, reverse=True))
        return line

    @property
    def _room(self) -> int:
        """The cells for keys. A read-only dashboard says so at the right end."""
        return self.size.width - (len(_READ_ONLY) if self.app.read_only else 0)

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        for end, key in self._hint_ends:
            if event.x < end:
                self.app.simulate_key(key)
                return

    def _fitting(self) -> list[tuple[str, str, str]]:
        """Key, label and key to press of the hints that fit.

        The help is dropped last; it lists all keys. The operator's own first command is dropped before it.
        """
        hints = self._hints()
        own = {action.label for action in self.app.hinted_actions if action.group == OWN}
        kept = [next((hint for hint in hints if hint[1] in own), None)]
        while sum(cell_len(f" {key} {label} ") for key, label, _ in hints) > self._room and len(hints) > 1:
            others = [hint for hint in hints if hint[1] != _HELP]
            hints.remove(next((hint for hint in reversed(others) if hint not in kept), others[-1]))
        return hints

    def _hints(self) -> list[tuple[str, str, str]]:
        """The actions whose first key triggers them now, rather than an input line or another action."""
        focused, active = self.screen.focused, self.screen.active_bindings
        hints = []
        for action in self.app.hinted_actions:
            key = long_name(action.keys[0])
            reached = active.get(key)
            character = action.keys[0] if len(action.keys[0]) == 1 else None
            typed = focused is not None and focused.check_consume_key(key, character)
            if reached and reached.enabled and not typed and reached.binding.id == action.id:
                hints.append((action.key, reached.binding.description, key))
        return hints
