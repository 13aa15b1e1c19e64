"""Reports of other vantages, applied to the fleet state in order and without duplicates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.fleet_state import FleetState, ServerState, VantageChange
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import VantageReport, VantageState

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
        self._last_reports: dict[str, tuple[str, int]] = {}

    def listen(self, listener: VantageListener) -> None:
        """Call `listener` after every change of a vantage state. It must be quick and must not raise."""
        self._listeners.append(listener)

    def set_vantages(self, vantages: Sequence[Vantage], quorum: int) -> None:
        """Set the other vantages, the servers each one watches, and how many must agree."""
        self._notify_changes(self._fleet_state.set_vantages(vantages, quorum, time.time()))

    def restore(self, name: str, vantage_states: Iterable[VantageState]) -> None:
        """Restore the stored reports on a server before any vantage reports again."""
        self._fleet_state.restore_vantage_states(name, vantage_states, time.time())

    def resume_from(self, last_report_of: Mapping[str, tuple[str, int]]) -> None:
        """Skip reports that the store already has: the epoch and the last number of each vantage."""
        self._last_reports |= last_report_of

    def last_report_of(self, vantage: str) -> tuple[str, int] | None:
        """Return the epoch and number of the last accepted report of a vantage; None before the first."""
        return self._last_reports.get(vantage)

    def report(self, vantage: str, name: str, outcome: Round, now: float, *, epoch: str, number: int) -> None:
        """Record a round of another vantage, unless it was recorded before."""
        before = self._last_reports.get(vantage)
        if before and before[0] == epoch and number <= before[1]:
            return
        self._last_reports[vantage] = epoch, number
        server_state = self._fleet_state.states.get(name)
        if server_state is None or vantage not in self._fleet_state.vantages:
            return
        severity = server_state.severity
        events = self._fleet_state.record_vantage(vantage, name, outcome, now)
        for listener in self._listeners:
            listener(server_state, vantage, VantageReport(vantage, epoch, number, outcome))
        if events or server_state.severity is not severity:
            self._notify(name, events)

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
