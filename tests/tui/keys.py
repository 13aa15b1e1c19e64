"""Pressing keys. Pilot sleeps after each until the process is idle; this waits for the key alone."""

from __future__ import annotations

from textual.app import App
from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

_READING = ("history", "rtt", "exchange")

_HOPS = 3
"""From the app to what has the focus, from there to what it tells, and what that tells."""


async def read(app: App[None], pilot: Pilot[None]) -> None:
    """Come back when what was to be read of the history is on the screen."""
    while reading := [each for each in app.workers if each.group in _READING and not each.is_finished]:
        await reading[0].wait()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after the other, and come back when the last has had its effect."""
    for key in keys:
        typed = len(key) == 1
        pilot.app.post_message(Key(_character_to_key(key) if typed else key, key if typed else None))
        for _ in range(_HOPS):
            await pilot._wait_for_screen()
    await pilot.pause()
