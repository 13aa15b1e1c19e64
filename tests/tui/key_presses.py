"""Key presses that wait until the app has handled them.

Pilot sleeps until the whole process is idle, which takes long on a busy machine. These functions wait only
for the app.
"""

from __future__ import annotations

import asyncio

from textual.app import App
from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from tests.tui.app_costs import paint

_READING = ("history", "rtt", "exchange", "preview")

_HOPS = 3
"""Hops of a message: from the app to the focused widget, to its receiver, and to the next one."""

_MOST_ROUNDS = 20
"""Limit of rounds: a widget that sends itself messages endlessly must not block a test."""


_LONGEST_S = 60.0


async def read(app: App[None], pilot: Pilot[None]) -> None:
    """Wait until the loaded history is on the screen, also that of a screen which opens meanwhile."""
    await settle(pilot)
    while reading := [each for each in app.workers if each.group in _READING and not each.is_finished]:
        await reading[0].wait()
        await settle(pilot)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until no widget has a pending message and the screen is painted.

    Threads are not awaited; `read` does that.
    """
    for _ in range(_MOST_ROUNDS):
        alive = await pilot._wait_for_screen()
        pilot.app.screen._on_timer_update()
        if not alive or _is_settled(pilot.app):
            break
    paint(pilot.app.screen)


async def resize(pilot: Pilot[None], columns: int, lines: int) -> None:
    """Resize the terminal, and wait until the screen has the new size."""
    await pilot.resize_terminal(columns, lines)
    async with asyncio.timeout(_LONGEST_S):
        while pilot.app._resize_event is not None:
            await pilot.pause(0.005)  # Textual applies the size 8 ms later
    await settle(pilot)


def _is_settled(app: App[None]) -> bool:
    screen = app.screen
    widgets = (app, *screen.walk_children(with_self=True))
    if any(widget._next_callbacks or not widget._message_queue.empty() for widget in widgets):
        return False
    return not (
        screen._layout_required
        or screen._repaint_required
        or screen._scroll_required
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks
    )


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys in sequence, and wait until the last one has taken effect."""
    for key in keys:
        typed = len(key) == 1
        pilot.app.post_message(Key(_character_to_key(key) if typed else key, key if typed else None))
        for _ in range(_HOPS):
            await _heard(pilot.app)
    await settle(pilot)


async def _heard(app: App[None]) -> None:
    """Wait until every widget that a key reaches directly has handled it; `pause` waits for others."""
    fault: asyncio.Event = vars(app)["_exception_event"]
    waits: list[asyncio.Future[object]] = [asyncio.ensure_future(fault.wait())]
    for each in (app.focused or app.screen).ancestors_with_self:
        taken = asyncio.Event()
        if each.call_later(taken.set):
            waits.append(asyncio.ensure_future(taken.wait()))
    while len(waits) > 1 and not waits[0].done():
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        waits[1:] = [each_wait for each_wait in waits[1:] if each_wait not in done]
    for each_wait in waits:
        each_wait.cancel()
