"""Navigation: opens the screens and pickers of all features, for keys and for other screens.

Features do not import each other: a screen asks the app for a screen of another feature. A screen is imported
when it is first opened, so that the program starts fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wgmon_tui.tui.context import AppPart

if TYPE_CHECKING:
    from wgmon_tui.checks.verdict import Verdict
    from wgmon_tui.monitor.fleet_state import ServerState
    from wgmon_tui.monitor.incidents import Incident
    from wgmon_tui.net.addresses import Address


class NavigationApp(AppPart):
    """An app that opens the screens of its features."""

    def action_choose_theme(self) -> None:
        """Open the theme picker."""
        from wgmon_tui.tui.dialogs.theme_picker import ThemeScreen

        self.push_screen(ThemeScreen())

    def action_settings(self) -> None:
        """Open the settings."""
        from wgmon_tui.tui.settings.screen import SettingsScreen

        self.push_screen(SettingsScreen())

    def action_command_palette(self) -> None:
        """Open Textual's command palette with an ASCII placeholder."""
        from textual.command import CommandPalette

        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder="Search for a command", id="--command-palette"))

    def action_help(self) -> None:
        """Open the help for the current screen."""
        from wgmon_tui.tui.help.help_screen import HelpScreen

        self.push_screen(HelpScreen(getattr(self.screen, "ACTIONS_OF", "fleet")))

    def open_server(self, name: str) -> None:
        """Open a server's screen."""
        from wgmon_tui.tui.server.screen import ServerScreen

        self.push_screen(ServerScreen(name))

    def open_incidents(self) -> None:
        """Open the fleet's incidents."""
        from wgmon_tui.tui.lists.incidents_screen import IncidentsScreen

        self.push_screen(IncidentsScreen())

    def open_incident(self, incident: Incident) -> None:
        """Open the view of one incident."""
        from wgmon_tui.tui.incident.screen import IncidentScreen

        self.push_screen(IncidentScreen(incident))

    def open_path(self, name: str, address: Address | None) -> None:
        """Trace the path to a server, and show it."""
        from wgmon_tui.tui.path.screen import PathScreen

        self.push_screen(PathScreen(name, address))

    def open_alerts(self) -> None:
        """Open the log of alerts."""
        from wgmon_tui.tui.lists.alerts_screen import AlertsScreen

        self.push_screen(AlertsScreen())

    def open_expiries(self) -> None:
        """Open the list of expiry dates."""
        from wgmon_tui.tui.lists.expiries_screen import ExpiriesScreen

        self.push_screen(ExpiriesScreen())

    def open_nodes(self, plane: str = "") -> None:
        """Open the list of the nodes of a control plane, or of all."""
        from wgmon_tui.tui.lists.nodes_screen import NodesScreen

        self.push_screen(NodesScreen(plane))

    def open_subscriptions(self) -> None:
        """Open the lists of providers."""
        from wgmon_tui.tui.lists.subscriptions_screen import SubscriptionsScreen

        self.push_screen(SubscriptionsScreen())

    def open_explanation(
        self,
        name: str,
        verdict: Verdict | None,
        server_state: ServerState | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        """Explain a verdict of this server; with `server_state` also its state and these columns."""
        from wgmon_tui.tui.help.explain_screen import ExplainScreen

        self.push_screen(ExplainScreen(name, verdict, server_state, columns))
