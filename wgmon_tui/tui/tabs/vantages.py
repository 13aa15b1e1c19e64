"""Who sees the server how: what each vantage says, side by side; each of them opens its packets."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from wgmon_tui.monitor.board import Round, Row
from wgmon_tui.tui.reading import Reading
from wgmon_tui.tui.serverhead import Detail
from wgmon_tui.tui.tabs.tab import ServerTab
from wgmon_tui.tui.vantagelines import Seer, SideBySide, seers, side_by_side

_BESIDE_SCROLLBAR = 3


class VantagesTab(ServerTab):
    """There only where other vantages look too. One of them is chosen: left and right, enter opens it."""

    HEAD = Detail.BARE
    NOTHING_TO_COPY = "Nothing was heard of this vantage yet"
    DEFAULT_CSS = """
    VantagesTab {
        Reading { padding: 1 0 0 1; scrollbar-size-vertical: 1; }
    }
    """

    class Chosen(Message):
        """Somebody wants to see the packets of a vantage; `ours` are followed live."""

        def __init__(self, vantage: str, outcome: Round, *, ours: bool) -> None:
            super().__init__()
            self.vantage = vantage
            self.outcome = outcome
            self.ours = ours

    def __init__(self) -> None:
        super().__init__("Vantages", id="vantages")
        self._shown: list[Seer] = []
        self._page: SideBySide | None = None
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """One page."""
        with Reading():
            yield Static(id="seen-from")

    @property
    def movable(self) -> Reading:
        """The page."""
        return self.query_one(Reading)

    def draw(self, row: Row) -> None:
        """What each of them says now."""
        engine = self.app.engine
        self._shown = seers(row, engine.board.vantages, engine.vantages)
        self._chosen = min(self._chosen, len(self._shown) - 1)
        ink = self.ink(left=_BESIDE_SCROLLBAR)
        self._page = side_by_side(self._shown, self._chosen, ink, self.app.clock())
        self.query_one("#seen-from", Static).update(self._page.text)

    # What can be done

    def offers(self, action: str) -> bool:
        """Choosing another one, and opening the chosen one where its packets are here."""
        if action == "open":
            return self._seer is not None and self._seer.exchange is not None
        return action in ("left", "right") and len(self._shown) > 1

    @property
    def _seer(self) -> Seer | None:
        return self._shown[self._chosen] if self._shown else None

    def left(self) -> None:
        """The vantage before."""
        self._choose(-1)

    def right(self) -> None:
        """The vantage after."""
        self._choose(1)

    def _choose(self, step: int) -> None:
        if self.row is None or not self._shown:
            return
        self._chosen = (self._chosen + step) % len(self._shown)
        self.draw(self.row)
        if self._page:
            self.movable.scroll_to(y=self._page.tops[self._chosen], animate=False, immediate=True)
        self.screen.refresh_bindings()

    def open(self) -> None:
        """Show the packets of the chosen one."""
        seer = self._seer
        if seer and seer.exchange:
            self.post_message(self.Chosen(seer.name, seer.exchange, ours=self._chosen == 0))

    def to_copy(self) -> tuple[str, str] | None:
        """The public key with which the chosen one asks: it is what a server must list."""
        seer = self._seer
        rounds = (seer.last, seer.exchange) if seer else ()
        asked_as = next((each.check.asked_as for each in rounds if each and each.check.asked_as), None)
        if seer is None or asked_as is None:
            return None
        return str(asked_as.public_key), f"the public key of {seer.name}"

    def leave_server(self) -> None:
        """The next server's page begins on top, with the same vantage chosen."""
        super().leave_server()
        self.movable.first()
