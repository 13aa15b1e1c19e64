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

_PASSES = 3
"""From what has the focus to the app, which acts; what that brings about; and what comes of that in turn."""

_MAX_HOLD_S = 1.0
"""Who waits longer for a disk must be able to leave."""


class KeySequencer(App[None]):
    """An app that holds a key or a paste until the one before it has had its effect.

    Whether it has is found out by going behind it through the queues that it goes through. A key that comes
    alone waits for nothing.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._pending_input: deque[events.Event] = deque()
        """What has been typed; the first of it is on its way, or has arrived and holds the others."""
        self._passes_left = 0
        self._holds: set[object] = set()
        self._is_waiting_for_hold = False

    async def on_event(self, event: events.Event) -> None:
        """Textual's, with a queue before it for what is typed."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._pending_input.append(event)
        if len(self._pending_input) == 1:
            await self._dispatch_first()

    @contextmanager
    def hold_keys(self) -> Iterator[None]:
        """While a thread reads what a key is to show: what is typed meanwhile is meant for that.

        A second at most. What follows the block without another wait has its effect before the next key.
        """
        hold = object()
        self._holds.add(hold)
        longest = self.set_timer(_MAX_HOLD_S, lambda: self._release_hold(hold))
        try:
            yield
        finally:
            longest.stop()
            self._release_hold(hold)

    def _release_hold(self, hold: object) -> None:
        self._holds.discard(hold)
        self._passes_left = _PASSES
        if self._is_waiting_for_hold and not self._holds:
            self._is_waiting_for_hold = False
            self.call_later(self._follow_through_queues, self._focus_path)

    async def _dispatch_first(self) -> None:
        path, self._passes_left = self._focus_path, _PASSES
        await super().on_event(self._pending_input[0])
        while (
            len(self._pending_input) > 1
            and self._is_typed_text(self._pending_input[0])
            and self._is_typed_text(self._pending_input[1])
        ):
            self._pending_input.popleft()
            await super().on_event(self._pending_input[0])
        await self._follow_through_queues(path)

    def _is_typed_text(self, event: events.Event) -> bool:
        """Whether it is a letter for a field, which moves nothing: the next need not wait for it."""
        focused = self.focused
        return (
            isinstance(event, events.Key)
            and focused is not None
            and focused.check_consume_key(event.key, event.character)
        )

    @property
    def _focus_path(self) -> Sequence[DOMNode]:
        """From what hears a key now up to the app."""
        return (self.focused or self.screen).ancestors_with_self

    async def _follow_through_queues(self, path: Sequence[DOMNode]) -> None:
        for passed, node in enumerate(path, 1):
            if node.call_later(self._follow_through_queues, path[passed:]):
                return
        self._passes_left -= 1
        if self._passes_left > 0:
            await self._follow_through_queues(self._focus_path)
        elif self._holds:
            self._is_waiting_for_hold = True
        else:
            self._pending_input.popleft()
            if self._pending_input:
                await self._dispatch_first()
