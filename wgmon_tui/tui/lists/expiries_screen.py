"""Expiry dates of the certificates, keys and subscriptions of all servers, the first one first."""

from __future__ import annotations

from rich.text import Text

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.output.expiry_text import severity_of
from wgmon_tui.text import format_count
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.lists.expiry_lines import (
    EXPIRY_ORDER,
    EXPIRY_VALUES,
    WORDS,
    ExpiryEntry,
    detail,
    entries_of,
    heading,
    line,
    passes,
)
from wgmon_tui.tui.lists.ordered_list import OrderedListScreen


class ExpiriesScreen(OrderedListScreen[ExpiryEntry]):
    """The filtered list of expiry dates."""

    ACTIONS_OF = "expiries"
    BINDINGS = bindings_for("expiries")
    FILTER_EXAMPLE = "certificate, soon, ended, name:fra, tag:eu, !not"
    FILTER_VALUES = EXPIRY_VALUES
    FILTER_WORDS = WORDS

    def __init__(self) -> None:
        super().__init__(EXPIRY_ORDER)

    def collect(self) -> list[ExpiryEntry]:
        """All dates that are known."""
        return entries_of(self.app.engine.fleet_state.states.values())

    def passes(self, entry: ExpiryEntry) -> bool:
        """Whether a date passes the chosen filter."""
        return passes(entry, self.chosen_filter, self.app.clock())

    def make_heading(self) -> Text:
        """The titles of the columns."""
        return heading(self.order, self.content_style)

    def make_line(self, entry: ExpiryEntry) -> Text:
        """A date as a line."""
        return line(entry, self.app.clock(), self.content_style)

    def make_detail(self, entry: ExpiryEntry) -> Text:
        """A date in full."""
        return detail(entry, self.app.clock(), self.content_style)

    @property
    def heading(self) -> str:
        """What is listed."""
        return "Certificates and keys that expire"

    @property
    def summary(self) -> str:
        """How many expire soon."""
        now = self.app.clock()
        near = sum(severity_of(each.expires.at, now) is not Severity.UP for each in self.entries)
        return f"{near} within 30 days, {len(self.entries)} in total"

    def explain_empty(self) -> tuple[str, str]:
        """Why no date is known."""
        watched = format_count(len(self.app.engine.fleet_state.states), "server")
        words = (
            f"No check of the {watched} here found a certificate, key or subscription that expires. "
            "Control planes, OpenVPN, IKEv2 and proxies have them. WireGuard keys do not expire."
        )
        return "No expiry date is known", words

    def current_server(self) -> str | None:
        """The server of the entry under the cursor."""
        return self.chosen.server.name if self.chosen else None
