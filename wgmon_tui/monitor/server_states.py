"""The list of server states: which servers there are, and which states changed.

Readers poll `version` and call `apply_changes()`. There is no message per check, because ten thousand
messages a second would cost more than the checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.monitor.state_transitions import change_entry, new_server_state, rename_state

_MOST_LEFT = 1000
"""How many states of servers that left are kept, for those that return."""


class ServerStates:
    """All server states by name, and which of them changed since the last `apply_changes()`."""

    def __init__(self, servers: Iterable[Server] = ()) -> None:
        self._states: dict[str, ServerState] = {}
        self.version = 0
        """Changes with every change of any server state."""
        self.membership_version = 0
        """Changes when servers are added or removed."""
        self._dirty: set[str] | None = None
        """Servers that changed since `apply_changes`; None for all, before its first call."""
        self._counts: Counter[Severity] = Counter()
        self._counted: dict[str, Severity] = {}
        """The severity under which each server is in the counts."""
        self._counted_membership = 0
        self._uncounted: set[str] = set()
        """Servers whose severity changed since they were counted; empty where nobody counts."""
        self._left: dict[str, ServerState] = {}
        self.replace(servers)

    @property
    def states(self) -> Mapping[str, ServerState]:
        """Return the state of every server by name. Only this class changes them."""
        return self._states

    def replace(self, servers: Iterable[Server]) -> None:
        """Replace the list of servers; those that stay keep their state.

        So do those that return unchanged, as after an undone deletion. A server whose entry changed keeps its
        state and its incident, but loses the results of earlier checks. A server with an open incident must
        not be removed before `end_incident`.
        """
        states: dict[str, ServerState] = {}
        for server in servers:
            server_state = self._states.get(server.name) or self._returning(server)
            change_entry(server_state, server)
            states[server.name] = server_state
        self._left |= {name: gone for name, gone in self._states.items() if name not in states}
        for oldest in list(self._left)[:-_MOST_LEFT]:
            del self._left[oldest]
        self._states = states
        self.membership_version += 1
        if self._dirty is not None:
            self._dirty.intersection_update(states)
        for name in states:
            self.touch(name)

    def add(self, servers: Iterable[Server]) -> None:
        """Add servers to the list; those that it has already stay as they are."""
        added = {server.name: server for server in servers if server.name not in self.states}
        self._states |= {name: self._returning(server) for name, server in added.items()}
        self.membership_version += 1
        for name in added:
            self.touch(name)

    def rename(self, before: str, after: str) -> bool:
        """Give a server another name, with its state. False if it is not there, or the name is taken."""
        if before not in self._states or after in self._states:
            return False
        self._left.pop(after, None)
        self._states = {
            after if name == before else name: server_state for name, server_state in self._states.items()
        }
        rename_state(self._states[after], after)
        self.membership_version += 1
        if self._dirty is not None:
            self._dirty.discard(before)
        self.touch(after)
        return True

    def start_over(self) -> None:
        """Forget the states that another process stored, before this one restores its own. The rows stay."""
        self._left.clear()
        self._states = {
            name: new_server_state(server_state.server) for name, server_state in self._states.items()
        }
        self.membership_version += 1
        for name in self._states:
            self.touch(name)

    def _returning(self, server: Server) -> ServerState:
        """The state that a server had when it left, if its entry is the same; else a new one.

        What other vantages reported meanwhile is unknown, so that part starts empty.
        """
        left = self._left.pop(server.name, None)
        if left is None or left.server != server:
            return new_server_state(server)
        if left.vantage_states:
            fresh = new_server_state(server)
            fresh.samples = left.samples
            return fresh
        return left

    def touch(self, name: str) -> None:
        """Mark a server state as changed."""
        self.version += 1
        self._states[name].version += 1
        if self._dirty is not None:
            self._dirty.add(name)
        if self._counted and self._counted.get(name) is not self._states[name].severity:
            self._uncounted.add(name)

    def apply_changes(self) -> set[str]:
        """Return the names of servers changed since the last call. One screen calls it, on a timer."""
        dirty, self._dirty = self._dirty, set()
        return set(self._states) if dirty is None else dirty

    def set_uptime(self, name: str, share: float) -> None:
        """Set the share of the last 24 hours in which a server was not down."""
        self._states[name].uptime = share
        self.touch(name)

    def set_age(self, name: str, age: float | None) -> None:
        """Mark the data about a server as stale, with its age in seconds; None marks it as fresh."""
        server_state = self._states[name]
        if age is None:
            server_state.mark_fresh()
        else:
            server_state.mark_stale(age)
        self.touch(name)

    def totals(self) -> Counter[Severity]:
        """Return the number of servers in each severity.

        A screen asks twice a second, so only what changed is counted again.
        """
        if self._counted_membership != self.membership_version:
            self._counted_membership = self.membership_version
            self._counted = {name: each.severity for name, each in self._states.items()}
            self._counts = Counter(self._counted.values())
        else:
            for name in self._uncounted:
                before, after = self._counted[name], self._states[name].severity
                if after is not before:
                    self._counted[name] = after
                    self._counts[before] -= 1
                    self._counts[after] += 1
        self._uncounted.clear()
        return +self._counts
