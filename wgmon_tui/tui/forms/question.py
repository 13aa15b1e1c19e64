"""A question before something is lost or taken: y, n where there are two ways, esc to leave all as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from wgmon_tui.tui.actions import bindings_for

if TYPE_CHECKING:
    from wgmon_tui.tui.app import WgmonApp


class Question(ModalScreen[bool | None]):
    """Asks; its result is True for yes, False for no, None for neither.

    `yes`, `no` and `neither` say what happens then; without `no` there are only two ways.
    """

    app: WgmonApp
    BINDINGS = bindings_for("question")
    DEFAULT_CSS = """
    Question {
        align: center middle;
        #question {
            width: 90%;
            max-width: 76;
            height: auto;
            max-height: 100%;
            padding: 1 2;
            background: $panel;
            &:ansi { border: ascii ansi_default; padding: 0 1; }
        }
        #asked { margin-bottom: 1; }
    }
    """

    def __init__(self, asked: str, *, yes: str, neither: str, no: str = "") -> None:
        super().__init__()
        self._asked = asked
        self._ways = (("y", yes), ("n", no), ("esc", neither))
        self._has_no = bool(no)

    def compose(self) -> ComposeResult:
        """The question, and what each key does."""
        palette, glyphs = self.app.palette, self.app.glyphs
        ways = Text()
        for key, meaning in self._ways:
            if meaning:
                ways.append(f"{key:<5}", palette.accent + Style(bold=True))
                ways.append(f"{glyphs.clean(meaning)}\n", palette.text)
        ways.right_crop(1)
        asked = "\n".join(glyphs.clean(line) for line in self._asked.split("\n"))
        with Vertical(id="question"):
            yield Static(Text(asked, palette.text), id="asked")
            yield Static(ways)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There may be no second way."""
        return self._has_no if action == "no" else True

    def action_yes(self) -> None:
        """Yes."""
        self.dismiss(True)

    def action_no(self) -> None:
        """The other way."""
        self.dismiss(False)

    def action_neither(self) -> None:
        """Leave all as it is."""
        self.dismiss(None)
