"""Rounds that another process requested from this engine, with the depth that it wants.

A requested round is an ordinary round: it takes the server's turn, is counted, shown and stored. If a round
of the server is in flight, the requested one follows it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from wgmon_tui.checks.protocol import ProtocolProber
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.models import Round


class NotCheckedHereError(Exception):
    """This engine does not check the server. The message is one line."""


@dataclass(frozen=True, slots=True, eq=False)
class RequestedRound:
    """A request: the depth, the prober if it is not the engine's own, and the future result."""

    depth: CheckDepth
    prober: ProtocolProber | None
    result: asyncio.Future[Round]

    def finish(self, outcome: Round) -> None:
        """Hand over the result, if anybody still waits for it."""
        if not self.result.done():
            self.result.set_result(outcome)

    def refuse(self, why: str) -> None:
        """End the wait without a result."""
        if not self.result.done():
            self.result.set_exception(NotCheckedHereError(why))


class RequestedRounds:
    """The requests of each server, in the order of their arrival."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[RequestedRound]] = {}

    def add(self, name: str, depth: CheckDepth, prober: ProtocolProber | None) -> asyncio.Future[Round]:
        """Add a request. If its future is cancelled before the round starts, there is no round."""
        result: asyncio.Future[Round] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(name, deque()).append(RequestedRound(depth, prober, result))
        return result

    def take(self, name: str) -> RequestedRound | None:
        """Take the next request of a server that is still wanted."""
        waiting = self._waiting.get(name)
        while waiting:
            request = waiting.popleft()
            if not waiting:
                del self._waiting[name]
            if not request.result.done():
                return request
        return None

    def is_waiting(self, name: str) -> bool:
        """Return whether a request of this server is still wanted."""
        waiting = self._waiting.get(name)
        return waiting is not None and any(not request.result.done() for request in waiting)

    def refuse_all(self, name: str, why: str) -> None:
        """End all waits of a server that is no longer checked."""
        for request in self._waiting.pop(name, ()):
            request.refuse(why)
