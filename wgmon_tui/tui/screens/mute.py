"""One line to say until when: nobody is told of a server until then. It lies over the last lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.fleet.values import InvalidValueError
from wgmon_tui.tui.actions import bindings_for
from wgmon_tui.tui.format import until_words
from wgmon_tui.tui.keyline import KeyLine
from wgmon_tui.tui.keymap import key_of
from wgmon_tui.tui.until import EXPECTED, FOREVER, PRESETS, parse_until

if TYPE_CHECKING:
    from wgmon_tui.tui.app import WgmonApp

_LONGEST = 40


class MuteInput(Input):
    """The line; its keys stand below it."""

    BINDINGS = bindings_for("mute")

    def action_next_preset(self) -> None:
        """The next of the usual times."""
        self._step(1)

    def action_previous_preset(self) -> None:
        """The usual time before."""
        self._step(-1)

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self.screen.dismiss(None)

    def _step(self, by: int) -> None:
        at = PRESETS.index(self.value) + by if self.value in PRESETS else 0
        self.value = PRESETS[at % len(PRESETS)]
        self.cursor_position = len(self.value)


class MuteScreen(ModalScreen[float | None]):
    """Asks for a time for `whom`; its result is the Unix time, `inf` for no end, or None."""

    app: WgmonApp
    AUTO_FOCUS = "MuteInput"
    DEFAULT_CSS = """
    MuteScreen {
        align: left bottom;
        background: transparent;
        #mute {
            height: 1;
            width: 100%;
            padding: 0 1;
            background: $panel;
            MuteInput, MuteInput:focus {
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
        KeyLine { dock: none; width: 100%; }
    }
    """

    def __init__(self, whom: str) -> None:
        super().__init__()
        self._whom = whom

    def compose(self) -> ComposeResult:
        """The line, what it means, and its keys."""
        with Horizontal(id="mute"):
            yield Static(id="prompt")
            yield MuteInput(PRESETS[0], max_length=_LONGEST, compact=True)
            yield Static(id="meaning", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Write the prompt."""
        self._write()

    def notify_style_update(self) -> None:
        """A new theme: written anew."""
        super().notify_style_update()
        if self.is_mounted:
            self._write()

    def on_input_changed(self) -> None:
        """Say what is meant while it is typed."""
        self._write()

    def _write(self) -> None:
        palette, now = self.app.palette, self.app.clock()
        prompt = Text(f"Mute {self.app.glyphs.clean(self._whom)} for: ", palette.accent)
        self.query_one("#prompt", Static).update(prompt)
        written = self.query_one(MuteInput).value
        try:
            words = until_words(parse_until(written, now), now)
            no_end = f"no end: {key_of('unmute', self.app.actions)} ends it"
            said = Text(no_end if written == FOREVER else words, palette.muted)
        except InvalidValueError:
            said = Text(EXPECTED, palette.severity[Severity.DEGRADED])
        self.query_one("#meaning", Static).update(said)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Until then; what means no time stays to be mended."""
        try:
            self.dismiss(parse_until(event.value, self.app.clock()))
        except InvalidValueError as error:
            self.app.say(str(error), seconds=5)
