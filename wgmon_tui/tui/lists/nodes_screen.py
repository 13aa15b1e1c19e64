"""The list of nodes: what control planes report, beside the verdicts on their data paths."""

from __future__ import annotations

import asyncio
from functools import partial

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.config.control_planes import is_control_plane
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.node_rules import set_watched
from wgmon_tui.monitor.node_reports import FoundNode
from wgmon_tui.monitor.watched_nodes import rules_of
from wgmon_tui.text import format_count, format_list, printable, quoted
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.filter.bar import FilterBar, FleetTags
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.lists.filtered_list import OrderedListScreen
from wgmon_tui.tui.lists.node_lines import (
    NODE_ORDER,
    NODE_VALUES,
    NODE_WORDS,
    NodeEntry,
    detail,
    entries_of,
    find_servers,
    heading,
    line,
    passes,
)
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.line_list import ListLine

_NEEDS_NODES = ("filter", "sort", "reverse")


class NodesScreen(OrderedListScreen):
    """The nodes of all control planes, or of one."""

    ACTIONS_OF = "nodes"
    BINDINGS = bindings_for("nodes")

    def __init__(self, plane: str = "") -> None:
        super().__init__(NODE_ORDER)
        self._plane = plane
        self._entries: list[NodeEntry] = []
        self._servers: dict[FoundNode, str] = {}
        self._seen_version = (-1, -1)
        self._texts: dict[NodeEntry, Text] = {}
        """The drawn lines, for the next drawing in the same look."""
        self._drawn_look: tuple[TextStyle, float] | None = None

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        bar = FilterBar(
            "offline, is:watched, plane:office, tag:web, !not",
            FleetTags(self.app.engine.fleet_state),
            NODE_VALUES,
            NODE_WORDS,
        )
        yield from self.compose_list(bar, Static(id="columns"))

    def on_mount(self) -> None:
        """Read before the first drawing: it is in memory."""
        self._take()
        super().on_mount()

    @property
    def _chosen(self) -> NodeEntry | None:
        """The node under the cursor."""
        return next((each for each in self._entries if each.key == self.scrollable.cursor), None)

    @property
    def _shown(self) -> list[NodeEntry]:
        return self.order.sort(each for each in self._entries if passes(each, self.chosen_filter))

    @property
    def _planes(self) -> list[str]:
        states = self.app.engine.fleet_state.states
        return [name for name, each in states.items() if is_control_plane(each.server)]

    # Reading

    async def read(self) -> bool:
        """Take what is known of the fleet. Ages change too, so every read draws."""
        self._take()
        return True

    def _take(self) -> None:
        fleet_state = self.app.engine.fleet_state
        version = fleet_state.membership_version, fleet_state.node_reports_version
        if version != self._seen_version:
            self._servers, self._seen_version = find_servers(fleet_state.states), version
        self._entries = entries_of(fleet_state.states, self._servers, self.app.clock(), self._plane)

    # Drawing

    def draw(self) -> None:
        """Draw the title, the list, and the node under the cursor in full."""
        shown = self._shown
        self.query_one("#title", Static).update(self._title())
        titles = heading(self.order, self.content_style)
        self.draw_list(titles, self._lines(shown), len(self._entries), self._empty_reason(shown))

    def _lines(self, shown: list[NodeEntry]) -> list[ListLine]:
        """The lines. A line is drawn again when its node changes, and every minute."""
        content_style, now = self.content_style, self.app.clock()
        look = (content_style, now // 60)
        before = self._texts if look == self._drawn_look else {}
        self._drawn_look = look
        self._texts = {each: before.get(each) or line(each, now, content_style) for each in shown}
        return [ListLine(text, each.key) for each, text in self._texts.items()]

    def draw_detail(self) -> None:
        """Show the node under the cursor in full."""
        entry = self._chosen
        self.show_detail(detail(entry, self.app.clock(), self.content_style) if entry else None)

    def _title(self) -> Text:
        palette = self.content_style.palette
        words = f"Nodes of {self._plane}" if self._plane else "Nodes of control planes"
        title = Text().append(self.app.glyphs.clean(printable(words)), palette.text + Style(bold=True))
        if self._entries:
            online = sum(each.node.online is True for each in self._entries)
            watched = sum(bool(each.server) for each in self._entries)
            total = format_count(len(self._entries), "node")
            title.append(f"  {total}, {online} reported as online, {watched} watched", palette.muted)
        return title

    def _empty_reason(self, shown: list[NodeEntry]) -> tuple[str, str] | None:
        if self._entries:
            clears = f"Press {key_of('back', self.app.actions)} to clear the filter."
            return None if shown else ("Nothing matches this filter", clears)
        planes = [self._plane] if self._plane else self._planes
        if not planes:
            words = (
                "A [[control_plane]] in servers.toml is the API of a mesh, such as headscale or Tailscale."
            )
            return "There is no control plane", words
        states = self.app.engine.fleet_state.states
        if any((state := states.get(name)) and state.node_report for name in planes):
            return "No node is reported", f"The last report of {format_list(planes)} lists no nodes."
        words = f"{format_list(map(quoted, planes))} has not reported its nodes yet. Its page says why."
        return "No report yet", words

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        if action == "open":
            return self._chosen is not None
        if action == "watch":
            return self._chosen is not None and self.app.config_dir is not None
        return bool(self._entries) if action in _NEEDS_NODES else True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        if action == "watch" and self._chosen:
            return "The demo cannot change what is watched: it has no servers.toml"
        why = self._empty_reason(self._shown)
        return ". ".join(why).rstrip(".") if why else "Nothing is selected"

    def current_server(self) -> str | None:
        """The server of the node under the cursor; without one, its control plane."""
        return (self._chosen.server or self._chosen.plane) if self._chosen else None

    def action_open(self) -> None:
        """Open the server that checks the node; without one, the control plane that reports it."""
        if name := self.current_server():
            self.app.open_server(name)

    def action_watch(self) -> None:
        """Say which rule watches the node, and change the rule for it alone; asks first."""
        entry = self._chosen
        if entry is None or self.app.config_dir is None:
            return
        self.run_worker(self._watch(entry), group="editing")

    async def _watch(self, entry: NodeEntry) -> None:
        plane = self.app.engine.fleet_state.states.get(entry.plane)
        rules = rules_of(plane.server) if plane else None
        node, name = printable(entry.node.name), quoted(entry.node.name)
        place = f"of the control plane {quoted(entry.plane)} in servers.toml"
        is_named = rules is not None and entry.node.name in rules.watch_names
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
