"""Interface between user interfaces and the fleet: the local engine, or a connection to the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.staleness import CheckOutage
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
    from wgmon_tui.monitor.vantage_status import VantageStatus


@dataclass(frozen=True, slots=True)
class LoadingProgress:
    """How many servers of the `source` are done; `total` is 0 while that is not known."""

    source: str
    read: int = 0
    total: int = 0
    doing: str = "reading"

    def __str__(self) -> str:
        words = f"{self.doing} {self.source}"
        return f"{self.read} of {self.total} servers · {words}" if self.total else words


class FleetController(Protocol):
    """Keeps a `FleetState` current while `run` runs, and accepts requests.

    Requests return at once. Their results appear in the fleet state. Only `trace_path` returns its result.
    """

    fleet_state: FleetState
    """The fleet state. The object stays the same for the lifetime of the controller."""

    @property
    def loading(self) -> LoadingProgress | None:
        """Return what is still being read at the start, so that servers are missing; None once it is."""
        return None

    @property
    def is_history_complete(self) -> bool:
        """Return whether the store has the history of the servers, so that figures of it mean something."""
        return True

    @property
    def checks_per_second(self) -> float:
        """Return the rate of finished checks over the last few seconds."""
        ...

    async def run(self) -> None:
        """Keep the fleet state current until cancelled."""
        ...

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now."""
        ...

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Pause or resume checks of these servers."""
        ...

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Mute alerts for these servers until a Unix time; `inf` means until unmuted, None unmutes."""
        return

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Acknowledge the open incidents of these servers; `note` is stored with them."""
        ...

    def add_note(self, incident: str, text: str) -> None:
        """Add a note to an incident."""
        return

    def test_sink(self, name: str) -> None:
        """Send a test message to a sink. The result appears in the delivery log."""
        return

    def retry_alert(self, number: int) -> None:
        """Retry the delivery with this number now, even if it had failed for good."""
        return

    def acknowledge_alerts(self, sink: str, number: int = 0) -> None:
        """Acknowledge failed deliveries: the one with this number, or with 0 all of this sink."""
        return

    async def trace_path(
        self, name: str, options: TraceOptions, on_progress: Callable[[PathTrace], None]
    ) -> PathTrace:
        """Trace the path to a server. Raises TraceRefusedError."""
        from wgmon_tui.checks.path_trace import TraceRefusedError

        raise TraceRefusedError("nobody checks yet; try again")

    @property
    def sinks(self) -> tuple[str, ...]:
        """Return the names of the configured sinks."""
        return ()

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """Return the status of the other vantages, in the order of config.toml."""
        return ()

    def set_focused_server(self, name: str | None) -> None:
        """Set the server whose packets are on the screen; None means no server."""
        return

    def become_writer(self) -> None:
        """Become the writer, if `can_become_writer` is true."""
        return

    @property
    def can_become_writer(self) -> bool:
        """Return whether there is no writer and this process could become it."""
        return False

    @property
    def outage(self) -> CheckOutage | None:
        """Return why nobody checks the servers; None while somebody does."""
        return None

    @property
    def clock_question(self) -> str | None:
        """Return why checks of this process wait until the operator trusts the clock; None if they do not."""
        return None

    def trust_clock(self) -> None:
        """Send checks, because the operator trusts the clock."""
        return

    @property
    def status(self) -> str:
        """Return which process is the writer, or "" if it is this one."""
        return ""

    @property
    def warning(self) -> str | None:
        """Return one line about what does not work; None if everything works."""
        return None
