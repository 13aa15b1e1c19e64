"""Hex dump widget: the packets of an exchange with coloured fields and a field cursor.

Lines are drawn when they scroll into view and cached until something changes. Moving the cursor redraws
only the lines of the two fields concerned, which keeps it fast over SSH.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.packets import fields_of
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.tui.server.exchange_layout import (
    CursorStop,
    ExchangeComparison,
    ExchangeLayout,
    LineTone,
    PacketHeading,
    RemarkLine,
    compare,
    initial_stop,
    lay_out,
)
from wgmon_tui.tui.server.hex_layout import GUTTER, HexLine, HexSpan, ascii_column, offset_at
from wgmon_tui.tui.theme.palette import Palette

_UNDER_CURSOR = Style(bold=True, reverse=True)
_DIFFERING = Style(bold=True, underline=True)


class HexView(ScrollView, can_focus=False):
    """Shows the exchange of one check. The tab sets the check and moves the cursor."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    HexView { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    @dataclass
    class CursorMoved(Message):
        """The field cursor of `view` moved. `by_user` is False if a new check moved it."""

        view: HexView
        place: CursorStop | None
        by_user: bool

    def __init__(
        self,
        palette: Callable[[], Palette],
        *,
        ascii_only: bool = False,
        id: str | None = None,  # noqa: A002  # Textual's name for it
    ) -> None:
        """`palette` is called at every redraw, so that a theme change takes effect at once."""
        super().__init__(id=id)
        self.stop: CursorStop | None = None
        self.check: Check | None = None
        self.comparison: ExchangeComparison | None = None
        self._get_palette = palette
        self._palette = palette()
        self._ascii_only = ascii_only
        self._layout = ExchangeLayout()
        self._strips: dict[int, Strip] = {}

    def show(self, check: Check | None, good: Check | None = None) -> None:
        """Show the exchange of `check`, compared with that of `good` if given.

        For a new check the cursor moves to the most informative field. For the same check it stays.
        """
        another = check is not self.check
        self.check = check
        self.comparison = compare(check, good) if check and good else None
        self._lay_out()
        if another:
            self._set_cursor(initial_stop(check) if check else None, by_user=False)
            self._scroll_to_packet()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        self._palette = self._get_palette()
        self._strips.clear()
        self.refresh()

    # The cursor

    def move_to(self, stop: CursorStop | None) -> None:
        """Move to a field, as another view does to show the same field here."""
        self._set_cursor(stop, by_user=False)

    def left(self) -> None:
        """Move to the previous field, across packets."""
        self._step(-1)

    def right(self) -> None:
        """Move to the next field, across packets."""
        self._step(1)

    def up(self) -> None:
        """Move to the field above the start of this one, or to the first field."""
        self._move_vertically(-1)

    def down(self) -> None:
        """Move to the field below the last line of this one, or to the last field."""
        self._move_vertically(1)

    def page_up(self) -> None:
        """Move to the first field of this packet, or from there to the previous packet."""
        if self.stop:
            packet = self.stop.packet if self.stop.field else self.stop.packet - 1
            self._set_cursor(
                next((stop for stop in reversed(self._packet_starts()) if stop.packet <= packet), self.stop)
            )

    def page_down(self) -> None:
        """Move to the first field of the next packet."""
        if self.stop:
            packet = self.stop.packet + 1
            self._set_cursor(
                next((stop for stop in self._packet_starts() if stop.packet >= packet), self.stop)
            )

    def first(self) -> None:
        """Move to the first field of the first packet."""
        if self._layout.stops:
            self._set_cursor(self._layout.stops[0])

    def last(self) -> None:
        """Move to the last field of the last packet."""
        if self._layout.stops:
            self._set_cursor(self._layout.stops[-1])

    def _packet_starts(self) -> list[CursorStop]:
        return [stop for stop in self._layout.stops if stop.field == 0]

    def _step(self, steps: int) -> None:
        stops = self._layout.stops
        if self.stop in stops:
            self._set_cursor(stops[max(0, min(stops.index(self.stop) + steps, len(stops) - 1))])

    def _move_vertically(self, direction: int) -> None:
        if self.stop is None or self.check is None:
            return
        lines = [line for _, line in self._dump_lines()]
        own = [index for index, line in enumerate(lines) if self._is_on(self.stop, line)]
        beyond = own[-1] + 1 if direction > 0 else own[0] - 1
        if not 0 <= beyond < len(lines):
            self.last() if direction > 0 else self.first()
            return
        line = lines[beyond]
        begins = fields_of(self.check, self.check.exchange[self.stop.packet])[self.stop.field].offset
        column = min(begins % self._layout.per_line, len(line.data) - 1)
        self._set_cursor(_stop_at(line, line.offset + column))

    def on_click(self, event: Click) -> None:
        """Move the cursor to the clicked field, in the hex or ASCII part."""
        place = event.get_content_offset(self)
        if place is None:
            return
        line = self._line(place.y + self.scroll_offset.y)
        if isinstance(line, HexLine):
            offset = offset_at(line, place.x, self._layout.per_line)
            if offset is not None:
                self._set_cursor(_stop_at(line, offset))

    def on_mouse_scroll_up(self) -> None:
        """Report a user move: a new check must not replace the exchange while the user scrolls."""
        self.post_message(self.CursorMoved(self, self.stop, by_user=True))

    def on_mouse_scroll_down(self) -> None:
        """Same as scrolling up."""
        self.post_message(self.CursorMoved(self, self.stop, by_user=True))

    def _set_cursor(self, stop: CursorStop | None, by_user: bool = True) -> None:
        for index, line in self._dump_lines():
            if self._is_on(self.stop, line) or self._is_on(stop, line):
                self._strips.pop(index, None)
                self.refresh_line(index)
        self.stop = stop
        self._reveal()
        self.post_message(self.CursorMoved(self, stop, by_user))

    def _reveal(self) -> None:
        """Scroll the field into view; for the first field of a packet also its heading."""
        own = [index for index, line in self._dump_lines() if self._is_on(self.stop, line)]
        if not own or self.stop is None:
            return
        top = own[0]
        while (
            self.stop.field == 0
            and top
            and isinstance(self._layout.lines[top - 1], PacketHeading | RemarkLine)
        ):
            top -= 1
        region = Region(0, top, 1, own[-1] - top + 1)
        self.scroll_to_region(region, animate=False, force=True, immediate=True)

    def _scroll_to_packet(self) -> None:
        """Scroll the heading of the current packet to the top, so that its result is read first."""
        headings = (
            index
            for index, line in enumerate(self._layout.lines)
            if isinstance(line, PacketHeading) and self.stop and line.packet == self.stop.packet
        )
        self.scroll_to(y=next(headings, 0), animate=False, force=True, immediate=True)
        self._reveal()

    def _dump_lines(self) -> Iterator[tuple[int, HexLine]]:
        return ((index, line) for index, line in enumerate(self._layout.lines) if isinstance(line, HexLine))

    @staticmethod
    def _is_on(stop: CursorStop | None, line: HexLine) -> bool:
        return stop is not None and any(CursorStop(line.packet, span.field) == stop for span in line.spans)

    # Drawing

    def on_resize(self, event: Resize) -> None:
        """Lay out again: the number of bytes per line depends on the width."""
        self._lay_out()
        self._scroll_to_packet()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width
        self._layout = (
            lay_out(self.check, width, self.comparison, self._ascii_only)
            if self.check and width
            else ExchangeLayout()
        )
        self._strips.clear()
        self.virtual_size = Size(width, len(self._layout.lines))
        self.refresh()

    def _line(self, index: int) -> object:
        return self._layout.lines[index] if 0 <= index < len(self._layout.lines) else None

    def render_line(self, y: int) -> Strip:
        """Return the strip of one visible line."""
        index = y + self.scroll_offset.y
        width = self.size.width
        strip = self._strips.get(index)
        if strip is None:
            strip = Strip(self._segments(self._line(index))).simplify()
            self._strips[index] = strip
        return strip.adjust_cell_length(width, self._palette.base)

    def _segments(self, line: object) -> list[Segment]:
        match line:
            case PacketHeading():
                return self._heading(line)
            case RemarkLine():
                return [
                    Segment(" " * GUTTER, self._palette.base),
                    Segment(line.text, self._tone_style(line.tone)),
                ]
            case HexLine():
                return self._dump(line)
        return []

    def _heading(self, heading: PacketHeading) -> list[Segment]:
        base, strong = self._palette.base, self._palette.base + Style(bold=True)
        return [
            Segment(f"{heading.direction:<11}", base + self._palette.accent),
            Segment(f"{heading.time:>11}  ", base + self._palette.muted),
            Segment(f"{heading.label:<20}  ", strong),
            Segment(heading.size, base + self._palette.muted),
        ]

    def _dump(self, line: HexLine) -> list[Segment]:
        base = self._palette.base
        hex_side = [Segment(f"{line.offset:04x}  ", base + self._palette.muted)]
        ascii_side = []
        for span in line.spans:
            style = self._field_style(line, span)
            hex_side += [Segment(line.gap_before(span), base), Segment(line.hex_of(span), style)]
            ascii_side.append(Segment(line.ascii_of(span, "." if self._ascii_only else "·"), style))
        used = sum(segment.cell_length for segment in hex_side)
        padding = " " * (ascii_column(self._layout.per_line) - used)
        return [*hex_side, Segment(padding, base), *ascii_side]

    def _field_style(self, line: HexLine, span: HexSpan) -> Style:
        stop = CursorStop(line.packet, span.field)
        style = self._palette.base + self._palette.field_style(span.name)
        if self.comparison and stop in self.comparison.differing:
            style += _DIFFERING
        return style + _UNDER_CURSOR if stop == self.stop else style

    def _tone_style(self, tone: LineTone) -> Style:
        base = self._palette.base
        match tone:
            case LineTone.GOOD:
                return base + self._palette.severity[Severity.UP]
            case LineTone.BAD:
                return base + self._palette.severity[Severity.DOWN]
            case LineTone.DIFFERENT:
                return base + self._palette.severity[Severity.DEGRADED]
        return base + self._palette.muted


def _stop_at(line: HexLine, offset: int) -> CursorStop:
    return next(CursorStop(line.packet, span.field) for span in line.spans if span.start <= offset < span.end)
