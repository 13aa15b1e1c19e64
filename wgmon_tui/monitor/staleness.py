"""Marks servers whose last check is too old, so that they no longer count as up."""

from __future__ import annotations

from math import inf

from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.monitor.freshness import DEEP_CHECK_S, ClockReading, age_s, coarse_age_s, stale_after_s
from wgmon_tui.records import dataclass

_MAX_SCAN_INTERVAL_S = 5.0
_MIN_SCAN_INTERVAL_S = 0.9
_CLOCK_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class CheckOutage:
    """Why nobody checks the servers. `reason` is a clause; `since` is Unix time, None if that is unknown.

    `remedy` is one sentence on what the operator can do.
    """

    reason: str
    since: float | None
    remedy: str = ""


class StalenessScan:
    """Marks stale servers of one fleet state. Call `update` at least every few seconds.

    A scan of ten thousand servers takes some milliseconds. No server can become stale before the shortest
    remaining time of the last scan is over, so most calls do nothing.
    """

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self._next_at = -inf
        self._seen: tuple[int, bool] | None = None
        self._wall_offset = 0.0

    def update(self, now: ClockReading, *, is_checking: bool) -> None:
        """Mark stale servers, and update their ages.

        `is_checking` means that somebody checks: then a long check may be in progress. That explains no gap
        of a server that is stale already: it stays stale until its next check.
        """
        fleet_state = self._fleet_state
        seen, offset = (fleet_state.membership_version, is_checking), now.wall - now.elapsed
        is_clock_set = abs(offset - self._wall_offset) > _CLOCK_STEP_S
        if seen == self._seen and not is_clock_set and now.elapsed < self._next_at:
            return
        self._seen, self._wall_offset = seen, offset
        allowance = DEEP_CHECK_S if is_checking else 0.0
        soonest = _MAX_SCAN_INTERVAL_S
        for name, server_state in fleet_state.states.items():
            stale_age = server_state.stale_age
            remaining = _remaining_s(server_state, now, allowance if stale_age is None else 0.0)
            if remaining > 0.0:
                if stale_age is not None:
                    fleet_state.set_age(name, None)
                if remaining < soonest:
                    soonest = remaining
            elif (age := _shown_age(server_state, now)) != stale_age:
                fleet_state.set_age(name, age)
        self._next_at = now.elapsed + max(_MIN_SCAN_INTERVAL_S, soonest)


def newest_check_at(fleet_state: FleetState, recent_from: float = inf) -> float | None:
    """Return the Unix time of the newest check of all servers; None if none was ever checked.

    A check since `recent_from` is new enough: the first such one ends the search, which is soon in a fleet
    that is checked.
    """
    newest = None
    for server_state in fleet_state.states.values():
        check = server_state.last_check
        if check and (newest is None or check.at > newest):
            newest = check.at
            if newest >= recent_from:
                break
    return newest


def are_all_stale(fleet_state: FleetState) -> bool:
    """Return whether there is a checked server, and the data about all of them is stale.

    Screens ask twice a second, so the search ends at the first server with fresh data.
    """
    checked = (each for each in fleet_state.states.values() if each.last_check and not each.paused)
    stale = 0
    for each in checked:
        if not each.is_stale:
            return False
        stale += 1
    return stale > 0


def _remaining_s(server_state: ServerState, now: ClockReading, allowance: float) -> float:
    """Return the seconds until the server is stale; infinite if it cannot become stale."""
    last_check = server_state.last_check
    if last_check is None or server_state.paused:
        return inf
    vantage_states = server_state.vantage_states
    if vantage_states and any(each.current for each in vantage_states.values()):
        return inf  # other vantages still report
    return stale_after_s(server_state.server) + allowance - age_s(last_check, now)


def _shown_age(server_state: ServerState, now: ClockReading) -> float:
    return coarse_age_s(age_s(server_state.last_check, now)) if server_state.last_check else 0.0
