"""A bar across the screen while nobody checks the servers: since when, and which key takes over."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.tui.context import AppContext

_REFRESH_S = 0.5


class OutageBar(Widget):
    """The top line of a screen. It is hidden while somebody checks."""

    app: AppContext
    DEFAULT_CSS = """
    OutageBar { dock: top; display: none; height: auto; width: 100%; }
    """

    _line = ""

    def __init__(self, *, leave_first: bool = False) -> None:
        """`leave_first` is for screens on which keys are typed into a field."""
        super().__init__()
        self._leave_first = leave_first

    def on_mount(self) -> None:
        """Follow the state of the checks."""
        self.follow()
        self.set_interval(_REFRESH_S, self.follow)

    def follow(self) -> None:
        """Show the current line, or hide the bar."""
        line = self.app.outage_line(leave_first=self._leave_first)
        if line != self._line:
            self._line = line
            self.display = bool(line)
            self.refresh(layout=True)

    async def on_click(self) -> None:
        """Take over the checks, where the key for it works."""
        if not self._leave_first and self.app.engine.can_become_writer:
            await self.app.run_action("app.take_over")

    def render(self) -> Text:
        """The line, in the colour of a server that is down, over the whole width."""
        glyphs, width = self.app.glyphs, max(1, self.app.size.width)
        text = f" {glyphs.of(Severity.DOWN)} {glyphs.clean(self._line)}"
        rows = -(-cell_len(text) // width)
        style = self.app.palette.severity[Severity.DOWN] + Style(bold=True, reverse=True)
        return Text(text + " " * (rows * width - cell_len(text)), style=style, overflow="fold")
