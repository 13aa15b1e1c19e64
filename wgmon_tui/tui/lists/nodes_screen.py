"""The list of nodes: what control planes report, beside the verdicts on their data paths."""

from __future__ import annotations

import asyncio
from functools import partial

from rich.text import Text

from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.node_rules import exact_pattern, set_watched
from wgmon_tui.monitor.node_reports import FoundNode
from wgmon_tui.monitor.watched_nodes import rules_of
from wgmon_tui.text import format_count, format_list, printable, quoted
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.lists.node_lines import (
    NODE_ORDER,
    NODE_VALUES,
    NODE_WORDS,
    NodeEntry,
    detail,
    empty_columns,
    entries_of,
    find_servers,
    heading,
    line,
    passes,
)
from wgmon_tui.tui.lists.ordered_list import OrderedListScreen


class NodesScreen(OrderedListScreen[NodeEntry]):
    """The nodes of all control planes, or of one."""

    ACTIONS_OF = "nodes"
    BINDINGS = bindings_for("nodes")

    FILTER_EXAMPLE = "offline, is:watched, plane:office, tag:web, !not"
    FILTER_VALUES = NODE_VALUES
    FILTER_WORDS = NODE_WORDS

    def __init__(self, plane: str = "") -> None:
        super().__init__(NODE_ORDER)
        self._plane = plane
        self._servers: dict[FoundNode, str] = {}
        self._seen_version = (-1, -1)
        self._empty: frozenset[str] = frozenset()
        """The columns that would be empty."""

    def collect(self) -> list[NodeEntry]:
        """The nodes in the last reports."""
        fleet_state = self.app.engine.fleet_state
        version = fleet_state.membership_version, fleet_state.node_reports_version
        if version != self._seen_version:
            self._servers, self._seen_version = find_servers(fleet_state.states), version
        found = entries_of(fleet_state.states, self._servers, self.app.clock(), self._plane)
        self._empty = empty_columns(found)
        return found

    def passes(self, entry: NodeEntry) -> bool:
        """Whether a node passes the chosen filter."""
        return passes(entry, self.chosen_filter)

    def make_heading(self) -> Text:
        """The titles of the columns."""
        return heading(self.order, self.content_style, self._empty)

    def make_line(self, entry: NodeEntry) -> Text:
        """A node as a line."""
        return line(entry, self.app.clock(), self.content_style, self._empty)

    def make_detail(self, entry: NodeEntry) -> Text:
        """A node in full."""
        return detail(entry, self.app.clock(), self.content_style)

    @property
    def heading(self) -> str:
        """What is listed."""
        return f"Nodes of {self._plane}" if self._plane else "Nodes of control planes"

    @property
    def summary(self) -> str:
        """How many nodes there are, are online, and are watched."""
        online = sum(each.node.online is True for each in self.entries)
        watched = sum(bool(each.server) for each in self.entries)
        found = f"{format_count(len(self.entries), 'node')}, {online} reported as online, {watched} watched"
        return f"{found}; {self._in_part}" if self._in_part else found

    @property
    def _in_part(self) -> str:
        """Which reports lack facts, in a phrase; "" if none does."""
        states = self.app.engine.fleet_state.states
        planes = [self._plane] if self._plane else list(dict.fromkeys(each.plane for each in self.entries))
        reports = [(name, state.node_report) for name in planes if (state := states.get(name))]
        named = [name for name, each in reports if each and each.report.drift]
        return f"facts may be missing in the report of {format_list(named, most=3)}" if named else ""

    def explain_empty(self) -> tuple[str, str]:
        """Why no node is known."""
        states = self.app.engine.fleet_state.states
        planes = [name for name, each in states.items() if is_control_plane(each.server)]
        planes = [self._plane] if self._plane else planes
        if not planes:
            words = (
                "A [[control_plane]] in servers.toml is the API of a mesh, such as headscale or Tailscale. "
                "docs/control-planes.md says how to add one."
            )
            return "There is no control plane", words
        if any((state := states.get(name)) and state.node_report for name in planes):
            return "No node is reported", f"The last report of {format_list(planes)} lists no nodes."
        words = f"{format_list(map(quoted, planes))} have not reported nodes yet. Their pages say why."
        if len(planes) == 1:
            words = f"{quoted(planes[0])} has not reported its nodes yet. Its page says why."
        return "No report yet", words

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if action == "watch" and self.is_mounted:
            return self.chosen is not None and self.app.config_dir is not None
        return super().check_action(action, parameters)

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        if action == "watch" and self.chosen:
            return "The demo cannot change what is watched: it has no servers.toml"
        return super().explain_refusal(action)

    def current_server(self) -> str | None:
        """The server of the node under the cursor; without one, its control plane."""
        return (self.chosen.server or self.chosen.plane) if self.chosen else None

    def action_watch(self) -> None:
        """Say which rule watches the node, and change the rule for it alone; asks first."""
        entry = self.chosen
        if entry is None or self.app.config_dir is None:
            return
        self.run_worker(self._watch(entry), group="editing")

    async def _watch(self, entry: NodeEntry) -> None:
        plane = self.app.engine.fleet_state.states.get(entry.plane)
        rules = rules_of(plane.server) if plane else None
        node, name = printable(entry.node.name), quoted(exact_pattern(entry.node.name))
        place = f"of the control plane {quoted(entry.plane)} in servers.toml"
        is_named = rules is not None and exact_pattern(entry.node.name) in rules.watch_names
        if entry.rule and not is_named:
            hint = (
                f"To stop checks of this node alone, open it and press {key_of('pause', self.app.actions)}."
            )
            self.app.show_error(f"{node} is watched by {entry.rule} {place}.", hint)
            return
        if entry.server and not entry.rule:
            self.app.show_error(f"{node} is watched already: as {quoted(entry.server)} of servers.toml.")
            return
        if is_named:
            question = f"Stop watching {node}? This removes {name} from watch_names {place}. History is kept."
        else:
            question = f"Watch {node}? This adds {name} to watch_names {place}."
            if entry.node.public_key and entry.node.endpoint:
                question += (
                    " Its check needs an identity that is one more peer of the node. Never import the key "
                    "of a node: each check would take its session away."
                )
        await self._ask(entry, question, watched=not is_named)

    async def _ask(self, entry: NodeEntry, question: str, *, watched: bool) -> None:
        dialog = ConfirmDialog(question, yes="watch" if watched else "stop", neither="cancel")
        config_dir = self.app.config_dir
        if not await self.app.push_screen_wait(dialog) or config_dir is None:
            return
        change = partial(set_watched, config_dir, entry.plane, entry.node.name, watched=watched)
        try:
            with self.app.hold_keys():
                saved = await asyncio.to_thread(change)
        except ConfigurationError as error:
            self.app.show_error(str(error))
            return
        done = f"{'Watching' if watched else 'No longer watching'} {printable(entry.node.name)}"
        self.app.show_notice(*filter(None, (done, saved.notice)))
