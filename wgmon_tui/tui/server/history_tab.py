"""History tab: figures, heat map, incidents and failed checks of a server. A line opens its details."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.store.database import MissingStoreError, StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.tui.heat_marks import legend
from wgmon_tui.tui.lists import incident_text
from wgmon_tui.tui.lists.incident_queries import OpenedExchange, read_exchange
from wgmon_tui.tui.server.header import HeaderDetail
from wgmon_tui.tui.server.heatmap import choose_days, heat_map
from wgmon_tui.tui.server.history_queries import FAILURES_PAGE_SIZE, ServerHistory, read_server
from wgmon_tui.tui.server.history_text import failure_columns, failure_heading, failure_line, figures
from wgmon_tui.tui.server.tab import ServerTab
from wgmon_tui.tui.theme.text_style import TextStyle, unavailable_text
from wgmon_tui.tui.widgets.line_list import LineList, ListLine

_READ_INTERVAL_S = 10.0
_OUTDATED_READ_INTERVAL_S = 1.0
"""Interval while the store lags behind the open incident. The store is written within a second."""

_POLL_INTERVAL_S = 1.0
_LINES_OUTSIDE_MAP = 24
_SCROLLBAR_MARGIN = 3


class HistoryTab(ServerTab):
    """Reads the store in a thread while it is open, and draws the last result meanwhile."""

    MAX_HEADER_DETAIL = HeaderDetail.BARE
    NOTHING_TO_COPY = "No line to copy"
    DEFAULT_CSS = """
    HistoryTab {
        LineList { height: 1fr; margin: 1 0 0 1; }
        #no-history { height: 1fr; padding: 1; }
    }
    """

    class ExchangeChosen(Message):
        """The user opened a stored exchange."""

        def __init__(self, opened: OpenedExchange) -> None:
            super().__init__()
            self.opened = opened

    def __init__(self) -> None:
        super().__init__("History", id="history")
        self.vantage = LOCAL_VANTAGE
        """The vantage whose history is shown."""
        self._loaded: ServerHistory | None = None
        self._unreadable: tuple[str, str] | None = None
        self._reading: tuple[str, str] | None = None
        self._read_at = 0.0
        self._failures = FAILURES_PAGE_SIZE

    def compose(self) -> ComposeResult:
        """Yield the page, and the text shown when there is no history."""
        yield Static(id="no-history")
        yield LineList(lambda: self.app.palette, start_at_top=True)

    def on_mount(self) -> None:
        """Start the poll timer: the store can change without a check of this server."""
        self.set_interval(_POLL_INTERVAL_S, self._refresh_if_stale)

    @property
    def scrollable(self) -> LineList:
        """The page with its list."""
        return self.query_one(LineList)

    # Loading

    def draw(self, server_state: ServerState) -> None:
        """Draw the loaded history, and reload it if it is outdated."""
        self._read_if_stale(server_state)
        self._write(server_state)

    def _refresh_if_stale(self) -> None:
        if self.server_state and self.is_on_screen and self.screen.is_current:
            self._read_if_stale(self.server_state)

    def _read_if_stale(self, server_state: ServerState) -> None:
        history, wanted = self.app.history, (server_state.server.name, self.vantage)
        if history is None or self._reading == wanted:
            return
        age = time.monotonic() - self._read_at
        known = self._loaded is not None and (self._loaded.server, self._loaded.vantage) == wanted
        current = known and not self._is_outdated(server_state)
        if not known or age >= (_READ_INTERVAL_S if current else _OUTDATED_READ_INTERVAL_S):
            self._read(history, server_state)

    def _is_outdated(self, server_state: ServerState) -> bool:
        """Whether the stored open incident differs from the current one."""
        stored = self._loaded.incidents if self._loaded else ()
        stored_open = [entry.incident for entry in stored if entry.incident.closed_at is None]
        return stored_open != ([server_state.incident] if server_state.incident else [])

    def _read(self, history: History, server_state: ServerState) -> None:
        self._reading = server_state.server.name, self.vantage
        self.run_worker(self._reader(history, server_state), group="history", exclusive=True)

    async def _reader(self, history: History, server_state: ServerState) -> None:
        days = choose_days(self.app.size.height - _LINES_OUTSIDE_MAP)
        try:
            self._loaded = await asyncio.to_thread(
                read_server,
                history,
                server_state.server,
                self.app.clock(),
                days,
                self._failures,
                self.vantage,
            )
            self._unreadable = None
        except MissingStoreError:
            self._unreadable = "No history yet", "No process has checked these servers."
        except StoreUnavailableError as error:
            self._unreadable = "The history cannot be read now", str(error)
        self._reading = None
        self._read_at = time.monotonic()
        if self.server_state and self.server_state.server.name == server_state.server.name:
            self._write(self.server_state)
            self.screen.refresh_bindings()

    # Display

    def _write(self, server_state: ServerState) -> None:
        content_style = self.content_style(left=_SCROLLBAR_MARGIN)
        loaded = self._loaded if self._loaded and self._loaded.server == server_state.server.name else None
        why = self._empty_reason(loaded)
        empty = self.query_one("#no-history", Static)
        empty.display, self.scrollable.display = bool(why), not why
        if why:
            empty.update(unavailable_text(*why, content_style))
        elif loaded:
            self.scrollable.show(self._lines(loaded, content_style))

    def _empty_reason(self, loaded: ServerHistory | None) -> tuple[str, str] | None:
        if self.app.history is None:
            return "No history", "This run stores nothing, so there is no history to show."
        if self._unreadable:
            return self._unreadable
        if loaded is None:
            return "Loading the history", "This takes a moment."
        if loaded.is_empty:
            return "No history yet", "It starts with the first check of this server."
        return None

    def _lines(self, loaded: ServerHistory, content_style: TextStyle) -> list[ListLine]:
        now, days = self.app.clock(), choose_days(self.app.size.height - _LINES_OUTSIDE_MAP)
        blank = ListLine(Text(""))
        note = self.app.history_note
        page = (
            [ListLine(each) for each in content_style.paragraph(note, content_style.palette.muted)]
            if note
            else []
        )
        if loaded.vantage != LOCAL_VANTAGE:
            alone = f"as {content_style.glyphs.clean(loaded.vantage)} alone sees it"
            page += [*map(ListLine, content_style.paragraph(alone, content_style.palette.accent))]
        page += [*map(ListLine, figures(loaded.seen, content_style)), blank]
        page += [
            *map(ListLine, heat_map(loaded.hours, now, days, content_style)),
            *map(ListLine, legend(content_style)),
            blank,
        ]
        open_ones = sum(entry.incident.closed_at is None for entry in loaded.incidents)
        count = f"{len(loaded.incidents)}, {open_ones} open" if open_ones else str(len(loaded.incidents))
        page.append(_title("Incidents", count if loaded.incidents else "none", content_style))
        if loaded.incidents:
            columns = incident_text.columns_for(content_style.width, with_server=False)
            page.append(ListLine(Text(incident_text.heading(columns), style=content_style.palette.muted)))
            page += [
                ListLine(
                    incident_text.line(entry, now, columns, content_style), f"incident {entry.incident.id}"
                )
                for entry in loaded.incidents
            ]
        page += [blank, _title("Failed checks", "" if loaded.failures else "none", content_style)]
        if loaded.failures:
            places = failure_columns(loaded.failures)
            page.append(ListLine(Text(failure_heading(places), style=content_style.palette.muted)))
            page += [
                ListLine(failure_line(failure, now, places, content_style), f"check {number}")
                for number, failure in enumerate(loaded.failures)
            ]
        return page

    # Actions

    def can_run(self, action: str) -> bool:
        """Whether the line under the cursor can be opened, and whether there is another vantage."""
        if action == "next_vantage":
            return bool(self.app.engine.fleet_state.vantages)
        return action == "open" and self.scrollable.cursor is not None

    def on_line_list_line_selected(self) -> None:
        """Refresh the key hints, and load older failed checks at the end of the list."""
        self.screen.refresh_bindings()
        loaded = self._loaded
        if loaded is None or self.server_state is None or self.app.history is None or self._reading:
            return
        if loaded.more and self.scrollable.cursor == f"check {len(loaded.failures) - 1}":
            self._failures = len(loaded.failures) + FAILURES_PAGE_SIZE
            self._read(self.app.history, self.server_state)

    def on_line_list_line_opened(self) -> None:
        """Open the line on a double click."""
        self.open()

    def open(self) -> None:
        """Open the incident under the cursor, or show the packets of the failed check there."""
        loaded, history, cursor = self._loaded, self.app.history, self.scrollable.cursor
        if loaded is None or history is None or cursor is None:
            return
        kind, _, rest = cursor.partition(" ")
        if kind == "incident":
            incident = next(entry.incident for entry in loaded.incidents if entry.incident.id == rest)
            self.app.open_incident(incident)
            return
        kept = loaded.failures[int(rest)].exchange
        if kept is None:
            self.app.show_notice("The packets of this check were not stored")
        else:
            self._open(lambda: read_exchange(history, kept.id))

    def _open(self, read: Callable[[], OpenedExchange | None]) -> None:
        self.run_worker(self._opener(read), group="exchange", exclusive=True)

    async def _opener(self, read: Callable[[], OpenedExchange | None]) -> None:
        try:
            opened = await asyncio.to_thread(read)
        except StoreUnavailableError as error:
            self.app.show_error(str(error))
            return
        if opened is None:
            self.app.show_notice("These packets are no longer stored")
        else:
            self.post_message(self.ExchangeChosen(opened))

    def copyable_text(self) -> tuple[str, str] | None:
        """The line under the cursor."""
        text = self.scrollable.text_at_cursor
        return (text, "the line") if text else None

    def clear_server(self) -> None:
        """Forget the list of this server."""
        super().clear_server()
        self._failures = FAILURES_PAGE_SIZE
        self._unreadable = None
        self.scrollable.show(())
        self.scrollable.move_to_top()


def _title(words: str, more: str, content_style: TextStyle) -> ListLine:
    title = Text().append(words, content_style.palette.text + Style(bold=True))
    return ListLine(title.append(f"  {more}", content_style.palette.muted))
