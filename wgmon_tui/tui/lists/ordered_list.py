"""Base of lists of what is in memory of the fleet: filtered, and sorted by a column."""

from __future__ import annotations

import typing
from functools import partial
from types import MappingProxyType
from typing import Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.text import printable
from wgmon_tui.tui.filter.bar import FilterBar, FleetTags
from wgmon_tui.tui.filter.parser import Values
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.lists.column_order import ColumnOrder
from wgmon_tui.tui.lists.filtered_list import FilteredListScreen
from wgmon_tui.tui.widgets.line_list import DeferredLine

_NEEDS_ENTRIES = ("filter", "sort", "reverse")


class ListEntry(typing.Protocol):
    """What a line stands for."""

    @property
    def key(self) -> str:
        """What identifies it among all."""


EntryT = TypeVar("EntryT", bound=ListEntry)


class OrderedListScreen(FilteredListScreen, Generic[EntryT]):
    """Reads the fleet once a second. Subclasses say what the entries are, and how each one is written.

    A line is written when it comes into view, so that the ages in it are those of now.
    """

    FILTER_EXAMPLE = ""
    FILTER_VALUES: Values = MappingProxyType({})
    FILTER_WORDS: tuple[str, ...] = ()

    def __init__(self, order: ColumnOrder) -> None:
        super().__init__()
        self.order = order
        self.entries: list[EntryT] = []

    # What subclasses say

    def collect(self) -> list[EntryT]:
        """All entries, as the fleet is now."""
        raise NotImplementedError

    def passes(self, entry: EntryT) -> bool:
        """Whether an entry passes the chosen filter."""
        raise NotImplementedError

    def make_heading(self) -> Text:
        """The titles of the columns."""
        raise NotImplementedError

    def make_line(self, entry: EntryT) -> Text:
        """An entry as a line."""
        raise NotImplementedError

    def make_detail(self, entry: EntryT) -> Text:
        """An entry in full."""
        raise NotImplementedError

    @property
    def heading(self) -> str:
        """What is listed."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """The number of entries, and of those that matter most."""
        raise NotImplementedError

    def explain_empty(self) -> tuple[str, str]:
        """Why there are no entries at all: a title, and a sentence."""
        raise NotImplementedError

    def current_server(self) -> str | None:
        """The server that belongs to the entry under the cursor."""
        raise NotImplementedError

    # The screen

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        tags = FleetTags(self.app.engine.fleet_state)
        bar = FilterBar(self.FILTER_EXAMPLE, tags, self.FILTER_VALUES, self.FILTER_WORDS)
        yield from self.compose_list(bar, Static(id="columns"))

    def on_mount(self) -> None:
        """Read before the first drawing: it is in memory."""
        self.entries = self.collect()
        super().on_mount()

    def has_store(self) -> bool:
        """It reads the state of the fleet in memory."""
        return True

    async def read(self) -> bool:
        """Take what is known of the fleet. Ages change too, so every read draws."""
        self.entries = self.collect()
        return True

    @property
    def chosen(self) -> EntryT | None:
        """The entry under the cursor."""
        return next((each for each in self.entries if each.key == self.scrollable.cursor), None)

    @property
    def shown(self) -> list[EntryT]:
        """The entries that pass the filter, in order."""
        return self.order.sort(filter(self.passes, self.entries))

    def draw(self) -> None:
        """Draw the title, the list, and the entry under the cursor in full."""
        self.query_one("#title", Static).update(self._title())
        lines = [DeferredLine(partial(self.make_line, each), each.key) for each in self.shown]
        self.draw_list(self.make_heading(), lines, len(self.entries), self._why_empty(len(lines)))

    def draw_detail(self) -> None:
        """Show the entry under the cursor in full."""
        entry = self.chosen
        self.show_detail(self.make_detail(entry) if entry else None)

    def _title(self) -> Text:
        palette, glyphs = self.content_style.palette, self.app.glyphs
        title = Text().append(glyphs.clean(printable(self.heading)), palette.text + Style(bold=True))
        return title.append(f"  {self.summary}", palette.muted) if self.entries else title

    def _why_empty(self, number_shown: int) -> tuple[str, str] | None:
        if number_shown:
            return None
        if not self.entries:
            return self.explain_empty()
        return "Nothing matches this filter", f"Press {key_of('back', self.app.actions)} to clear the filter."

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        if action == "open":
            return self.chosen is not None
        return bool(self.entries) if action in _NEEDS_ENTRIES else True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        why = self._why_empty(len(self.shown))
        return ". ".join(why).rstrip(".") if why else "Nothing is selected"

    def action_open(self) -> None:
        """Open the server of the entry under the cursor."""
        if name := self.current_server():
            self.app.open_server(name)

    def action_sort_by(self, column: str) -> None:
        """Sort by a column, as a click on its title does; a second click reverses."""
        self._reorder(self.order.clicked(column))

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._reorder(self.order.next())

    def action_reverse(self) -> None:
        """Reverse the order."""
        self._reorder(self.order.reversed())

    def _reorder(self, order: ColumnOrder) -> None:
        """Show another order from its first entry on: the one under the cursor may be far out of sight."""
        self.order = order
        self.draw()
        self.scrollable.move_to_top()
