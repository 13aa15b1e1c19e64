"""What was told to whom: the sinks, then every delivery, the latest first, and what came of it."""

from __future__ import annotations

import asyncio

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.alerts.delivery_log import Delivery, deliveries
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.lists.alert_text import (
    FIRST_SINK,
    AlertOverview,
    describe_delivery,
    detail,
    lines,
    summary,
)
from wgmon_tui.tui.lists.polled_list import PolledListScreen
from wgmon_tui.tui.theme.text_style import TextStyle, unavailable_text
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.line_list import LineList

_MAX_DELIVERIES = 200


class AlertsScreen(PolledListScreen):
    """Whom there is to tell, what was told, and what has still to be."""

    ACTIONS_OF = "alerts"
    BINDINGS = bindings_for("alerts")

    def __init__(self) -> None:
        super().__init__()
        self._log: AlertOverview | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Static(id="title")
        yield LineList(lambda: self.app.palette)
        yield Static(id="nothing")
        yield Static(id="detail")
        yield KeyHints()

    @property
    def _chosen(self) -> Delivery | None:
        """The delivery under the cursor."""
        return self._log.delivery_at(self.scrollable.cursor) if self._log else None

    @property
    def _sink(self) -> str | None:
        """The sink under the cursor, or that of the delivery there."""
        return self._log.sink_at(self.scrollable.cursor) if self._log else None

    # What is read

    def has_store(self) -> bool:
        """Where there is a state directory."""
        return self.app.state_dir is not None

    async def read(self) -> bool:
        """The latest deliveries, and who there is to tell."""
        before, state_dir = self._log, self.app.state_dir
        if state_dir is not None:
            found = await asyncio.to_thread(deliveries, state_dir, _MAX_DELIVERIES)
            self._log = AlertOverview(self.app.engine.sinks, tuple(found))
        return self._log != before

    # What is shown

    def draw(self) -> None:
        """The head, the list, and what there is to say of the line under the cursor."""
        content_style = self.content_style
        title = Text().append("Alerts", content_style.palette.text + Style(bold=True))
        if self._log:
            title.append(f"  {summary(self._log)}", content_style.palette.muted)
        self.query_one("#title", Static).update(title)
        nothing = self._empty_reason(content_style)
        empty = self.query_one("#nothing", Static)
        empty.display, self.scrollable.display = nothing is not None, nothing is None
        if nothing is not None:
            empty.update(nothing)
        now, actions = self.app.clock(), self.app.actions
        shown = lines(self._log, now, content_style, actions) if self._log and nothing is None else []
        self.scrollable.show(shown)
        self._draw_detail()

    def _draw_detail(self) -> None:
        """Of a sink what failed first: the reason may be long, and its line is short."""
        cursor, panel = self.scrollable.cursor, self.query_one("#detail", Static)
        delivery = self._log and (self._log.delivery_at(cursor) or self._log.retryable_at(cursor))
        panel.display = bool(delivery)
        if delivery:
            panel.update(detail(delivery, self.app.clock(), self.content_style, self.app.actions))

    def _empty_reason(self, content_style: TextStyle) -> Text | None:
        if self.app.state_dir is None:
            return unavailable_text(
                "No alerts", "Nothing is stored in this run, so nobody is told.", content_style
            )
        if self.read_error:
            return unavailable_text("The alerts cannot be read now", self.read_error, content_style)
        if self._log is None:
            return unavailable_text("Reading the alerts", "They are there in a moment.", content_style)
        if self._log.sinks or self._log.deliveries:
            return None
        where = "There is no [[sink]] in config.toml. These three lines are the first:"
        found = unavailable_text("Nobody is told when a server is down", where, content_style)
        for line in FIRST_SINK.splitlines():
            found.append(f"\n  {line}", content_style.palette.accent)
        found.append("\n\n")
        rest = "docs/alerts.md has mail, chats, webhooks and the others. What is saved counts at once."
        return found.append_text(Text("\n").join(content_style.paragraph(rest, content_style.palette.muted)))

    # What can be done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that would do nothing now is not offered."""
        if not self.is_mounted:
            return True
        if action == "open":
            return self._server is not None
        if action == "test":
            return self._sink is not None
        if action == "retry":
            return bool(self._log and self._log.retryable_at(self.scrollable.cursor))
        if action == "see":
            return bool(self._log and self._log.unacknowledged_at(self.scrollable.cursor))
        return True

    @property
    def _server(self) -> str | None:
        """The first server of the delivery under the cursor that is still watched: the worst off of them."""
        about = self._chosen.announcement.about if self._chosen else ()
        names = (snapshot.incident.server for snapshot in about)
        return next((name for name in names if name in self.app.engine.fleet_state.states), None)

    def on_line_list_line_selected(self) -> None:
        """What can be done depends on what is under the cursor, and all of it is told below the list."""
        self._draw_detail()
        self.refresh_bindings()

    def on_line_list_line_opened(self) -> None:
        """A double click opens as well."""
        if self._server:
            self.action_open()

    def action_open(self) -> None:
        """Open the server that it is about."""
        if self._server:
            self.app.open_server(self._server)

    def action_test(self) -> None:
        """Send the sink a test; what comes of it appears in the list."""
        if self._sink:
            self.app.engine.test_sink(self._sink)
            self.app.show_notice(f"A test is on its way to {self._sink}")

    def action_retry(self) -> None:
        """Try again now."""
        delivery = self._log.retryable_at(self.scrollable.cursor) if self._log else None
        if delivery:
            self.app.engine.retry_alert(delivery.id)
            self.app.show_notice(f"Trying again: {describe_delivery(delivery, self.app.glyphs)}")

    def action_see(self) -> None:
        """Say that it is known what was given up: it is no longer in the line on top."""
        failures = self._log.unacknowledged_at(self.scrollable.cursor) if self._log else None
        if failures:
            self.app.engine.acknowledge_alerts(failures.sink, failures.delivery_id)
            self.app.show_notice(
                "Seen" if failures.delivery_id else f"Seen: all that was given up for {failures.sink}"
            )

    def action_back(self) -> None:
        """Back to the fleet."""
        self.dismiss()
