"""Packets tab: the packets of an exchange, the field under the cursor, and the comparison with a good one.

Moving the field cursor pins the shown exchange until `f` follows the newest again. An exchange opened from
the history is pinned too.
"""

from __future__ import annotations

import asyncio

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from wgmon_tui.checks.check import Check
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.wireguard.wire import fields_of, label_of
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.models import StoredExchange
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.lists.incident_queries import OpenedExchange
from wgmon_tui.tui.server.exchange_layout import explain
from wgmon_tui.tui.server.header import caption, comparison_line, field_panel, legend, no_packets
from wgmon_tui.tui.server.hex_view import HexView
from wgmon_tui.tui.server.tab import ServerTab, chosen

_NO_GOOD_EXCHANGE = "No good exchange yet to compare with"
_WIDE = 120
_NARROW = 80
_DUMP_WIDTH = 81
"""Columns of the dump and the margins if the field panel is next to the dump."""


class PacketsTab(ServerTab):
    """Follows the newest exchange until one is pinned."""

    NOTHING_TO_COPY = "No packet to copy"
    DEFAULT_CSS = """
    PacketsTab {
        #dump { height: 1fr; }
        #caption { height: auto; padding: 0 1; }
        #no-packets { height: 1fr; padding: 1; }
        HexView { height: 1fr; margin: 0 0 0 1; }
        #field { height: auto; min-height: 4; background: $panel; padding: 0 1; }
        &.-narrow #field { min-height: 5; }
        &.-wide #dump { layout: horizontal; margin: 1 0 0 0; }
        &.-wide HexView { width: 76; }
        &.-wide #field { width: 1fr; height: 1fr; margin: 0 0 0 2; background: transparent; }
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
        with Container(id="dump"):
            yield HexView(lambda: self.app.palette, ascii_only=self.app.ascii_only)
            yield Static(id="field")

    @property
    def scrollable(self) -> HexView:
        """The hex dump with the field cursor."""
        return self.query_one(HexView)

    @property
    def outcome(self) -> Round | None:
        """The pinned round, or the newest."""
        return self._outcome

    # Display

    def draw(self, server_state: ServerState) -> None:
        """Draw the exchange and the field under the cursor."""
        if self._following:
            self._outcome = server_state.last
        self.set_class(self.app.size.width >= _WIDE, "-wide")
        self.set_class(self.app.size.width < _NARROW, "-narrow")
        self._draw_exchange(server_state)
        self._draw_field()

    def _draw_exchange(self, server_state: ServerState) -> None:
        check, diagnosis = chosen(self._outcome, self.address)
        good = self._last_good(server_state) if self._comparing else None
        view = self.scrollable
        view.show(check, good)
        shown = check is not None and bool(check.exchange)
        self.query_one("#dump").display = shown
        empty = self.query_one("#no-packets", Static)
        empty.display = not shown
        empty.update(no_packets(server_state, diagnosis, self.content_style()))
        line = self.query_one("#caption", Static)
        line.display = check is not None
        if check and self._outcome:
            content_style, found = self.content_style(), view.comparison
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
            return _good_check(self._stored.good, self.address)
        if server_state.last_good:
            return server_state.last_good
        same = self._stored_good and self._stored_good.line.server == server_state.server.name
        return _good_check(self._stored_good, self.address) if same else None

    def _draw_field(self) -> None:
        view, panel = self.scrollable, self.query_one("#field", Static)
        check, stop = view.check, view.stop
        if check is None or stop is None:
            panel.update("")
            return
        if self.has_class("-wide"):
            content_style = self.content_style(left=_DUMP_WIDTH)
            fields = fields_of(check.exchange[stop.packet].data)
            panel.update(
                Text("\n\n").join(
                    [
                        legend(fields, stop.field, content_style),
                        field_panel(explain(check, stop), content_style),
                    ]
                )
            )
        else:
            panel.update(field_panel(explain(check, stop), self.content_style()))

    def _is_newer(self, server_state: ServerState) -> bool:
        return server_state.last is not self._outcome

    def on_hex_view_cursor_moved(self, event: HexView.CursorMoved) -> None:
        """Explain the field, and pin the exchange if the user moved the cursor."""
        if event.by_user and event.place:
            self._following = False
        self._draw_field()

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
            self.app.show_notice(str(error), seconds=5)
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
        view = self.scrollable
        if view.check is None or view.stop is None:
            return None
        data = view.check.exchange[view.stop.packet].data
        return data.hex(), f"{label_of(data)}, {len(data)} bytes, as hex"

    def clear_server(self) -> None:
        """Unpin the exchange, and follow the next server."""
        super().clear_server()
        if self._stored:
            self._comparing = False
        self._outcome = self._stored = self._stored_good = None
        self._vantage = ""
        self._following = True


def _good_check(good: StoredExchange | None, address: Address | None) -> Check | None:
    """The check of `address` in a stored good round, else the first with a completed handshake."""
    if good is None:
        return None
    completed = [check for check in good.round.checks if check.handshake]
    return next((check for check in completed if check.address == address), next(iter(completed), None))
