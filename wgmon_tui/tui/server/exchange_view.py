"""Exchange view: the hex dump of one check, and an explanation of the field under its cursor."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from wgmon_tui.checks.check import Check
from wgmon_tui.protocols.wireguard.wire import fields_of, label_of
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.server.exchange_layout import explain
from wgmon_tui.tui.server.header import field_panel, legend
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.theme.text_style import TextStyle

_WIDE = 120
_NARROW = 80
_MARGINS = 2
_DUMP_WIDTH = 81
"""Columns of the dump and the margins if the field panel is next to the dump."""


class ExchangeView(Container):
    """The dump above the field panel, or beside it on a wide terminal. It is hidden without packets."""

    app: AppContext
    DEFAULT_CSS = """
    ExchangeView {
        height: 1fr;
        HexView { height: 1fr; margin: 0 0 0 1; }
        #field { height: auto; min-height: 4; background: $panel; padding: 0 1; }
        &.-narrow #field { min-height: 5; }
        &.-wide { layout: horizontal; margin: 1 0 0 0; }
        &.-wide HexView { width: 76; }
        &.-wide #field { width: 1fr; height: 1fr; margin: 0 0 0 2; background: transparent; }
    }
    """

    def compose(self) -> ComposeResult:
        """Yield the dump and the field panel."""
        yield HexView(lambda: self.app.palette, ascii_only=self.app.ascii_only)
        yield Static(id="field")

    @property
    def dump(self) -> HexView:
        """The hex dump with the field cursor."""
        return self.query_one(HexView)

    def show(self, check: Check | None, good: Check | None = None) -> None:
        """Show the packets of `check`, compared with those of `good` if given."""
        self.set_class(self.app.size.width >= _WIDE, "-wide")
        self.set_class(self.app.size.width < _NARROW, "-narrow")
        self.dump.show(check, good)
        self.display = check is not None and bool(check.exchange)
        self._draw_field()

    def on_hex_view_cursor_moved(self) -> None:
        """Explain the field."""
        self._draw_field()

    def copyable_text(self) -> tuple[str, str] | None:
        """The packet under the cursor as hex, and a description of it."""
        check, stop = self.dump.check, self.dump.stop
        if check is None or stop is None:
            return None
        data = check.exchange[stop.packet].data
        return data.hex(), f"{label_of(data)}, {len(data)} bytes, as hex"

    def _draw_field(self) -> None:
        panel, check, stop = self.query_one("#field", Static), self.dump.check, self.dump.stop
        if check is None or stop is None:
            panel.update("")
        elif self.has_class("-wide"):
            style = self._content_style(_DUMP_WIDTH)
            fields = legend(fields_of(check.exchange[stop.packet].data), stop.field, style)
            panel.update(Text("\n\n").join([fields, field_panel(explain(check, stop), style)]))
        else:
            panel.update(field_panel(explain(check, stop), self._content_style(_MARGINS)))

    def _content_style(self, left: int) -> TextStyle:
        return TextStyle(self.app.palette, self.app.glyphs, self.app.size.width - left)
