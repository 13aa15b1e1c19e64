"""Filtering of the fleet table: the filter line, its keys, and clicks on the totals."""

from __future__ import annotations

from wgmon_tui.tui.filter.bar import FilterBar
from wgmon_tui.tui.fleet.table import FleetTable
from wgmon_tui.tui.fleet.totals import TotalsLine
from wgmon_tui.tui.server_actions import ServerActions


class FilterActions(ServerActions):
    """A screen with a server table and a filter bar. The table shows what the bar has chosen."""

    @property
    def table(self) -> FleetTable:
        """The server table."""
        return self.query_one(FleetTable)

    def on_totals_line_count_clicked(self, event: TotalsLine.CountClicked) -> None:
        """Show only the servers of the clicked state; a second click shows all."""
        bar, line = self.query_one(FilterBar), f"state:{event.severity.word}"
        if bar.line == line:
            self.action_clear()
        else:
            bar.set_filter(line)

    def action_show_marked(self) -> None:
        """Show only the marked servers."""
        self.filter_by("is:marked")

    def action_filter(self) -> None:
        """Open the filter line."""
        self.query_one(FilterBar).open()
        self.update_count()
        self.refresh_bindings()

    def action_clear(self) -> None:
        """Clear the filter and focus the table."""
        self.query_one(FilterBar).clear()
        self.table.focus()
        self.refresh_bindings()

    def action_invert(self) -> None:
        """Invert the filter: show what it hides."""
        self.query_one(FilterBar).invert()

    def filter_by(self, line: str) -> None:
        """Apply this filter line, as if it had been typed."""
        self.query_one(FilterBar).set_filter(line)
        self.table.focus()

    def on_input_changed(self) -> None:
        """Filter while the operator types."""
        self.table.show_only(self.query_one(FilterBar).chosen)
        self.update_count()
        self.refresh_bindings()

    def on_input_submitted(self) -> None:
        """Apply the filter and focus the table; an empty filter closes the bar."""
        self.query_one(FilterBar).commit()
        self.table.focus()
        self.refresh_bindings()

    def update_count(self) -> None:
        """Show how many of the servers the filter has chosen."""
        self.query_one(FilterBar).count(
            len(self.table.row_index.names), len(self.app.engine.fleet_state.states)
        )
