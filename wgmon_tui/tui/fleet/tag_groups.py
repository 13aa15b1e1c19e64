"""Groups of servers by tag, with totals by severity. A server is in the group of each of its tags.

Totals are updated with every change of a server; the order of the lines only with the next `arrange`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.control_planes import is_of_mesh
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.records import dataclass

LineKey = tuple[str, str]
"""The key of a table line: tag of the group, and name of the server.

The tag is "" without grouping, and for servers without a tag. The name is "" for a group heading.
"""

UNTAGGED = ""


@dataclass(slots=True)
class TagGroup:
    """The shown servers with a tag, in order. A folded group shows only its heading."""

    tag: str
    names: list[str] = field(default_factory=list)
    totals: Counter[Severity] = field(default_factory=Counter)
    folded: bool = False


class TagGroups:
    """All groups. A change of `folded` takes effect with the next `arrange`."""

    def __init__(self) -> None:
        self.groups: dict[str, TagGroup] = {}
        """Groups by tag, in the order of the table."""
        self.folded: set[str] = set()
        self.changed_tags: set[str] = set()
        """The tags whose totals have changed since the caller last cleared this set."""
        self._severities: dict[str, Severity] = {}

    def arrange(
        self,
        names: Sequence[str],
        rows: Mapping[str, ServerState],
        sort_groups: Callable[[list[TagGroup]], list[TagGroup]],
    ) -> list[LineKey]:
        """Group servers that are already sorted. Returns the table lines. `sort_groups` sorts the groups."""
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
        """Update the totals for the changed servers that are in a group."""
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
    """The groups that a server is in: its tags. A control plane and its nodes have a group of its name."""
    server = server_state.server
    if not is_of_mesh(server):
        return dict.fromkeys(server.tags) or (UNTAGGED,)
    return dict.fromkeys((server.control_plane or server.name, *server.tags))


def _lines(group: TagGroup) -> list[LineKey]:
    heading = [(group.tag, "")]
    return heading if group.folded else heading + [(group.tag, name) for name in group.names]
