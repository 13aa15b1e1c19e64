"""Poller of the uptimes of the last 24 hours, from the history into the fleet state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.text import format_uptime

WINDOW_S = 86400.0
_POLL_INTERVAL_S = 60.0
_FIRST_INTERVAL_S = 2.0
"""The interval after the start and after a change of the servers. It doubles with every read."""

_WATCH_INTERVAL_S = 0.5


async def follow_uptimes(
    history: History,
    fleet_state: FleetState,
    clock: Callable[[], float],
    is_history_complete: Callable[[], bool] = lambda: True,
) -> None:
    """Poll the uptimes until cancelled. With an unreadable store the previous uptimes stay.

    A new writer starts with new server states: they get the known uptimes at once.
    """
    found: Mapping[str, float] = {}
    interval, members = _FIRST_INTERVAL_S, fleet_state.membership_version
    while True:
        if is_history_complete():
            with suppress(StoreUnavailableError):
                found = await asyncio.to_thread(history.uptimes, clock() - WINDOW_S, clock())
        store_uptimes(fleet_state, found)
        next_at = time.monotonic() + interval
        interval = min(_POLL_INTERVAL_S, interval * 2) if found else _FIRST_INTERVAL_S
        is_due = False
        while not is_due:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            is_due = time.monotonic() >= next_at
            if fleet_state.membership_version != members:
                interval, members = _FIRST_INTERVAL_S, fleet_state.membership_version
                store_uptimes(fleet_state, found)
                next_at = min(next_at, time.monotonic() + interval)


def store_uptimes(fleet_state: FleetState, uptimes: Mapping[str, float]) -> None:
    """Set the uptimes in the fleet state; a server changes only if its displayed uptime changes."""
    for name, share in uptimes.items():
        server_state = fleet_state.states.get(name)
        if server_state is not None and (
            server_state.uptime is None or format_uptime(server_state.uptime) != format_uptime(share)
        ):
            fleet_state.set_uptime(name, share)
