"""Expiry dates of the certificates, keys and subscriptions of all servers, the first one first."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.output.expiry_text import severity_of
from wgmon_tui.text import format_count
from wgmon_tui.tui.filter.bar import FilterBar, FleetTags
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
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
    short_left,
)
from wgmon_tui.tui.lists.filtered_list import OrderedListScreen
from wgmon_tui.tui.widgets.line_list import ListLine


class ExpiriesScreen(OrderedListScreen):
    """The filtered list of expiry dates."""

    ACTIONS_OF = "expiries"
    BINDINGS = bindings_for("expiries")

    def __init__(self) -> None:
        super().__init__(EXPIRY_ORDER)
        self._entries: list[ExpiryEntry] = []
        self._read_texts: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        self._entries = entries_of(self.app.engine.fleet_state.states.values())
        bar = FilterBar(
            "certificate, soon, ended, name:fra, tag:eu, !not",
            FleetTags(self.app.engine.fleet_state),
            EXPIRY_VALUES,
            WORDS,
        )
        yield from self.compose_list(bar, Static(id="columns"))

    @property
    def _chosen(self) -> ExpiryEntry | None:
        """The entry under the cursor."""
        return next((each for each in self._entries if each.key == self.scrollable.cursor), None)

    @property
    def _shown(self) -> list[ExpiryEntry]:
        now = self.app.clock()
        return self.order.sort(each for each in self._entries if passes(each, self.chosen_filter, now))

    # Reading

    async def read(self) -> bool:
        """Take what is known of the fleet. Returns whether a line changed."""
        before, now = (self._entries, self._read_texts), self.app.clock()
        self._entries = entries_of(self.app.engine.fleet_state.states.values())
        self._read_texts = [(each.key, short_left(each.expires.at, now)) for each in self._entries]
        return (self._entries, self._read_texts) != before

    # Drawing

    def draw(self) -> None:
        """Draw the title, the list, and the entry under the cursor in full."""
        content_style, now, shown = self.content_style, self.app.clock(), self._shown
        self.query_one("#title", Static).update(self._title(now))
        self.draw_list(
            heading(self.order, content_style),
            [ListLine(line(each, now, content_style), each.key) for each in shown],
            len(self._entries),
            self._empty_reason(shown),
        )

    def draw_detail(self) -> None:
        """Show the entry under the cursor in full."""
        entry = self._chosen
        self.show_detail(detail(entry, self.app.clock(), self.content_style) if entry else None)

    def _title(self, now: float) -> Text:
        palette = self.content_style.palette
        title = Text().append("Certificates and keys that expire", palette.text + Style(bold=True))
        if self._entries:
            near = sum(severity_of(each.expires.at, now) is not Severity.UP for each in self._entries)
            words = f"{near} within 30 days, {len(self._entries)} in total"
            title.append("  ").append(words, palette.muted)
        return title

    def _empty_reason(self, shown: list[ExpiryEntry]) -> tuple[str, str] | None:
        if self._entries:
            clears = f"Press {key_of('back', self.app.actions)} to clear the filter."
            return None if shown else ("Nothing matches this filter", clears)
        watched = format_count(len(self.app.engine.fleet_state.states), "server")
        words = (
            f"No check of the {watched} here found a certificate, key or subscription that expires. "
            "Control planes, OpenVPN, IKEv2 and proxies have them. WireGuard keys do not expire."
        )
        return "No expiry date is known", words

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        if action == "open":
            return self._chosen is not None
        if action in ("filter", "sort", "reverse"):
            return bool(self._entries)
        return True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        why = self._empty_reason(self._shown)
        return ". ".join(why).rstrip(".") if why else "Nothing is selected"

    def current_server(self) -> str | None:
        """The server of the entry under the cursor."""
        return self._chosen.server.name if self._chosen else None

    def action_open(self) -> None:
        """Open the server."""
        if self._chosen:
            self.app.open_server(self._chosen.server.name)
