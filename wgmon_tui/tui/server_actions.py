"""Actions on selected servers: check, pause, mute, acknowledge, report, explain.

The fleet and server screens inherit them, and determine which servers are selected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.text import format_servers
from wgmon_tui.tui.editing.fleet_actions import FleetActions

if TYPE_CHECKING:
    from wgmon_tui.output.incident_report import IncidentReport

SERVER_ACTIONS = frozenset(
    {
        "recheck",
        "pause",
        "acknowledge",
        "mute",
        "unmute",
        "copy_summary",
        "copy_markdown",
        "copy_command",
        "explain",
    }
)


class ServerActions(FleetActions):
    """A screen with actions on servers."""

    def server_label(self, names: Sequence[str]) -> str:
        """The servers, as named in a notice."""
        return format_servers(names)

    def refresh_view(self) -> None:
        """Show the result of an action."""
        raise NotImplementedError

    def explained_columns(self) -> Sequence[str]:
        """The keys of the columns that this screen can explain."""
        return ()

    def build_report(self, server_state: ServerState) -> IncidentReport:
        """The incident report for a server."""
        from wgmon_tui.tui.report_copy import build_server_report

        return build_server_report(self.app, server_state)

    @property
    def _rows(self) -> list[ServerState]:
        states = self.app.engine.fleet_state.states
        return [states[name] for name in self.target_servers() if name in states]

    def can_act_on_servers(self, action: str) -> bool:
        """Whether an action of `SERVER_ACTIONS` would have an effect now."""
        if action in ("explain", "copy_command"):
            return self.current_server() in self.app.engine.fleet_state.states
        states = self._rows
        if action == "acknowledge":
            return any(map(self.app.can_acknowledge, states))
        if action == "unmute":
            return any(server_state.muted_until is not None for server_state in states)
        return bool(states)

    def explain_refusal(self, action: str) -> str:
        """Why an action on servers, or on servers.toml, is refused now."""
        states = self._rows
        if action not in SERVER_ACTIONS or not states:
            return super().explain_refusal(action)
        label = self.server_label([server_state.server.name for server_state in states])
        if action == "unmute":
            return f"Alerts are not muted: {label}"
        if action == "acknowledge" and any(server_state.incident for server_state in states):
            return f"Already acknowledged: {label}"
        return f"No open incident: {label}" if action == "acknowledge" else self.explain_no_server()

    def action_recheck(self) -> None:
        """Check the selected servers now."""
        if self.app.refuse_request():
            return
        names = self.target_servers()
        self.app.engine.recheck(names)
        self.app.show_notice(f"Checking {self.server_label(names)}")

    def action_pause(self) -> None:
        """Pause the selected servers; if all of them are paused, resume."""
        if self.app.refuse_request():
            return
        names, paused = self.target_servers(), not all(server_state.paused for server_state in self._rows)
        self.app.engine.pause(names, paused)
        server_label = self.server_label(names)
        self.app.show_notice(f"Paused {server_label}" if paused else f"Resumed {server_label}")
        self.refresh_view()

    def action_acknowledge(self) -> None:
        """Acknowledge the open incidents of the selected servers."""
        if self.app.refuse_request():
            return
        names = [
            server_state.server.name for server_state in self._rows if self.app.can_acknowledge(server_state)
        ]
        self.app.acknowledge(*names, server_label=self.server_label(names))

    def action_mute(self) -> None:
        """Mute the alerts of the selected servers until a time that is asked for."""
        if self.app.refuse_request():
            return
        names = self.target_servers()
        self.app.mute(*names, server_label=self.server_label(names))

    def action_unmute(self) -> None:
        """Send alerts for the selected servers again."""
        if self.app.refuse_request():
            return
        names = [
            server_state.server.name for server_state in self._rows if server_state.muted_until is not None
        ]
        self.app.engine.mute(names, None)
        self.app.show_notice(f"Unmuted {self.server_label(names)}")
        self.refresh_view()

    def action_copy_summary(self) -> None:
        """Copy a report on the selected servers as text."""
        self._copy(markdown=False)

    def action_copy_markdown(self) -> None:
        """Copy a report on the selected servers in Markdown."""
        self._copy(markdown=True)

    def _copy(self, *, markdown: bool) -> None:
        from wgmon_tui.tui.report_copy import copy_reports

        copy_reports(
            self.app, [self.build_report(server_state) for server_state in self._rows], markdown=markdown
        )

    def action_copy_command(self) -> None:
        """Copy the next command for the current server."""
        from wgmon_tui.tui.command_copy import copy_next_command

        server_state = self.app.engine.fleet_state.states[self.current_server() or ""]
        copy_next_command(self.app, server_state, server_state.diagnosis)

    def action_explain(self) -> None:
        """Explain the verdict and the columns of the current server."""
        server_state = self.app.engine.fleet_state.states[self.current_server() or ""]
        verdict = server_state.diagnosis.verdict if server_state.diagnosis else server_state.verdict
        self.app.open_explanation(server_state.server.name, verdict, server_state, self.explained_columns())
