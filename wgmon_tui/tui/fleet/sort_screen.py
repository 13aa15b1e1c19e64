"""The sort picker: all columns to sort by, including those that the terminal is too narrow to show."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.fleet.columns import COLUMNS
from wgmon_tui.tui.fleet.row_index import SORTS
from wgmon_tui.tui.keys.actions import bindings_for


class SortScreen(ModalScreen[str | None]):
    """Dialog for a sort column. The result is the column's key, or None if cancelled."""

    app: AppContext
    BINDINGS = bindings_for("sort")
    DEFAULT_CSS = """
    SortScreen {
        align: center middle;
        OptionList, OptionList:focus {
            width: 20;
            height: auto;
            max-height: 90%;
            border: none;
            padding: 1 0;
            background: $panel;
            background-tint: transparent;
            &:ansi {
                border: ascii ansi_default;
                padding: 0;
            }
        }
    }
    """

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def compose(self) -> ComposeResult:
        """The list of columns."""
        offered = (Option(f"  by {COLUMNS[key].title}", id=key) for key in self._offered())
        yield OptionList(*offered, markup=False)

    def on_mount(self) -> None:
        """Put the cursor on the current sort column."""
        self.query_one(OptionList).highlighted = self._offered().index(self._current)

    def _offered(self) -> list[str]:
        """The sortable columns; `seen` only if there are other vantages."""
        several = bool(self.app.engine.fleet_state.vantages)
        return [key for key in SORTS if key != "seen" or several or self._current == key]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the chosen column."""
        self.dismiss(event.option_id)

    def action_up(self) -> None:
        """Move one line up."""
        self.query_one(OptionList).action_cursor_up()

    def action_down(self) -> None:
        """Move one line down."""
        self.query_one(OptionList).action_cursor_down()

    def action_close(self) -> None:
        """Cancel and keep the current sort order."""
        self.dismiss(None)
