"""Lines of the list of nodes: reports of control planes beside verdicts of checks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rich.text import Text

from wgmon_tui.checks.control_plane_report import Node
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.control_planes import ControlPlaneSettings, is_control_plane
from wgmon_tui.monitor.node_reports import FoundNode, index_nodes
from wgmon_tui.monitor.quorum import validity_s
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.monitor.watched_nodes import find_match, rules_of
from wgmon_tui.output.expiry_text import format_left, severity_of
from wgmon_tui.text import format_age, format_elapsed, printable, quoted
from wgmon_tui.tui.filter.parser import Values
from wgmon_tui.tui.filter.query import Filter, FilterTerm, begins_a_tag
from wgmon_tui.tui.lists import column_order
from wgmon_tui.tui.lists.column_order import GAP, ColumnOrder
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle

_STATES = {True: "online", False: "offline", None: "unknown"}
_ONLINE_RANK = {False: 0, None: 1, True: 2}
_FLAGS = ("watched", "unwatched")
NODE_WORDS = (*_STATES.values(), *_FLAGS)
NODE_VALUES: Values = {"state": tuple(_STATES.values()), "is": _FLAGS}

_NOT_WATCHED = "not watched"
_NODE, _LEAST_NODE = 24, 20
_WIDTHS = {
    "control": 8, "data path": 16, "seen": 10, "key ends": 10, "plane": 14, "handshake": 11, "version": 10,
    "tags": 18, "routes": 18,
}  # fmt: skip
"""Widths of the columns after the node. A narrow terminal keeps the first ones."""


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """A node as its control plane reported it at `at`, and the server that checks it.

    `server` is "" for a node that nothing checks, `status` is the verdict of its server. `rules` are those of
    its control plane. A report that is not `is_current` is too old to count.
    """

    plane: str
    node: Node
    at: float
    is_current: bool
    server: str = ""
    status: str = ""
    severity: Severity = Severity.UNKNOWN
    rules: ControlPlaneSettings | None = None

    @property
    def rule(self) -> str:
        """The part of a rule that selects the node; "" if none does."""
        return find_match(self.node, self.rules) if self.rules else ""

    @property
    def key(self) -> str:
        """What identifies it among all."""
        return f"{self.plane}\0{self.node.id}"

    @property
    def rank(self) -> tuple[int, int, str]:
        """The worst data path first, then nodes that are offline, then by name."""
        severity = self.severity.rank if self.server else 98
        return severity, _ONLINE_RANK[self.node.online], self.node.name.casefold()


def find_servers(states: Mapping[str, ServerState]) -> dict[FoundNode, str]:
    """The server that is each node, by control plane and number in its report."""
    index = index_nodes({name: each.node_report for name, each in states.items() if each.node_report})
    found: dict[FoundNode, str] = {}
    for name, each in states.items():
        node = index.find(each.server, each.server.endpoint.host)
        if node and not is_control_plane(each.server):
            found.setdefault(node, name)
    return found


def entries_of(
    states: Mapping[str, ServerState], servers: Mapping[FoundNode, str], now: float, plane: str = ""
) -> list[NodeEntry]:
    """The nodes of all control planes, or of one."""
    return [
        entry
        for name, each in states.items()
        if each.node_report and plane in ("", name)
        for entry in _entries_of_plane(name, each, states, servers, now)
    ]


def _entries_of_plane(
    name: str,
    plane: ServerState,
    states: Mapping[str, ServerState],
    servers: Mapping[FoundNode, str],
    now: float,
) -> Iterator[NodeEntry]:
    reported, rules = plane.node_report, rules_of(plane.server)
    if reported is None:
        return
    is_current = now - reported.at <= validity_s(plane.server)
    for number, node in enumerate(reported.report.nodes):
        if state := states.get(servers.get((name, number), "")):
            server, status, severity = state.server.name, state.status_word, state.severity
        else:
            server, status, severity = "", "", Severity.UNKNOWN
        yield NodeEntry(name, node, reported.at, is_current, server, status, severity, rules)


NODE_ORDER = ColumnOrder(
    {
        "data path": lambda each: each.rank,
        "node": lambda each: (each.node.name.casefold(), each.plane),
        "control": lambda each: (_ONLINE_RANK[each.node.online], each.rank),
        "seen": lambda each: each.node.last_seen or 0.0,
        "key ends": lambda each: each.node.key_expiry or float("inf"),
        "plane": lambda each: (each.plane.casefold(), each.rank),
    },
    "data path",
)


_FACTS: Mapping[str, Callable[[NodeEntry], object]] = MappingProxyType(
    {
        "seen": lambda each: each.node.last_seen,
        "key ends": lambda each: each.node.key_expiry,
        "handshake": lambda each: each.node.last_handshake,
        "version": lambda each: each.node.version,
        "tags": lambda each: each.node.tags,
        "routes": lambda each: each.node.routes,
    }
)
"""What not every kind of control plane reports, by the title of its column."""


def empty_columns(entries: Collection[NodeEntry]) -> frozenset[str]:
    """The columns of what no control plane reports of any of these nodes."""
    return frozenset(title for title, fact in _FACTS.items() if not any(map(fact, entries)))


def _columns(width: int, empty: Collection[str]) -> list[tuple[str, int]]:
    """Titles and widths without empty columns. The node takes what is left, up to twice its usual width."""
    columns: list[tuple[str, int]] = []
    rest = width - _LEAST_NODE
    for title, size in _WIDTHS.items():
        if title not in empty and size + GAP <= rest:
            columns.append((title, size))
            rest -= size + GAP
    return [("node", min(_LEAST_NODE + rest, 2 * _NODE)), *columns]


def heading(order: ColumnOrder, text_style: TextStyle, empty: Collection[str] = ()) -> Text:
    """The titles of the columns."""
    return column_order.heading(_columns(text_style.width, empty), order, text_style)


def line(entry: NodeEntry, now: float, text_style: TextStyle, empty: Collection[str] = ()) -> Text:
    """One line: the node, the report of its control plane, and the verdict of its check."""
    palette, glyphs, node = text_style.palette, text_style.glyphs, entry.node
    severity = _severity_of(entry)
    state = palette.severity[severity]
    styles = {"node": palette.text, "data path": state if entry.server else palette.muted}
    if node.key_expiry is not None:
        styles["key ends"] = palette.severity[severity_of(node.key_expiry, now)]
    cells = {
        "control": _STATES[node.online] if entry.is_current else f"{_STATES[node.online]}?",
        "data path": f"{glyphs.of(entry.severity)} {entry.status}" if entry.server else _NOT_WATCHED,
        "seen": format_elapsed(now - node.last_seen) if node.last_seen and node.online is not True else "",
        "key ends": _key_end(node.key_expiry, now),
        "plane": entry.plane,
        "handshake": format_elapsed(now - node.last_handshake) if node.last_handshake else "",
        "version": node.version,
        "tags": " ".join(node.tags),
        "routes": " ".join(node.routes),
    }
    cells["node"] = node.name or node.id
    if not entry.is_current:
        styles["control"] = palette.muted
    elif node.online is False:
        styles["control"] = palette.severity[Severity.DEGRADED]
    found = Text()
    for title, width in _columns(text_style.width, empty):
        found.append(" " * GAP if found else "")
        words = glyphs.clean(cells[title]) or glyphs.absent
        found.append(fit(words, width, glyphs), styles.get(title, palette.muted))
    return found


def _severity_of(entry: NodeEntry) -> Severity:
    return entry.severity if entry.server else Severity.UNKNOWN


def _key_end(at: float | None, now: float) -> str:
    if at is None:
        return ""
    return format_left(at, now) if at > now else "ended"


def detail(entry: NodeEntry, now: float, text_style: TextStyle) -> Text:
    """The entry in full: both reports, the rule, and all that the control plane reports."""
    palette, glyphs, node = text_style.palette, text_style.glyphs, entry.node
    name, age = node.name or node.id, format_age(now - entry.at)
    says = f"{entry.plane} reported {name} as {_STATES[node.online]} {age}"
    if not entry.is_current:
        says += ": too long ago to count"
    if node.trouble:
        says += f", and says: {node.trouble}"
    if entry.server:
        true = f"The last verdict on {quoted(entry.server)} is {entry.status}"
        watched = f"{true}. It is watched by {entry.rule}." if entry.rule else f"{true}. servers.toml has it."
    else:
        watched = "Nothing checks its data path."
    lines = [
        *text_style.paragraph(glyphs.clean(says), palette.text),
        *text_style.paragraph(glyphs.clean(watched), palette.text),
        *text_style.paragraph(glyphs.clean("; ".join(_facts(node, now))), palette.muted),
    ]
    return Text("\n").join(lines)


def _facts(node: Node, now: float) -> Iterator[str]:
    if node.addresses:
        yield f"addresses {' '.join(map(str, node.addresses))}"
    if node.endpoint:
        yield f"endpoint {printable(node.endpoint)}"
    if node.last_seen is not None:
        yield f"last seen {format_age(now - node.last_seen)}"
    if node.last_handshake is not None:
        yield f"last handshake {format_age(now - node.last_handshake)}"
    if node.key_expiry is not None:
        left = format_left(node.key_expiry, now)
        yield f"its key {'ends in ' if node.key_expiry > now else ''}{left}"
    for name, value in (("version", node.version), ("relay", node.relay)):
        if value:
            yield f"{name} {printable(value)}"
    for name, values in (("tags", node.tags), ("routes", node.routes)):
        if values:
            yield f"{name} {printable(' '.join(values))}"


def passes(entry: NodeEntry, chosen: Filter) -> bool:
    """Whether an entry passes a filter."""
    return chosen.passes(lambda term: _matches(entry, term))


def _matches(entry: NodeEntry, term: FilterTerm) -> bool:
    node, name = entry.node, entry.node.name.casefold()
    flag, tags = _FLAGS[not entry.server], [tag.casefold() for tag in entry.node.tags]
    match term.key:
        case "state":
            return term.begins(_STATES[node.online])
        case "is":
            return term.begins(flag)
        case "plane":
            return term.begins(entry.plane.casefold())
        case "tag":
            return begins_a_tag(term, node.tags)
        case "verdict":
            return bool(entry.server) and term.begins(entry.status)
        case "name":
            return term.occurs_in(name)
        case "endpoint":
            return term.occurs_in(" ".join((*map(str, node.addresses), node.endpoint)).casefold())
        case "":
            if term.text in NODE_WORDS:
                return term.text in (_STATES[node.online], flag)
            places = (name, entry.plane.casefold(), entry.status, *tags, *map(str, node.addresses))
            return not term.comparison and any(map(term.occurs_in, places))
    return False
