"""The fleet table: one widget that draws lines, because ten thousand rows are too many for widgets.

It repaints a line only if the line is on screen and the version of its server changed, from cached strips.
Nothing is redrawn by a timer, because all times in the table are absolute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence, Set

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.tui.filter.query import Filter, FilterContext, SearchTexts
from wgmon_tui.tui.fleet.column_layout import PlacedColumn, lay_out
from wgmon_tui.tui.fleet.columns import CellContext, Part
from wgmon_tui.tui.fleet.row_index import SORTS, RowIndex
from wgmon_tui.tui.fleet.table_cursor import HEADER_LINES, CursorTable
from wgmon_tui.tui.fleet.table_lines import (
    group_line,
    header_line,
    no_match_line,
    no_server_line,
    row_line,
    with_plain_gaps,
)
from wgmon_tui.tui.fleet.tag_groups import LineKey
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

RESORT_SECONDS = 3.0
"""The shortest time between two re-sorts: a table that moves all the time cannot be read."""

_CACHED_STRIPS = 512


class FleetTable(CursorTable, can_focus=True, inherit_bindings=False):
    """The servers under a fixed header, with a cursor that follows its server.

    Until the operator moves it, the cursor stays on the first line, which has the worst server. A filter that
    hides its server does not reset it. In groups by tag the cursor can also be on a heading. `marked` are the
    marked servers. `palette` is called at every redraw, so that a new theme takes effect at once.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    FleetTable {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    class RowOpened(Message):
        """The line under the cursor was opened."""

    def __init__(
        self,
        fleet_state: FleetState,
        palette: Callable[[], Palette],
        glyphs: Glyphs,
        clock: Callable[[], float],
        columns: Sequence[str] = (),
        *,
        clear: str = "esc",
        id: str | None = None,  # noqa: A002  # Textual's name for it
    ) -> None:
        super().__init__(id=id)
        self.marked: set[str] = set()
        texts = SearchTexts()
        self.row_index = RowIndex(fleet_state, lambda: FilterContext(clock(), self.marked, texts))
        self._fleet_state = fleet_state
        self._palette = palette
        self._glyphs = glyphs
        self._clock = clock
        self._columns = columns
        self._clear = clear
        self._cell_context = CellContext(palette(), glyphs, clock())
        self._layout: tuple[PlacedColumn, ...] = ()
        self._interval: float | None = None
        self._width = 0
        self._content_width = 0
        self._strips: LRUCache[tuple[str, int, bool, bool], Strip] = LRUCache(_CACHED_STRIPS)
        self._sort_pending = False
        self._sorted_at = time.monotonic()

    # Drawing

    @property
    def shown_columns(self) -> list[str]:
        """The keys of the columns on screen, or of those that the next paint shows."""
        self._lay_out_for_width()
        return [placed.column.key for placed in self._layout]

    def use_columns(self, columns: Sequence[str]) -> None:
        """Show these columns; none for those of the width."""
        self._columns = columns
        self._lay_out()
        self.refresh()

    def sort_by(self, column: str, *, reverse: bool = False) -> None:
        """Sort by a column of `row_index.SORTS`. A cursor that was never moved stays on the first line."""
        self.row_index.sort_by(column, reverse=reverse)
        self._reposition(follow=True)

    def show_only(self, chosen: Filter) -> None:
        """Show the servers that pass a filter."""
        self.row_index.show_only(chosen)
        self._reposition()

    def apply_changes(self) -> bool:
        """Repaint the visible servers that changed since the last call. Returns whether anything changed.

        The timer of the screen calls this. Nothing else takes the changes from the fleet state.
        """
        changed = self._fleet_state.apply_changes()
        if self.row_index.is_outdated:
            self.marked.intersection_update(self._fleet_state.states)
            self._lay_out()
            self.row_index.rebuild()
            self._reposition()
            return True
        if self.row_index.record_changes(changed):
            self._sort_pending = True
        before = self.row_index.lines
        if self._sort_is_due() and self.row_index.rebuild():
            self._reposition(before, changed)
            return True
        if not self._redraw_on_new_day():
            self._refresh_rows(changed)
        return bool(changed)

    def _sort_is_due(self) -> bool:
        now = time.monotonic()
        due = (
            self._sort_pending or self.row_index.depends_on_time
        ) and now - self._sorted_at >= RESORT_SECONDS
        if due:
            self._sort_pending, self._sorted_at = False, now
        return due

    # Marks and groups

    def mark(self, names: Iterable[str]) -> None:
        """Mark these servers; if all of them are marked, unmark them."""
        names = set(names)
        self.marked = self.marked - names if names <= self.marked else self.marked | names
        if self.row_index.filter.has_key("is") and self.row_index.rebuild():
            self._reposition()
        else:
            self._refresh_rows(names)

    def group(self, grouped: bool) -> None:
        """Turn grouping by tag on or off."""
        self.row_index.group(grouped)
        self._reposition(follow=True)

    def fold(self, tags: Iterable[str]) -> None:
        """Fold these groups and unfold all others."""
        self.pin_cursor()
        self.row_index.fold(tags)
        self._reposition(follow=True)

    # Textual's methods

    def on_mount(self) -> None:
        """Show the current fleet state."""
        self._reposition()

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor in view."""
        self._show_cursor()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lay out the columns for the current width before lines are drawn."""
        self._lay_out_for_width()
        if self._content_width != (width := self.scrollable_content_region.width):
            self._content_width = width  # the scrollbar came or went
            self._strips.clear()
        return super().render_lines(crop)

    def notify_style_update(self) -> None:
        """Redraw everything with the new theme."""
        super().notify_style_update()
        self._redraw()

    def on_click(self, event: events.Click) -> None:
        """Select a line; a double click opens it. A click on a column title sorts, a second one reverses."""
        if event.y < HEADER_LINES:
            self._sort_by_title_at(event.x)
            return
        index = self._index_at(event.y)
        if index is None:
            return
        self.move_cursor_to(index)
        if event.chain == 2:
            self.post_message(self.RowOpened())

    def _sort_by_title_at(self, x: int) -> None:
        clicked = (each for each in self._layout if each.start <= x < each.start + each.width)
        key = next((each.column.key for each in clicked), None)
        if key and key in SORTS:
            is_current = key == self.row_index.sort.column
            self.sort_by(key, reverse=is_current and not self.row_index.reversed)

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, a server, a group heading, or a blank line."""
        if y < HEADER_LINES:
            return self._line(
                header_line(self._layout, self.row_index, self._cell_context), fill=self._header_style
            )
        if not len(self.row_index) and y == HEADER_LINES + 1:
            if not self._fleet_state.states:
                return self._line(no_server_line(self._cell_context))
            return self._line(no_match_line(self._cell_context, self._clear))
        index = self._index_at(y)
        if index is None:
            return self._line([])
        at_cursor = index == self._cursor_index
        if group := self.row_index.group_at(index):
            width = self.scrollable_content_region.width
            parts = group_line(group, self._layout, self._cell_context, width)
            return self._line(parts, self._cursor_style(at_cursor), self._header_style)
        server_state = self._fleet_state.states.get(self.row_index.lines[index][1])
        if server_state is None:
            return self._line([])
        name = server_state.server.name
        key = (name, server_state.version, at_cursor, name in self.marked)
        strip = self._strips.get(key)
        if strip is None:
            strip = self._strips[key] = self._draw(server_state, at_cursor)
        return strip

    # Drawing

    @property
    def _header_style(self) -> Style:
        return self._cell_context.palette.header

    def _cursor_style(self, at_cursor: bool) -> Style:
        return self._cell_context.palette.cursor if at_cursor else Style.null()

    def _draw(self, server_state: ServerState, at_cursor: bool) -> Strip:
        parts = row_line(
            server_state, self._layout, self._cell_context, marked=server_state.server.name in self.marked
        )
        return self._line(parts, self._cursor_style(at_cursor))

    def _line(self, parts: list[Part], over: Style | None = None, fill: Style | None = None) -> Strip:
        """A full line on the theme's background; the style `over` is added to everything."""
        width = self.scrollable_content_region.width
        base = self._cell_context.palette.base
        over = over or Style.null()
        fill = fill or Style.null()
        rest = " " * (width - sum(cell_len(text) for text, _ in parts))
        segments = [
            Segment(text, base + style + over) for text, style in with_plain_gaps([*parts, (rest, fill)])
        ]
        strip = Strip(segments).adjust_cell_length(width, base + fill + over)
        return strip.simplify()

    def _lay_out_for_width(self) -> None:
        if self._width != self.outer_size.width:
            self._lay_out()

    def _lay_out(self) -> None:
        servers = [server_state.server for server_state in self._fleet_state.states.values()]
        clean = self._glyphs.clean
        intervals = {server.interval for server in servers}
        self._interval = intervals.pop() if len(intervals) == 1 else None
        self._width = self.outer_size.width
        self._layout = lay_out(
            self._width,
            max((cell_len(clean(server.name)) for server in servers), default=0),
            max((cell_len(clean(str(server.endpoint))) for server in servers), default=0),
            self._columns,
            vantages=len(self._fleet_state.vantages) + 1 if self._fleet_state.vantages else 0,
        )
        self._clear_cache()

    def _clear_cache(self) -> None:
        self._cell_context = CellContext(
            self._palette(), self._glyphs, self._clock(), self._fleet_state.vantages, self._interval
        )
        self._strips.clear()

    def _redraw(self) -> None:
        self._clear_cache()
        self.refresh()

    def _redraw_on_new_day(self) -> bool:
        """Redraw at midnight, when "19:15" becomes "Nov 21": the only change that time alone causes."""
        now = self._clock()
        if time.localtime(now)[:3] == time.localtime(self._cell_context.now)[:3]:
            return False
        self._redraw()
        return True

    # Lines and rows

    def _reposition(
        self, before: Sequence[LineKey] = (), changed: Set[str] = frozenset(), *, follow: bool = False
    ) -> None:
        """Update the cursor after the order changed, and keep it in view if it was in view.

        With `follow` it is always scrolled into view. With the previous lines in `before`, only lines that
        now show another server, or one of `changed`, are repainted.
        """
        was_at, was_visible = self._cursor_index, self._is_visible(self._cursor_index)
        self._sort_pending = False
        self._sorted_at = time.monotonic()
        self.row_index.grouping.changed_tags.clear()
        self._cursor_index = self._index_of_cursor()
        self.virtual_size = Size(1, len(self.row_index) + HEADER_LINES)
        lines = self.row_index.lines
        if len(before) == len(lines) and not self.row_index.grouped:
            cursors = (was_at, self._cursor_index)
            self._refresh_where(
                lambda index: before[index] != lines[index] or lines[index][1] in changed or index in cursors
            )
        else:
            self.refresh()
        if was_visible or follow:
            self._show_cursor()
        self.post_message(self.CursorChanged())

    def _refresh_rows(self, names: Set[str]) -> None:
        """Repaint the visible lines of these servers, and the headings of groups with new totals."""
        changed_tags, lines = self.row_index.grouping.changed_tags, self.row_index.lines

        def reads_differently(index: int) -> bool:
            tag, name = lines[index]
            return name in names or (not name and tag in changed_tags)

        self._refresh_where(reads_differently)
        changed_tags.clear()

    def _refresh_where(self, wanted: Callable[[int], bool]) -> None:
        """Repaint the visible lines for which `wanted` is true."""
        lines = [
            self._region_of_line(y)
            for y in range(HEADER_LINES, self.size.height)
            if (index := self._index_at(y)) is not None and wanted(index)
        ]
        if lines:
            self.refresh(*lines)
