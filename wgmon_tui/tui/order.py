"""Which servers the table shows, and in which order: an index over the board, kept without copying a row.

Sort keys are remembered per row. A check that moves only the round-trip time then costs nothing while the
table is sorted by state, and a re-sort of ten thousand rows compares what is already there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.monitor.board import Board, Row
from wgmon_tui.tui.filter import Beside, Filter
from wgmon_tui.tui.grouping import Group, Grouping, Place, tags_of
from wgmon_tui.tui.port import falsely_up, port_up

Value = str | int | float
Key = tuple[bool, Value]

_BADNESS = {severity: -severity.rank for severity in Severity}


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by.

    `value` is None where the row has none: such rows come last in either direction. `descending` is the
    direction that puts first what an operator looks for.
    """

    column: str
    value: Callable[[Row], Value | None]
    descending: bool = False


def _percentile(row: Row, of: float) -> float | None:
    return row.samples.percentiles(of)[0]


def _false_green_first(row: Row) -> int | None:
    up = port_up(row)
    return None if up is None else 2 if falsely_up(row) else int(not up)


def _seen_down_first(row: Row) -> int | None:
    """By how many vantages hold it to be down; nothing where only we look."""
    return sum(view.settled is Severity.DOWN for view in row.views) if row.sights else None


SORTS: Mapping[str, Sort] = {
    sort.column: sort
    for sort in (
        Sort("state", lambda row: _BADNESS[row.severity], descending=True),
        Sort("name", lambda row: row.server.name.casefold()),
        Sort("verdict", lambda row: row.word),
        Sort("seen", _seen_down_first, descending=True),
        Sort("port", _false_green_first, descending=True),
        Sort("rtt", lambda row: row.rtt, descending=True),
        Sort("loss", lambda row: row.samples.loss(), descending=True),
        Sort("p50", lambda row: _percentile(row, 0.5), descending=True),
        Sort("p95", lambda row: _percentile(row, 0.95), descending=True),
        Sort("uptime", lambda row: row.uptime),
        Sort("endpoint", lambda row: str(row.server.endpoint).casefold()),
        Sort("since", lambda row: row.since, descending=True),
    )
}
"""Every column that can be sorted by, in the order of the table. Equal rows stand by name."""


class Order:
    """What is shown, in order. `note` takes changes cheaply; `rebuild` puts them into effect.

    `names` are the servers that pass the filter, each once; `lines` those of the table, where a server stands
    under each of its tags if it is `grouped`. `beside` is asked for what a filter wants to know.
    """

    def __init__(self, board: Board, beside: Callable[[], Beside] = lambda: Beside(time.time())) -> None:
        self._board = board
        self._beside = beside
        self._membership = -1
        self._by_name: list[str] = []
        self._values: dict[str, tuple[int, Value | None]] = {}
        self._placed: dict[str, Key | None] = {}
        self._positions: dict[Place, int] = {}
        self.names: list[str] = []
        self.lines: list[Place] = []
        self.grouped = False
        self.grouping = Grouping()
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
    def outdated(self) -> bool:
        """Whether servers have come or gone since the last `rebuild`."""
        return self._membership != self._board.membership

    @property
    def ages(self) -> bool:
        """Whether time alone decides what the filter lets through."""
        return self.filter.looks_at("since") or self.filter.looks_at("is")

    def group_at(self, index: int) -> Group | None:
        """The group whose heading stands on a line; None where a server does, or nothing."""
        if not 0 <= index < len(self.lines):
            return None
        tag, name = self.lines[index]
        return None if name else self.grouping.groups[tag]

    def index(self, place: Place) -> int | None:
        """The line of a place; None where it is not shown."""
        return self._positions.get(place)

    def position(self, name: str) -> int | None:
        """The first line on which a server stands; None where it stands on none."""
        if not self.grouped:
            return self._positions.get(("", name))
        row = self._board.rows.get(name)
        found = [self._positions.get((tag, name)) for tag in tags_of(row)] if row else []
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

    def note(self, changed: Collection[str]) -> bool:
        """Whether one of these rows, as it is now, stands in the wrong place or is wrongly shown or hidden.

        Looks at all of them even so: what it works out here `rebuild` need not work out in one long go.
        """
        rows, placed, beside = self._board.rows, self._placed, self._beside()
        misplaced = False
        for name in changed:
            row = rows.get(name)
            if row is not None and placed.get(name) != self._key(row, beside):
                misplaced = True
        if self.grouped:
            self.grouping.count(changed, rows)
        return misplaced

    def rebuild(self) -> bool:
        """Put every row where it belongs now; whether any line is another one than before."""
        rows, beside = self._board.rows, self._beside()
        if self.outdated:
            self._membership = self._board.membership
            self._by_name = sorted(rows, key=str.casefold)
            self._values = {name: known for name, known in self._values.items() if name in rows}
        placed = {name: self._key(rows[name], beside) for name in self._by_name}
        names = [name for name in self._by_name if placed[name] is not None]
        names.sort(key=placed.__getitem__, reverse=self.descending)  # type: ignore[arg-type]  # None is filtered out
        self._placed = placed
        if self.grouped:
            lines = self.grouping.arrange(names, rows, self._ranked)
            names = list(
                dict.fromkeys(name for group in self.grouping.groups.values() for name in group.names)
            )
        else:
            lines = [("", name) for name in names]
        self.names = names
        if lines == self.lines:
            return False
        self.lines = lines
        self._positions = {place: position for position, place in enumerate(lines)}
        return True

    def _ranked(self, groups: list[Group]) -> list[Group]:
        """As their first servers would stand; by name, as their tags."""
        groups.sort(key=lambda group: group.tag.casefold())
        if self.sort.column == "name":
            return groups[::-1] if self.descending else groups
        groups.sort(key=lambda group: self._placed[group.names[0]], reverse=self.descending)  # type: ignore[arg-type, return-value]  # as above
        return groups

    def _key(self, row: Row, beside: Beside) -> Key | None:
        """None for a row that the filter hides. The first half keeps rows without a value last."""
        if self.filter and not self.filter.matches(row, beside):
            return None
        value = self._value(row)
        return (not self.descending, 0) if value is None else (self.descending, value)

    def _value(self, row: Row) -> Value | None:
        known = self._values.get(row.server.name)
        if known is None or known[0] != row.version:
            known = self._values[row.server.name] = (row.version, self.sort.value(row))
        return known[1]
