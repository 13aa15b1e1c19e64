"""The addresses of servers: which addresses a name has now, and whether it moved."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import NameMoved
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.name_history import NameHistory
from wgmon_tui.net.resolver import ResolutionError, Resolver, is_literal

_MOVE_SHOWN_S = 86400.0
"""How long each check of a server says that its name moved."""

_CONFIRMING_LOOKUPS = 2
"""Further lookups before an address counts as lost."""


class ServerAddresses:
    """Looks up the addresses of servers, and remembers earlier ones."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._names: dict[str, NameHistory] = {}
        """By server, not by name: all servers of one name must learn that it moved."""
        self._moves: dict[str, NameMoved] = {}

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Continue with a server's last answered round of an earlier run: its addresses, and its last move.

        So a name that moves while nobody checks has moved when checks begin.
        """
        host = server.endpoint.host
        if server.name in self._names or any(check.endpoint.host != host for check in checks):
            return
        self._names[server.name] = history = NameHistory(host)
        history.add([check.address for check in checks if check.address], time.monotonic())
        if moved := first_of_kind(NameMoved, [each for check in checks for each in check.evidence]):
            self._moves[server.name] = moved

    async def look_up(
        self, server: Server, newer_than: float = float("-inf")
    ) -> tuple[tuple[Address, ...], NameMoved | None]:
        """The addresses of a server by NameHistory, and whether its name moved within the last 24 hours.

        Before an address counts as lost, the name is resolved again: the next answer of a rotating name may
        have it. Raises ResolutionError.
        """
        if is_literal(server.endpoint.host):
            self._names.pop(server.name, None)
            self._moves.pop(server.name, None)
            return await self._resolver.resolve(server.endpoint, server.timeout), None
        endpoint, history = server.endpoint, self._names.get(server.name)
        if history is None or history.host != endpoint.host:
            history = self._names[server.name] = NameHistory(endpoint.host)
        answer = await self._resolver.resolve(endpoint, server.timeout, newer_than)
        before = history.addresses(time.monotonic())
        history.add(answer, time.monotonic())
        for _ in range(_CONFIRMING_LOOKUPS):
            if set(before) <= set(history.addresses(time.monotonic())):
                break
            with suppress(ResolutionError):
                again = await self._resolver.resolve(endpoint, server.timeout, time.monotonic())
                history.add(again, time.monotonic())
        self._note_move(server, history, before)
        return history.addresses(time.monotonic()), self._moves.get(server.name)

    def _note_move(self, server: Server, history: NameHistory, before: Collection[Address]) -> None:
        """Keep the last move of a server's name for a day, unless the name turns out to rotate."""
        now = time.time()
        removed, new = history.moved_from(before, time.monotonic())
        if removed and new:
            self._moves[server.name] = NameMoved(history.host, removed, new, now)
        last = self._moves.get(server.name)
        if last and (
            last.host != history.host
            or history.is_rotating(time.monotonic())
            or now - (last.at or now) > _MOVE_SHOWN_S
        ):
            del self._moves[server.name]
