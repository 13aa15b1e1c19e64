"""One server: what its state means in words, the next step to type, and the packets that prove it.

The screen follows the board: the head tells what is true now, and the tab that is open draws itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Static, TabbedContent, Tabs

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.fleet.records import Address
from wgmon_tui.monitor.board import Row
from wgmon_tui.tui.acting import ACTS, ActsOnServers
from wgmon_tui.tui.actions import bindings_for
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.forms.changes import CHANGES
from wgmon_tui.tui.keyline import KeyLine
from wgmon_tui.tui.serverhead import detail_for, server_head
from wgmon_tui.tui.tabs.diagnosis import DiagnosisTab
from wgmon_tui.tui.tabs.history import HistoryTab
from wgmon_tui.tui.tabs.packets import PacketsTab
from wgmon_tui.tui.tabs.rtt import RttTab
from wgmon_tui.tui.tabs.tab import OF_SOME_TABS, ServerTab, agreed, chosen
from wgmon_tui.tui.tabs.vantages import VantagesTab
from wgmon_tui.tui.triage import exchange_account
from wgmon_tui.tui.writing import write_exchange

_REFRESH_S = 0.5


class ServerScreen(ActsOnServers):
    """Shows the server `name` of the app's board."""

    app: AppContext
    ACTIONS_OF = "server"
    AUTO_FOCUS = ""
    BINDINGS = bindings_for("server")
    DEFAULT_CSS = """
    ServerScreen {
        #head { height: auto; max-height: 50%; padding: 0 1; }
        #tabs { height: 1fr; }
        Tabs { height: 1; background: $panel; }
        Underline { display: none; }
        Tab.-active { color: $accent; text-style: bold underline; background: transparent; }
        ContentSwitcher, TabPane { height: 1fr; }
        TabPane { padding: 0; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._server = name
        self._seen: int | None = None
        self._address: Address | None = None

    def compose(self) -> ComposeResult:
        """Head, tabs, keys."""
        yield Static(id="head")
        with TabbedContent(id="tabs"):
            yield PacketsTab()
            yield DiagnosisTab()
            yield HistoryTab()
            yield RttTab()
            yield VantagesTab()
        yield KeyLine()

    def on_mount(self) -> None:
        """Every key belongs to the screen, so nothing takes the focus; then follow the board."""
        self.query_one(Tabs).can_focus = False
        self.set_interval(_REFRESH_S, self._keep_pace)
        self.follow_board()

    def on_screen_resume(self) -> None:
        """Catch up at once after another screen was on top."""
        self.follow_board()

    def on_unmount(self) -> None:
        """Its packets are not asked for any more."""
        self.app.engine.attend(None)

    @property
    def _row(self) -> Row | None:
        return self.app.engine.board.rows.get(self._server)

    @property
    def _tab(self) -> ServerTab:
        """The tab that is open."""
        active = self.query_one(TabbedContent).active_pane
        return active if isinstance(active, ServerTab) else self.query(ServerTab).first()

    def _keep_pace(self) -> None:
        if self.is_current and self.app.pace.due():
            self.follow_board()

    def follow_board(self) -> None:
        """Show what changed since the last look, while this is the screen that is seen."""
        row = self._row
        if not self.is_current:
            return
        self.app.engine.attend(self._server)
        if row is None:
            self.app.say(f"{self._server} is no longer in servers.toml", seconds=5)
            self.dismiss()
        elif row.version != self._seen:
            self._seen = row.version
            self._show(row)

    # What is shown

    def _show(self, row: Row) -> None:
        self._show_head(row)
        self._offer_vantages(bool(row.sights or self.app.engine.board.vantages))
        self._tab.show(row, self._address)
        self.refresh_bindings()

    def _offer_vantages(self, several: bool) -> None:
        """Their tab is there where somebody else looks too."""
        tabs, tab = self.query_one(TabbedContent), self.query_one(VantagesTab)
        if several is tabs.get_tab(tab).display:
            return
        if several:
            tabs.show_tab(tab.id or "")
        else:
            tabs.hide_tab(tab.id or "")

    def _show_head(self, row: Row) -> None:
        """Always of the newest round, whatever the tab shows."""
        check, diagnosis = agreed(row, self._address)
        detail = min(detail_for(self.app.size.height), self._tab.HEAD)
        together = self.app.together.of(row.server.name) if row.severity is Severity.DOWN else ()
        head = server_head(row, diagnosis, check, together, self._tab.ink(), detail, self.app.clock())
        self.query_one("#head", Static).update(head)

    def _show_again(self) -> None:
        if row := self._row:
            self._show(row)

    def on_tabbed_content_tab_activated(self) -> None:
        """Only the tab that is open is kept up to date; and each has its own head."""
        self._show_again()

    def on_resize(self, event: Resize) -> None:
        """Words are wrapped for the width."""
        self._show_again()

    def notify_style_update(self) -> None:
        """A new theme: everything is written anew."""
        super().notify_style_update()
        if self.is_mounted:
            self._show_again()

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing now is not offered."""
        if not self.is_mounted:
            return True
        if action in OF_SOME_TABS:
            return self._tab.offers(action)
        if action == "address":
            outcome = self._tab.outcome
            return outcome is not None and len(outcome.checks) > 1
        if action in ("previous_server", "next_server"):
            return len(self._names()) > 1
        if action in CHANGES:
            return self.offers_change(action)
        if action in ACTS:
            return self.offers_act(action)
        if action == "inspect":
            return self.app.ask_server is not None
        return True

    def concerned(self) -> Sequence[str]:
        """This server."""
        return [self._server]

    def action_back(self) -> None:
        """Back to the fleet."""
        self.dismiss()

    def action_next_tab(self) -> None:
        """The next tab."""
        self.query_one(Tabs).action_next_tab()

    def action_previous_tab(self) -> None:
        """The tab before."""
        self.query_one(Tabs).action_previous_tab()

    def action_up(self) -> None:
        """One up, in whatever the tab shows."""
        self._tab.movable.up()

    def action_down(self) -> None:
        """One down."""
        self._tab.movable.down()

    def action_page_up(self) -> None:
        """A packet or a page up."""
        self._tab.movable.page_up()

    def action_page_down(self) -> None:
        """A packet or a page down."""
        self._tab.movable.page_down()

    def action_first(self) -> None:
        """To the beginning."""
        self._tab.movable.first()

    def action_last(self) -> None:
        """To the end."""
        self._tab.movable.last()

    def action_left(self) -> None:
        """What lies before."""
        self._tab.left()

    def action_right(self) -> None:
        """What lies behind."""
        self._tab.right()

    def action_open(self) -> None:
        """Open what is under the cursor of the list, or the chosen vantage."""
        tab = self._tab
        if isinstance(tab, HistoryTab | VantagesTab):
            tab.open()

    def on_vantages_tab_chosen(self, event: VantagesTab.Chosen) -> None:
        """Show its last exchange in the place of the newest of ours."""
        tab = self.query_one(PacketsTab)
        if event.ours:
            tab.follow()
        else:
            tab.study_sight(event.vantage, event.outcome)
        self.query_one(TabbedContent).active = tab.id or ""

    def on_history_tab_chosen(self, event: HistoryTab.Chosen) -> None:
        """Show a stored exchange in the place of the newest."""
        tab = self.query_one(PacketsTab)
        tab.study(event.opened)
        self.query_one(TabbedContent).active = tab.id or ""

    def action_zoom_in(self) -> None:
        """Plot less time."""
        self.query_one(RttTab).zoom(-1)

    def action_zoom_out(self) -> None:
        """Plot more time."""
        self.query_one(RttTab).zoom(1)

    def action_now(self) -> None:
        """Plot up to now."""
        self.query_one(RttTab).last()

    def action_follow(self) -> None:
        """Show the newest exchange, and every one that comes."""
        self.query_one(PacketsTab).follow()
        self.refresh_bindings()

    def action_compare(self) -> None:
        """Mark what differs from the last good exchange."""
        self.query_one(PacketsTab).compare()

    def action_address(self, step: int) -> None:
        """Show the check of another address of this server."""
        outcome = self._tab.outcome
        check, _ = chosen(outcome, self._address)
        if outcome and check:
            addresses = [each.address for each in outcome.checks]
            self._address = addresses[(addresses.index(check.address) + step) % len(addresses)]
            self._show_again()

    def action_copy(self) -> None:
        """Copy what the open tab is about, over OSC 52."""
        copied = self._tab.to_copy()
        if copied is None:
            self.app.say(self._tab.NOTHING_TO_COPY)
            return
        text, what = copied
        self.app.copy_and_say(text, what)

    def action_write(self) -> None:
        """Write the exchange that is shown to files."""
        row, outcome = self._row, self._tab.outcome
        account = exchange_account(self.app, row, outcome) if row and outcome else None
        write_exchange(self.app, outcome, self._address, account)

    def action_inspect(self) -> None:
        """Ask the server how it sees us, and show that in the diagnosis."""
        row, ask_server = self._row, self.app.ask_server
        if row and ask_server:
            tab = self.query_one(DiagnosisTab)
            self.query_one(TabbedContent).active = tab.id or ""
            tab.ask(row, self._address, ask_server)

    def action_previous_server(self) -> None:
        """The server before this one in the table's order."""
        self._go(-1)

    def action_next_server(self) -> None:
        """The server after this one in the table's order."""
        self._go(1)

    def _go(self, step: int) -> None:
        names = self._names()
        at = names.index(self._server) if self._server in names else 0
        self._server = names[(at + step) % len(names)]
        self._seen = self._address = None
        for tab in self.query(ServerTab):
            tab.leave_server()
        self.follow_board()

    def _names(self) -> list[str]:
        """The servers as the fleet shows them; all of them where this one is hidden there by the filter."""
        shown = self.app.shown_names
        return list(shown if self._server in shown else self.app.engine.board.rows)
