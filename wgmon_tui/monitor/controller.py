"""What stands between a face and whoever keeps its board current: our own engine, or the writer's store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.vantage_status import VantageStatus


class FleetController(Protocol):
    """A board that is kept current while `run` runs, and what can be asked for.

    Requests return at once; what comes of them is seen on the board.
    """

    fleet_state: FleetState
    """The same one for as long as the feed is there."""

    @property
    def checks_per_second(self) -> float:
        """Finished checks a second, over the last few."""
        ...

    async def run(self) -> None:
        """Keep the board current until cancelled."""
        ...

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now."""
        ...

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Stop or resume checking these servers."""
        ...

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Tell nobody of these servers until a Unix time, `inf` for until further notice; None ends that."""
        return

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Say that somebody has seen the open incidents of these servers; the note stays beside them."""
        ...

    def add_note(self, incident: str, text: str) -> None:
        """Write something beside an incident."""
        return

    def test_sink(self, name: str) -> None:
        """Send a sink a test; what came of it is in the log of alerts."""
        return

    def retry_alert(self, number: int) -> None:
        """Try a delivery of that number now, one that was given up too."""
        return

    def acknowledge_alerts(self, sink: str, number: int = 0) -> None:
        """Say that we know what was given up: the delivery of that number, or with 0 all to that sink."""
        return

    @property
    def sinks(self) -> tuple[str, ...]:
        """The names of those who can be told."""
        return ()

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """How the other vantages are, in the order of config.toml."""
        return ()

    def set_focused_server(self, name: str | None) -> None:
        """The packets of this server are on the screen; of none any more."""
        return

    def become_writer(self) -> None:
        """Become the writer, where `can_take_over` says that there is none."""
        return

    @property
    def can_become_writer(self) -> bool:
        """Whether nobody writes, and we might."""
        return False

    @property
    def status(self) -> str:
        """Who writes, where that is not us."""
        return ""

    @property
    def warning(self) -> str | None:
        """The line on what does not work as it should; None where all does."""
        return None
