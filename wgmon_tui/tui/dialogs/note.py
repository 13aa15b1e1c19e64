"""Note dialog: one input line for a note on an incident."""

from __future__ import annotations

from textual.widgets import Input

from wgmon_tui.tui.dialogs.one_line import LineInput, OneLineScreen
from wgmon_tui.tui.keys.actions import bindings_for

MAX_LENGTH = 500
"""Maximum length of a note in characters. Notes are shown as one line of a list."""


class NoteInput(LineInput):
    """The input line for the note."""

    BINDINGS = bindings_for("note")


class NoteScreen(OneLineScreen[str]):
    """Asks for a note. The result may be empty."""

    def line(self) -> LineInput:
        """Return an empty input line."""
        return NoteInput(max_length=MAX_LENGTH, compact=True)

    @property
    def unsaved(self) -> str:
        """What would be lost if the program ended now, as a clause; "" for nothing."""
        return "The note is not saved" if self.query_one(LineInput).value.strip() else ""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept the note."""
        self.dismiss(" ".join(event.value.split()))
