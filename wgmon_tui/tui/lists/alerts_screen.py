"""The alerts screen: the sinks, then the delivery log, newest first."""

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
from wgmon_tui.tui.lists.delivery_screen import DeliveryScreen
from wgmon_tui.tui.lists.polled_list import PolledListScreen
from wgmon_tui.tui.theme.text_style import TextStyle, missing_section_text, unavailable_text
from wgmon_tui.tui.widgets.status_line import StatusLine

_MAX_DELIVERIES = 200


class AlertsScreen(PolledListScreen):
    """Sinks and deliveries, with retry, acknowledge and test."""

    ACTIONS_OF = "alerts"
    BINDINGS = bindings_for("alerts")

    def __init__(self) -> None:
        super().__init__()
        self._log: AlertOverview | None = None

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        yield from self.compose_list(status=StatusLine(lambda: self.read_at, made="read"))

    @property
    def _detailed(self) -> Delivery | None:
        """The delivery under the cursor; for a sink its oldest failed one."""
        cursor = self.scrollable.cursor
        return (self._log.delivery_at(cursor) or self._log.retryable_at(cursor)) if self._log else None

    @property
    def _sink(self) -> str | None:
        """The sink under the cursor, or the sink of the delivery there."""
        return self._log.sink_at(self.scrollable.cursor) if self._log else None

    # Reading

    def has_store(self) -> bool:
        """Whether there is a state directory."""
        return self.app.state_dir is not None

    async def read(self) -> bool:
        """Read the latest deliveries and the sinks. Returns whether they changed."""
        before, state_dir = self._log, self.app.state_dir
        if state_dir is not None:
            found = await asyncio.to_thread(deliveries, state_dir, _MAX_DELIVERIES)
            self._log = AlertOverview(self.app.engine.sinks, tuple(found))
        return self._log != before

    # Drawing

    def draw(self) -> None:
        """Draw the title, the list, and the details of the line under the cursor."""
        content_style = self.content_style
        title = Text().append("Alerts", content_style.palette.text + Style(bold=True))
        if self._log:
            title.append("  ").append_text(summary(self._log, content_style.palette.muted))
        self.query_one("#title", Static).update(title)
        now, actions = self.app.clock(), self.app.actions
        shown = lines(self._log, now, content_style, actions) if self._log else []
        self.show_lines(shown, self._empty_reason(content_style))

    def draw_detail(self) -> None:
        """Draw the details; for a sink those of its oldest failed delivery, as a reason may be long."""
        delivery, now = self._detailed, self.app.clock()
        self.show_detail(detail(delivery, now, self.content_style, self.app.actions) if delivery else None)

    def _empty_reason(self, content_style: TextStyle) -> Text | None:
        if self.app.state_dir is None:
            return unavailable_text(
                "No alerts", "This run stores nothing, so it sends no alerts.", content_style
            )
        if self.is_store_missing:
            words = "Nothing is stored here yet: no process has checked these servers."
            return unavailable_text("No alerts yet", words, content_style)
        if self.read_error:
            return unavailable_text("The delivery log cannot be read", self.read_error, content_style)
        if self._log is None:
            return unavailable_text("Reading the delivery log", "This takes a moment.", content_style)
        if self._log.sinks or self._log.deliveries:
            return None
        where = "There is no [[sink]] in config.toml. Add these three lines to start:"
        rest = (
            "docs/alerts.md describes mail, chats, webhooks and the others. "
            "A saved change takes effect at once."
        )
        return missing_section_text("No alerts are configured", where, FIRST_SINK, rest, content_style)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        if action == "open":
            return self._detailed is not None
        if action == "test":
            return self._sink is not None
        if action == "retry":
            return bool(self._log and self._log.retryable_at(self.scrollable.cursor))
        if action == "see":
            return bool(self._log and self._log.unacknowledged_at(self.scrollable.cursor))
        return True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        if self._empty_reason(self.content_style) is not None or self.scrollable.cursor is None:
            return "There are no alerts here yet"
        match action:
            case "open":
                return "This is a sink. Move to an alert to open it."
            case "retry":
                return "Nothing to retry: no delivery failed here"
            case "see":
                return "Nothing to acknowledge: no delivery failed here"
        return "No sink is selected"

    def action_open(self) -> None:
        """Show the delivery in full: its reason may be longer than a line."""
        if delivery := self._detailed:
            self.app.push_screen(DeliveryScreen(delivery))

    def action_test(self) -> None:
        """Send a test alert to the sink; the result appears in the list."""
        if self._sink and not self.app.refuse_request():
            self.app.engine.test_sink(self._sink)
            self.app.show_notice(f"Sending a test to {self._sink}")

    def action_retry(self) -> None:
        """Retry the delivery now."""
        delivery = self._log.retryable_at(self.scrollable.cursor) if self._log else None
        if delivery and not self.app.refuse_request():
            self.app.engine.retry_alert(delivery.id)
            self.app.show_notice(f"Retrying: {describe_delivery(delivery, self.app.glyphs)}")

    def action_see(self) -> None:
        """Acknowledge failed deliveries, which removes them from the top line."""
        failures = self._log.unacknowledged_at(self.scrollable.cursor) if self._log else None
        if failures and not self.app.refuse_request():
            self.app.engine.acknowledge_alerts(failures.sink, failures.delivery_id)
            self.app.show_notice(
                "Acknowledged"
                if failures.delivery_id
                else f"Acknowledged: all failed deliveries to {failures.sink}"
            )

    def action_go_to(self, word: str) -> None:
        """Go to the first delivery that the title counts under this word."""
        if self._log and (key := self._log.first_line(word)):
            self.scrollable.select(key)

    def action_back(self) -> None:
        """Go back to the fleet."""
        self.dismiss()
