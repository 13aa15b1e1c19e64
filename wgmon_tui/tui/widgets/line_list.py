"""List widget: lines, some of them selectable, moved by the keys of the screen.

Lines are drawn when they come into view. A cursor move redraws only the two lines concerned.
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


@dataclass(frozen=True, slots=True)
class ListLine:
    """One line. `key` is unique and identifies the entry; None for a line that cannot be selected."""

    text: Text
    key: str | None = None


@dataclass(frozen=True, slots=True)
class DeferredLine:
    """A line that is written when it comes into view."""

    make: Callable[[], Text]
    key: str

    @property
    def text(self) -> Text:
        """The line as it is now."""
        return self.make()


AnyLine = ListLine | DeferredLine


class LineList(ScrollView, can_focus=False):
    """A scrollable list of lines. The cursor follows its line by key when the lines change.

    `palette` is called at every redraw, so that a new theme takes effect at once. With `start_at_top` no
    line is selected at first, so that the text above the list is visible.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LineList { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    class LineSelected(Message):
        """The cursor moved to another line."""

    class LineOpened(Message):
        """The line under the cursor was opened."""

    def __init__(self, palette: Callable[[], Palette], *, start_at_top: bool = False) -> None:
        super().__init__()
        self.cursor: str | None = None
        self._palette = palette
        self._starts_at_top = start_at_top
        self._lines: Sequence[AnyLine] = ()
        self._line_numbers: dict[str, int] = {}

    def show(self, lines: Sequence[AnyLine]) -> None:
        """Show these lines. If the cursor's line is gone, the cursor goes to the line now at its position."""
        before = self._line_numbers.get(self.cursor or "")
        self._lines = lines
        self._line_numbers = {line.key: number for number, line in enumerate(lines) if line.key is not None}
        if self.cursor not in self._line_numbers:
            self.cursor = self._start_key if before is None else self._nearest_key(before)
        self.virtual_size = Size(self.size.width, len(lines))
        self.refresh()
        self.post_message(self.LineSelected())

    def notify_style_update(self) -> None:
        """Redraw everything with the new theme."""
        super().notify_style_update()
        self.refresh()

    # The cursor

    @property
    def text_at_cursor(self) -> str | None:
        """The plain text of the line under the cursor."""
        return (
            self._lines[self._line_numbers[self.cursor]].text.plain
            if self.cursor in self._line_numbers
            else None
        )

    def move_to_top(self) -> None:
        """Move the cursor to its start position and scroll to the top."""
        self.cursor = self._start_key
        self.scroll_to(y=0, animate=False, force=True, immediate=True)
        self.refresh()
        self.post_message(self.LineSelected())

    def select(self, key: str) -> None:
        """Move to the line with this key."""
        if key in self._line_numbers:
            self._set_cursor(key)

    def up(self) -> None:
        """Move to the previous line; from the first one to the top of the page."""
        self._step(-1)

    def down(self) -> None:
        """Move to the next line."""
        self._step(1)

    def page_up(self) -> None:
        """Move one page up."""
        self._move_page(-1)

    def page_down(self) -> None:
        """Move one page down."""
        self._move_page(1)

    def first(self) -> None:
        """Move to the start."""
        self.move_to_top()

    def last(self) -> None:
        """Move to the last line."""
        if self._line_numbers:
            self._set_cursor(self._last_key)
        else:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)

    @property
    def _start_key(self) -> str | None:
        return None if self._starts_at_top else next(iter(self._line_numbers), None)

    def _nearest_key(self, number: int) -> str | None:
        """The first selectable line from `number` on, else the last one."""
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
        """Scroll the line into view, and also the heading above the first line of a list."""
        top = line = self._line_numbers[key]
        while top and self._lines[top - 1].key is None and self._lines[top - 1].text.plain:
            top -= 1
        region = Region(0, top, 1, line - top + 1)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def on_click(self, event: Click) -> None:
        """Select a line; a double click opens it."""
        place = event.get_content_offset(self)
        number = place.y + self.scroll_offset.y if place is not None else -1
        key = self._lines[number].key if 0 <= number < len(self._lines) else None
        if key is not None:
            self._set_cursor(key)
            if event.chain == 2:
                self.post_message(self.LineOpened())

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One visible line. The cursor's background extends to the right edge."""
        palette, number = self._palette(), y + self.scroll_offset.y
        base, width = palette.base, self.size.width
        if number >= len(self._lines):
            return Strip.blank(width, base)
        line = self._lines[number]
        over = palette.cursor if line.key is not None and line.key == self.cursor else Style.null()
        # Rich omits the style of the text as a whole if none of its parts has a style.
        whole = base + self.app.console.get_style(line.text.style)
        segments = [
            Segment(text, (base + style if style else whole) + over)
            for text, style, _ in line.text.render(self.app.console, end="")
        ]
        return Strip(segments).adjust_cell_length(width, base + over).simplify()
