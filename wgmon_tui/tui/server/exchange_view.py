"""Exchange view: the hex dump of one check, and an explanation of the field under its cursor."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import Static

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.packets import fields_of, label_of
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.server.exchange_layout import CursorStop, explain
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.server.packets_text import field_panel, legend
from wgmon_tui.tui.theme.text_style import TextStyle

WIDE = 120
"""Columns from which the field panel, or a good exchange, is beside the dump."""

_NARROW = 80
_MARGINS = 2
_DUMP_WIDTH = 81
"""Columns of the dump and the margins if the field panel is next to the dump."""


class ExchangeView(Container):
    """The dump above the field panel, or beside it if there is room. It is hidden without packets.

    A good exchange may be beside it. Then the field cursor is on the same field in both. `width` returns
    the cells that the view has; without it, the view is as wide as the terminal.
    """

    app: AppContext
    DEFAULT_CSS = """
    ExchangeView {
        height: 1fr;
        #dumps { height: 1fr; }
        HexView { height: 1fr; margin: 0 0 0 1; }
        .title { display: none; height: 1; padding: 0 1; background: $panel; }
        #beside { display: none; }
        #field { height: auto; min-height: 4; background: $panel; padding: 0 1; }
        &.-narrow #field { min-height: 4; }
        &.-wide { layout: horizontal; margin: 1 0 0 0; }
        &.-wide #dumps { width: 77; }
        &.-wide #field { width: 1fr; height: 1fr; margin: 0 0 0 2; background: transparent; }
        &.-beside #beside, &.-beside .title { display: block; }
    }
    """

    def __init__(self, width: Callable[[], int] | None = None, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._width = width or (lambda: self.app.size.width)

    def compose(self) -> ComposeResult:
        """Yield the dump, the good one beside it, and the field panel."""
        with Horizontal(id="dumps"):
            with Vertical():
                yield Static(id="own-title", classes="title", markup=False)
                yield HexView(lambda: self.app.palette, ascii_only=self.app.ascii_only, id="own")
            with Vertical(id="beside"):
                yield Static(id="good-title", classes="title", markup=False)
                yield HexView(lambda: self.app.palette, ascii_only=self.app.ascii_only, id="good")
        yield Static(id="field")

    @property
    def dump(self) -> HexView:
        """The hex dump with the field cursor."""
        return self.query_one("#own", HexView)

    @property
    def good_dump(self) -> HexView:
        """The hex dump of the good exchange beside it."""
        return self.query_one("#good", HexView)

    def show(
        self, check: Check | None, good: Check | None = None, *, titles: tuple[Text, Text] | None = None
    ) -> None:
        """Show the packets of `check`, compared with those of `good` if given.

        With `titles`, the packets of `good` are shown beside them, below these titles.
        """
        beside = titles is not None and good is not None
        self.set_class(beside, "-beside")
        self.set_class(self._width() >= WIDE and not beside, "-wide")
        self.set_class(self._width() < _NARROW, "-narrow")
        self.dump.show(check, good)
        self.good_dump.show(good if beside else None)
        for id_, title in zip(("own-title", "good-title"), titles or (), strict=False):
            self.query_one(f"#{id_}", Static).update(title)
        self.display = check is not None and bool(check.exchange)
        self._follow_beside()
        self._draw_field(self.dump)

    def on_hex_view_cursor_moved(self, event: HexView.CursorMoved) -> None:
        """Explain the field, and move to the same one in the good exchange."""
        if event.view is self.dump:
            self._follow_beside()
            self._draw_field(self.dump)
        elif event.by_user:
            self._draw_field(self.good_dump)

    def _follow_beside(self) -> None:
        stop, comparison, good = self.dump.stop, self.dump.comparison, self.good_dump.check
        number = comparison.pairs.get(stop.packet) if stop and comparison else None
        if good and stop and number is not None:
            last_field = len(fields_of(good, good.exchange[number])) - 1
            self.good_dump.move_to(CursorStop(number, min(stop.field, last_field)))

    def copyable_text(self) -> tuple[str, str] | None:
        """The packet under the cursor as hex, and a description of it."""
        check, stop = self.dump.check, self.dump.stop
        if check is None or stop is None:
            return None
        packet = check.exchange[stop.packet]
        size = len(packet.data)
        return packet.data.hex(), f"{label_of(check, packet)}, {size} bytes, as hex"

    def _draw_field(self, dump: HexView) -> None:
        panel, check, stop = self.query_one("#field", Static), dump.check, dump.stop
        if check is None or stop is None:
            panel.update("")
        elif self.has_class("-wide"):
            style = self._content_style(_DUMP_WIDTH)
            fields = legend(fields_of(check, check.exchange[stop.packet]), stop.field, style)
            panel.update(Text("\n\n").join([fields, field_panel(explain(check, stop), style)]))
        else:
            panel.update(field_panel(explain(check, stop), self._content_style(_MARGINS)))

    def _content_style(self, left: int) -> TextStyle:
        return TextStyle(self.app.palette, self.app.glyphs, self._width() - left)
