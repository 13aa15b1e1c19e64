"""Base class of one-line input dialogs. They cover the last three lines of the screen below."""

from __future__ import annotations

from typing import Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.status_line import StatusLine

R = TypeVar("R")


class LineInput(Input):
    """The input line of the dialog. Its keys are shown below it."""

    def action_cancel(self) -> None:
        """Close the dialog without a result."""
        self.screen.dismiss(None)


class OneLineScreen(ModalScreen[R | None], Generic[R]):
    """Shows a prompt and an input line. The result is the parsed input, or None if cancelled."""

    app: AppContext
    AUTO_FOCUS = "LineInput"
    DEFAULT_CSS = """
    OneLineScreen {
        align: left bottom;
        background: transparent;
        #line {
            height: 1;
            width: 100%;
            padding: 0 1;
            background: $panel;
            LineInput, LineInput:focus {
                width: 1fr;
                min-width: 16;
                height: 1;
                border: none;
                padding: 0;
                background: transparent;
                background-tint: transparent;
            }
            Static { width: auto; }
        }
        KeyHints { dock: none; width: 100%; }
        StatusLine { background: $panel; }
    }
    """

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self._prompt = prompt

    def line(self) -> LineInput:
        """Return the input line with its initial text."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Yield the status line, the prompt, the input line, its meaning and the key hints."""
        yield StatusLine()
        with Horizontal(id="line"):
            yield Static(id="prompt")
            yield self.line()
            yield Static(id="meaning", markup=False)
        yield KeyHints()

    def on_mount(self) -> None:
        """Write the prompt and the meaning."""
        self._write()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._write()

    def on_input_changed(self) -> None:
        """Update the meaning while the user types."""
        self._write()

    def meaning(self, written: str) -> Text:
        """The meaning of the current input, shown after it. Empty by default."""
        return Text()

    def _write(self) -> None:
        prompt = Text(f"{self.app.glyphs.clean(self._prompt)}: ", self.app.palette.accent)
        self.query_one("#prompt", Static).update(prompt)
        self.query_one("#meaning", Static).update(self.meaning(self.query_one(LineInput).value))
