"""One line to write. It lies over the last lines of the screen that asked."""

from __future__ import annotations

from typing import Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.widgets.key_hints import KeyHints

R = TypeVar("R")


class LineInput(Input):
    """The line; its keys stand below it."""

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.screen.dismiss(None)


class OneLineScreen(ModalScreen[R | None], Generic[R]):
    """Asks with a prompt before the line; its result is what was meant, or None."""

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
    }
    """

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self._prompt = prompt

    def line(self) -> LineInput:
        """The line as it is at first."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The line between its prompt and what it means, and its keys."""
        with Horizontal(id="line"):
            yield Static(id="prompt")
            yield self.line()
            yield Static(id="meaning", markup=False)
        yield KeyHints()

    def on_mount(self) -> None:
        """Write what stands beside the line."""
        self._write()

    def notify_style_update(self) -> None:
        """A new theme: written anew."""
        super().notify_style_update()
        if self.is_mounted:
            self._write()

    def on_input_changed(self) -> None:
        """Say what is meant while it is typed."""
        self._write()

    def meaning(self, written: str) -> Text:
        """What the line means as it is; by default that needs no word."""
        return Text()

    def _write(self) -> None:
        prompt = Text(f"{self.app.glyphs.clean(self._prompt)}: ", self.app.palette.accent)
        self.query_one("#prompt", Static).update(prompt)
        self.query_one("#meaning", Static).update(self.meaning(self.query_one(LineInput).value))
