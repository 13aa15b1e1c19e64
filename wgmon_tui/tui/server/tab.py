"""Base class of the tabs of the server screen.

The screen passes the server state and the keys to the open tab. To add a tab, write a subclass and add a
line to `ServerScreen.compose`. A key for some tabs only also needs an entry in the action table, a name in
`TAB_ACTIONS`, and a tab whose `can_run` returns True for it.
"""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import TabPane

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.net.addresses import Address
from wgmon_tui.store.models import StoredExchange
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.server.header import HeaderDetail
from wgmon_tui.tui.server.page_columns import page_columns
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.scrolling import Scrollable

TAB_ACTIONS = frozenset(
    {"left", "right", "compare", "follow", "open", "zoom_in", "zoom_out", "now", "next_vantage"}
)
"""Screen actions that work on some tabs only."""

_MARGINS = 2


class ServerTab(TabPane):
    """One tab. It is drawn when it opens, and on every change while it is open."""

    app: AppContext
    MAX_HEADER_DETAIL: ClassVar[HeaderDetail] = HeaderDetail.FULL
    """The most detail the header may show above this tab."""
    NOTHING_TO_COPY: ClassVar[str]

    server_state: ServerState | None = None
    address: Address | None = None

    def show(self, server_state: ServerState, address: Address | None) -> None:
        """Show this server. `address` selects one of several addresses."""
        self.server_state = server_state
        self.address = address
        self.draw(server_state)

    def draw(self, server_state: ServerState) -> None:
        """Draw the current state. Called after a change of state, width or theme."""
        raise NotImplementedError

    @property
    def scrollable(self) -> Scrollable:
        """The object that the movement keys control."""
        raise NotImplementedError

    def copyable_text(self) -> tuple[str, str] | None:
        """The text that `y` copies, and a description of it for the notice."""
        raise NotImplementedError

    @property
    def outcome(self) -> Round | None:
        """The shown round."""
        return self.server_state.last if self.server_state else None

    def can_run(self, action: str) -> bool:
        """Whether an action of `TAB_ACTIONS` would do something here now."""
        return False

    def left(self) -> None:
        """Move left, if the tab supports it."""

    def right(self) -> None:
        """Move right, if the tab supports it."""

    def clear_server(self) -> None:
        """Forget this server before another one is shown."""
        self.server_state = None

    def content_style(self, left: int = _MARGINS) -> TextStyle:
        """The text style, `left` cells narrower than the tab."""
        return TextStyle(self.app.palette, self.app.glyphs, self.page_width - left)

    @property
    def page_width(self) -> int:
        """The width of the tab in cells."""
        return page_columns(self.app.size.width).tab


def chosen(outcome: Round | None, address: Address | None) -> tuple[Check | None, Diagnosis | None]:
    """The check of `address` in a round, or the worst check if `address` is not in it."""
    if outcome is None:
        return None, None
    addresses = [check.address for check in outcome.checks]
    index = addresses.index(address) if address in addresses else 0
    return outcome.checks[index], outcome.diagnoses[index]


def good_check(good: StoredExchange | None, address: Address | None) -> Check | None:
    """The check of `address` in a stored good round, else the first with a completed handshake."""
    if good is None:
        return None
    completed = [check for check in good.round.checks if check.handshake]
    return next((check for check in completed if check.address == address), next(iter(completed), None))


def agreed(server_state: ServerState, address: Address | None) -> tuple[Check | None, Diagnosis | None]:
    """The check of `address` in the newest round, and its diagnosis.

    With a quorum of vantages and no `address`, the diagnosis is that of all vantages together.
    """
    check, diagnosis = chosen(server_state.last, address)
    return check, server_state.diagnosis if server_state.quorum_result and address is None else diagnosis
