"""Mute dialog: one input line for how long the alerts of a server are muted."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Input

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.text import format_until
from wgmon_tui.tui.dialogs.mute_until import EXAMPLES, FOREVER, PRESETS, parse_until
from wgmon_tui.tui.dialogs.one_line import LineInput, OneLineScreen
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of

_MAX_LENGTH = 40


class MuteInput(LineInput):
    """The input line for the time."""

    BINDINGS = bindings_for("mute")

    def action_next_preset(self) -> None:
        """Insert the next preset."""
        self._step(1)

    def action_previous_preset(self) -> None:
        """Insert the previous preset."""
        self._step(-1)

    def _step(self, by: int) -> None:
        at = PRESETS.index(self.value) + by if self.value in PRESETS else 0
        self.value = PRESETS[at % len(PRESETS)]
        self.cursor_position = len(self.value)


class MuteScreen(OneLineScreen[float]):
    """Asks for the end of a mute. The result is a Unix time, `inf` for no end."""

    def __init__(self, server_label: str) -> None:
        super().__init__(f"Mute {server_label} for")

    def line(self) -> LineInput:
        """Return the input line with the first preset."""
        return MuteInput(PRESETS[0], max_length=_MAX_LENGTH, compact=True)

    def meaning(self, written: str) -> Text:
        """The end of the mute, or examples if the input is not a time."""
        palette, now = self.app.palette, self.app.clock()
        try:
            words = format_until(parse_until(written, now), now)
        except InvalidValueError:
            return Text(EXAMPLES, palette.severity[Severity.DEGRADED])
        no_end = f"no end; press {key_of('unmute', self.app.actions)} to unmute"
        return Text(no_end if written == FOREVER else words, palette.muted)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept the time, or show why it is not valid."""
        try:
            self.dismiss(parse_until(event.value, self.app.clock()))
        except InvalidValueError as error:
            self.app.show_error(str(error))
