"""Lines on screen, some of which can be chosen: a page with a list in it, moved by the screen's keys.

Lines are drawn one by one as they come into view; moving the cursor draws the two lines concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wgmon_tui.tui.theme.palette import Palette
from wgmon_tui.tui.widgets.scrollbar import WholeCellScrollbar


@dataclass(frozen=True, slots=True)
class ListLine:
    """One line. `key` names what it stands for where it can be chosen, and belongs to no other line."""

    text: Text
    key: str | None = None


class LineList(ScrollView, can_focus=False):
    """Shows lines. The cursor stays on its line by key, wherever that comes to stand.

    `palette` is asked at every redraw, so that a theme takes effect at once. `start_at_top`: the cursor
    begins nowhere, and what stands above the list is read first.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LineList { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    class LineSelected(Message):
        """The cursor is on another line."""

    class LineOpened(Message):
        """Somebody wants to see more of the line under the cursor."""

    def __init__(self, palette: Callable[[], Palette], *, start_at_top: bool = False) -> None:
        super().__init__()
        self.cursor: str | None = None
        self._palette = palette
        self._starts_at_top = start_at_top
        self._lines: Sequence[ListLine] = ()
        self._line_numbers: dict[str, int] = {}

    def on_mount(self) -> None:
        """Draw the scrollbar like every other."""
        self.vertical_scrollbar.renderer = WholeCellScrollbar  # type: ignore[misc]  # Textual's own way

    def show(self, lines: Sequence[ListLine]) -> None:
        """Show these lines. Where the cursor's line is gone, it goes to the one that stands there now."""
        before = self._line_numbers.get(self.cursor or "")
        self._lines = lines
        self._line_numbers = {line.key: number for number, line in enumerate(lines) if line.key is not None}
        if self.cursor not in self._line_numbers:
            self.cursor = self._start_key if before is None else self._nearest_key(before)
        self.virtual_size = Size(self.size.width, len(lines))
        self.refresh()
        self.post_message(self.LineSelected())

    def notify_style_update(self) -> None:
        """A new theme: everything is drawn anew."""
        super().notify_style_update()
        self.refresh()

    # The cursor

    @property
    def text_at_cursor(self) -> str | None:
        """The line under the cursor, as it is read."""
        return (
            self._lines[self._line_numbers[self.cursor]].text.plain
            if self.cursor in self._line_numbers
            else None
        )

    def move_to_top(self) -> None:
        """To where one begins."""
        self.cursor = self._start_key
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self.refresh()
        self.post_message(self.LineSelected())

    def up(self) -> None:
        """To the line before; from the first of them to the top of the page."""
        self._step(-1)

    def down(self) -> None:
        """To the line after."""
        self._step(1)

    def page_up(self) -> None:
        """A page up."""
        self._move_page(-1)

    def page_down(self) -> None:
        """A page down."""
        self._move_page(1)

    def first(self) -> None:
        """To the beginning."""
        self.move_to_top()

    def last(self) -> None:
        """To the last line."""
        if self._line_numbers:
            self._set_cursor(self._last_key)

    @property
    def _start_key(self) -> str | None:
        return None if self._starts_at_top else next(iter(self._line_numbers), None)

    def _nearest_key(self, number: int) -> str | None:
        """The first line that can be chosen from `number` on, else the last."""
        below = (key for key, at in self._line_numbers.items() if at >= number)
        return next(below, next(reversed(self._line_numbers), None))

    def _step(self, direction: int) -> None:
        keys = list(self._line_numbers)
        index = (
            keys.index(self.cursor) + direction if self.cursor in self._line_numbers else min(0, direction)
        )
        if not keys:
            self.scroll_relative(y=direction, animate=False, force=True, immediate=True)
        elif index < 0:
            self.move_to_top()
        else:
            self._set_cursor(keys[min(index, len(keys) - 1)])

    def _move_page(self, direction: int) -> None:
        page = max(1, self.scrollable_content_region.height - 1)
        start = self._line_numbers.get(self.cursor or "", self.scroll_offset.y)
        target = start + direction * page
        if not self._line_numbers:
            self.scroll_relative(y=direction * page, animate=False, force=True, immediate=True)
        elif direction > 0:
            self._set_cursor(
                next((key for key, number in self._line_numbers.items() if number >= target), self._last_key)
            )
        else:
            above = next(
                (key for key in reversed(self._line_numbers) if self._line_numbers[key] <= target), None
            )
            self.move_to_top() if above is None else self._set_cursor(above)

    @property
    def _last_key(self) -> str:
        return next(reversed(self._line_numbers))

    def _set_cursor(self, key: str) -> None:
        for each in (self.cursor, key):
            if each in self._line_numbers:
                self.refresh_line(self._line_numbers[each])
        self.cursor = key
        self._reveal(key)
        self.post_message(self.LineSelected())

    def _reveal(self, key: str) -> None:
        """Scroll so that the line is in view, and the heading over the first of a list too."""
        top = line = self._line_numbers[key]
        while top and self._lines[top - 1].key is None and self._lines[top - 1].text.plain:
            top -= 1
        region = Region(0, top, 1, line - top + 1)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def on_click(self, event: Click) -> None:
        """Choose a line; a second click on it opens it."""
        place = event.get_content_offset(self)
        number = place.y + self.scroll_offset.y if place is not None else -1
        key = self._lines[number].key if 0 <= number < len(self._lines) else None
        if key is not None:
            self._set_cursor(key)
            if event.chain == 2:
                self.post_message(self.LineOpened())

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One visible line, the cursor's laid out to the end."""
        palette, number = self._palette(), y + self.scroll_offset.y
        base, width = palette.base, self.size.width
        if number >= len(self._lines):
            return Strip.blank(width, base)
        line = self._lines[number]
        over = palette.cursor if line.key is not None and line.key == self.cursor else Style.null()
        # Rich leaves the style of a whole text out where no part of it has one of its own.
        whole = base + self.app.console.get_style(line.text.style)
        segments = [
            Segment(text, (base + style if style else whole) + over)
            for text, style, _ in line.text.render(self.app.console, end="")
        ]
        return Strip(segments).adjust_cell_length(width, base + over).simplify()
