"""Server screen: the state of one server, the next step to type, and the packets as proof.

The header always shows the current state. Only the open tab is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize
from textual.widgets import Static, TabbedContent, Tabs

from wgmon_tui.checks.protocol_words import explain_no_trace
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.control_planes import is_of_mesh
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.net.addresses import Address
from wgmon_tui.tui.command_copy import copy_command_in, copy_next_command
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.fleet_actions import FLEET_ACTIONS
from wgmon_tui.tui.file_export import write_exchange
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.report_copy import build_exchange_report
from wgmon_tui.tui.server.diagnosis_page import Answers, DiagnosisPage
from wgmon_tui.tui.server.diagnosis_tab import DiagnosisTab
from wgmon_tui.tui.server.header import HeaderDetail, detail_for, server_header
from wgmon_tui.tui.server.history_tab import HistoryTab
from wgmon_tui.tui.server.packets_tab import PacketsTab
from wgmon_tui.tui.server.page_columns import page_columns
from wgmon_tui.tui.server.refused_keys import explain_refusal
from wgmon_tui.tui.server.rtt_tab import RttTab
from wgmon_tui.tui.server.tab import TAB_ACTIONS, ServerTab, agreed, chosen
from wgmon_tui.tui.server.tab_actions import TabActions
from wgmon_tui.tui.server.vantages_tab import VantagesTab
from wgmon_tui.tui.server_actions import SERVER_ACTIONS
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.status_line import StatusLine

_REFRESH_S = 0.5
_MARGINS = 2


class ServerScreen(TabActions):
    """Shows the server `name` of the fleet state."""

    app: AppContext
    ACTIONS_OF = "server"
    AUTO_FOCUS = ""
    BINDINGS = bindings_for("server")
    DEFAULT_CSS = """
    ServerScreen {
        #head { height: auto; max-height: 50%; padding: 0 1; }
        #columns { height: 1fr; }
        #tabs { height: 1fr; width: 1fr; }
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
        self._drawn: tuple[int, str] | None = None
        """The version of the drawn state; before the first check also why nobody checks."""
        self._address: Address | None = None
        self._left_diagnosis = False
        """Whether the tab of the diagnosis was open until the terminal became wide."""

    def compose(self) -> ComposeResult:
        """Yield the header, the tabs and the key hints."""
        yield OutageBar()
        yield Static(id="head")
        answers: Answers = {}
        with Horizontal(id="columns"):
            yield DiagnosisPage(
                answers, lambda: page_columns(self.app.size.width).diagnosis, id="diagnosis-beside"
            )
            with TabbedContent(id="tabs"):
                yield PacketsTab()
                yield DiagnosisTab(answers)
                yield HistoryTab()
                yield RttTab()
                yield VantagesTab()
        yield StatusLine(self._checked_at)
        yield KeyHints()

    def on_mount(self) -> None:
        """Start the refresh timer. No widget takes the focus, so every key reaches the screen."""
        self.query_one(Tabs).can_focus = False
        self._place_columns()
        self.set_interval(_REFRESH_S, self._refresh_if_due)
        self.refresh_view()

    def on_screen_resume(self) -> None:
        """Redraw at once when this screen is on top again."""
        self.refresh_view()

    def on_unmount(self) -> None:
        """Stop requesting the packets of this server."""
        self.app.engine.set_focused_server(None)

    @property
    def _row(self) -> ServerState | None:
        return self.app.engine.fleet_state.states.get(self._server)

    def _checked_at(self) -> float | None:
        """When the server was checked last, in Unix time."""
        server_state = self._row
        return server_state.last_check.at if server_state and server_state.last_check else None

    def _refresh_if_due(self) -> None:
        if self.is_current and self.app.repaint_throttle.is_due():
            self.refresh_view()

    def refresh_view(self) -> None:
        """Redraw what changed since the last refresh, if this screen is on top."""
        server_state = self._row
        if not self.is_current:
            return
        self.app.engine.set_focused_server(self._server)
        if server_state is None:
            self.dismiss()
            self.app.show_error(f"{self._server} is no longer in servers.toml")
            return
        outage = "" if server_state.last else self.app.outage_line()
        if (server_state.version, outage) != self._drawn:
            self._drawn = server_state.version, outage
            self._show(server_state)

    # Display

    def _show(self, server_state: ServerState) -> None:
        self._show_head(server_state)
        self._toggle_vantages_tab(bool(server_state.vantage_states or self.app.engine.fleet_state.vantages))
        self._tab.show(server_state, self._address)
        if self._is_wide:
            self._beside.show(server_state, self._address)
        self.refresh_bindings()

    @property
    def _is_wide(self) -> bool:
        """Whether the diagnosis is beside the tabs."""
        return page_columns(self.app.size.width).diagnosis > 0

    def _place_columns(self) -> None:
        """Show the diagnosis as a column on a wide terminal, and as a tab on others."""
        columns, tabs, tab = (
            page_columns(self.app.size.width),
            self.query_one(TabbedContent),
            self.query_one(DiagnosisTab),
        )
        self._beside.display = self._is_wide
        self._beside.styles.width = columns.diagnosis
        packets = self.query_one(PacketsTab).id or ""
        if not self._is_wide:
            tabs.show_tab(tab.id or "")
            if self._left_diagnosis and tabs.active == packets:
                tabs.active = tab.id or ""
            self._left_diagnosis = False
            return
        if tabs.active == tab.id:
            tabs.active, self._left_diagnosis = packets, True
        tabs.hide_tab(tab.id or "")

    def _toggle_vantages_tab(self, is_visible: bool) -> None:
        """Show the Vantages tab only if other vantages check this server."""
        tabs, tab = self.query_one(TabbedContent), self.query_one(VantagesTab)
        if is_visible is tabs.get_tab(tab).display:
            return
        if is_visible:
            tabs.show_tab(tab.id or "")
        else:
            tabs.hide_tab(tab.id or "")

    def _show_head(self, server_state: ServerState) -> None:
        """Draw the header from the newest round, whatever the tab shows."""
        check, diagnosis = agreed(server_state, self._address)
        detail = min(detail_for(self.app.size.height), self._tab.MAX_HEADER_DETAIL)
        if self._is_wide:
            detail = HeaderDetail.BARE  # the diagnosis beside the tab has the rest
        together = (
            self.app.together.of(server_state.server.name) if server_state.severity is Severity.DOWN else ()
        )
        head = server_header(
            server_state, diagnosis, check, together, self._head_style(), detail, self.app.clock()
        )
        self.query_one("#head", Static).update(head)

    def _head_style(self) -> TextStyle:
        """The style of the header, which is as wide as the terminal."""
        return TextStyle(self.app.palette, self.app.glyphs, self.app.size.width - _MARGINS)

    def _redraw(self) -> None:
        if server_state := self._row:
            self._show(server_state)

    def on_tabbed_content_tab_activated(self) -> None:
        """Redraw: only the open tab is up to date, and tabs differ in header size."""
        self._redraw()

    def on_resize(self, event: Resize) -> None:
        """Redraw: text is wrapped to the width."""
        self._place_columns()
        self._redraw()

    def notify_style_update(self) -> None:
        """Redraw after a theme change."""
        super().notify_style_update()
        if self.is_mounted:
            self._redraw()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide keys that would do nothing now."""
        if not self.is_mounted:
            return True
        if action in TAB_ACTIONS:
            return self._tab.can_run(action)
        if action == "address":
            outcome = self._tab.outcome
            return outcome is not None and len(outcome.checks) > 1
        if action in ("previous_server", "next_server"):
            return len(self._names()) > 1
        if action in FLEET_ACTIONS:
            return self.can_change_fleet(action)
        if action in SERVER_ACTIONS:
            return self.can_act_on_servers(action)
        if action == "inspect":
            return self.app.ask_server is not None
        if action == "trace_path":
            return self._row is not None and not explain_no_trace(self._row.server.protocol)
        if action == "nodes":
            return self._row is not None and is_of_mesh(self._row.server)
        if action in ("diagnosis_up", "diagnosis_down"):
            return self._is_wide
        return True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        if action in TAB_ACTIONS:
            return explain_refusal(self._tab, action, self.app.actions)
        match action:
            case "address":
                return f"{self._server} was checked at one address only"
            case "previous_server" | "next_server":
                return "There is no other server"
            case "inspect":
                return "No server can be asked here"
            case "trace_path" if self._row:
                return explain_no_trace(self._row.server.protocol)
            case "nodes":
                return f"{self._server} is neither a control plane nor a node that one reports"
        return super().explain_refusal(action)

    def explain_no_server(self) -> str:
        """Why there is no server."""
        return f"{self._server} is no longer in servers.toml"

    def target_servers(self) -> Sequence[str]:
        """The server of this screen."""
        return [self._server]

    def action_back(self) -> None:
        """Return to the fleet screen."""
        self.dismiss()

    def action_open(self) -> None:
        """Open the line under the cursor, or the selected vantage."""
        tab = self._tab
        if isinstance(tab, HistoryTab | VantagesTab):
            tab.open()

    def on_vantages_tab_vantage_chosen(self, event: VantagesTab.VantageChosen) -> None:
        """Show the last exchange of that vantage instead of the newest local one."""
        tab = self.query_one(PacketsTab)
        if event.is_local:
            tab.follow()
        else:
            tab.show_vantage_exchange(event.vantage, event.outcome)
        self.query_one(TabbedContent).active = tab.id or ""

    def on_history_tab_exchange_chosen(self, event: HistoryTab.ExchangeChosen) -> None:
        """Show a stored exchange instead of the newest one."""
        tab = self.query_one(PacketsTab)
        tab.show_stored(event.opened)
        self.query_one(TabbedContent).active = tab.id or ""

    def action_address(self, step: int) -> None:
        """Show the check of the next or previous address of this server."""
        outcome = self._tab.outcome
        check, _ = chosen(outcome, self._address)
        if outcome and check:
            addresses = [each.address for each in outcome.checks]
            self._address = addresses[(addresses.index(check.address) + step) % len(addresses)]
            self._redraw()

    def action_copy(self) -> None:
        """Copy the text of the open tab over OSC 52."""
        copied = self._tab.copyable_text()
        if copied is None:
            self.app.show_notice(self._tab.NOTHING_TO_COPY)
            return
        text, what = copied
        self.app.copy_with_notice(text, what)

    def action_copy_command(self) -> None:
        """Copy the next command: for what the server itself has answered, else for the diagnosis."""
        advice = self._beside.advice_of_server(self._row)
        if advice:
            copy_command_in(self.app, self._server, advice)
        elif server_state := self._row:
            copy_next_command(self.app, server_state, agreed(server_state, self._address)[1])

    def action_write(self) -> None:
        """Write the shown exchange to files."""
        server_state, outcome = self._row, self._tab.outcome
        report_data = (
            build_exchange_report(self.app, server_state, outcome) if server_state and outcome else None
        )
        write_exchange(self.app, outcome, self._address, report_data)

    def action_inspect(self) -> None:
        """Read the server's own view and show it in the Diagnosis tab."""
        server_state, ask_server = self._row, self.app.ask_server
        if server_state and ask_server:
            tab = self.query_one(DiagnosisTab)
            if not self._is_wide:
                self.query_one(TabbedContent).active = tab.id or ""
            page = self._beside if self._is_wide else tab.scrollable
            page.ask(server_state, self._address, ask_server)

    def action_trace_path(self) -> None:
        """Trace the path to the selected address."""
        if not self.app.refuse_request():
            self.app.open_path(self._server, self._address)

    def action_nodes(self) -> None:
        """Show the nodes of this control plane, or of the one that reports this node."""
        if server_state := self._row:
            server = server_state.server
            self.app.open_nodes(server.control_plane or server.name)

    def action_previous_server(self) -> None:
        """Show the previous server in table order."""
        self._switch_server(-1)

    def action_next_server(self) -> None:
        """Show the next server in table order."""
        self._switch_server(1)

    def _switch_server(self, step: int) -> None:
        names = self._names()
        at = names.index(self._server) if self._server in names else 0
        self._server = names[(at + step) % len(names)]
        self._drawn = self._address = None
        for tab in self.query(ServerTab):
            tab.clear_server()
        self._beside.clear_server()
        self.refresh_view()

    def _names(self) -> list[str]:
        """The servers in the order of the fleet table; all servers if the filter hides this one."""
        shown = self.app.shown_names
        return list(shown if self._server in shown else self.app.engine.fleet_state.states)
