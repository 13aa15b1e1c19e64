"""Which servers fail together, worked out when somebody looks and not with every check."""

from __future__ import annotations

import time
from collections.abc import Callable

from wgmon_tui.diagnosis.neighbours import FEWEST, OF_A_PLACE, Standing, Together, failing_together
from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.monitor.board import Board, Row
from wgmon_tui.text import format_list

_LEAST_SECONDS = 1.0
_SHARE = 0.02
"""Of the time, at most so much is spent on this: with ten thousand servers one look takes a while."""

_NAMED = 6


class FailingTogether:
    """The groups of the board's servers that are all down and share something, at most a second old.

    On a large fleet they may be older: see `_SHARE`. `clock` gives seconds, and never goes back.
    """

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._version: int | None = None
        self._again_at = clock()
        self._groups: tuple[Together, ...] = ()

    def groups(self) -> tuple[Together, ...]:
        """All of them, the narrowest bond first."""
        began = self._clock()
        if self._board.version != self._version and began >= self._again_at:
            self._version = self._board.version
            self._groups = self._found()
            ended = self._clock()
            self._again_at = ended + max(_LEAST_SECONDS, (ended - began) / _SHARE)
        return self._groups

    def of(self, name: str) -> tuple[Together, ...]:
        """Those that a server is in."""
        return tuple(group for group in self.groups() if name in group.names)

    @property
    def largest(self) -> Together | None:
        """The one to tell where there is room for one only."""
        return max(self.groups(), key=lambda group: len(group.names), default=None)

    def _found(self) -> tuple[Together, ...]:
        rows = [row for row in self._board.rows.values() if not row.paused]
        if sum(row.severity is Severity.DOWN for row in rows) < FEWEST:
            return ()
        return failing_together(_standing(row) for row in rows)


def _standing(row: Row) -> Standing:
    if row.last is None:
        return Standing(row.server, None, down=False)
    down = row.severity is Severity.DOWN and row.last.diagnosis.verdict in OF_A_PLACE
    return Standing(row.server, row.last.check.address, down)


def fails_with(group: Together, name: str) -> str:
    """A group as a member of it sees it."""
    others = [other for other in group.names if other != name]
    return f"{format_list(others, most=_NAMED)}: all with {group.bond} are down"
