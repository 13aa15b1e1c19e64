"""A feed in front of another one, which may change while the face stays; and one where there is none yet."""

from __future__ import annotations

from collections.abc import Iterable

from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.vantage_status import VantageStatus


class ControllerProxy(FleetController):
    """Passes on what is asked, and tells what it is told."""

    @property
    def _current(self) -> FleetController:
        """Who tells."""
        raise NotImplementedError

    @property
    def _request_target(self) -> FleetController:
        """Who is asked to do something."""
        return self._current

    @property
    def status(self) -> str:
        """Who writes, where that is not us."""
        return self._current.status

    @property
    def warning(self) -> str | None:
        """The line on what does not work."""
        return self._current.warning

    @property
    def checks_per_second(self) -> float:
        """Finished checks a second, over the last few."""
        return self._current.checks_per_second

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now."""
        self._request_target.recheck(names)

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Stop or resume checking these servers."""
        self._request_target.pause(names, paused)

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Say that we have seen the open incidents of these servers."""
        self._request_target.acknowledge(names, note=note)

    def add_note(self, incident: str, text: str) -> None:
        """Write something beside an incident."""
        self._request_target.add_note(incident, text)

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Tell nobody of these servers."""
        self._request_target.mute(names, until)

    def test_sink(self, name: str) -> None:
        """Send a sink a test."""
        self._request_target.test_sink(name)

    def retry_alert(self, number: int) -> None:
        """Try a delivery again."""
        self._request_target.retry_alert(number)

    def acknowledge_alerts(self, sink: str, number: int = 0) -> None:
        """Say that we know what was given up."""
        self._request_target.acknowledge_alerts(sink, number)

    @property
    def sinks(self) -> tuple[str, ...]:
        """The sinks of config.toml."""
        return self._current.sinks

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """How the other vantages are."""
        return self._current.vantages

    def set_focused_server(self, name: str | None) -> None:
        """The packets of this server are on the screen."""
        self._request_target.set_focused_server(name)


class NullController(FleetController):
    """Who tells of a board before anybody keeps it current."""

    checks_per_second = 0.0

    def __init__(self, fleet_state: FleetState) -> None:
        self.fleet_state = fleet_state

    async def run(self) -> None:
        """Nothing."""

    def recheck(self, names: Iterable[str]) -> None:
        """Every server is checked first thing."""

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Nobody is checked yet."""

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """There is no incident yet."""
