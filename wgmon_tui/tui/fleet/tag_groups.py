"""Servers by tag: one group a tag, a server in each of its groups, and how many of a group are how bad.

Totals are kept up to date with every change of a row, and who stands where only when the order is made anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.fleet_state import ServerState

LineKey = tuple[str, str]
"""A line of the table: the tag of its group ("" where there are none, or for those without a tag) and the
server's name ("" for the heading of the group).
"""

UNTAGGED = ""


@dataclass(slots=True)
class TagGroup:
    """The shown servers with a tag, in order. A folded one shows its heading only."""

    tag: str
    names: list[str] = field(default_factory=list)
    totals: Counter[Severity] = field(default_factory=Counter)
    folded: bool = False


class TagGroups:
    """All groups. `fold` takes effect with the next `arrange`."""

    def __init__(self) -> None:
        self.groups: dict[str, TagGroup] = {}
        """By tag, in the order of the table."""
        self.folded: set[str] = set()
        self.changed_tags: set[str] = set()
        """The tags whose totals have changed since somebody took them from here."""
        self._severities: dict[str, Severity] = {}

    def arrange(
        self,
        names: Sequence[str],
        rows: Mapping[str, ServerState],
        sort_groups: Callable[[list[TagGroup]], list[TagGroup]],
    ) -> list[LineKey]:
        """The lines of the table for servers in this order; `sort_groups` puts the groups into theirs."""
        found: dict[str, TagGroup] = {}
        self._severities = {}
        for name in names:
            server_state = rows[name]
            self._severities[name] = server_state.severity
            for tag in group_tags(server_state):
                group = found.get(tag) or found.setdefault(tag, TagGroup(tag, folded=tag in self.folded))
                group.names.append(name)
                group.totals[server_state.severity] += 1
        rest = [found.pop(UNTAGGED)] if UNTAGGED in found else []
        self.groups = {group.tag: group for group in (*sort_groups(list(found.values())), *rest)}
        return [line_key for group in self.groups.values() for line_key in _lines(group)]

    def count(self, changed: Iterable[str], rows: Mapping[str, ServerState]) -> None:
        """Bring the totals up to date with these rows, as far as they are in a group."""
        for name in changed:
            before, server_state = self._severities.get(name), rows.get(name)
            if before is None or server_state is None or server_state.severity is before:
                continue
            self._severities[name] = server_state.severity
            for tag in group_tags(server_state):
                if group := self.groups.get(tag):
                    group.totals[before] -= 1
                    group.totals[server_state.severity] += 1
                    self.changed_tags.add(tag)


def group_tags(server_state: ServerState) -> Iterable[str]:
    """The groups that a server is in."""
    return dict.fromkeys(server_state.server.tags) or (UNTAGGED,)


def _lines(group: TagGroup) -> list[LineKey]:
    heading = [(group.tag, "")]
    return heading if group.folded else heading + [(group.tag, name) for name in group.names]
