"""The incidents screen: open incidents first, then newest first, with acknowledgements and notes."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.tui.command_copy import copy_next_command
from wgmon_tui.tui.filter.bar import FilterBar, FleetTags
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.lists.filtered_list import FilteredListScreen
from wgmon_tui.tui.lists.incident_actions import copy_incident, write_incidents
from wgmon_tui.tui.lists.incident_order import IncidentOrder, sortable_heading
from wgmon_tui.tui.lists.incident_queries import read_timeline
from wgmon_tui.tui.lists.incident_text import (
    INCIDENT_VALUES,
    OPEN,
    IncidentEntry,
    columns_for,
    detail,
    duration_text,
    line,
    passes,
)
from wgmon_tui.tui.report_copy import muted_reason
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.line_list import ListLine
from wgmon_tui.tui.widgets.status_line import StatusLine


class IncidentsScreen(FilteredListScreen):
    """The filtered timeline of incidents."""

    ACTIONS_OF = "incidents"
    BINDINGS = bindings_for("incidents")

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[IncidentEntry, ...] | None = None
        self._version: int | None = None
        self._drawn_at = 0.0
        self._muted_reasons: dict[str, str] = {}
        self._order = IncidentOrder()

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        bar = FilterBar(
            "name, open, acknowledged, state:down, tag:eu, !not",
            FleetTags(self.app.engine.fleet_state),
            INCIDENT_VALUES,
            INCIDENT_VALUES["is"],
        )
        status = StatusLine(lambda: self.read_at, made="read")
        yield from self.compose_list(bar, Static(id="columns"), status=status)

    @property
    def _chosen(self) -> Incident | None:
        """The incident under the cursor."""
        entry = self._chosen_entry
        return entry.incident if entry else None

    @property
    def _chosen_entry(self) -> IncidentEntry | None:
        entries = self._entries or ()
        return next((each for each in entries if each.incident.id == self.scrollable.cursor), None)

    @property
    def _shown(self) -> list[IncidentEntry]:
        now = self.app.clock()
        return self._order.sort(
            (each for each in self._entries or () if passes(each, self.chosen_filter, now)), now
        )

    # Reading

    def has_store(self) -> bool:
        """Whether there is a history."""
        return self.app.history is not None

    async def read(self) -> bool:
        """Read the timeline. Returns whether it changed, or whether the passing time changes its text."""
        history, timeline = self.app.history, None
        servers = {
            name: server_state.server for name, server_state in self.app.engine.fleet_state.states.items()
        }
        if history is not None:
            with self.app.hold_keys() if self._version is None else nullcontext():
                timeline = await asyncio.to_thread(read_timeline, history, servers, self._version)
        if timeline:
            self._version, self._entries = timeline.version, timeline.entries
        return timeline is not None or self._has_new_text()

    def _has_new_text(self) -> bool:
        """Whether the passing time has changed the text of an open incident."""
        now = self.app.clock()
        if self._muted_reasons != self._current_muted_reasons():
            return True
        last = [
            duration_text(each.incident, self._drawn_at) for each in self._entries or () if _is_open(each)
        ]
        return last != [duration_text(each.incident, now) for each in self._entries or () if _is_open(each)]

    def _current_muted_reasons(self) -> dict[str, str]:
        """Why alerts of open incidents are muted, by incident id."""
        states, now = self.app.engine.fleet_state.states, self.app.clock()
        found = {
            each.incident.id: muted_reason(states[each.incident.server], now)
            for each in self._entries or ()
            if _is_open(each) and each.incident.server in states
        }
        return {key: words for key, words in found.items() if words}

    # Drawing

    def draw(self) -> None:
        """Draw the title, the list, and the details of the incident under the cursor."""
        content_style = self.content_style
        self._drawn_at = now = self.app.clock()
        entries, shown = self._entries or (), self._shown
        columns = columns_for(content_style.width, with_server=True)
        self._muted_reasons = self._current_muted_reasons()
        reason_for = self._muted_reasons.get
        self.query_one("#title", Static).update(self._title(entries, content_style))
        self.draw_list(
            sortable_heading(columns, self._order, content_style),
            [
                ListLine(
                    line(each, now, columns, content_style, reason_for(each.incident.id, "")),
                    each.incident.id,
                )
                for each in shown
            ],
            len(entries),
            self._empty_reason(shown),
        )

    def draw_detail(self) -> None:
        """Show the incident under the cursor in full."""
        found, entry = None, self._chosen_entry
        if entry:
            reason = self._muted_reasons.get(entry.incident.id, "")
            found = detail(entry, self.app.clock(), self.content_style, reason)
        self.show_detail(found)

    def _title(self, entries: tuple[IncidentEntry, ...], content_style: TextStyle) -> Text:
        title = Text().append("Incidents", content_style.palette.text + Style(bold=True))
        if entries:
            count = sum(map(_is_open, entries))
            words = f"{count} open" if count else "none open"
            muted = content_style.palette.muted
            title.append("  ").append(words, muted + Style(meta={"@click": f"screen.show_only('{OPEN}')"}))
            title.append(", ", muted)
            title.append(f"{len(entries)} in total", muted + Style(meta={"@click": "screen.show_only('')"}))
        return title

    def _empty_reason(self, shown: list[IncidentEntry]) -> tuple[str, str] | None:
        if self.app.history is None:
            return "No history", "This run stores nothing, so there is no timeline of incidents."
        if self.is_store_missing:
            return "No incidents yet", "Nothing is stored here yet: no process has checked these servers."
        if self.read_error:
            return "The history cannot be read", self.read_error
        if self._entries is None:
            return "Reading the history", "This takes a moment."
        if not self._entries:
            return "No incidents yet", "No server has been down or degraded since the history began."
        clears = f"Press {key_of('back', self.app.actions)} to clear the filter."
        return None if shown else ("No incident matches this filter", clears)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        chosen = self._chosen
        if action == "acknowledge":
            server_state = self.app.engine.fleet_state.states.get(chosen.server) if chosen else None
            is_its_open_one = bool(
                server_state and server_state.incident and chosen and server_state.incident.id == chosen.id
            )
            return is_its_open_one and self.app.can_acknowledge(server_state)
        if action in ("open", "note", "explain", "copy_summary", "copy_markdown", "copy_command"):
            return chosen is not None
        if action in ("filter", "write"):
            return bool(self._entries)
        return True

    def current_server(self) -> str | None:
        """The server of the incident under the cursor."""
        return self._chosen.server if self._chosen else None

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        chosen, why = self._chosen, self._empty_reason(self._shown)
        if chosen is None or action != "acknowledge":
            return ". ".join(why).rstrip(".") if why else "No incident is selected"
        server_state = self.app.engine.fleet_state.states.get(chosen.server)
        if chosen.closed_at is not None or server_state is None:
            return "Only an open incident can be acknowledged: this one is closed"
        if chosen.acknowledged_at is None:
            return f"The state of {chosen.server} is not known yet. Try again after its next check."
        return f"Already acknowledged: {chosen.server}"

    def action_open(self) -> None:
        """Open the incident."""
        if self._chosen:
            self.app.open_incident(self._chosen)

    def action_acknowledge(self) -> None:
        """Acknowledge the incident."""
        if self._chosen:
            self.app.acknowledge(self._chosen.server)

    def action_explain(self) -> None:
        """Explain the verdict of the incident."""
        if self._chosen:
            self.app.open_explanation(self._chosen.server, self._chosen.verdict)

    def action_copy_summary(self) -> None:
        """Copy a report on the incident as text."""
        self._copy(markdown=False)

    def action_copy_markdown(self) -> None:
        """Copy a report on the incident in Markdown."""
        self._copy(markdown=True)

    def action_copy_command(self) -> None:
        """Copy the next command for the server of an open incident."""
        chosen = self._chosen
        server_state = self.app.engine.fleet_state.states.get(chosen.server) if chosen else None
        diagnosis = server_state.diagnosis if server_state else None
        if chosen and diagnosis and chosen.closed_at is None and diagnosis.verdict.severity is Severity.UP:
            self.app.show_notice(
                f"The last check of {chosen.server} was good. Open the incident to copy its command."
            )
        elif server_state and chosen and chosen.closed_at is None:
            copy_next_command(self.app, server_state, server_state.diagnosis)
        else:
            self.app.show_notice("This incident is closed. Open it to copy the command of that time.")

    def _copy(self, *, markdown: bool) -> None:
        if entry := self._chosen_entry:
            self.run_worker(copy_incident(self.app, entry, markdown=markdown), group="history")

    def action_note(self) -> None:
        """Add a note to the incident."""
        if self._chosen:
            self.app.add_note(self._chosen.id, self._chosen.server)

    def action_write(self) -> None:
        """Write the filtered incidents to files."""
        write_incidents(self.app, self._shown)

    def action_sort_by(self, column: str) -> None:
        """Sort by a column, as a click on its title does; a second click reverses, a third ends it."""
        self._order = self._order.clicked(column)
        self.draw()

    # Filtering

    def action_show_only(self, line: str) -> None:
        """Filter by this line, as a click on a count in the title does."""
        bar = self.query_one(FilterBar)
        if line:
            bar.set_filter(line)
        else:
            bar.clear()
        self.leave_filter()


def _is_open(entry: IncidentEntry) -> bool:
    return entry.incident.closed_at is None
