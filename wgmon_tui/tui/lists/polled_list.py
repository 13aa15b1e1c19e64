"""Base of screens with a list from the store, read once a second in a thread while the screen is visible."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.events import Resize
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from wgmon_tui.store.database import MissingStoreError, StoreUnavailableError
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.line_list import AnyLine, LineList
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import MovementActions
from wgmon_tui.tui.widgets.status_line import StatusLine

_READ_INTERVAL_S = 1.0
_MARGINS = 3


class PolledListScreen(MovementActions, Screen[None]):
    """A screen with a polled list; subclasses read and draw.

    If the store cannot be read, the last data stays and `read_error` holds the reason.
    """

    app: AppContext
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    PolledListScreen {
        #title { height: auto; max-height: 3; padding: 0 1; }
        #nothing { height: 1fr; padding: 1; }
        #detail { height: auto; max-height: 40%; background: $panel; padding: 0 1; }
        LineList { height: 1fr; margin: 0 0 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.read_error: str | None = None
        self.is_store_missing = False
        """Whether the last read found no store: none was written yet."""
        self.read_at: float | None = None
        """When the store was read, in Unix time."""
        self._reading = False

    def compose_list(self, *above: Widget, status: StatusLine | None = None) -> ComposeResult:
        """The widgets, from top to bottom; those `above` the list follow the title."""
        yield OutageBar()
        yield Static(id="title")
        yield from above
        yield LineList(lambda: self.app.palette)
        yield Static(id="nothing")
        yield Static(id="detail")
        yield status or StatusLine()
        yield KeyHints()

    @property
    def scrollable(self) -> LineList:
        """The list."""
        return self.query_one(LineList)

    @property
    def content_style(self) -> TextStyle:
        """Theme, glyphs and available width for the text."""
        return TextStyle(self.app.palette, self.app.glyphs, self.app.size.width - _MARGINS)

    def has_store(self) -> bool:
        """Whether this run has a store to read."""
        raise NotImplementedError

    async def read(self) -> bool:
        """Read the store. Returns whether the content changed. Raises StoreUnavailableError."""
        raise NotImplementedError

    def draw(self) -> None:
        """Draw the current content."""
        raise NotImplementedError

    def draw_detail(self) -> None:
        """Show the entry under the cursor in full."""
        raise NotImplementedError

    def action_open(self) -> None:
        """Open the entry under the cursor."""
        raise NotImplementedError

    def show_lines(self, lines: Sequence[AnyLine], why_empty: Text | None) -> None:
        """Show the lines, or why there are none; then the details."""
        empty = self.query_one("#nothing", Static)
        empty.display, self.scrollable.display = why_empty is not None, why_empty is None
        if why_empty is not None:
            empty.update(why_empty)
        self.scrollable.show([] if why_empty is not None else list(lines))
        self.draw_detail()

    def show_detail(self, text: RenderableType | None) -> None:
        """Show this in the panel below the list; without a text, no panel."""
        panel = self.query_one("#detail", Static)
        panel.display = text is not None
        if text is not None:
            panel.update(text)

    def on_line_list_line_selected(self) -> None:
        """Show the line under the cursor in full, and the actions that it has."""
        self.draw_detail()
        self.refresh_bindings()

    def on_line_list_line_opened(self) -> None:
        """Open with a double click."""
        self.action_open()

    def on_mount(self) -> None:
        """Draw, read, then poll."""
        self.draw()
        self.reload()
        self.set_interval(_READ_INTERVAL_S, self.reload)

    def on_screen_resume(self) -> None:
        """Read at once after another screen was on top."""
        self.reload()

    def on_resize(self, event: Resize) -> None:
        """Redraw, because lines are cut to the width."""
        self.draw()

    def notify_style_update(self) -> None:
        """Redraw everything with the new theme."""
        super().notify_style_update()
        if self.is_mounted:
            self.draw()

    def reload(self) -> None:
        """Read now, unless a read is in progress."""
        if self.has_store() and self.is_current and not self._reading:
            self._reading = True
            self.run_worker(self._reader(), group="history")

    async def _reader(self) -> None:
        before, changed = self.read_error, False
        try:
            changed = await self.read()
            self.read_error, self.read_at, self.is_store_missing = None, self.app.clock(), False
        except StoreUnavailableError as error:
            self.read_error, self.is_store_missing = str(error), isinstance(error, MissingStoreError)
        self._reading = False
        for line in self.query(StatusLine):
            line.follow()
        if changed or self.read_error != before:
            self.draw()
