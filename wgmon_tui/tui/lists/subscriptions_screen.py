"""The screen of subscriptions: the lists of providers, and how they differ from servers.toml.

It shows what the writer found in its last fetch. Keys fetch a list from here, and apply the shown changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.subscriptions_toml import Subscription
from wgmon_tui.subscriptions.state_file import (
    SubscriptionState,
    read_states,
    state_of,
    write_state,
)
from wgmon_tui.text import printable
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.lists.polled_list import PolledListScreen
from wgmon_tui.tui.lists.subscription_lines import (
    FIRST_SUBSCRIPTION,
    SubscriptionOverview,
    detail,
    lines,
)
from wgmon_tui.tui.theme.text_style import missing_section_text, unavailable_text
from wgmon_tui.tui.widgets.line_list import ListLine

if TYPE_CHECKING:
    from wgmon_tui.subscriptions.difference import ListDifference
    from wgmon_tui.subscriptions.quota import Quota

_REST = (
    "The file provider.url holds the address of the list, which is a secret. docs/proxies.md has the rest."
)
_Fetched = tuple[bytes, "Quota | None"]


class SubscriptionsScreen(PolledListScreen):
    """Lists with what differs, and keys that fetch and apply."""

    ACTIONS_OF = "subscriptions"
    BINDINGS = bindings_for("subscriptions")

    def __init__(self) -> None:
        super().__init__()
        self._overview: SubscriptionOverview | None = None
        self._texts: list[tuple[str | None, str]] = []
        self._config_problem = ""
        self._fetched: dict[str, _Fetched] = {}
        """The lists that this screen fetched."""
        self._fetching: set[str] = set()

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        yield from self.compose_list()

    @property
    def _chosen(self) -> Subscription | None:
        """The list under the cursor."""
        return self._overview.subscription_at(self.scrollable.cursor) if self._overview else None

    # Reading

    def has_store(self) -> bool:
        """Whether there are files to read."""
        return self.app.config_dir is not None

    async def read(self) -> bool:
        """Read config.toml and what is known of its lists. Returns whether that changed."""
        before = (self._overview is None, self._config_problem, self._texts)
        if self.app.config_dir is not None:
            try:
                found, states = await asyncio.to_thread(_read_files, self.app.config_dir, self.app.state_dir)
            except ConfigurationError as error:
                self._config_problem = printable(str(error).partition("\n")[0])
            else:
                self._config_problem = ""
                self._overview = SubscriptionOverview(found, states, frozenset(self._fetching))
        self._texts = [(each.key, each.text.plain) for each in self._lines]
        return before != (self._overview is None, self._config_problem, self._texts)

    @property
    def _lines(self) -> list[ListLine]:
        """The lines as they are now: ages change by themselves."""
        return lines(self._overview, self.app.clock(), self.content_style) if self._overview else []

    # Drawing

    def draw(self) -> None:
        """Draw the title, the lists, and the line under the cursor in full."""
        content_style = self.content_style
        title = Text().append("Subscriptions", content_style.palette.text + Style(bold=True))
        if self._overview and (number := len(self._overview.subscriptions)):
            differing = sum(
                bool(self._overview.state(each.name).lines) for each in self._overview.subscriptions
            )
            title.append(f"  {differing} of {number} differ from servers.toml", content_style.palette.muted)
        self.query_one("#title", Static).update(title)
        self.show_lines(self._lines, self._empty_reason())
        self.refresh_bindings()

    def draw_detail(self) -> None:
        """Show the line under the cursor in full."""
        found = None
        if self._overview:
            found = detail(self._overview, self.scrollable.cursor, self.app.clock(), self.content_style)
        self.show_detail(found)

    def _empty_reason(self) -> Text | None:
        content_style = self.content_style
        if self.app.config_dir is None:
            where = "The demo follows no list of a provider. In a config.toml, these three lines follow one:"
            return missing_section_text("No subscriptions", where, FIRST_SUBSCRIPTION, _REST, content_style)
        if self._config_problem:
            return unavailable_text("config.toml cannot be read", self._config_problem, content_style)
        if self._overview is None:
            return unavailable_text("Reading config.toml", "This takes a moment.", content_style)
        if self._overview.subscriptions:
            return None
        where = "There is no [[subscription]] in config.toml. Add these three lines to follow a list:"
        rest = f"{_REST} A saved change takes effect at once."
        return missing_section_text("No subscriptions", where, FIRST_SUBSCRIPTION, rest, content_style)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        chosen = self._chosen
        match action:
            case "open":
                return self._server is not None
            case "fetch":
                return chosen is not None and chosen.name not in self._fetching
            case "apply":
                return chosen is not None and chosen.name not in self._fetching and self._differs(chosen)
        return True

    def _differs(self, subscription: Subscription) -> bool:
        return self._overview is not None and bool(self._overview.state(subscription.name).lines)

    @property
    def _server(self) -> str | None:
        """The server of servers.toml under the cursor."""
        name = self._overview.server_at(self.scrollable.cursor) if self._overview else None
        return name if name in self.app.engine.fleet_state.states else None

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        chosen = self._chosen
        if chosen is None:
            return "There is no list here yet"
        if action == "open":
            return "Nothing to open here: move to a server that is changed or no longer in the list"
        if chosen.name in self._fetching:
            return f"{chosen.name} is being fetched"
        return f"Nothing to apply: {chosen.name} does not differ from servers.toml"

    def action_open(self) -> None:
        """Open the server under the cursor."""
        if name := self._server:
            self.app.open_server(name)

    def action_fetch(self) -> None:
        """Fetch the list under the cursor, and compare it."""
        if chosen := self._chosen:
            self._begin(chosen)
            self.run_worker(self._fetch(chosen))

    def action_apply(self) -> None:
        """Ask, then apply what is shown of the list under the cursor."""
        if not (chosen := self._chosen) or not self._overview:
            return
        state = self._overview.state(chosen.name)
        prompt = f'Apply the list "{chosen.name}" to servers.toml?\n\n{state.summary}'
        question = ConfirmDialog(prompt, yes="apply what is shown", neither="change nothing")
        self.app.push_screen(question, lambda answer: self._answered(chosen, state, is_yes=bool(answer)))

    def action_back(self) -> None:
        """Go back to the fleet."""
        self.dismiss()

    # Fetching and applying

    def _answered(self, subscription: Subscription, shown: SubscriptionState, *, is_yes: bool) -> None:
        if is_yes:
            self._begin(subscription)
            self.run_worker(self._apply(subscription, shown))

    def _begin(self, subscription: Subscription) -> None:
        self._fetching.add(subscription.name)
        if self._overview:
            fetching = frozenset(self._fetching)
            self._overview = SubscriptionOverview(
                self._overview.subscriptions, self._overview.states, fetching
            )
        self.draw()

    async def _fetch(self, subscription: Subscription) -> ListDifference | None:
        """Fetch and compare. A failure is noted beside what is known of the list."""
        from wgmon_tui.subscriptions.application import SubscriptionError, compare_list, fetch_list

        config_dir = self.app.config_dir
        if config_dir is None:
            return None
        quotas: list[Quota | None] = []
        try:
            data = await asyncio.to_thread(fetch_list, subscription, config_dir, quotas.append)
            found = await asyncio.to_thread(compare_list, subscription, data, config_dir)
        except SubscriptionError as error:
            self.app.show_error(printable(str(error)))
            await self._end(subscription, None)
            return None
        self._fetched[subscription.name] = (data, quotas[-1])
        await self._end(subscription, state_of(found, self.app.clock(), quotas[-1]))
        return found

    async def _apply(self, subscription: Subscription, shown: SubscriptionState) -> None:
        """Apply the list if it is still as shown; otherwise show the new changes."""
        from wgmon_tui.subscriptions.application import SubscriptionError, apply, compare_list

        config_dir, found = self.app.config_dir, await self._fetch(subscription)
        if found is None or config_dir is None:
            return
        if state_of(found, 0.0, None).lines != shown.lines:
            self.app.show_error(f"{subscription.name} has changed since it was shown. Nothing was applied.")
            return
        self._begin(subscription)
        data, quota = self._fetched[subscription.name]
        try:
            await asyncio.to_thread(apply, subscription, found, config_dir)
            rest = await asyncio.to_thread(compare_list, subscription, data, config_dir)
        except SubscriptionError as error:
            self.app.show_error(printable(str(error)))
            await self._end(subscription, None)
            return
        await self._end(subscription, state_of(rest, self.app.clock(), quota))
        self.app.show_notice(printable(f"{subscription.name}: {found.summary}, applied"))

    async def _end(self, subscription: Subscription, state: SubscriptionState | None) -> None:
        """Keep what was found, and read it with the rest."""
        self._fetching.discard(subscription.name)
        if state and self.app.state_dir is not None:
            await asyncio.to_thread(write_state, self.app.state_dir, subscription.name, state)
        await self.read()
        self.draw()


def _read_files(
    config_dir: Path, state_dir: Path | None
) -> tuple[tuple[Subscription, ...], Mapping[str, SubscriptionState]]:
    """The lists of config.toml, and what is known of them. Raises ConfigurationError."""
    from wgmon_tui.config.config_toml import read_config

    found = read_config(config_dir).subscriptions
    return found, read_states(state_dir) if state_dir else {}
