"""Reports of other vantages, applied to the fleet state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.fleet_state import FleetState, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.quorum import VantageReport, VantageState
from wgmon_tui.monitor.report_numbers import ReportNumbers
from wgmon_tui.monitor.server_state import VantageChange

VantageListener = Callable[[ServerState, str, VantageReport | None], None]
"""Called with a server state, the vantage whose state changed, and the report that changed it. The report is
None for other changes: the last report expired, or the vantage no longer watches the server.
"""

Notify = Callable[[str, tuple[IncidentEvent, ...]], None]
"""Called with the name of a server whose state changed without a local round, and the resulting incident
events.
"""


class VantageReports:
    """The other vantages of one fleet state."""

    def __init__(self, fleet_state: FleetState, notify: Notify) -> None:
        self._fleet_state = fleet_state
        self._notify = notify
        self._listeners: list[VantageListener] = []
        self.numbers = ReportNumbers()
        """The reports that were accepted, in this run and in earlier ones."""

    def listen(self, listener: VantageListener) -> None:
        """Call `listener` after every change of a vantage state. It must be quick and must not raise."""
        self._listeners.append(listener)

    def set_vantages(self, vantages: Sequence[Vantage], quorum: int) -> None:
        """Set the other vantages, the servers each one watches, and how many must agree."""
        self._notify_changes(self._fleet_state.set_vantages(vantages, quorum, time.time()))

    def restore(self, name: str, vantage_states: Iterable[VantageState]) -> None:
        """Restore the stored reports on a server before any vantage reports again."""
        self._fleet_state.restore_vantage_states(name, vantage_states, time.time())

    def record(self, report: VantageReport, now: float) -> None:
        """Record a report that `numbers` has accepted, in the order of its vantage."""
        server_state = self._fleet_state.states.get(report.server)
        if server_state is None or report.vantage not in self._fleet_state.vantages:
            return
        severity = server_state.severity
        events = self._fleet_state.record_report(report, now)
        for listener in self._listeners:
            listener(server_state, report.vantage, report)
        if events or server_state.severity is not severity:
            self._notify(report.server, events)

    def mark_disconnected(self, vantage: str) -> None:
        """Record that the connection to a vantage is lost."""
        self._fleet_state.mark_disconnected(vantage, time.time())

    def expire_outdated(self, now: float) -> None:
        """Drop reports that have expired."""
        self._notify_changes(self._fleet_state.expire_outdated(now))

    def notify_vantages(self, server_state: ServerState) -> None:
        """Notify listeners after a pause or resume, which resets what every vantage had settled."""
        for vantage in server_state.vantage_states:
            for listener in self._listeners:
                listener(server_state, vantage, None)

    def _notify_changes(self, changes: Iterable[VantageChange]) -> None:
        for change in changes:
            for vantage in change.vantages:
                for listener in self._listeners:
                    listener(change.server_state, vantage, None)
            if change.changed:
                self._notify(change.server_state.server.name, change.events)
