"""Which servers the table shows, and in which order: an index over the board, kept without copying a row.

Sort keys are remembered per row. A check that moves only the round-trip time then costs nothing while the
table is sorted by state, and a re-sort of ten thousand rows compares what is already there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.tui.false_green import is_false_green, port_up
from wgmon_tui.tui.filter.query import Filter, FilterContext
from wgmon_tui.tui.fleet.tag_groups import LineKey, TagGroup, TagGroups, group_tags

Value = str | int | float
Key = tuple[bool, Value]

_SEVERITY_ORDER = {severity: -severity.rank for severity in Severity}


@dataclass(frozen=True, slots=True)
class SortOrder:
    """A column to sort by.

    `value` is None where the row has none: such rows come last in either direction. `descending` is the
    direction that puts first what an operator looks for.
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
    """By how many vantages hold it to be down; nothing where only we look."""
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
        SortOrder("since", lambda server_state: server_state.since, descending=True),
    )
}
"""Every column that can be sorted by, in the order of the table. Equal rows stand by name."""


class RowIndex:
    """What is shown, in order. `record_changes` takes changes cheaply; `rebuild` puts them into effect.

    `names` are the servers that pass the filter, each once; `lines` those of the table, where a server stands
    under each of its tags if it is `grouped`. `context` is asked for what a filter wants to know.
    """

    def __init__(
        self,
        fleet_state: FleetState,
        context: Callable[[], FilterContext] = lambda: FilterContext(time.time()),
    ) -> None:
        self._board = fleet_state
        self._context = context
        self._membership = -1
        self._by_name: list[str] = []
        self._values: dict[str, tuple[int, Value | None]] = {}
        self._sort_keys: dict[str, Key | None] = {}
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
        """Whether the largest value stands first."""
        return self.sort.descending is not self.reversed

    @property
    def is_outdated(self) -> bool:
        """Whether servers have come or gone since the last `rebuild`."""
        return self._membership != self._board.membership_version

    @property
    def depends_on_time(self) -> bool:
        """Whether time alone decides what the filter lets through."""
        return self.filter.has_key("since") or self.filter.has_key("is")

    def group_at(self, index: int) -> TagGroup | None:
        """The group whose heading stands on a line; None where a server does, or nothing."""
        if not 0 <= index < len(self.lines):
            return None
        tag, name = self.lines[index]
        return None if name else self.grouping.groups[tag]

    def index(self, line_key: LineKey) -> int | None:
        """The line of a place; None where it is not shown."""
        return self._positions.get(line_key)

    def position(self, name: str) -> int | None:
        """The first line on which a server stands; None where it stands on none."""
        if not self.grouped:
            return self._positions.get(("", name))
        server_state = self._board.states.get(name)
        found = [self._positions.get((tag, name)) for tag in group_tags(server_state)] if server_state else []
        return min((index for index in found if index is not None), default=None)

    def sort_by(self, column: str, *, reverse: bool = False) -> None:
        """Sort by a column of `SORTS`, in its own direction or the other one."""
        if self.sort.column != column:
            self._values.clear()
        self.sort, self.reversed = SORTS[column], reverse
        self.rebuild()

    def show_only(self, chosen: Filter) -> None:
        """Show the rows that pass a filter."""
        self.filter = chosen
        self.rebuild()

    def group(self, grouped: bool) -> None:
        """Show the servers under their tags, or not."""
        self.grouped = grouped
        self.rebuild()

    def fold(self, tags: Iterable[str]) -> None:
        """Show of these groups the headings only, and of all others everything."""
        self.grouping.folded = set(tags)
        self.rebuild()

    def record_changes(self, changed: Collection[str]) -> bool:
        """Whether one of these rows, as it is now, stands in the wrong place or is wrongly shown or hidden.

        Looks at all of them even so: what it works out here `rebuild` need not work out in one long go.
        """
        states, sort_keys, context = self._board.states, self._sort_keys, self._context()
        misplaced = False
        for name in changed:
            server_state = states.get(name)
            if server_state is not None and sort_keys.get(name) != self._key(server_state, context):
                misplaced = True
        if self.grouped:
            self.grouping.count(changed, states)
        return misplaced

    def rebuild(self) -> bool:
        """Put every row where it belongs now; whether any line is another one than before."""
        states, context = self._board.states, self._context()
        if self.is_outdated:
            self._membership = self._board.membership_version
            self._by_name = sorted(states, key=str.casefold)
            self._values = {name: known for name, known in self._values.items() if name in states}
        sort_keys = {name: self._key(states[name], context) for name in self._by_name}
        names = [name for name in self._by_name if sort_keys[name] is not None]
        names.sort(key=sort_keys.__getitem__, reverse=self.descending)  # type: ignore[arg-type]  # None is filtered out
        self._sort_keys = sort_keys
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
        """As their first servers would stand; by name, as their tags."""
        groups.sort(key=lambda group: group.tag.casefold())
        if self.sort.column == "name":
            return groups[::-1] if self.descending else groups
        groups.sort(key=lambda group: self._sort_keys[group.names[0]], reverse=self.descending)  # type: ignore[arg-type, return-value]  # as above
        return groups

    def _key(self, server_state: ServerState, context: FilterContext) -> Key | None:
        """None for a row that the filter hides. The first half keeps rows without a value last."""
        if self.filter and not self.filter.matches(server_state, context):
            return None
        value = self._value(server_state)
        return (not self.descending, 0) if value is None else (self.descending, value)

    def _value(self, server_state: ServerState) -> Value | None:
        known = self._values.get(server_state.server.name)
        if known is None or known[0] != server_state.version:
            known = self._values[server_state.server.name] = (
                server_state.version,
                self.sort.value(server_state),
            )
        return known[1]
