"""Vantages tab: the server as each vantage sees it, side by side, with access to the packets."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.tui.server.header import HeaderDetail
from wgmon_tui.tui.server.tab import ServerTab
from wgmon_tui.tui.server.vantages_text import (
    VANTAGE,
    VantageColumn,
    VantageComparison,
    compare_vantages,
    vantage_columns,
)
from wgmon_tui.tui.widgets.scrolling import ProseView

_SCROLLBAR_MARGIN = 3


class VantagesTab(ServerTab):
    """Visible only if other vantages check the server. Left and right select a vantage, enter opens it."""

    MAX_HEADER_DETAIL = HeaderDetail.BARE
    NOTHING_TO_COPY = "The public key of this vantage is not known yet"
    DEFAULT_CSS = """
    VantagesTab {
        ProseView { padding: 1 0 0 1; scrollbar-size-vertical: 1; }
    }
    """

    class VantageChosen(Message):
        """The user opened the packets of a vantage. Local ones (`is_local`) are followed live."""

        def __init__(self, vantage: str, outcome: Round, *, is_local: bool) -> None:
            super().__init__()
            self.vantage = vantage
            self.outcome = outcome
            self.is_local = is_local

    def __init__(self) -> None:
        super().__init__("Vantages", id="vantages")
        self._shown: list[VantageColumn] = []
        self._page: VantageComparison | None = None
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """Yield the page."""
        with ProseView():
            yield Static(id="seen-from")

    @property
    def scrollable(self) -> ProseView:
        """The page."""
        return self.query_one(ProseView)

    def draw(self, server_state: ServerState) -> None:
        """Draw the current state of each vantage."""
        engine = self.app.engine
        self._shown = vantage_columns(server_state, engine.fleet_state.vantages, engine.vantages)
        self._chosen = min(self._chosen, len(self._shown) - 1)
        content_style = self.content_style(left=_SCROLLBAR_MARGIN)
        self._page = compare_vantages(self._shown, self._chosen, content_style, self.app.clock())
        self.query_one("#seen-from", Static).update(self._page.text)

    # Actions

    def can_run(self, action: str) -> bool:
        """Whether selecting works, and whether the packets of the selected vantage are available."""
        if action == "open":
            return self._chosen_column is not None and self._chosen_column.exchange is not None
        return action in ("left", "right") and len(self._shown) > 1

    @property
    def _chosen_column(self) -> VantageColumn | None:
        return self._shown[self._chosen] if self._shown else None

    def left(self) -> None:
        """Select the previous vantage."""
        self._choose(-1)

    def right(self) -> None:
        """Select the next vantage."""
        self._choose(1)

    def on_click(self, event: Click) -> None:
        """Select the vantage whose heading was clicked; a double click opens its packets."""
        number = event.style.meta.get(VANTAGE)
        if isinstance(number, int):
            self._choose(number - self._chosen)
            if event.chain == 2:
                self.open()

    def _choose(self, step: int) -> None:
        if self.server_state is None or not self._shown:
            return
        self._chosen = (self._chosen + step) % len(self._shown)
        self.draw(self.server_state)
        if self._page:
            self.scrollable.scroll_to(y=self._page.first_lines[self._chosen], animate=False, immediate=True)
        self.screen.refresh_bindings()

    def open(self) -> None:
        """Show the packets of the selected vantage."""
        column = self._chosen_column
        if column and column.exchange:
            self.post_message(self.VantageChosen(column.name, column.exchange, is_local=self._chosen == 0))

    def copyable_text(self) -> tuple[str, str] | None:
        """The public key of the selected vantage: the server must list it as a peer."""
        column = self._chosen_column
        rounds = (column.last, column.exchange) if column else ()
        probed_as = next((each.check.probed_as for each in rounds if each and each.check.probed_as), None)
        if column is None or probed_as is None:
            return None
        return str(probed_as.public_key), f"the public key of {column.name}"

    def clear_server(self) -> None:
        """Scroll to the top for the next server. The selected vantage stays."""
        super().clear_server()
        self.scrollable.first()
