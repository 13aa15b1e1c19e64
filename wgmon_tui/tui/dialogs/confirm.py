"""Confirmation dialog: y for yes, n for the alternative if there is one, esc to cancel."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of


class ConfirmDialog(ModalScreen[bool | None]):
    """Asks a question. The result is True for yes, False for no, None for cancel.

    `yes`, `no` and `neither` describe what each key does. Without `no`, only yes and cancel are offered.
    """

    app: AppContext
    BINDINGS = bindings_for("question")
    DEFAULT_CSS = """
    ConfirmDialog {
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

    def __init__(self, prompt: str, *, yes: str, neither: str, no: str = "") -> None:
        super().__init__()
        self._prompt = prompt
        self._choices = {"yes": yes, "no": no, "neither": neither}

    def compose(self) -> ComposeResult:
        """Yield the question, and what each key does."""
        with Vertical(id="question"):
            yield Static(id="asked")
            yield Static(id="ways")

    def on_mount(self) -> None:
        """Write the text."""
        self._write()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._write()

    def _write(self) -> None:
        palette, glyphs = self.app.palette, self.app.glyphs
        prompt = "\n".join(glyphs.clean(line) for line in self._prompt.split("\n"))
        self.query_one("#asked", Static).update(Text(prompt, palette.text))
        choices = [
            (choice, key_of(choice, self.app.actions), meaning)
            for choice, meaning in self._choices.items()
            if meaning
        ]
        width = 2 + max(cell_len(key) for _, key, _ in choices)
        lines = []
        for choice, key, meaning in choices:
            clicked = Style(meta={"@click": f"screen.{choice}"})
            line = Text(f"{key:<{width}}", palette.accent + Style(bold=True) + clicked)
            lines.append(line.append(glyphs.clean(meaning), palette.text + clicked))
        self.query_one("#ways", Static).update(Text("\n").join(lines))

    @property
    def key_labels(self) -> Mapping[str, str]:
        """What each key does, in the words of the dialog."""
        return {choice: meaning for choice, meaning in self._choices.items() if meaning}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide the key for no if the question has no such answer."""
        return bool(self._choices["no"]) if action == "no" else True

    def explain_refusal(self, _action: str) -> str:
        """Why the key for no is refused."""
        return (
            f"There is no answer no. Press {key_of('neither', self.app.actions)}: {self._choices['neither']}"
        )

    def action_yes(self) -> None:
        """Answer yes."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Answer no."""
        self.dismiss(False)

    def action_neither(self) -> None:
        """Cancel."""
        self.dismiss(None)
