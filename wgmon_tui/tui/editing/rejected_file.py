"""Screen for an invalid edit of servers.toml: each error in its context, and two choices."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.error_list import MOST_SHOWN, InvalidFileError
from wgmon_tui.config.error_location import find_lines, redact_keys
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine

_CONTEXT_LINES = 40
"""Lines shown before and after a line with an error."""

_INDENT = 8
"""Columns before the text of a line."""

_LEAST_WIDTH = 20


@dataclass(frozen=True, slots=True)
class _ExcerptLine:
    """A line of the file with keys redacted, and the errors in it."""

    number: int
    text: str
    errors: tuple[str, ...] = ()


class RejectedFileScreen(Screen[bool]):
    """Shows the text around its errors. The result is True to edit again, False to keep the valid file."""

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

    def __init__(self, error: ConfigurationError, text: str) -> None:
        super().__init__()
        self._error = str(error)
        # Only the shown lines are kept, with keys redacted.
        self._lines = _make_excerpt(error, text)
        self._first_error = next(iter(find_lines(error)), None)

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
        wrong = palette.severity[Severity.DOWN]
        width = self.query_one(ProseView).scrollable_content_region.width
        excerpt, before = Text(), 0
        for line in self._lines:
            if before and line.number > before + 1:
                excerpt.append("\n")
            before = line.number
            mark = (">" if self.app.glyphs.ascii_only else "▸") if line.errors else " "
            excerpt.append(f"{mark}{line.number:>5}  ", wrong if line.errors else palette.muted)
            excerpt.append(f"{clean(line.text)}\n", palette.text + Style(bold=bool(line.errors)))
            for error in line.errors if self._has_several else ():
                mark = f"{self.app.glyphs.of(Severity.DOWN)} "
                for part in wrap(
                    clean(error), max(_LEAST_WIDTH, width - _INDENT - len(mark)), break_on_hyphens=False
                ):
                    excerpt.append(f"{'':{_INDENT}}{mark}{part}\n", wrong)
                    mark = "  "
        return excerpt

    @property
    def _has_several(self) -> bool:
        """Whether there is more than the error above the text."""
        return sum(len(line.errors) for line in self._lines) > 1

    def on_resize(self) -> None:
        """Wrap the errors again."""
        self._write()

    def on_mount(self) -> None:
        """Scroll the line with the error to the middle."""
        self._write()
        self.call_after_refresh(self._centre)

    def _centre(self) -> None:
        page = self.query_one(ProseView)
        if self._first_error:
            row = next(row for row, line in enumerate(self._lines) if line.number == self._first_error)
            page.scroll_to(y=max(0, row - page.size.height // 2), animate=False, force=True, immediate=True)

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


def _make_excerpt(error: ConfigurationError, text: str) -> tuple[_ExcerptLine, ...]:
    """The lines around the first errors; the beginning, if no line is known."""
    errors: dict[int, list[str]] = {}
    if isinstance(error, InvalidFileError):
        for each in error.errors[:MOST_SHOWN]:
            errors.setdefault(each.line or 0, []).append(each.text)
    else:
        errors = {number: [str(error)] for number in find_lines(error)}
    lines = text.split("\n")
    shown = {
        number
        for wrong in errors or (1,)
        for number in range(max(1, wrong - _CONTEXT_LINES), min(len(lines), wrong + _CONTEXT_LINES) + 1)
    }
    return tuple(
        _ExcerptLine(number, redact_keys(lines[number - 1]), tuple(errors.get(number, ())))
        for number in sorted(shown)
    )
