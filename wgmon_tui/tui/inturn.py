"""Keys take effect one after the other, however fast they come: over a slow link many arrive in one read.

Textual hands keys on as they come. What a key opens has the focus only when several queues have been gone
through, so of "/lon" in one read the "n" would reach the table and not the filter line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from textual import events
from textual.app import App
from textual.dom import DOMNode

_ROUNDS = 3
"""From what has the focus to the app, which acts; what that brings about; and what comes of that in turn."""

_LONGEST_HOLD_S = 1.0
"""Who waits longer for a disk must be able to leave."""


class KeysInTurn(App[None]):
    """An app that holds a key or a paste until the one before it has had its effect.

    Whether it has is found out by going behind it through the queues that it goes through. A key that comes
    alone waits for nothing.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._typed: deque[events.Event] = deque()
        """What has been typed; the first of it is on its way, or has arrived and holds the others."""
        self._rounds = 0
        self._holds: set[object] = set()
        self._arrived = False

    async def on_event(self, event: events.Event) -> None:
        """Textual's, with a queue before it for what is typed."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        if len(self._typed) == 1:
            await self._send_off()

    @contextmanager
    def keys_held(self) -> Iterator[None]:
        """While a thread reads what a key is to show: what is typed meanwhile is meant for that.

        A second at most. What follows the block without another wait has its effect before the next key.
        """
        hold = object()
        self._holds.add(hold)
        longest = self.set_timer(_LONGEST_HOLD_S, lambda: self._let_go(hold))
        try:
            yield
        finally:
            longest.stop()
            self._let_go(hold)

    def _let_go(self, hold: object) -> None:
        self._holds.discard(hold)
        self._rounds = _ROUNDS
        if self._arrived and not self._holds:
            self._arrived = False
            self.call_later(self._go_behind, self._way)

    async def _send_off(self) -> None:
        way, self._rounds = self._way, _ROUNDS
        await super().on_event(self._typed[0])
        while len(self._typed) > 1 and self._is_written(self._typed[0]) and self._is_written(self._typed[1]):
            self._typed.popleft()
            await super().on_event(self._typed[0])
        await self._go_behind(way)

    def _is_written(self, event: events.Event) -> bool:
        """Whether it is a letter for a field, which moves nothing: the next need not wait for it."""
        heard_by = self.focused
        return (
            isinstance(event, events.Key)
            and heard_by is not None
            and heard_by.check_consume_key(event.key, event.character)
        )

    @property
    def _way(self) -> Sequence[DOMNode]:
        """From what hears a key now up to the app."""
        return (self.focused or self.screen).ancestors_with_self

    async def _go_behind(self, way: Sequence[DOMNode]) -> None:
        for passed, node in enumerate(way, 1):
            if node.call_later(self._go_behind, way[passed:]):
                return
        self._rounds -= 1
        if self._rounds > 0:
            await self._go_behind(self._way)
        elif self._holds:
            self._arrived = True
        else:
            self._typed.popleft()
            if self._typed:
                await self._send_off()
