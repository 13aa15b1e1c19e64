"""The round-trip times of the server over a window of time that can be widened, narrowed and moved."""

from __future__ import annotations

import asyncio
import time

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from wgmon_tui.history.database import StoreUnavailableError
from wgmon_tui.history.reading import History
from wgmon_tui.monitor.board import Row
from wgmon_tui.text import format_recent_time, format_rtt, format_share
from wgmon_tui.tui.past import RttPast, read_rtt
from wgmon_tui.tui.rttplot import BELOW, LEFT, Stretch, legend, plot, stretch_of
from wgmon_tui.tui.serverhead import Detail
from wgmon_tui.tui.tabs.tab import ServerTab
from wgmon_tui.tui.text_style import Ink, not_to_be_had

WINDOWS = (
    ("15 min", 900.0),
    ("1 h", 3600.0),
    ("6 h", 21600.0),
    ("24 h", 86400.0),
    ("7 d", 604800.0),
    ("30 d", 2592000.0),
)
"""What can be plotted, with the length in seconds."""

_AT_FIRST = 1
_A_STEP = 0.25
"""Of the window, for each press of a key that moves it."""

_READ_EVERY_S = 2.0
_RIGHT_MARGIN = 2


class RttPlot(Widget):
    """The plot, in the room that there is."""

    def __init__(self) -> None:
        super().__init__()
        self._past: RttPast | None = None
        self._ink: Ink | None = None

    def show(self, past: RttPast, ink: Ink) -> None:
        """Plot this."""
        self._past, self._ink = past, ink
        self.refresh()

    def render(self) -> Text:
        """The plot and its legend."""
        if self._past is None or self._ink is None:
            return Text()
        lines = max(1, self.size.height - BELOW - 1)
        plotted = plot(self._past.buckets, self._past.stretch, lines, self._ink)
        return Text("\n", no_wrap=True).join([*plotted, legend(self._ink)])


class RttTab(ServerTab):
    """Follows the present until it is moved into the past."""

    HEAD = Detail.BARE
    NOTHING_TO_COPY = "Nothing to copy from a plot"
    DEFAULT_CSS = """
    RttTab {
        #no-rtt { height: 1fr; padding: 1; }
        #rtt-caption { height: auto; padding: 0 1; margin: 1 0; }
        RttPlot { height: 1fr; margin: 0 0 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__("RTT", id="rtt")
        self._zoom = _AT_FIRST
        self._end: float | None = None
        self._past: RttPast | None = None
        self._trouble: str | None = None
        self._reading: tuple[str, int, float | None] | None = None
        self._read_at = 0.0

    def compose(self) -> ComposeResult:
        """What is plotted, and the plot; or why there is none."""
        yield Static(id="no-rtt")
        yield Static(id="rtt-caption")
        yield RttPlot()

    @property
    def movable(self) -> RttTab:
        """The window of time."""
        return self

    @property
    def _window(self) -> float:
        return WINDOWS[self._zoom][1]

    # What is read

    def draw(self, row: Row) -> None:
        """What was read last; and read again where time has gone on."""
        past = self._past
        bucket = past.stretch.length if past else 0.0
        if past is None or past.server != row.server.name or past.stretch != self._stretch(row, like=past):
            due = 0.0
        else:
            due = max(_READ_EVERY_S, bucket / 4)
        if time.monotonic() - self._read_at >= due:
            self._read(row)
        self._write(row)

    def _stretch(self, row: Row, like: RttPast | None = None) -> Stretch:
        """What is to be plotted; where it follows the present, up to where `like` went."""
        end = self._end
        if end is None:
            end = like.stretch.end if like else self.app.clock()
        cells = self.app.size.width - LEFT - _RIGHT_MARGIN
        return stretch_of(self._window, end, cells, row.server.interval, ascii_only=self.app.ascii_only)

    def _read(self, row: Row) -> None:
        wanted = (row.server.name, self._zoom, self._end)
        if self.app.history is not None and self._reading != wanted:
            self._reading = wanted
            self.run_worker(self._reader(self.app.history, row), group="rtt", exclusive=True)

    async def _reader(self, history: History, row: Row) -> None:
        try:
            self._past = await asyncio.to_thread(read_rtt, history, row.server.name, self._stretch(row))
            self._trouble = None
        except StoreUnavailableError as error:
            self._trouble = str(error)
        self._reading = None
        self._read_at = time.monotonic()
        if self.row:
            self._write(self.row)

    # What is shown

    def _write(self, row: Row) -> None:
        past = self._past if self._past and self._past.server == row.server.name else None
        why = self._why_nothing(past)
        empty, caption = self.query_one("#no-rtt", Static), self.query_one("#rtt-caption", Static)
        drawing = self.query_one(RttPlot)
        empty.display = bool(why)
        caption.display = drawing.display = not why
        if why:
            empty.update(not_to_be_had(*why, self.ink()))
        elif past:
            caption.update(self._caption(past))
            drawing.show(past, self.ink(left=_RIGHT_MARGIN))

    def _why_nothing(self, past: RttPast | None) -> tuple[str, str] | None:
        if self.app.history is None:
            return "No history", "Nothing is stored in this run, so there is nothing to plot."
        if self._trouble:
            return "The history cannot be read now", self._trouble
        return None if past else ("Reading the history", "It is there in a moment.")

    def _caption(self, past: RttPast) -> Text:
        """The window, from when to when, and its figures; what has no room goes, the least telling first."""
        palette, now, stretch, seen = self.app.palette, self.app.clock(), past.stretch, past.seen
        dash = "-" if self.app.ascii_only else "–"
        until = "now" if self._end is None else format_recent_time(stretch.end, now)
        name = next((name for name, length in WINDOWS if length == stretch.end - stretch.start), "")
        line = Text().append(name, palette.text + Style(bold=True))
        line.append(f"  {format_recent_time(stretch.start, now)} {dash} {until}", palette.text)
        if self._end is not None:
            line.append("  0", palette.accent + Style(bold=True)).append(" back to now", palette.muted)
        figures = [(f"p{of}", value) for of, value in ((50, seen.p50), (95, seen.p95), (99, seen.p99))]
        told = [(name, format_rtt(value)) for name, value in figures if value is not None]
        if seen.loss is not None:
            told.append(("loss", f"{format_share(seen.loss)} of {seen.checks:,}"))
        elif not told:
            told.append(("no check in this time", ""))
        for name, value in told:
            part = Text.assemble((f"   {name} ", palette.muted), (value, palette.text))
            if line.cell_len + part.cell_len <= self.app.size.width - _RIGHT_MARGIN:
                line.append_text(part)
        return line

    # What can be done

    def offers(self, action: str) -> bool:
        """The keys of the plot."""
        match action:
            case "zoom_in":
                return self._zoom > 0
            case "zoom_out":
                return self._zoom < len(WINDOWS) - 1
            case "now":
                return self._end is not None
        return action in ("left", "right")

    def zoom(self, steps: int) -> None:
        """Show more or less time around the middle of what is shown; up to now, where that is shown."""
        zoom = max(0, min(self._zoom + steps, len(WINDOWS) - 1))
        if self._end is not None:
            middle = self._end - self._window / 2
            self._go_to(middle + WINDOWS[zoom][1] / 2)
        self._zoom = zoom
        self._changed()

    def left(self) -> None:
        """Back in time."""
        self._move(-_A_STEP)

    def right(self) -> None:
        """Forward in time, as far as now."""
        self._move(_A_STEP)

    def page_up(self) -> None:
        """A whole window back."""
        self._move(-1)

    def page_down(self) -> None:
        """A whole window forward."""
        self._move(1)

    def up(self) -> None:
        """Less time, and more of it."""
        self.zoom(-1)

    def down(self) -> None:
        """More time."""
        self.zoom(1)

    def first(self) -> None:
        """As far back as the widest window goes."""
        self._go_to(self.app.clock() - WINDOWS[-1][1] + self._window)
        self._changed()

    def last(self) -> None:
        """Back to now."""
        self._end = None
        self._changed()

    def _move(self, windows: float) -> None:
        end = self.app.clock() if self._end is None else self._end
        self._go_to(end + windows * self._window)
        self._changed()

    def _go_to(self, end: float) -> None:
        self._end = end if end < self.app.clock() else None

    def _changed(self) -> None:
        if self.row:
            self._read(self.row)
            self._write(self.row)
        self.screen.refresh_bindings()

    def to_copy(self) -> tuple[str, str] | None:
        """Nothing: a plot is no text."""
        return None

    def leave_server(self) -> None:
        """The window stays, so that servers can be compared; what was read does not."""
        super().leave_server()
        self._past = None
        self._trouble = None
