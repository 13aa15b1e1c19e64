"""The input line of the filter bar: its history, and what completes a word.

Imported when a filter is typed first: Textual's `Input` takes 3 ms of a start.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.suggester import Suggester
from textual.widgets import Input

from wgmon_tui.tui.filter.parser import FilterWords, Values, complete_filter
from wgmon_tui.tui.filter.recent_lines import FilterHistory
from wgmon_tui.tui.keys.actions import bindings_for


class FilterInput(Input):
    """The input line; up and down go through the filter history."""

    BINDINGS = bindings_for("filter")

    def __init__(self, history: FilterHistory, completer: Suggester, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, suggester=completer, compact=True)
        self.history = history

    def action_older_line(self) -> None:
        """Show the previous filter of the history."""
        self._set_line(self.history.older(self.value))

    def action_newer_line(self) -> None:
        """Show the next filter of the history."""
        self._set_line(self.history.newer(self.value))

    def _set_line(self, line: str) -> None:
        self.value = line
        self.cursor_position = len(line)


class FilterCompleter(Suggester):
    """Completes the word that is being typed."""

    def __init__(self, known: Callable[[], FilterWords], values: Values) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known
        self._values = values

    async def get_suggestion(self, value: str) -> str | None:
        """The line with the word completed; None if nothing completes it."""
        return complete_filter(value, self._known(), self._values)
