"""Packets tab: the packets of an exchange, the field under the cursor, and the comparison with a good one.

Moving the field cursor pins the shown exchange until `f` follows the newest again. An exchange opened from
the history is pinned too.
"""

from __future__ import annotations

import asyncio

from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.check import Check
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.models import StoredExchange
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.lists.incident_queries import OpenedExchange
from wgmon_tui.tui.server.exchange_view import ExchangeView
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.server.packets_text import caption, comparison_line, no_packets
from wgmon_tui.tui.server.tab import ServerTab, chosen, good_check

_NO_GOOD_EXCHANGE = "No good exchange yet to compare with"


class PacketsTab(ServerTab):
    """Follows the newest exchange until one is pinned."""

    NOTHING_TO_COPY = "No packet to copy"
    DEFAULT_CSS = """
    PacketsTab {
        #caption { height: auto; padding: 0 1; }
        #no-packets { height: 1fr; padding: 1; }
    }
    """

    def __init__(self) -> None:
        super().__init__("Packets", id="packets")
        self._outcome: Round | None = None
        self._following = True
        self._comparing = False
        self._stored: OpenedExchange | None = None
        self._vantage = ""
        self._stored_good: StoredExchange | None = None

    def compose(self) -> ComposeResult:
        """Yield caption, packets and field panel, and the text shown when there are no packets."""
        yield Static(id="caption")
        yield Static(id="no-packets")
        yield ExchangeView(lambda: self.page_width, id="dump")

    @property
    def scrollable(self) -> HexView:
        """The hex dump with the field cursor."""
        return self.query_one(ExchangeView).dump

    @property
    def outcome(self) -> Round | None:
        """The pinned round, or the newest."""
        return self._outcome

    # Display

    def draw(self, server_state: ServerState) -> None:
        """Draw the exchange and the field under the cursor."""
        if self._following:
            self._outcome = server_state.last
        self._draw_exchange(server_state)

    def _draw_exchange(self, server_state: ServerState) -> None:
        check, diagnosis = chosen(self._outcome, self.address)
        good = self._last_good(server_state) if self._comparing else None
        view = self.query_one(ExchangeView)
        view.show(check, good)
        empty = self.query_one("#no-packets", Static)
        empty.display = not view.display
        if empty.display:
            outage, read_only = self.app.outage_line(), self.app.read_only
            words = no_packets(
                server_state, diagnosis, self.content_style(), outage=outage, read_only=read_only
            )
            empty.update(words)
        line = self.query_one("#caption", Static)
        line.display = check is not None
        if check and self._outcome:
            content_style, found = self.content_style(), view.dump.comparison
            now, source = self.app.clock(), self._source()
            compared = comparison_line(check, good, found, content_style, now) if good and found else None
            newer = self._is_newer(server_state)
            follow = key_of("follow", self.app.actions)
            line.update(
                caption(
                    check, self._outcome, newer, compared, content_style, now, source=source, follow=follow
                )
            )

    def _source(self) -> str:
        if self._stored and self._vantage:
            return f"{self._vantage} (history)"
        return "history" if self._stored else self._vantage

    def _last_good(self, server_state: ServerState) -> Check | None:
        """The last good check before the shown one, of the same address if possible.

        After a start there may be none in memory yet. Then the store has it.
        """
        if self._stored:
            return good_check(self._stored.good, self.address)
        if server_state.last_good:
            return server_state.last_good
        same = self._stored_good and self._stored_good.line.server == server_state.server.name
        return good_check(self._stored_good, self.address) if same else None

    def _is_newer(self, server_state: ServerState) -> bool:
        return server_state.last is not self._outcome

    def on_hex_view_cursor_moved(self, event: HexView.CursorMoved) -> None:
        """Pin the exchange if the user moved the cursor."""
        if event.by_user and event.place:
            self._following = False

    # Actions

    def can_run(self, action: str) -> bool:
        """Whether an action works: `follow` only if a newer exchange exists."""
        if action == "follow":
            return self.server_state is not None and self._is_newer(self.server_state)
        return action in ("left", "right", "compare")

    def left(self) -> None:
        """Move to the previous field."""
        self.scrollable.left()

    def right(self) -> None:
        """Move to the next field."""
        self.scrollable.right()

    def follow(self) -> None:
        """Show the newest exchange and keep following."""
        self._following = True
        if self._stored or self._vantage:
            self._stored, self._comparing, self._vantage = None, False, ""
        if self.server_state:
            self.draw(self.server_state)

    def show_stored(self, opened: OpenedExchange) -> None:
        """Show a stored exchange, compared with the last good one before it."""
        self._stored, self._outcome, self._vantage = opened, opened.round, opened.vantage
        self._following = False
        self._comparing = opened.good is not None
        if self.server_state:
            self.draw(self.server_state)

    def show_vantage_exchange(self, vantage: str, outcome: Round) -> None:
        """Show an exchange of another vantage."""
        self._stored, self._outcome, self._vantage = None, outcome, vantage
        self._following = self._comparing = False
        if self.server_state:
            self.draw(self.server_state)

    def compare(self) -> None:
        """Toggle the comparison with the last good exchange."""
        server_state = self.server_state
        if server_state is None:
            return
        if self._comparing or self._last_good(server_state):
            self._comparing = not self._comparing
            self.draw(server_state)
        elif self._stored or self.app.history is None:
            self.app.show_notice(_NO_GOOD_EXCHANGE)
        else:
            self.run_worker(
                self._load_last_good(self.app.history, server_state), group="exchange", exclusive=True
            )

    async def _load_last_good(self, history: History, server_state: ServerState) -> None:
        """Load the last good exchange from the store and compare with it."""
        try:
            self._stored_good = await asyncio.to_thread(history.last_good, server_state.server.name)
        except StoreUnavailableError as error:
            self.app.show_error(str(error))
            return
        if self.server_state is not server_state:
            return
        if self._last_good(server_state) is None:
            self.app.show_notice(_NO_GOOD_EXCHANGE)
        else:
            self._comparing = True
            self.draw(server_state)

    def copyable_text(self) -> tuple[str, str] | None:
        """The current packet as hex."""
        return self.query_one(ExchangeView).copyable_text()

    def clear_server(self) -> None:
        """Unpin the exchange, and follow the next server."""
        super().clear_server()
        if self._stored:
            self._comparing = False
        self._outcome = self._stored = self._stored_good = None
        self._vantage = ""
        self._following = True
