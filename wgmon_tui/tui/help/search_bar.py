"""The search line of the help. It narrows the help while the operator types."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Input, Static

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.widgets.prompt_bar import PromptBar


class SearchInput(Input):
    """The input line. Up and down still scroll the help."""

    BINDINGS = bindings_for("search")


class SearchBar(PromptBar):
    """Prompt, input line, and the number of entries found."""

    app: AppContext
    DEFAULT_CSS = """
    SearchBar {
        dock: bottom;
        margin: 0 0 1 0;
        background: $panel;
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
    def words(self) -> str:
        """The text of the search."""
        return self.line if self.is_open else ""

    def count(self, found: int) -> None:
        """Show how many entries were found."""
        self.query_one("#search-count", Static).update(Text(f" {found} found", self.app.palette.muted))
