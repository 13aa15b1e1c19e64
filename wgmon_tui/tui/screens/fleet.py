"""The fleet: totals, the table worst first, the filter line, and the keys that work now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from wgmon_tui.monitor.board import Board
from wgmon_tui.tui.actions import bindings_for
from wgmon_tui.tui.columns import COLUMNS
from wgmon_tui.tui.filter import completed, parse_filter
from wgmon_tui.tui.fleet_table import FleetTable
from wgmon_tui.tui.keyline import KeyLine
from wgmon_tui.tui.order import SORTS
from wgmon_tui.tui.totals import TotalsLine

if TYPE_CHECKING:
    from wgmon_tui.tui.app import WgmonApp

REFRESH_SECONDS = 0.5

_NEEDS_A_ROW = frozenset({"open", "recheck", "pause"})
_NEEDS_A_FLEET = frozenset({"filter", "sort", "sort_left", "sort_right", "reverse", "recheck_all"})

_FIRST_STEPS = (
    ("wgmon-tui import FILE.conf", "take a server from a wg-quick file"),
    ("wgmon-tui keygen NAME", "make a key pair for monitoring"),
    ("wgmon-tui demo", "watch embedded servers, healthy and broken"),
)


class _Completer(Suggester):
    """Carries on the word that is being typed; the board says which tags there are."""

    def __init__(self, board: Board) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._board = board

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value, {tag for row in self._board.rows.values() for tag in row.server.tags})


class FilterInput(Input):
    """The filter line: it works while it is typed, so all that enter does is give the keys back."""

    BINDINGS = bindings_for("filter")


class FleetScreen(Screen[None]):
    """Home. Takes what changed off the board twice a second, while it is the screen that is seen."""

    app: WgmonApp
    ACTIONS_OF = "fleet"
    BINDINGS = bindings_for("fleet")
    AUTO_FOCUS = "FleetTable"
    DEFAULT_CSS = """
    FleetScreen {
        #failure {
            display: none;
            height: auto;
            padding: 0 1;
            color: $error;
            text-style: bold;
        }
        #filter-bar {
            display: none;
            height: 1;
            padding: 0 1;
            FilterInput, FilterInput:focus {
                width: 1fr;
                height: 1;
                border: none;
                padding: 0;
                background: transparent;
                background-tint: transparent;
            }
            Static {
                width: auto;
            }
        }
        #empty {
            display: none;
            height: 1fr;
            content-align: center middle;
        }
        &.-empty {
            FleetTable { display: none; }
            #empty { display: block; }
        }
        &.-filtering #filter-bar { display: block; }
        &.-failed #failure { display: block; }
    }
    """

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        app = self.app
        yield TotalsLine(app.engine, app.together, lambda: app.palette, app.glyphs, app.title, id="totals")
        yield Static(id="failure", markup=False)
        with Horizontal(id="filter-bar"):
            yield Static("/ ", id="filter-prompt", markup=False)
            yield FilterInput(
                placeholder="name, state:down, tag:eu, verdict:silent, !not",
                suggester=_Completer(app.engine.board),
                compact=True,
            )
            yield Static(id="filter-count", markup=False)
        yield FleetTable(app.engine.board, lambda: app.palette, app.glyphs, app.clock, id="fleet")
        yield Static(id="empty", markup=False)
        yield KeyLine()

    @property
    def table(self) -> FleetTable:
        """The table of the fleet."""
        return self.query_one(FleetTable)

    def on_mount(self) -> None:
        """Show what the board knows already, then follow it."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._draw_static())
        self._draw_static()
        self._follow()
        self.set_interval(REFRESH_SECONDS, self._follow)

    def on_screen_resume(self) -> None:
        """Catch up at once after another screen was on top."""
        self._follow()

    def show_failure(self, line: str) -> None:
        """Keep a line in view that says why nothing is being checked."""
        self.query_one("#failure", Static).update(Text(line))
        self.add_class("-failed")

    def _follow(self) -> None:
        if not self.is_current:
            return
        had_row = self.table.cursor_name is not None
        if self.table.take_changes():
            self.set_class(not self.app.engine.board.rows, "-empty")
            self._count_shown()
        if had_row != (self.table.cursor_name is not None):
            self.refresh_bindings()
        self.query_one(TotalsLine).follow()

    def _draw_static(self) -> None:
        palette = self.app.palette
        empty = Text(justify="left")
        empty.append("No server is watched yet.\n\n", palette.text)
        for command, purpose in _FIRST_STEPS:
            empty.append(f"{command:<28}", palette.accent)
            empty.append(f"{purpose}\n", palette.muted)
        self.query_one("#empty", Static).update(empty)
        self.query_one("#filter-prompt", Static).update(Text("/ ", palette.accent))
        self.set_class(not self.app.engine.board.rows, "-empty")

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing now is not offered."""
        if not self.is_mounted:
            return True
        if action == "clear":
            return self.has_class("-filtering")
        if action in _NEEDS_A_ROW:
            return self.table.cursor_name is not None
        if action in _NEEDS_A_FLEET:
            return bool(self.app.engine.board.rows)
        return True

    def action_up(self) -> None:
        """One line up."""
        self.table.move_cursor(-1)

    def action_down(self) -> None:
        """One line down."""
        self.table.move_cursor(1)

    def action_first(self) -> None:
        """To the first line."""
        self.table.cursor_home()

    def action_last(self) -> None:
        """To the last line."""
        self.table.move_cursor_to(len(self.table.order) - 1)

    def action_page_up(self) -> None:
        """One page up."""
        self.table.move_cursor(-self.table.page)

    def action_page_down(self) -> None:
        """One page down."""
        self.table.move_cursor(self.table.page)

    def action_open(self) -> None:
        """Open the server under the cursor."""
        self.table.hold_cursor()
        if self.table.cursor_name is not None:
            self.app.open_server(self.table.cursor_name)

    def on_fleet_table_opened(self, event: FleetTable.Opened) -> None:
        """A double click opens as well."""
        self.app.open_server(event.name)

    def action_recheck(self) -> None:
        """Check the server under the cursor now."""
        self.table.hold_cursor()
        name = self.table.cursor_name
        if name is not None:
            self.app.engine.recheck([name])
            self._say(f"Checking {name}")

    def action_recheck_all(self) -> None:
        """Check every server now."""
        names = list(self.app.engine.board.rows)
        self.app.engine.recheck(names)
        self._say(f"Checking all {len(names)} servers")

    def action_pause(self) -> None:
        """Pause or resume the server under the cursor."""
        self.table.hold_cursor()
        row = self.table.cursor_row
        if row is not None:
            name, paused = row.server.name, not row.paused
            self.app.engine.pause([name], paused)
            self._say(f"Paused {name}" if paused else f"Checking {name} again")
            self._follow()

    def _say(self, line: str) -> None:
        self.app.clear_notifications()
        self.notify(self.app.glyphs.clean(line), timeout=2, markup=False)

    # Sorting

    def action_sort(self) -> None:
        """Choose the column to sort by."""
        from wgmon_tui.tui.screens.sort import SortScreen

        def chosen(column: str | None) -> None:
            if column is not None:
                self.table.sort_by(column)

        self.app.push_screen(SortScreen(self.table.order.sort.column), chosen)

    def action_sort_left(self) -> None:
        """Sort by the column to the left."""
        self._sort_beside(-1)

    def action_sort_right(self) -> None:
        """Sort by the column to the right."""
        self._sort_beside(1)

    def _sort_beside(self, step: int) -> None:
        shown = [key for key in self.table.shown_columns if key in SORTS]
        current = self.table.order.sort.column
        at = shown.index(current) + step if current in shown else 0
        self.table.sort_by(shown[at % len(shown)])

    def action_reverse(self) -> None:
        """Turn the order round."""
        order = self.table.order
        self.table.sort_by(order.sort.column, reverse=not order.reversed)
        direction = "descending" if order.descending else "ascending"
        self._say(f"Sorted by {COLUMNS[order.sort.column].title}, {direction}")

    # Filtering

    def action_filter(self) -> None:
        """Open the filter line."""
        self.add_class("-filtering")
        self.query_one(FilterInput).focus()
        self._count_shown()
        self.refresh_bindings()

    def action_clear(self) -> None:
        """Clear the filter and go back to the table."""
        self.query_one(FilterInput).value = ""
        self.remove_class("-filtering")
        self.table.focus()
        self.refresh_bindings()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is being typed."""
        self.table.show_only(parse_filter(event.value))
        self._count_shown()
        self.refresh_bindings()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the table; an empty one closes the line."""
        self.set_class(bool(event.value.strip()), "-filtering")
        self.table.focus()
        self.refresh_bindings()

    def _count_shown(self) -> None:
        if self.has_class("-filtering"):
            line = f" {len(self.table.order)} of {len(self.app.engine.board.rows)}"
            self.query_one("#filter-count", Static).update(Text(line, self.app.palette.muted))
