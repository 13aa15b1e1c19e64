"""Proxy for a fleet controller that changes while a user interface runs, and a placeholder controller."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.staleness import CheckOutage

if TYPE_CHECKING:
    from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
    from wgmon_tui.monitor.vantage_status import VantageStatus


class ControllerProxy(FleetController):
    """Forwards requests to the current controller, and returns its state."""

    @property
    def _current(self) -> FleetController:
        """The controller that provides the state."""
        raise NotImplementedError

    @property
    def _request_target(self) -> FleetController:
        """The controller that receives requests."""
        return self._current

    @property
    def status(self) -> str:
        """The writer, if it is another process."""
        return self._current.status

    @property
    def outage(self) -> CheckOutage | None:
        """Why nobody checks the servers."""
        return self._current.outage

    @property
    def warning(self) -> str | None:
        """The most serious problem, in one line."""
        return self._current.warning

    @property
    def checks_per_second(self) -> float:
        """Finished checks per second, averaged over the last few seconds."""
        return self._current.checks_per_second

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now."""
        self._request_target.recheck(names)

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Stop or resume checking these servers."""
        self._request_target.pause(names, paused)

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Acknowledge the open incidents of these servers."""
        self._request_target.acknowledge(names, note=note)

    def add_note(self, incident: str, text: str) -> None:
        """Add a note to an incident."""
        self._request_target.add_note(incident, text)

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Mute alerts for these servers."""
        self._request_target.mute(names, until)

    def test_sink(self, name: str) -> None:
        """Send a test notification to a sink."""
        self._request_target.test_sink(name)

    def retry_alert(self, number: int) -> None:
        """Retry a failed delivery."""
        self._request_target.retry_alert(number)

    def acknowledge_alerts(self, sink: str, number: int = 0) -> None:
        """Acknowledge failed deliveries."""
        self._request_target.acknowledge_alerts(sink, number)

    async def trace_path(
        self, name: str, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to a server. Raises TraceRefusedError."""
        return await self._request_target.trace_path(name, options, on_progress)

    @property
    def sinks(self) -> tuple[str, ...]:
        """The sinks of config.toml."""
        return self._current.sinks

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """The status of each other vantage."""
        return self._current.vantages

    @property
    def clock_question(self) -> str | None:
        """Why checks wait until the operator trusts the clock."""
        return self._current.clock_question

    def trust_clock(self) -> None:
        """Send checks with this clock."""
        self._request_target.trust_clock()

    def set_focused_server(self, name: str | None) -> None:
        """Fetch the packets of this server, which the screen shows."""
        self._request_target.set_focused_server(name)


class NullController(FleetController):
    """Placeholder until a writer or viewer updates the `FleetState`. It ignores requests."""

    checks_per_second = 0.0

    def __init__(self, fleet_state: FleetState) -> None:
        self.fleet_state = fleet_state

    async def run(self) -> None:
        """Return at once."""

    def recheck(self, names: Iterable[str]) -> None:
        """Do nothing: the writer checks every server when it starts."""

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Do nothing: no server is checked yet."""

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Do nothing: there is no incident yet."""
