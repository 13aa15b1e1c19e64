"""History queries of the server tabs. Each returns one record, read in a thread and drawn in the event loop.

The functions block while the store is read, and raise StoreUnavailableError.
"""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.store.history import History
from wgmon_tui.store.models import PeriodSummary, TimeBucket
from wgmon_tui.tui.lists.incident_queries import read_entry
from wgmon_tui.tui.lists.incident_text import IncidentEntry
from wgmon_tui.tui.server.heatmap import HOUR_S, first_midnight
from wgmon_tui.tui.server.history_text import WINDOWS, FailedCheck
from wgmon_tui.tui.server.rtt_plot import TimeWindow

FAILURES_PAGE_SIZE = 100
_MAX_INCIDENTS = 200


@dataclass(frozen=True, slots=True)
class ServerHistory:
    """History page of one server. `seen` matches `WINDOWS`; `more` means that older failed checks exist."""

    server: str
    vantage: str
    seen: tuple[PeriodSummary, ...]
    hours: tuple[TimeBucket, ...]
    incidents: tuple[IncidentEntry, ...]
    failures: tuple[FailedCheck, ...]
    more: bool

    @property
    def is_empty(self) -> bool:
        """Whether the store has nothing about this server."""
        return not (self.incidents or self.failures or any(map(_has_data, self.seen)))


@dataclass(frozen=True, slots=True)
class RttHistory:
    """The buckets of a plot, and the figures of the whole period."""

    server: str
    vantage: str
    time_window: TimeWindow
    seen: PeriodSummary
    buckets: tuple[TimeBucket, ...]


def read_server(
    history: History,
    server: Server,
    now: float,
    days: int,
    failures: int,
    vantage: str = LOCAL_VANTAGE,
) -> ServerHistory:
    """Read the history page: `days` days of hourly buckets and at most `failures` failed checks.

    The page of this machine has the failed checks of all vantages, that of another one only its own.
    """
    name = server.name
    incidents = history.incidents(server=name, limit=_MAX_INCIDENTS)
    is_here = vantage == LOCAL_VANTAGE
    failed = [
        FailedCheck(*each, is_remote=origin != LOCAL_VANTAGE)
        for origin in ((LOCAL_VANTAGE, *history.vantages_of(name)) if is_here else (vantage,))
        for each in history.failures(name, limit=failures, vantage=origin)
    ]
    failed.sort(key=lambda failure: failure.check.at, reverse=True)
    return ServerHistory(
        name,
        vantage,
        tuple(history.window(name, now - length, now, vantage) for _, length in WINDOWS),
        tuple(history.buckets(name, first_midnight(now, days), now, HOUR_S, vantage)),
        tuple(read_entry(history, incident, server) for incident in incidents),
        tuple(failed[:failures]),
        len(failed) >= failures,
    )


def read_rtt(
    history: History, name: str, time_window: TimeWindow, vantage: str = LOCAL_VANTAGE
) -> RttHistory:
    """Read the data of a plot of this period, as a vantage sees the server."""
    start, end = time_window.start, time_window.end
    return RttHistory(
        name,
        vantage,
        time_window,
        history.window(name, start, end, vantage),
        tuple(history.buckets(name, start, end, time_window.length, vantage)),
    )


def _has_data(seen: PeriodSummary) -> bool:
    return bool(seen.checks or seen.counted or seen.unknown or seen.paused or seen.maintenance)
