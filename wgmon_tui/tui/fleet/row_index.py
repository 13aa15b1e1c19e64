"""Row index: which servers the fleet table shows, and in which order.

It caches a sort key per server and copies no state. While the table is sorted by state, a check that changes
only the round-trip time costs nothing. A re-sort of ten thousand servers compares cached keys.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.records import dataclass
from wgmon_tui.tui.false_green import is_false_green, port_up
from wgmon_tui.tui.filter.query import Filter, FilterContext
from wgmon_tui.tui.fleet.tag_groups import LineKey, TagGroup, TagGroups, group_tags

Value = str | int | float
Key = tuple[bool, Value]

_SEVERITY_ORDER = {severity: -severity.rank for severity in Severity}


@dataclass(frozen=True, slots=True)
class SortOrder:
    """A column to sort by.

    `value` returns None for a server without a value; such servers come last in either direction.
    `descending` is the default direction, which puts first what an operator looks for.
    """

    column: str
    value: Callable[[ServerState], Value | None]
    descending: bool = False


def _percentile(server_state: ServerState, of: float) -> float | None:
    return server_state.samples.percentiles(of)[0]


def _false_green_rank(server_state: ServerState) -> int | None:
    up = port_up(server_state)
    return None if up is None else 2 if is_false_green(server_state) else int(not up)


def _down_vantage_count(server_state: ServerState) -> int | None:
    """The number of vantages that see the server as down; None without other vantages."""
    return (
        sum(view.settled is Severity.DOWN for view in server_state.views)
        if server_state.vantage_states
        else None
    )


SORTS: Mapping[str, SortOrder] = {
    sort.column: sort
    for sort in (
        SortOrder("state", lambda server_state: _SEVERITY_ORDER[server_state.severity], descending=True),
        SortOrder("name", lambda server_state: server_state.server.name.casefold()),
        SortOrder("verdict", lambda server_state: server_state.status_word),
        SortOrder("seen", _down_vantage_count, descending=True),
        SortOrder("port", _false_green_rank, descending=True),
        SortOrder("rtt", lambda server_state: server_state.rtt, descending=True),
        SortOrder("loss", lambda server_state: server_state.samples.loss(), descending=True),
        SortOrder("p50", lambda server_state: _percentile(server_state, 0.5), descending=True),
        SortOrder("p95", lambda server_state: _percentile(server_state, 0.95), descending=True),
        SortOrder("uptime", lambda server_state: server_state.uptime),
        SortOrder("endpoint", lambda server_state: str(server_state.server.endpoint).casefold()),
        SortOrder(
            "expires", lambda server_state: server_state.expiries[0].at if server_state.expiries else None
        ),
        SortOrder(
            "control",
            lambda server_state: (
                (False, None, True).index(server_state.presence.online) if server_state.presence else None
            ),
        ),
        SortOrder("since", lambda server_state: server_state.shown_since, descending=True),
    )
}
"""The columns to sort by, in the order of the table. Servers with equal values are sorted by name."""


class RowIndex:
    """The lines of the table in order. `record_changes` notes changes cheaply; `rebuild` applies them.

    `names` are the servers that pass the filter, each once. `lines` are the lines of the table; if `grouped`,
    a server has one line for each of its tags. `context` returns the context for the filter.
    """

    def __init__(
        self,
        fleet_state: FleetState,
        context: Callable[[], FilterContext] = lambda: FilterContext(time.time()),
    ) -> None:
        self._fleet_state = fleet_state
        self._context = context
        self._membership = -1
        self._by_name: list[str] = []
        self._known_keys: dict[str, tuple[int, Key]] = {}
        """The sort key of a server at a version of its state."""
        self._sort_keys: dict[str, Key] = {}
        """The sort keys of the servers that pass the filter."""
        self._positions: dict[LineKey, int] = {}
        self.names: list[str] = []
        self.lines: list[LineKey] = []
        self.grouped = False
        self.grouping = TagGroups()
        self.sort = SORTS["state"]
        self.reversed = False
        self.filter = Filter()
        self.rebuild()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def descending(self) -> bool:
        """Whether the largest value comes first."""
        return self.sort.descending is not self.reversed

    @property
    def is_outdated(self) -> bool:
        """Whether servers were added or removed since the last `rebuild`."""
        return self._membership != self._fleet_state.membership_version

    @property
    def depends_on_time(self) -> bool:
        """Whether the result of the filter can change with time or marks alone."""
        return self.filter.has_key("since") or self.filter.has_key("is")

    def group_at(self, index: int) -> TagGroup | None:
        """The group whose heading is on a line; None for the line of a server, or no line."""
        if not 0 <= index < len(self.lines):
            return None
        tag, name = self.lines[index]
        return None if name else self.grouping.groups[tag]

    def index(self, line_key: LineKey) -> int | None:
        """The position of a line by its key; None if it is not shown."""
        return self._positions.get(line_key)

    def position(self, name: str) -> int | None:
        """The position of the first line of a server; None if it is not shown."""
        if not self.grouped:
            return self._positions.get(("", name))
        server_state = self._fleet_state.states.get(name)
        found = [self._positions.get((tag, name)) for tag in group_tags(server_state)] if server_state else []
        return min((index for index in found if index is not None), default=None)

    def sort_by(self, column: str, *, reverse: bool = False) -> None:
        """Sort by a column of `SORTS`, in its default direction or reversed."""
        self._known_keys.clear()
        self.sort, self.reversed = SORTS[column], reverse
        self.rebuild()

    def show_only(self, chosen: Filter) -> None:
        """Show the servers that pass a filter."""
        self.filter = chosen
        self.rebuild()

    def group(self, grouped: bool) -> None:
        """Turn grouping by tag on or off."""
        self.grouped = grouped
        self.rebuild()

    def fold(self, tags: Iterable[str]) -> None:
        """Fold these groups and unfold all others."""
        self.grouping.folded = set(tags)
        self.rebuild()

    def record_changes(self, changed: Collection[str]) -> bool:
        """Whether one of the changed servers is now in the wrong position, or wrongly shown or hidden.

        It computes the keys of all of them, which saves `rebuild` that work.
        """
        states, sort_keys, context = self._fleet_state.states, self._sort_keys, self._context()
        matches = self.filter.matches if self.filter else None
        misplaced = False
        for name in changed:
            server_state = states.get(name)
            if server_state is None:
                continue
            key = None
            if matches is None or matches(server_state, context):
                key = self._new_key(server_state)
                self._known_keys[name] = server_state.version, key
            if sort_keys.get(name) != key:
                misplaced = True
        if self.grouped:
            self.grouping.count(changed, states)
        return misplaced

    def rebuild(self) -> bool:
        """Filter and sort all servers. Returns whether any line changed."""
        states, context = self._fleet_state.states, self._context()
        if self.is_outdated:
            self._membership = self._fleet_state.membership_version
            self._by_name = sorted(states, key=str.casefold)
            self._known_keys = {name: known for name, known in self._known_keys.items() if name in states}
        names = self._by_name
        if self.filter:
            matches = self.filter.matches
            names = [name for name in names if matches(states[name], context)]
        sort_keys = self._sort_keys = {name: self._key(name, states[name]) for name in names}
        names = sorted(names, key=sort_keys.__getitem__, reverse=self.descending)
        if self.grouped:
            lines = self.grouping.arrange(names, states, self._sort_groups)
            names = list(
                dict.fromkeys(name for group in self.grouping.groups.values() for name in group.names)
            )
        else:
            lines = [("", name) for name in names]
        self.names = names
        if lines == self.lines:
            return False
        self.lines = lines
        self._positions = {line_key: position for position, line_key in enumerate(lines)}
        return True

    def _sort_groups(self, groups: list[TagGroup]) -> list[TagGroup]:
        """Sort the groups by their first servers; when sorting by name, by their tags."""
        groups.sort(key=lambda group: group.tag.casefold())
        if self.sort.column == "name":
            return groups[::-1] if self.descending else groups
        groups.sort(key=lambda group: self._sort_keys[group.names[0]], reverse=self.descending)
        return groups

    def _key(self, name: str, server_state: ServerState) -> Key:
        """The sort key of a server. Its first part puts missing values last."""
        known = self._known_keys.get(name)
        if known is None or known[0] != server_state.version:
            known = self._known_keys[name] = (server_state.version, self._new_key(server_state))
        return known[1]

    def _new_key(self, server_state: ServerState) -> Key:
        value = self.sort.value(server_state)
        return (not self.descending, 0) if value is None else (self.descending, value)
