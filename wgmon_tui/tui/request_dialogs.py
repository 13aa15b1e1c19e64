"""Requests that need a dialog first: acknowledge, mute, and add a note to an incident.

Several screens offer them. The app asks, sends the answer to the engine, and shows a notice.
"""

from __future__ import annotations

from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.text import format_servers, format_until
from wgmon_tui.tui.context import AppPart


class RequestDialogApp(AppPart):
    """An app that asks for what a request needs, and then sends it."""

    def can_acknowledge(self, server_state: ServerState | None) -> bool:
        """Whether a server has an open incident that is not acknowledged."""
        return (
            server_state is not None
            and server_state.incident is not None
            and server_state.incident.acknowledged_at is None
        )

    def acknowledge(self, *names: str, server_label: str = "") -> None:
        """Ask for an optional note, then acknowledge the open incidents of these servers."""
        from wgmon_tui.tui.dialogs.note import NoteScreen

        server_label = server_label or format_servers(names)

        def on_answer(note: str | None) -> None:
            if note is not None:
                self.engine.acknowledge(names, note=note)
                self.show_notice(f"Acknowledged: {server_label}")

        self.push_screen(NoteScreen(f"Acknowledge {server_label}, note"), on_answer)

    def mute(self, *names: str, server_label: str) -> None:
        """Ask for a time, then mute the alerts of these servers until then."""
        from wgmon_tui.tui.dialogs.mute import MuteScreen

        def on_answer(until: float | None) -> None:
            if until is not None:
                self.engine.mute(names, until)
                self.show_notice(f"Muted {server_label} {format_until(until, self.clock())}")

        self.push_screen(MuteScreen(server_label), on_answer)

    def add_note(self, incident: str, name: str) -> None:
        """Ask for a note, and store it with an incident of this server."""
        from wgmon_tui.tui.dialogs.note import NoteScreen

        def on_answer(note: str | None) -> None:
            if note:
                self.engine.add_note(incident, note)
                self.show_notice(f"Note added: {name}")

        self.push_screen(NoteScreen(f"Note on {name}"), on_answer)
