"""Keys that sort the fleet table."""

from __future__ import annotations

from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.fleet.filtering import FilterActions
from wgmon_tui.tui.fleet.row_index import SORTS


class SortActions(FilterActions):
    """A screen whose server table can be sorted by each column."""

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        from wgmon_tui.tui.fleet.sort_screen import SortScreen

        def chosen(column: str | None) -> None:
            if column is not None:
                self.table.sort_by(column)

        self.app.push_screen(SortScreen(self.table.row_index.sort.column), chosen)

    def action_sort_left(self) -> None:
        """Sort by the column to the left."""
        self._sort_by_neighbour(-1)

    def action_sort_right(self) -> None:
        """Sort by the column to the right."""
        self._sort_by_neighbour(1)

    def _sort_by_neighbour(self, step: int) -> None:
        shown = [key for key in self.table.shown_columns if key in SORTS]
        current = self.table.row_index.sort.column
        at = shown.index(current) + step if current in shown else 0
        self.table.sort_by(shown[at % len(shown)])

    def action_reverse(self) -> None:
        """Reverse the sort order."""
        row_index = self.table.row_index
        self.table.sort_by(row_index.sort.column, reverse=not row_index.reversed)
        direction = "descending" if row_index.descending else "ascending"
        self.app.show_notice(f"Sorted by {COLUMNS[row_index.sort.column].title}, {direction}")
