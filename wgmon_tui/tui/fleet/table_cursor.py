"""Cursor of the fleet table: it follows its server, and stays in view."""

from __future__ import annotations

from textual.geometry import Region
from textual.message import Message
from textual.scroll_view import ScrollView

from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.tui.fleet.row_index import RowIndex
from wgmon_tui.tui.fleet.tag_groups import LineKey, TagGroup

HEADER_LINES = 1


class CursorTable(ScrollView, inherit_bindings=False):
    """A table of the lines of `row_index` under a fixed header, with a cursor on one of them."""

    row_index: RowIndex
    _fleet_state: FleetState

    class CursorChanged(Message):
        """Another line is under the cursor."""

        def can_replace(self, message: Message) -> bool:
            """One message is enough, however often the cursor moved."""
            return isinstance(message, CursorTable.CursorChanged)

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  # Textual's name for it
        super().__init__(id=id)
        self._cursor_index = 0
        self._cursor_key: LineKey | None = None

    @property
    def cursor_name(self) -> str | None:
        """The server under the cursor; None on a group heading, or if no server is shown."""
        line_key = self._key_at(self._cursor_index)
        return (line_key[1] or None) if line_key else None

    @property
    def cursor_row(self) -> ServerState | None:
        """The state of the server under the cursor."""
        name = self.cursor_name
        return self._fleet_state.states.get(name) if name is not None else None

    @property
    def cursor_group(self) -> TagGroup | None:
        """The group whose heading is under the cursor."""
        return self.row_index.group_at(self._cursor_index)

    def cursor_home(self) -> None:
        """Put the cursor on the first line and keep it there, whichever server that is."""
        self.move_cursor_to(0)
        self._cursor_key = None

    def move_cursor(self, by: int) -> None:
        """Move the cursor by lines, and stop at the ends."""
        self.move_cursor_to(self._cursor_index + by)

    def move_cursor_to(self, index: int) -> None:
        """Put the cursor on a line, counted from 0, and scroll it into view. It stops at the ends."""
        if not len(self.row_index):
            return
        last = len(self.row_index) - 1
        before, self._cursor_index = self._cursor_index, max(0, min(last, index))
        self.pin_cursor()
        self._refresh_index(before)
        self._refresh_index(self._cursor_index)
        self._show_cursor()
        self.post_message(self.CursorChanged())

    def pin_cursor(self) -> None:
        """Make the cursor follow its server from now on, as if it had been moved there."""
        self._cursor_key = self._key_at(self._cursor_index)

    @property
    def page(self) -> int:
        """The number of rows on screen."""
        return max(1, self.scrollable_content_region.height - HEADER_LINES)

    def _index_of_cursor(self) -> int:
        """The line of the cursor's server: in its group, in another one, or the heading of a folded one."""
        if self._cursor_key is None:
            return 0
        tag, name = self._cursor_key
        row_index = self.row_index
        candidates = (row_index.index((tag, name)), row_index.position(name), row_index.index((tag, "")))
        return next((index for index in candidates if index is not None), 0)

    def _key_at(self, index: int) -> LineKey | None:
        return self.row_index.lines[index] if index < len(self.row_index) else None

    def _refresh_index(self, index: int) -> None:
        if self._is_visible(index):
            y = index - self.scroll_offset.y + HEADER_LINES
            self.refresh(self._region_of_line(y))

    def _region_of_line(self, y: int) -> Region:
        """A line without the scrollbar, for a repaint."""
        return Region(0, y, self.scrollable_content_region.width, 1)

    def _is_visible(self, index: int) -> bool:
        return 0 <= index - self.scroll_offset.y < self.page

    def _index_at(self, y: int) -> int | None:
        """The row on a line of the screen."""
        index = self.scroll_offset.y + y - HEADER_LINES
        return index if y >= HEADER_LINES and index < len(self.row_index) else None

    def _show_cursor(self) -> None:
        top = self.scroll_offset.y
        if self._cursor_index < top:
            self.scroll_to(y=self._cursor_index, animate=False)
        elif self._cursor_index >= top + self.page:
            self.scroll_to(y=self._cursor_index - self.page + 1, animate=False)
