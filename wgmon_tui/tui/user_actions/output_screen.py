"""Output screen: what a command in the background prints, and how it ended."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.child_processes import describe_ending
from wgmon_tui.text import printable
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.user_actions.background_program import BackgroundProgram
from wgmon_tui.tui.widgets.drawn_screen import DrawnScreen
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.line_list import LineList, ListLine
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.status_line import StatusLine

_REFRESH_S = 0.2


class OutputScreen(DrawnScreen):
    """Follows the output while its end is visible. Closing it ends the command, after a question."""

    ACTIONS_OF = "output"
    BINDINGS = bindings_for("output")
    DEFAULT_CSS = """
    OutputScreen {
        #title { height: auto; max-height: 30%; padding: 0 1; background: $panel; }
        LineList { height: 1fr; padding: 0 1; }
    }
    """

    def __init__(self, title: str, words: Sequence[str], program: BackgroundProgram) -> None:
        super().__init__()
        self._title = title
        self._words = words
        self._program = program
        self._drawn: tuple[int, int | None] | None = None

    def compose(self) -> ComposeResult:
        """Yield the title with the command, the output and the key hints."""
        yield OutageBar()
        yield Static(id="title")
        yield LineList(lambda: self.app.palette)
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Draw, then follow the output."""
        self._draw()
        self.set_interval(_REFRESH_S, self.follow)

    def on_unmount(self) -> None:
        """Kill the command if the app ends."""
        self._program.kill()

    @property
    def scrollable(self) -> LineList:
        """The output."""
        return self.query_one(LineList)

    @property
    def program(self) -> BackgroundProgram:
        """The command."""
        return self._program

    @property
    def unsaved(self) -> str:
        """What the end of the dashboard would end; "" after the command has ended."""
        return "The command still runs and would be killed" if self._program.code is None else ""

    # Display

    def follow(self) -> None:
        """Draw what is new, as often as the link allows; the end at once."""
        version = self._program.version
        if version == self._drawn:
            return
        if version[1] is not None or self.app.repaint_throttle.is_due():
            self._draw()

    def _draw(self) -> None:
        version, view = self._program.version, self.scrollable
        is_at_end = view.scroll_offset.y >= view.max_scroll_y
        lines, dropped = self._program.output()
        self.query_one("#title", Static).update(self._head(version[1]))
        view.show([*self._notes(lines, dropped, version[1]), *self._wrapped(lines)])
        if is_at_end:
            view.last()
        self._drawn = version
        self.refresh_bindings()

    def _head(self, code: int | None) -> Text:
        palette, clean = self.app.palette, self.app.glyphs.clean
        head = Text(clean(self._title), palette.text + Style(bold=True))
        if code is None:
            head.append("  running", palette.accent)
        else:
            style = palette.muted if code == 0 else palette.severity[Severity.DOWN]
            head.append(f"  {describe_ending(code)}", style)
        return head.append(f"\n{clean(printable(shlex.join(self._words)))}", palette.muted)

    def _notes(self, lines: Sequence[str], dropped: int, code: int | None) -> list[ListLine]:
        if dropped:
            return [ListLine(Text(f"{dropped} earlier lines are not kept", self.app.palette.muted))]
        if lines:
            return []
        return [ListLine(Text("No output yet" if code is None else "No output", self.app.palette.muted))]

    def _wrapped(self, lines: Sequence[str]) -> list[ListLine]:
        """The lines, broken where the screen ends: nothing is hidden at the right."""
        width, style = max(10, self.app.size.width - 3), self.app.palette.text
        wrapped = []
        for line in lines:
            rest = Text(self.app.glyphs.clean(line), style)
            while rest.cell_len > width:
                rest, rest_after = rest.divide([_cut(rest, width)])
                wrapped.append(ListLine(rest))
                rest = rest_after
            wrapped.append(ListLine(rest))
        return wrapped

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the end only while the command runs."""
        return self._program.code is None if action == "end_command" else True

    def explain_refusal(self, _action: str) -> str:
        """Why the command cannot be ended."""
        return "The command has ended already"

    def action_end_command(self) -> None:
        """End the command, as ctrl+c does in a terminal."""
        self._program.interrupt()
        self.app.show_notice("Ending the command")

    def action_copy_output(self) -> None:
        """Copy the output as text."""
        lines, _ = self._program.output()
        if not lines:
            self.app.show_notice("There is no output to copy")
            return
        self.app.copy_with_notice("\n".join(map(printable, lines)), "the output")

    def action_close_output(self) -> None:
        """Close the page; while the command runs, ask whether to end it."""
        if self._program.code is not None:
            self.dismiss()
            return

        def on_answer(is_ended: bool | None) -> None:
            if is_ended:
                self._program.interrupt()
                self.dismiss()

        question = ConfirmDialog(
            "The command still runs.", yes="end it and go back", neither="keep it running"
        )
        self.app.push_screen(question, on_answer)


def _cut(text: Text, width: int) -> int:
    """The number of characters that fit into this many cells."""
    low = width // 2
    while low < len(text) and text[: low + 1].cell_len <= width:
        low += 1
    return max(1, low)
