"""Keys of the open tab of the server screen: moving, scrolling, zooming, comparing."""

from __future__ import annotations

from textual.widgets import TabbedContent, Tabs

from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.tui.server.diagnosis_page import DiagnosisPage
from wgmon_tui.tui.server.history_tab import HistoryTab
from wgmon_tui.tui.server.packets_tab import PacketsTab
from wgmon_tui.tui.server.rtt_tab import RttTab
from wgmon_tui.tui.server.tab import ServerTab
from wgmon_tui.tui.server_actions import ServerActions


class TabActions(ServerActions):
    """A screen with the tabs of a server, and the diagnosis beside them."""

    @property
    def _tab(self) -> ServerTab:
        """The open tab."""
        active = self.query_one(TabbedContent).active_pane
        return active if isinstance(active, ServerTab) else self.query(ServerTab).first()

    @property
    def _beside(self) -> DiagnosisPage:
        return self.query_one("#diagnosis-beside", DiagnosisPage)

    def action_next_tab(self) -> None:
        """Open the next tab."""
        self.query_one(Tabs).action_next_tab()

    def action_previous_tab(self) -> None:
        """Open the previous tab."""
        self.query_one(Tabs).action_previous_tab()

    def action_up(self) -> None:
        """Move up in the open tab."""
        self._tab.scrollable.up()

    def action_down(self) -> None:
        """Move down in the open tab."""
        self._tab.scrollable.down()

    def action_page_up(self) -> None:
        """Move up by a packet or a page."""
        self._tab.scrollable.page_up()

    def action_page_down(self) -> None:
        """Move down by a packet or a page."""
        self._tab.scrollable.page_down()

    def action_diagnosis_up(self) -> None:
        """Scroll the diagnosis beside the tabs up."""
        self._beside.up()

    def action_diagnosis_down(self) -> None:
        """Scroll the diagnosis beside the tabs down."""
        self._beside.down()

    def action_first(self) -> None:
        """Move to the start."""
        self._tab.scrollable.first()

    def action_last(self) -> None:
        """Move to the end."""
        self._tab.scrollable.last()

    def action_left(self) -> None:
        """Move left in the open tab."""
        self._tab.left()

    def action_right(self) -> None:
        """Move right in the open tab."""
        self._tab.right()

    def action_zoom_in(self) -> None:
        """Plot a shorter period."""
        self.query_one(RttTab).zoom(-1)

    def action_zoom_out(self) -> None:
        """Plot a longer period."""
        self.query_one(RttTab).zoom(1)

    def action_now(self) -> None:
        """Move the plot to the present."""
        self.query_one(RttTab).last()

    def action_next_vantage(self) -> None:
        """Show history and plot as the next vantage sees this server; after the last, this machine."""
        history, plot, open_tab = self.query_one(HistoryTab), self.query_one(RttTab), self._tab
        names = (LOCAL_VANTAGE, *self.app.engine.fleet_state.vantages)
        here = names.index(history.vantage) if history.vantage in names else 0
        history.vantage = plot.vantage = names[(here + 1) % len(names)]
        if open_tab.server_state:
            open_tab.draw(open_tab.server_state)

    def action_follow(self) -> None:
        """Show the newest exchange and keep following."""
        self.query_one(PacketsTab).follow()
        self.refresh_bindings()

    def action_compare(self) -> None:
        """Mark the differences from the last good exchange."""
        self.query_one(PacketsTab).compare()
