"""Key sequencer: each key takes full effect before the next one is dispatched.

Over a slow link one read returns many keys, and Textual dispatches them at once. A widget that a key opens
gets the focus only after several message queues. Of "/lon" in one read, "n" would reach the table instead
of the filter line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from textual import events
from textual.app import App
from textual.dom import DOMNode

_PASSES = 3
"""Passes through the queues: focused widget to app; the messages of the action; the messages they cause."""

_MAX_HOLD_S = 1.0
"""The longest hold, in seconds. With a slow disk the operator must still be able to quit."""


class KeySequencer(App[None]):
    """An app that holds a key or a paste until the previous one has taken effect.

    A callback follows each key through the same queues; when it arrives, the key has taken effect. A single
    key never waits.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._pending_input: deque[events.Event] = deque()
        """Typed events in order. The first one is being processed; the others wait for it."""
        self._passes_left = 0
        self._holds: set[object] = set()
        self._is_waiting_for_hold = False

    async def on_event(self, event: events.Event) -> None:
        """Queue keys and pastes; pass every other event to Textual."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._pending_input.append(event)
        if len(self._pending_input) == 1:
            await self._dispatch_first()

    @contextmanager
    def hold_keys(self) -> Iterator[None]:
        """Hold typed keys while a thread reads the data that they act on.

        The hold lasts one second at most. Code after the block runs before the next key, until it awaits.
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
        """Whether the event is text for an input field. It moves no focus, so the next key need not wait."""
        focused = self.focused
        return (
            isinstance(event, events.Key)
            and focused is not None
            and focused.check_consume_key(event.key, event.character)
        )

    @property
    def _focus_path(self) -> Sequence[DOMNode]:
        """The nodes that receive a key now, from the focused widget up to the app."""
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
