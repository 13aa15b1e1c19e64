"""Groups of servers that fail together, computed on demand and not with every check."""

from __future__ import annotations

import time
from collections.abc import Callable

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor.correlation import (
    CORRELATABLE_VERDICTS,
    MIN_SERVERS,
    CorrelationInput,
    FailureGroup,
    find_correlated_failures,
)
from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.text import format_list

_MIN_INTERVAL_S = 1.0
_MAX_TIME_SHARE = 0.02
"""The largest share of time for this computation, which takes a while with ten thousand servers."""

_MAX_NAMES = 6


class CorrelatedFailures:
    """Groups of servers that are all down and have something in common, at most one second old.

    On a large fleet they may be older: see `_MAX_TIME_SHARE`. `clock` is monotonic, in seconds.
    """

    def __init__(self, fleet_state: FleetState, clock: Callable[[], float] = time.monotonic) -> None:
        self._fleet_state = fleet_state
        self._clock = clock
        self._version: int | None = None
        self._next_run_at = clock()
        self._groups: tuple[FailureGroup, ...] = ()

    def groups(self) -> tuple[FailureGroup, ...]:
        """All groups, the one with the most specific common cause first."""
        began = self._clock()
        if self._fleet_state.version != self._version and began >= self._next_run_at:
            self._version = self._fleet_state.version
            self._groups = self._find_groups()
            ended = self._clock()
            self._next_run_at = ended + max(_MIN_INTERVAL_S, (ended - began) / _MAX_TIME_SHARE)
        return self._groups

    def of(self, name: str) -> tuple[FailureGroup, ...]:
        """The groups that contain a server."""
        return tuple(group for group in self.groups() if name in group.names)

    @property
    def largest(self) -> FailureGroup | None:
        """The group with the most servers; None if there is none."""
        return max(self.groups(), key=lambda group: len(group.names), default=None)

    def _find_groups(self) -> tuple[FailureGroup, ...]:
        if self._fleet_state.totals()[Severity.DOWN] < MIN_SERVERS:
            return ()
        checked = [each for each in self._fleet_state.states.values() if not each.paused]
        failing = [_correlation_input(each) for each in checked if _has_failed(each)]
        others = (_correlation_input(each) for each in checked if not _has_failed(each))
        return find_correlated_failures(failing, others)


def _has_failed(server_state: ServerState) -> bool:
    """Whether a server is down in a way that can have a common cause."""
    return (
        server_state.severity is Severity.DOWN
        and server_state.last is not None
        and server_state.last.diagnosis.verdict in CORRELATABLE_VERDICTS
    )


def _correlation_input(server_state: ServerState) -> CorrelationInput:
    last = server_state.last
    return CorrelationInput(server_state.server, last.check.address if last else None)


def describe_group(group: FailureGroup, name: str) -> str:
    """A group as text, without the member `name`."""
    others = [other for other in group.names if other != name]
    return f"{format_list(others, most=_MAX_NAMES)}: all with {group.common_cause} are down"
