"""The server table and the preview pane: below it, or beside it on a wide terminal."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize

from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.records import dataclass
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.fleet.preview_pane import PreviewPane
from wgmon_tui.tui.fleet.table import FleetTable
from wgmon_tui.tui.fleet.tag_groups import TagGroup
from wgmon_tui.tui.terminal.repaint_throttle import LOW_BANDWIDTH

_WIDE = 120
"""Columns of the terminal from which the pane is at the side."""

_LEAST_ROWS, _USUAL_ROWS = 14, 20
"""Rows of the terminal that the pane needs if it was chosen, and if it was not."""

_TABLE_WIDTH = 96
"""Columns that the table gets before the pane grows: it then shows loss, uptime and since."""

_SIDE_WIDTHS = (43, 68)
_MARGIN = 1
_BELOW_HEIGHTS = (7, 12)


@dataclass(frozen=True, slots=True)
class PreviewPlace:
    """Where the pane is, and its width or height there in cells."""

    is_beside: bool
    size: int


def preview_place(
    width: int, height: int, chosen: bool | None, *, is_low_bandwidth: bool
) -> PreviewPlace | None:
    """The place of the pane on a terminal of this size; None for no pane.

    If nothing is `chosen`, a short terminal and a slow link have no pane.
    """
    is_wanted = not is_low_bandwidth if chosen is None else chosen
    if not is_wanted or height < (_LEAST_ROWS if chosen else _USUAL_ROWS):
        return None
    if width >= _WIDE:
        least, most = _SIDE_WIDTHS
        return PreviewPlace(True, max(least, min(most, width - _TABLE_WIDTH - _MARGIN)))
    least, most = _BELOW_HEIGHTS
    return PreviewPlace(False, max(least, min(most, height // 3)))


def table_width(width: int, place: PreviewPlace | None) -> int:
    """The cells that the pane leaves to the table on a terminal of this width."""
    return width - place.size - _MARGIN if place is not None and place.is_beside else width


class FleetBody(Container):
    """Holds the table, and places the pane by the size of the terminal and by what was chosen."""

    app: AppContext
    DEFAULT_CSS = """
    FleetBody {
        height: 1fr;
        layout: vertical;
        &.-beside { layout: horizontal; }
        FleetTable { width: 1fr; }
    }
    """

    def __init__(self, table: FleetTable) -> None:
        super().__init__()
        self._table = table
        self.preview = PreviewPane(self._target)
        self._placed: tuple[PreviewPlace | None] | None = None

    def compose(self) -> ComposeResult:
        """Yield the table and the pane, in its place before they get their styles."""
        self.place()
        yield self._table
        yield self.preview

    @property
    def has_preview(self) -> bool:
        """Whether the pane is on screen."""
        return self.preview.display

    def on_resize(self, _event: Resize) -> None:
        """Place the pane again."""
        self.place()

    def place(self) -> None:
        """Place the pane for the size of the terminal, or hide it."""
        size, pane = self.app.size, self.preview
        is_low = self.app.repaint_throttle.limits is LOW_BANDWIDTH
        place = preview_place(size.width, size.height, self.app.choices.preview, is_low_bandwidth=is_low)
        if self._placed == (place,):
            return
        self._placed = (place,)
        pane.display = place is not None
        if place is None:
            return
        self.set_class(place.is_beside, "-beside")
        pane.styles.width = place.size if place.is_beside else "100%"
        pane.styles.height = "100%" if place.is_beside else place.size
        pane.styles.margin = (0, 0, 0, _MARGIN if place.is_beside else 0)

    def follow(self) -> None:
        """Update the pane; the screen updates the table."""
        self.place()
        self.preview.follow()

    def on_cursor_table_cursor_changed(self) -> None:
        """Show the line under the cursor."""
        if self.has_preview:
            self.preview.cursor_moved()

    def _target(self) -> ServerState | TagGroup | None:
        return self._table.cursor_group or self._table.cursor_row
