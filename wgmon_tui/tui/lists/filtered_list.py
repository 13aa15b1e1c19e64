"""Base of lists with a filter line, titles of columns, and a panel with details."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static

from wgmon_tui.tui.filter.bar import FilterBar
from wgmon_tui.tui.filter.query import Filter
from wgmon_tui.tui.lists.polled_list import PolledListScreen
from wgmon_tui.tui.theme.text_style import unavailable_text
from wgmon_tui.tui.widgets.line_list import AnyLine


class FilteredListScreen(PolledListScreen):
    """A polled list that can be filtered. Subclasses read and draw."""

    DEFAULT_CSS = """
    FilteredListScreen {
        #columns { height: 1; padding: 0 1; background: $panel; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.chosen_filter = Filter()

    def draw_list(
        self, heading: Text, lines: Sequence[AnyLine], total: int, why_empty: tuple[str, str] | None
    ) -> None:
        """Draw the lines that the filter lets through, of `total`, or why there are none, and the details."""
        self.query_one("#columns", Static).update(heading)
        self.query_one("#columns").display = why_empty is None
        self.query_one(FilterBar).count(len(lines), total)
        self.show_lines(lines, unavailable_text(*why_empty, self.content_style) if why_empty else None)

    def action_back(self) -> None:
        """Clear the filter; without a filter, go back to the screen below."""
        bar = self.query_one(FilterBar)
        if bar.is_open:
            bar.clear()
            self.leave_filter()
        else:
            self.dismiss()

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterBar).open()
        self.draw()
        self.refresh_bindings()

    def on_input_changed(self) -> None:
        """Filter while the operator types."""
        self.chosen_filter = self.query_one(FilterBar).chosen
        self.draw()

    def on_input_submitted(self) -> None:
        """Apply the filter and go back to the list; an empty filter closes the bar."""
        self.query_one(FilterBar).commit()
        self.leave_filter()

    def leave_filter(self) -> None:
        """Give the keys back to the list."""
        self.set_focus(None)
        self.refresh_bindings()
