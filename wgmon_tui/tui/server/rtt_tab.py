"""RTT tab: the round-trip times of a server over a period that can be moved and zoomed."""

from __future__ import annotations

import asyncio
import time

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp
from textual.widget import Widget
from textual.widgets import Static

from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.store.database import MissingStoreError, StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.text import format_recent_time, format_rtt, format_share
from wgmon_tui.tui.server.header import HeaderDetail
from wgmon_tui.tui.server.history_queries import RttHistory, read_rtt
from wgmon_tui.tui.server.rtt_plot import LABEL_CELLS, LINES_BELOW, TimeWindow, legend, plot, plot_window
from wgmon_tui.tui.server.tab import ServerTab
from wgmon_tui.tui.theme.text_style import TextStyle, unavailable_text

WINDOWS = (
    ("15 min", 900.0),
    ("1 h", 3600.0),
    ("6 h", 21600.0),
    ("24 h", 86400.0),
    ("7 d", 604800.0),
    ("30 d", 2592000.0),
)
"""The periods that can be plotted, with their length in seconds."""

_INITIAL_WINDOW = 1
_STEP_SHARE = 0.25
"""Share of the window that one key press moves."""

_READ_INTERVAL_S = 2.0
_RIGHT_MARGIN = 2


class RttPlot(Widget):
    """The plot, scaled to the available size."""

    def __init__(self) -> None:
        super().__init__()
        self._loaded: RttHistory | None = None
        self._content_style: TextStyle | None = None

    def show(self, loaded: RttHistory, content_style: TextStyle) -> None:
        """Plot the loaded history."""
        self._loaded, self._content_style = loaded, content_style
        self.refresh()

    def render(self) -> Text:
        """Return the plot and its legend."""
        if self._loaded is None or self._content_style is None:
            return Text()
        lines = max(1, self.size.height - LINES_BELOW - 1)
        plotted = plot(self._loaded.buckets, self._loaded.time_window, lines, self._content_style)
        return Text("\n", no_wrap=True).join([*plotted, legend(self._content_style)])


class RttTab(ServerTab):
    """Follows the present until the user moves the window into the past."""

    MAX_HEADER_DETAIL = HeaderDetail.BARE
    NOTHING_TO_COPY = "A plot cannot be copied"
    DEFAULT_CSS = """
    RttTab {
        #no-rtt { height: 1fr; padding: 1; }
        #rtt-caption { height: auto; padding: 0 1; margin: 1 0; }
        RttPlot { height: 1fr; margin: 0 0 0 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__("RTT", id="rtt")
        self.vantage = LOCAL_VANTAGE
        """The vantage whose checks are plotted."""
        self._zoom = _INITIAL_WINDOW
        self._end: float | None = None
        self._loaded: RttHistory | None = None
        self._read_error: str | None = None
        self._reading: tuple[str, str, int, float | None] | None = None
        self._read_at = 0.0

    def compose(self) -> ComposeResult:
        """Yield the caption and the plot, and the text shown when there is no plot."""
        yield Static(id="no-rtt")
        yield Static(id="rtt-caption")
        yield RttPlot()

    @property
    def scrollable(self) -> RttTab:
        """The tab itself: keys move the time window."""
        return self

    @property
    def _window(self) -> float:
        return WINDOWS[self._zoom][1]

    # Loading

    def draw(self, server_state: ServerState) -> None:
        """Draw the loaded history, and reload it if it is outdated."""
        loaded = self._loaded
        bucket = loaded.time_window.length if loaded else 0.0
        if (
            loaded is None
            or (loaded.server, loaded.vantage) != (server_state.server.name, self.vantage)
            or loaded.time_window != self._time_window(server_state, previous=loaded)
        ):
            due = 0.0
        else:
            due = max(_READ_INTERVAL_S, bucket / 4)
        if time.monotonic() - self._read_at >= due:
            self._read(server_state)
        self._write(server_state)

    def _time_window(self, server_state: ServerState, previous: RttHistory | None = None) -> TimeWindow:
        """The period to plot. While it follows the present, it ends where `previous` ended."""
        end = self._end
        if end is None:
            end = previous.time_window.end if previous else self.app.clock()
        cells = self.page_width - LABEL_CELLS - _RIGHT_MARGIN
        return plot_window(
            self._window, end, cells, server_state.server.interval, ascii_only=self.app.ascii_only
        )

    def _read(self, server_state: ServerState) -> None:
        wanted = (server_state.server.name, self.vantage, self._zoom, self._end)
        if self.app.history is not None and self._reading != wanted:
            self._reading = wanted
            self.run_worker(self._reader(self.app.history, server_state), group="rtt", exclusive=True)

    async def _reader(self, history: History, server_state: ServerState) -> None:
        try:
            self._loaded = await asyncio.to_thread(
                read_rtt, history, server_state.server.name, self._time_window(server_state), self.vantage
            )
            self._read_error = None
        except MissingStoreError:
            self._read_error = "There is none yet: no process has checked these servers."
        except StoreUnavailableError as error:
            self._read_error = str(error)
        self._reading = None
        self._read_at = time.monotonic()
        if self.server_state:
            self._write(self.server_state)

    # Display

    def _write(self, server_state: ServerState) -> None:
        loaded = self._loaded if self._loaded and self._loaded.server == server_state.server.name else None
        why = self._empty_reason(loaded)
        empty, caption = self.query_one("#no-rtt", Static), self.query_one("#rtt-caption", Static)
        drawing = self.query_one(RttPlot)
        empty.display = bool(why)
        caption.display = drawing.display = not why
        if why:
            empty.update(unavailable_text(*why, self.content_style()))
        elif loaded:
            caption.update(self._caption(loaded))
            drawing.show(loaded, self.content_style(left=_RIGHT_MARGIN))

    def _empty_reason(self, loaded: RttHistory | None) -> tuple[str, str] | None:
        if self.app.history is None:
            return "No history", "This run stores nothing, so there is nothing to plot."
        if self._read_error:
            return "The history cannot be read now", self._read_error
        return None if loaded else ("Loading the history", "This takes a moment.")

    def _caption(self, loaded: RttHistory) -> Text:
        """The period, its start and end, and its figures. Figures that do not fit are left out."""
        palette, now, time_window, seen = self.app.palette, self.app.clock(), loaded.time_window, loaded.seen
        dash = "-" if self.app.ascii_only else "–"
        until = "now" if self._end is None else format_recent_time(time_window.end, now)
        name = next((name for name, length in WINDOWS if length == time_window.end - time_window.start), "")
        line = Text().append(name, palette.text + Style(bold=True))
        line.append(f"  {format_recent_time(time_window.start, now)} {dash} {until}", palette.text)
        if loaded.vantage != LOCAL_VANTAGE:
            line.append(f"  from {self.app.glyphs.clean(loaded.vantage)}", palette.accent)
        if self._end is not None:
            line.append("  0", palette.accent + Style(bold=True)).append(" back to now", palette.muted)
        figures = [(f"p{of}", value) for of, value in ((50, seen.p50), (95, seen.p95), (99, seen.p99))]
        shown_figures = [(name, format_rtt(value)) for name, value in figures if value is not None]
        if seen.loss is not None:
            shown_figures.append(("loss", f"{format_share(seen.loss)} of {seen.checks:,}"))
        elif not shown_figures:
            shown_figures.append(("no checks in this period", ""))
        for name, value in shown_figures:
            part = Text.assemble((f"   {name} ", palette.muted), (value, palette.text))
            if line.cell_len + part.cell_len <= self.page_width - _RIGHT_MARGIN:
                line.append_text(part)
        return line

    # Actions

    def can_run(self, action: str) -> bool:
        """Whether a key of the plot works now."""
        if self.app.history is None:
            return False
        match action:
            case "next_vantage":
                return bool(self.app.engine.fleet_state.vantages)
            case "zoom_in":
                return self._zoom > 0
            case "zoom_out":
                return self._zoom < len(WINDOWS) - 1
            case "now":
                return self._end is not None
        return action in ("left", "right")

    def zoom(self, steps: int) -> None:
        """Zoom around the middle of the window, or at its end while it follows the present."""
        zoom = max(0, min(self._zoom + steps, len(WINDOWS) - 1))
        if self._end is not None:
            middle = self._end - self._window / 2
            self._go_to(middle + WINDOWS[zoom][1] / 2)
        self._zoom = zoom
        self._changed()

    def left(self) -> None:
        """Move back in time."""
        self._move(-_STEP_SHARE)

    def right(self) -> None:
        """Move forward in time, at most to the present."""
        self._move(_STEP_SHARE)

    def page_up(self) -> None:
        """Move back by a whole window."""
        self._move(-1)

    def page_down(self) -> None:
        """Move forward by a whole window."""
        self._move(1)

    def up(self) -> None:
        """Zoom in."""
        self.zoom(-1)

    def down(self) -> None:
        """Zoom out."""
        self.zoom(1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Zoom in with the wheel."""
        event.stop()
        self.zoom(-1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Zoom out with the wheel."""
        event.stop()
        self.zoom(1)

    def first(self) -> None:
        """Move back as far as the widest window goes."""
        self._go_to(self.app.clock() - WINDOWS[-1][1] + self._window)
        self._changed()

    def last(self) -> None:
        """Move to the present."""
        self._end = None
        self._changed()

    def _move(self, windows: float) -> None:
        end = self.app.clock() if self._end is None else self._end
        self._go_to(end + windows * self._window)
        self._changed()

    def _go_to(self, end: float) -> None:
        self._end = end if end < self.app.clock() else None

    def _changed(self) -> None:
        if self.server_state:
            self._read(self.server_state)
            self._write(self.server_state)
        self.screen.refresh_bindings()

    def copyable_text(self) -> tuple[str, str] | None:
        """None: a plot is not text."""
        return None

    def clear_server(self) -> None:
        """Forget the loaded history. The window stays, so that servers can be compared."""
        super().clear_server()
        self._loaded = None
        self._read_error = None
