"""What other vantages report, brought to the board: in their order, and nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from wgmon_tui.fleet.vantage_settings import Vantage
from wgmon_tui.monitor.board import Board, Resettled, Row
from wgmon_tui.monitor.incidents import Event
from wgmon_tui.monitor.rounds import Round
from wgmon_tui.monitor.sights import Report, Sight

SightListener = Callable[[Row, str, Report | None], None]
"""Takes a row, the vantage whose sight of it changed, and the report that did it. None where something else
did: its word is out of date, or that vantage watches the server no longer.
"""

Tell = Callable[[str, tuple[Event, ...]], None]
"""Takes the name of a server whose state changed without a round of our own, and what that came to."""


class Elsewhere:
    """The other vantages of one board."""

    def __init__(self, board: Board, tell: Tell) -> None:
        self._board = board
        self._tell = tell
        self._listeners: list[SightListener] = []
        self._taken: dict[str, tuple[str, int]] = {}

    def listen(self, listener: SightListener) -> None:
        """Call `listener` after every change of a sight. It must be quick and must not raise."""
        self._listeners.append(listener)

    def see_from(self, vantages: Sequence[Vantage], quorum: int) -> None:
        """These vantages check too from now on, each the servers that it watches; so many must agree."""
        self._settled(self._board.see_from(vantages, quorum, time.time()))

    def restore(self, name: str, sights: Iterable[Sight]) -> None:
        """Take what the store knows of how others saw a server, before any of them reports."""
        self._board.restore_sights(name, sights, time.time())

    def go_on_from(self, taken: Mapping[str, tuple[str, int]]) -> None:
        """Take no report again that is in the store: the epoch and the last number of each vantage."""
        self._taken |= taken

    def taken(self, vantage: str) -> tuple[str, int] | None:
        """The epoch and the number of the last report that was taken from there; None before the first."""
        return self._taken.get(vantage)

    def report(self, vantage: str, name: str, outcome: Round, now: float, *, epoch: str, number: int) -> None:
        """A vantage has checked a server. What was taken before is not taken again."""
        before = self._taken.get(vantage)
        if before and before[0] == epoch and number <= before[1]:
            return
        self._taken[vantage] = epoch, number
        row = self._board.rows.get(name)
        if row is None or vantage not in self._board.vantages:
            return
        severity = row.severity
        events = self._board.sight(vantage, name, outcome, now)
        for listener in self._listeners:
            listener(row, vantage, Report(vantage, epoch, number, outcome))
        if events or row.severity is not severity:
            self._tell(name, events)

    def lost(self, vantage: str) -> None:
        """The line to a vantage is down."""
        self._board.lost(vantage, time.time())

    def look_at_the_clock(self, now: float) -> None:
        """Take no vantage's word any longer than it holds."""
        self._settled(self._board.outdated(now))

    def retell(self, row: Row) -> None:
        """A pause has begun or ended, and with it what was settled by anybody."""
        for vantage in row.sights:
            for listener in self._listeners:
                listener(row, vantage, None)

    def _settled(self, changes: Iterable[Resettled]) -> None:
        for change in changes:
            for vantage in change.vantages:
                for listener in self._listeners:
                    listener(change.row, vantage, None)
            if change.changed:
                self._tell(change.row.server.name, change.events)
