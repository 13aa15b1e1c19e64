"""The search line of the help. It narrows the help while the operator types."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for


class SearchInput(Input):
    """The input line. Up and down still scroll the help."""

    BINDINGS = bindings_for("search")


class SearchBar(Horizontal):
    """Prompt, input line, and the number of entries found. Hidden until it is opened."""

    app: AppContext
    DEFAULT_CSS = """
    SearchBar {
        dock: bottom;
        display: none;
        height: 1;
        padding: 0 1;
        margin: 0 0 1 0;
        background: $panel;
        &.-open { display: block; }
        SearchInput, SearchInput:focus {
            width: 1fr;
            height: 1;
            border: none;
            padding: 0;
            background: transparent;
            background-tint: transparent;
        }
        Static { width: auto; }
    }
    """

    def __init__(self, words: str) -> None:
        """`words` is the text of the search before the help was drawn again."""
        super().__init__(classes="-open" if words else None)
        self._words = words

    def compose(self) -> ComposeResult:
        """The widgets, from left to right."""
        yield Static(Text("/ ", self.app.palette.accent), id="search-prompt")
        yield SearchInput(self._words, placeholder="words", compact=True)
        yield Static(id="search-count")

    @property
    def is_open(self) -> bool:
        """Whether the line is visible."""
        return self.has_class("-open")

    @property
    def words(self) -> str:
        """The text of the search."""
        return self.query_one(SearchInput).value if self.is_open else ""

    def open(self) -> None:
        """Show the line and focus it."""
        self.add_class("-open")
        self.query_one(SearchInput).focus()

    def clear(self) -> None:
        """Hide the line, which ends the search."""
        self.query_one(SearchInput).value = ""
        self.remove_class("-open")

    def count(self, found: int) -> None:
        """Show how many entries were found."""
        self.query_one("#search-count", Static).update(Text(f" {found} found", self.app.palette.muted))
