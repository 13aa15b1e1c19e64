"""Base of the bars with a line to type: the filter bar, and the search of the help."""

from __future__ import annotations

from textual import widgets  # which imports `Input` when its name is read
from textual.containers import Horizontal


class PromptBar(Horizontal):
    """Prompt, input line, and what the line finds. Hidden until it is opened."""

    DEFAULT_CSS = """
    PromptBar {
        display: none;
        height: 1;
        padding: 0 1;
        &.-open { display: block; }
        Input, Input:focus {
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

    @property
    def is_open(self) -> bool:
        """Whether the bar is visible."""
        return self.has_class("-open")

    @property
    def input_line(self) -> widgets.Input:
        """The line to type."""
        return self.query_one(widgets.Input)

    @property
    def line(self) -> str:
        """The line as it is typed."""
        return self.input_line.value

    def open(self) -> None:
        """Show the bar and focus its input line."""
        self.add_class("-open")
        self.input_line.focus()

    def clear(self) -> None:
        """Clear the line and hide the bar."""
        self.input_line.value = ""
        self.remove_class("-open")
