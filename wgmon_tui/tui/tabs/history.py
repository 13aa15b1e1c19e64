"""The history of the server: figures, hours, incidents and failed checks, of which each opens its packets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from wgmon_tui.history.database import StoreUnavailableError
from wgmon_tui.history.reading import History
from wgmon_tui.monitor.board import Row
from wgmon_tui.tui import incidentlines
from wgmon_tui.tui.heatmap import days_for, heat_map, legend
from wgmon_tui.tui.historytab import failure_columns, failure_heading, failure_line, figures
from wgmon_tui.tui.incident_queries import Opened, read_failure, read_opening
from wgmon_tui.tui.past import FAILURES_AT_ONCE, ServerPast, read_server
from wgmon_tui.tui.pickview import PickLine, PickView
from wgmon_tui.tui.serverhead import Detail
from wgmon_tui.tui.tabs.tab import ServerTab
from wgmon_tui.tui.text_style import Ink, not_to_be_had

_READ_EVERY_S = 10.0
_READ_AGAIN_S = 1.0
"""While an incident of the board is not in the store as it is there; it is written within a second."""

_LOOK_EVERY_S = 1.0
_LINES_BESIDE_THE_MAP = 24
_BESIDE_SCROLLBAR = 3


class HistoryTab(ServerTab):
    """Reads the store in a thread while it is open, and draws what it has meanwhile."""

    HEAD = Detail.BARE
    NOTHING_TO_COPY = "No line to copy"
    DEFAULT_CSS = """
    HistoryTab {
        PickView { height: 1fr; margin: 1 0 0 1; }
        #no-history { height: 1fr; padding: 1; }
    }
    """

    class Chosen(Message):
        """Somebody wants to see a stored exchange."""

        def __init__(self, opened: Opened) -> None:
            super().__init__()
            self.opened = opened

    def __init__(self) -> None:
        super().__init__("History", id="history")
        self._past: ServerPast | None = None
        self._trouble: str | None = None
        self._reading: str | None = None
        self._read_at = 0.0
        self._failures = FAILURES_AT_ONCE

    def compose(self) -> ComposeResult:
        """The page, or why there is none."""
        yield Static(id="no-history")
        yield PickView(lambda: self.app.palette, from_the_top=True)

    def on_mount(self) -> None:
        """What is written to the store shows up without a check of this server."""
        self.set_interval(_LOOK_EVERY_S, self._look)

    @property
    def movable(self) -> PickView:
        """The page and its list."""
        return self.query_one(PickView)

    # What is read

    def draw(self, row: Row) -> None:
        """What was read last; and read again where that is old."""
        self._read_where_old(row)
        self._write(row)

    def _look(self) -> None:
        if self.row and self.is_on_screen and self.screen.is_current:
            self._read_where_old(self.row)

    def _read_where_old(self, row: Row) -> None:
        history, name = self.app.history, row.server.name
        if history is None or self._reading == name:
            return
        age = time.monotonic() - self._read_at
        known = self._past is not None and self._past.server == name
        current = known and not self._outdated(row)
        if not known or age >= (_READ_EVERY_S if current else _READ_AGAIN_S):
            self._read(history, row)

    def _outdated(self, row: Row) -> bool:
        """Whether the store did not yet say of the open incident what the board says of it."""
        stored = self._past.incidents if self._past else ()
        told = [entry.incident for entry in stored if entry.incident.closed_at is None]
        return told != ([row.incident] if row.incident else [])

    def _read(self, history: History, row: Row) -> None:
        self._reading = row.server.name
        self.run_worker(self._reader(history, row), group="history", exclusive=True)

    async def _reader(self, history: History, row: Row) -> None:
        days = days_for(self.app.size.height - _LINES_BESIDE_THE_MAP)
        try:
            self._past = await asyncio.to_thread(
                read_server, history, row.server, self.app.clock(), days, self._failures
            )
            self._trouble = None
        except StoreUnavailableError as error:
            self._trouble = str(error)
        self._reading = None
        self._read_at = time.monotonic()
        if self.row and self.row.server.name == row.server.name:
            self._write(self.row)
            self.screen.refresh_bindings()

    # What is shown

    def _write(self, row: Row) -> None:
        ink = self.ink(left=_BESIDE_SCROLLBAR)
        past = self._past if self._past and self._past.server == row.server.name else None
        why = self._why_nothing(past)
        empty = self.query_one("#no-history", Static)
        empty.display, self.movable.display = bool(why), not why
        if why:
            empty.update(not_to_be_had(*why, ink))
        elif past:
            self.movable.show(self._lines(past, ink))

    def _why_nothing(self, past: ServerPast | None) -> tuple[str, str] | None:
        if self.app.history is None:
            return "No history", "Nothing is stored in this run, so nothing of the past can be shown."
        if self._trouble:
            return "The history cannot be read now", self._trouble
        if past is None:
            return "Reading the history", "It is there in a moment."
        if past.empty:
            return "No history yet", "The first check of this server begins it."
        return None

    def _lines(self, past: ServerPast, ink: Ink) -> list[PickLine]:
        now, days = self.app.clock(), days_for(self.app.size.height - _LINES_BESIDE_THE_MAP)
        blank = PickLine(Text(""))
        note = self.app.history_note
        page = [PickLine(each) for each in ink.paragraph(note, ink.palette.muted)] if note else []
        page += [*map(PickLine, figures(past.seen, ink)), blank]
        page += [*map(PickLine, heat_map(past.hours, now, days, ink)), *map(PickLine, legend(ink)), blank]
        open_ones = sum(entry.incident.closed_at is None for entry in past.incidents)
        count = f"{len(past.incidents)}, {open_ones} open" if open_ones else str(len(past.incidents))
        page.append(_title("Incidents", count if past.incidents else "none is known", ink))
        if past.incidents:
            columns = incidentlines.columns_for(ink.width, with_server=False)
            page.append(PickLine(Text(incidentlines.heading(columns), style=ink.palette.muted)))
            page += [
                PickLine(incidentlines.line(entry, now, columns, ink), f"incident {entry.incident.id}")
                for entry in past.incidents
            ]
        page += [blank, _title("Failed checks", "" if past.failures else "none is known", ink)]
        if past.failures:
            places = failure_columns(past.failures)
            page.append(PickLine(Text(failure_heading(places), style=ink.palette.muted)))
            page += [
                PickLine(failure_line(failure, now, places, ink), f"check {number}")
                for number, failure in enumerate(past.failures)
            ]
        return page

    # What can be done

    def offers(self, action: str) -> bool:
        """Opening what is under the cursor."""
        return action == "open" and self.movable.cursor is not None

    def on_pick_view_moved(self) -> None:
        """Offer what can be done here; and at the end of the list fetch more of it."""
        self.screen.refresh_bindings()
        past = self._past
        if past is None or self.row is None or self.app.history is None or self._reading:
            return
        if past.more and self.movable.cursor == f"check {len(past.failures) - 1}":
            self._failures = len(past.failures) + FAILURES_AT_ONCE
            self._read(self.app.history, self.row)

    def on_pick_view_opened(self) -> None:
        """A double click opens as well."""
        self.open()

    def open(self) -> None:
        """Show the packets of what is under the cursor."""
        past, history, cursor = self._past, self.app.history, self.movable.cursor
        if past is None or history is None or cursor is None:
            return
        kind, _, rest = cursor.partition(" ")
        if kind == "incident":
            incident = next(entry.incident for entry in past.incidents if entry.incident.id == rest)
            self._open(lambda: read_opening(history, incident))
            return
        kept = past.failures[int(rest)].exchange
        if kept is None:
            self.app.say("The packets of this check were not kept")
        else:
            self._open(lambda: read_failure(history, kept))

    def _open(self, read: Callable[[], Opened | None]) -> None:
        self.run_worker(self._opener(read), group="exchange", exclusive=True)

    async def _opener(self, read: Callable[[], Opened | None]) -> None:
        try:
            opened = await asyncio.to_thread(read)
        except StoreUnavailableError as error:
            self.app.say(str(error), seconds=5)
            return
        if opened is None:
            self.app.say("Its packets are no longer kept")
        else:
            self.post_message(self.Chosen(opened))

    def to_copy(self) -> tuple[str, str] | None:
        """The line under the cursor."""
        text = self.movable.text_at_cursor
        return (text, "the line") if text else None

    def leave_server(self) -> None:
        """Another server has another past."""
        super().leave_server()
        self._failures = FAILURES_AT_ONCE
        self._trouble = None
        self.movable.show(())
        self.movable.to_top()


def _title(words: str, more: str, ink: Ink) -> PickLine:
    title = Text().append(words, ink.palette.text + Style(bold=True))
    return PickLine(title.append(f"  {more}", ink.palette.muted))
