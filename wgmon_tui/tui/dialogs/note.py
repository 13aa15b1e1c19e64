"""One line to write: a note beside an incident."""

from __future__ import annotations

from textual.widgets import Input

from wgmon_tui.tui.dialogs.one_line import LineInput, OneLineScreen
from wgmon_tui.tui.keys.actions import bindings_for

MAX_LENGTH = 500
"""Characters of a note: it is read in a line of a list."""


class NoteInput(LineInput):
    """The line; its keys stand below it."""

    BINDINGS = bindings_for("note")


class NoteScreen(OneLineScreen[str]):
    """Its result is the note, which may be empty."""

    def line(self) -> LineInput:
        """Nothing is written yet."""
        return NoteInput(max_length=MAX_LENGTH, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Written."""
        self.dismiss(" ".join(event.value.split()))
