"""Preview pane of the fleet screen: what is known about the line under the cursor.

The pane is drawn from memory, and at most ten times a second while the cursor moves. The store is read, in a
thread, only for a server on which the cursor rests. What draws and reads is imported after the first paint.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.text import Text
from textual.cache import LRUCache
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.records import dataclass
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.fleet.tag_groups import TagGroup
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.text_style import TextStyle

if TYPE_CHECKING:
    from wgmon_tui.store.history import History
    from wgmon_tui.tui.fleet.preview_queries import PreviewHistory

_DRAW_INTERVAL_S = 0.1
"""The shortest time between two paints of a moving cursor, in seconds."""

_REST_S = 0.15
"""How long the cursor rests on a server before the store is read, in seconds."""

_REDRAW_S = 5.0
"""How often a healthy server without a new check is drawn again, in seconds: the text has times of day."""

_READ_INTERVAL_S = 10.0
_CACHED_SERVERS = 64


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was read, at which monotonic time in seconds, and the server's open incident at that time."""

    history: PreviewHistory
    at: float
    incident: str | None


class PreviewPane(Widget):
    """Shows a server or a group. `target` is called whenever the pane is drawn. A click opens the target."""

    app: AppContext
    DEFAULT_CSS = """
    PreviewPane { height: 8; width: 100%; }
    """

    class Clicked(Message):
        """The pane was clicked."""

    def __init__(self, target: Callable[[], ServerState | TagGroup | None]) -> None:
        super().__init__()
        self._target = target
        self._loaded: LRUCache[str, _Loaded] = LRUCache(_CACHED_SERVERS)
        self._moved_at = 0.0
        self._is_waiting = False
        self._lines: list[Text] = []
        self._drawn_at = 0.0
        self._drawn: tuple[str, int] | None = None
        """The healthy server that is drawn, and the version of its state."""
        self._is_due = False
        self._is_screen_painted = False

    # Display

    def on_mount(self) -> None:
        """Show the line under the cursor once the table is painted."""
        self.call_after_refresh(self._draw_first)

    def _draw_first(self) -> None:
        self._is_screen_painted = True
        self._draw()

    def on_resize(self) -> None:
        """Lay out the text for the new size."""
        self._draw()

    def cursor_moved(self) -> None:
        """Draw the line that is under the cursor now, and read its history if the cursor stays there."""
        self._moved_at = time.monotonic()
        if not self._is_screen_painted:
            return
        wait = self._drawn_at + _DRAW_INTERVAL_S - self._moved_at
        if wait <= 0:
            self._draw()
        elif not self._is_due:
            self._is_due = True
            self.set_timer(wait, self._draw)
        self._wait_for_rest()

    def follow(self) -> None:
        """Draw what has changed, and read the history again when it is old."""
        if not (self.display and self._is_screen_painted):
            return
        target = self._target()
        is_drawn = self._drawn is not None and self._drawn == _healthy_version(target)
        if not is_drawn or time.monotonic() - self._drawn_at >= _REDRAW_S:
            self._draw()
        if isinstance(target, ServerState) and time.monotonic() - self._moved_at >= _REST_S:
            # A viewer then gets the last round, and so the causes.
            self.app.engine.set_focused_server(target.server.name)
        self._wait_for_rest()

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        base, width = self.app.palette.base, self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, base)
        text = self._lines[y]
        whole = base + self.app.console.get_style(text.style)
        segments = [
            Segment(part, base + style if style else whole)
            for part, style, _ in text.render(self.app.console, end="")
        ]
        return Strip(segments).adjust_cell_length(width, whole).simplify()

    def notify_style_update(self) -> None:
        """Redraw with a new theme."""
        super().notify_style_update()
        if self.is_mounted:
            self._draw()
            self.refresh()

    def _draw(self) -> None:
        """Lay out the text, and repaint the lines that changed."""
        if not self._is_screen_painted:
            return
        before, self._lines = self._lines, self._make_lines()
        self._drawn_at, self._is_due = time.monotonic(), False
        self._drawn = _healthy_version(self._target())
        changed = [
            Region(0, y, self.size.width, 1)
            for y, (old, new) in enumerate(zip_longest(before, self._lines))
            if old != new or (old is not None and new is not None and old.style != new.style)
        ]
        if changed:
            self.refresh(*changed)

    def _make_lines(self) -> list[Text]:
        from wgmon_tui.tui.fleet.preview_text import empty_preview, group_preview, server_preview

        width, height, target = self.size.width, self.size.height, self._target()
        text_style = TextStyle(self.app.palette, self.app.glyphs, width)
        if isinstance(target, TagGroup):
            key = key_of("open", self.app.actions)
            return group_preview(target, self.app.engine.fleet_state.states, text_style, key, height)
        if target is None:
            return empty_preview(text_style)
        loaded = self._loaded.get(target.server.name)
        together = self.app.together.of(target.server.name) if target.severity is Severity.DOWN else ()
        history = loaded.history if loaded else None
        return server_preview(target, history, together, text_style, self.app.clock(), height)

    def on_click(self) -> None:
        """Report the click."""
        self.post_message(self.Clicked())

    # History

    def _wait_for_rest(self) -> None:
        """Read the history of the target once the cursor has rested."""
        if not self._is_waiting and self._server_to_read() is not None:
            self._is_waiting = True
            self.set_timer(max(0.01, self._moved_at + _REST_S - time.monotonic()), self._read_at_rest)

    def _read_at_rest(self) -> None:
        self._is_waiting = False
        if time.monotonic() - self._moved_at < _REST_S:
            self._wait_for_rest()
            return
        server_state, history = self._server_to_read(), self.app.history
        if server_state is not None and history is not None:
            self._is_waiting = True
            self.run_worker(self._read(history, server_state), group="preview")

    def _server_to_read(self) -> ServerState | None:
        """The server under the cursor, if its history is unknown or old."""
        target = self._target()
        if not isinstance(target, ServerState) or not self.display or not self.screen.is_current:
            return None
        loaded = self._loaded.get(target.server.name)
        if self.app.history is None:
            return None
        is_old = loaded is None or time.monotonic() - loaded.at >= _READ_INTERVAL_S
        is_other = loaded is not None and loaded.incident != _incident_id(target)
        return target if is_old or is_other else None

    async def _read(self, history: History, server_state: ServerState) -> None:
        from wgmon_tui.store.database import MissingStoreError, StoreUnavailableError
        from wgmon_tui.tui.fleet.preview_queries import PreviewHistory, read_preview

        name, incident = server_state.server.name, _incident_id(server_state)
        try:
            found = await asyncio.to_thread(read_preview, history, name, self.app.clock())
        except MissingStoreError:
            found = PreviewHistory(error="no history yet")
        except StoreUnavailableError as error:
            found = PreviewHistory(error=str(error))
        finally:
            self._is_waiting = False
        self._loaded.discard(name)  # Textual's cache keeps the old value of a key that it has
        self._loaded[name] = _Loaded(found, time.monotonic(), incident)
        self._draw()


def _healthy_version(target: ServerState | TagGroup | None) -> tuple[str, int] | None:
    """The name and version of a healthy server: while they stay, so does what the pane says of it."""
    if isinstance(target, ServerState) and target.severity is Severity.UP:
        return target.server.name, target.version
    return None


def _incident_id(server_state: ServerState) -> str | None:
    return server_state.incident.id if server_state.incident else None
