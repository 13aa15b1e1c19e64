"""What ends or begins by the clock: mutes, timed pauses, maintenance windows and the age of states."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from wgmon_tui.config.alerting import Maintenance
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.freshness import read_clocks
from wgmon_tui.monitor.staleness import StalenessScan
from wgmon_tui.monitor.vantage_reports import VantageReports

_CLOCK_S = 1.0


class StateTimers:
    """Looks at every server once a second."""

    def __init__(
        self,
        controller: FleetController,
        fleet_state: FleetState,
        vantage_reports: VantageReports,
        clock: Callable[[], float],
        notify: Callable[[str], None],
    ) -> None:
        """`controller` ends mutes and pauses. `clock` returns Unix time. `notify` tells of a maintenance."""
        self._controller = controller
        self._fleet_state = fleet_state
        self._vantage_reports = vantage_reports
        self._clock = clock
        self._notify = notify
        self._staleness_scan = StalenessScan(fleet_state)
        self._maintenance: tuple[Maintenance, ...] = ()

    def set_maintenance(self, maintenance: Iterable[Maintenance]) -> None:
        """Replace the maintenance windows."""
        self._maintenance = tuple(maintenance)
        self.apply()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_CLOCK_S)
            self.apply()

    def apply(self) -> None:
        """Start and end maintenance windows, and end mutes and pauses that have expired."""
        now = self._clock()
        self._vantage_reports.expire_outdated(time.time())
        self._staleness_scan.update(read_clocks(), is_checking=True)
        for name, server_state in self._fleet_state.states.items():
            if server_state.muted_until is not None and server_state.muted_until <= now:
                self._controller.mute([name], None)
            if server_state.paused_until is not None and server_state.paused_until <= now:
                self._controller.pause([name], False)
            server = server_state.server
            on = (each.name for each in self._maintenance if each.covers(server.name, server.tags, now))
            maintenance = next(on, None) if self._maintenance else None
            if maintenance != server_state.maintenance:
                self._fleet_state.set_maintenance(name, maintenance)
                self._notify(name)
