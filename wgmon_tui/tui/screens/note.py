"""One line to write: a note beside an incident. It lies over the last lines of the screen that asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from wgmon_tui.tui.actions import bindings_for
from wgmon_tui.tui.keyline import KeyLine

if TYPE_CHECKING:
    from wgmon_tui.tui.app import WgmonApp

LONGEST = 500
"""Characters of a note: it is read in a line of a list."""


class NoteInput(Input):
    """The line; its keys stand below it."""

    BINDINGS = bindings_for("note")

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.screen.dismiss(None)


class NoteScreen(ModalScreen[str | None]):
    """Asks with `prompt`; its result is the note, which may be empty, or None."""

    app: WgmonApp
    AUTO_FOCUS = "NoteInput"
    DEFAULT_CSS = """
    NoteScreen {
        align: left bottom;
        background: transparent;
        #note {
            height: 1;
            width: 100%;
            padding: 0 1;
            background: $panel;
            NoteInput, NoteInput:focus {
                width: 1fr;
                height: 1;
                border: none;
                padding: 0;
                background: transparent;
                background-tint: transparent;
            }
            Static { width: auto; }
        }
        KeyLine { dock: none; width: 100%; }
    }
    """

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self._prompt = prompt

    def compose(self) -> ComposeResult:
        """The line, and its keys."""
        with Horizontal(id="note"):
            yield Static(id="prompt")
            yield NoteInput(max_length=LONGEST, compact=True)
        yield KeyLine()

    def on_mount(self) -> None:
        """Write the prompt."""
        self._write_prompt()

    def notify_style_update(self) -> None:
        """A new theme: written anew."""
        super().notify_style_update()
        if self.is_mounted:
            self._write_prompt()

    def _write_prompt(self) -> None:
        prompt = Text(f"{self.app.glyphs.clean(self._prompt)}: ", self.app.palette.accent)
        self.query_one("#prompt", Static).update(prompt)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Written."""
        self.dismiss(" ".join(event.value.split()))
