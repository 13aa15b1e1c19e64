"""Poller of the uptimes of the last 24 hours, from the history into the fleet state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.text import format_uptime

WINDOW_S = 86400.0
_POLL_INTERVAL_S = 60.0
_RETRY_INTERVAL_S = 2.0


async def follow_uptimes(history: History, fleet_state: FleetState, clock: Callable[[], float]) -> None:
    """Poll the uptimes until cancelled. With an unreadable store the previous uptimes stay."""
    while True:
        now = clock()
        try:
            found = await asyncio.to_thread(history.uptimes, now - WINDOW_S, now)
        except StoreUnavailableError:
            found = {}
        store_uptimes(fleet_state, found)
        await asyncio.sleep(_POLL_INTERVAL_S if found else _RETRY_INTERVAL_S)


def store_uptimes(fleet_state: FleetState, uptimes: Mapping[str, float]) -> None:
    """Set the uptimes in the fleet state; a server changes only if its displayed uptime changes."""
    for name, share in uptimes.items():
        server_state = fleet_state.states.get(name)
        if server_state is not None and (
            server_state.uptime is None or format_uptime(server_state.uptime) != format_uptime(share)
        ):
            server_state.uptime = share
            fleet_state.touch(name)
