"""Base of lists with a filter line and an order by column."""

from __future__ import annotations

from wgmon_tui.tui.filter.bar import FilterBar
from wgmon_tui.tui.filter.query import Filter
from wgmon_tui.tui.lists.column_order import ColumnOrder
from wgmon_tui.tui.lists.polled_list import PolledListScreen


class FilteredListScreen(PolledListScreen):
    """A polled list that can be filtered and sorted. Subclasses read and draw."""

    DEFAULT_CSS = """
    FilteredListScreen {
        #columns { height: 1; padding: 0 1; background: $panel; }
    }
    """

    def __init__(self, order: ColumnOrder) -> None:
        super().__init__()
        self.chosen_filter = Filter()
        self.order = order

    def draw_detail(self) -> None:
        """Show the entry under the cursor in full."""
        raise NotImplementedError

    def has_store(self) -> bool:
        """It reads the state of the fleet in memory."""
        return True

    def on_line_list_line_selected(self) -> None:
        """Show the line under the cursor in full."""
        self.draw_detail()
        self.refresh_bindings()

    def action_sort_by(self, column: str) -> None:
        """Sort by a column, as a click on its title does; a second click reverses."""
        self.order = self.order.clicked(column)
        self.draw()

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.order = self.order.next()
        self.draw()

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.order = self.order.reversed()
        self.draw()

    def action_back(self) -> None:
        """Clear the filter; without a filter, go back to the screen below."""
        bar = self.query_one(FilterBar)
        if bar.is_open:
            bar.clear()
            self.set_focus(None)
            self.refresh_bindings()
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
        self.set_focus(None)
        self.refresh_bindings()
