"""Screen for an invalid edit of servers.toml: the error in its context, and two choices."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.error_location import redact_keys
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine

_CONTEXT_LINES = 40
"""Lines shown before and after the line with the error."""


class RejectedFileScreen(Screen[bool]):
    """Shows the text around `line`. The result is True to edit again, False to keep the last valid file."""

    app: AppContext
    ACTIONS_OF = "rejected"
    AUTO_FOCUS = ""
    BINDINGS = bindings_for("rejected")
    DEFAULT_CSS = """
    RejectedFileScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        #error { height: auto; padding: 1 1; }
        ProseView { height: 1fr; padding: 0 1; }
        #excerpt { text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, error: str, text: str, line: int | None) -> None:
        super().__init__()
        self._error = error
        # Only the shown lines are kept, with keys redacted.
        lines = text.split("\n")
        self._first_line = max(0, (line or 1) - 1 - _CONTEXT_LINES)
        self._lines = [redact_keys(each) for each in lines[self._first_line : (line or 1) + _CONTEXT_LINES]]
        self._line = line

    def compose(self) -> ComposeResult:
        """Yield the error, its context and the key hints."""
        yield OutageBar()
        yield Static(
            Text("servers.toml is unchanged: your edit has an error", Style(bold=True)), id="heading"
        )
        yield Static(id="error")
        with ProseView():
            yield Static(id="excerpt")
        yield StatusLine()
        yield KeyHints()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._write()

    def _write(self) -> None:
        palette, glyphs = self.app.palette, self.app.glyphs
        error = f"{glyphs.of(Severity.DOWN)} {glyphs.clean(self._error)}"
        self.query_one("#error", Static).update(Text(error, palette.severity[Severity.DOWN]))
        self.query_one("#excerpt", Static).update(self._excerpt())

    def _excerpt(self) -> Text:
        palette, clean = self.app.palette, self.app.glyphs.clean
        excerpt = Text()
        for number, line in enumerate(self._lines, start=self._first_line + 1):
            wrong = number == self._line
            mark = (">" if self.app.glyphs.ascii_only else "▸") if wrong else " "
            excerpt.append(
                f"{mark}{number:>5}  ", palette.severity[Severity.DOWN] if wrong else palette.muted
            )
            excerpt.append(f"{clean(line)}\n", palette.text + Style(bold=True) if wrong else palette.text)
        return excerpt

    def on_mount(self) -> None:
        """Scroll the line with the error to the middle."""
        self._write()
        self.call_after_refresh(self._centre)

    def _centre(self) -> None:
        page = self.query_one(ProseView)
        if self._line:
            middle = self._line - self._first_line - 1 - page.size.height // 2
            page.scroll_to(y=max(0, middle), animate=False, force=True, immediate=True)

    def action_edit_again(self) -> None:
        """Open the editor again."""
        self.dismiss(True)

    def action_keep_last_good(self) -> None:
        """Keep the last valid file."""
        self.dismiss(False)

    def action_up(self) -> None:
        """Move up by a line."""
        self.query_one(ProseView).up()

    def action_down(self) -> None:
        """Move down by a line."""
        self.query_one(ProseView).down()

    def action_page_up(self) -> None:
        """Move up by a page."""
        self.query_one(ProseView).page_up()

    def action_page_down(self) -> None:
        """Move down by a page."""
        self.query_one(ProseView).page_down()

    def action_first(self) -> None:
        """Move to the top."""
        self.query_one(ProseView).first()

    def action_last(self) -> None:
        """Move to the bottom."""
        self.query_one(ProseView).last()
