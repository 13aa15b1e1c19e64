"""What every tab of the server screen can do. The screen hands over what to show and passes the keys on.

To add one: a class beside the others, and a line in `ServerScreen.compose`. A key that not every tab has
wants a line in the action table, a name in `TAB_ACTIONS`, and to be offered by the tab.
"""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import TabPane

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.net.addresses import Address
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.server.header import HeaderDetail
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.scrolling import Scrollable

TAB_ACTIONS = frozenset({"left", "right", "compare", "follow", "open", "zoom_in", "zoom_out", "now"})
"""Actions of the screen that do something on some tabs only."""

_MARGINS = 2


class ServerTab(TabPane):
    """One tab. It is told of a change only while it is open, and once when it is opened."""

    app: AppContext
    MAX_HEADER_DETAIL: ClassVar[HeaderDetail] = HeaderDetail.FULL
    """The most that the head may say above this tab."""
    NOTHING_TO_COPY: ClassVar[str]

    server_state: ServerState | None = None
    address: Address | None = None

    def show(self, server_state: ServerState, address: Address | None) -> None:
        """Show this server; where it has several addresses, this one of them."""
        self.server_state = server_state
        self.address = address
        self.draw(server_state)

    def draw(self, server_state: ServerState) -> None:
        """Write what is known now: after a change, and for another width or theme."""
        raise NotImplementedError

    @property
    def scrollable(self) -> Scrollable:
        """What the movement keys move in."""
        raise NotImplementedError

    def copyable_text(self) -> tuple[str, str] | None:
        """What `y` copies, and in words what that is."""
        raise NotImplementedError

    @property
    def outcome(self) -> Round | None:
        """The round that is shown."""
        return self.server_state.last if self.server_state else None

    def can_run(self, action: str) -> bool:
        """Whether one of `TAB_ACTIONS` would do something here now."""
        return False

    def left(self) -> None:
        """To what lies before, where the tab has such a thing."""

    def right(self) -> None:
        """To what lies behind, where the tab has such a thing."""

    def clear_server(self) -> None:
        """Another server comes: show nothing more of this one."""
        self.server_state = None

    def content_style(self, left: int = _MARGINS) -> TextStyle:
        """What to write with, `left` cells narrower than the terminal."""
        return TextStyle(self.app.palette, self.app.glyphs, self.app.size.width - left)


def chosen(outcome: Round | None, address: Address | None) -> tuple[Check | None, Diagnosis | None]:
    """Of a round, the check of `address` where it is among them, else the worst."""
    if outcome is None:
        return None, None
    addresses = [check.address for check in outcome.checks]
    index = addresses.index(address) if address in addresses else 0
    return outcome.checks[index], outcome.diagnoses[index]


def agreed(server_state: ServerState, address: Address | None) -> tuple[Check | None, Diagnosis | None]:
    """Of the newest round the check of `address`, and what it means; what all vantages together make of the
    server where others look too and nobody has asked for one address.
    """
    check, diagnosis = chosen(server_state.last, address)
    return check, server_state.diagnosis if server_state.quorum_result and address is None else diagnosis
