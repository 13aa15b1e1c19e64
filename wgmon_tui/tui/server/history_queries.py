"""History queries of the server tabs. Each returns one record, read in a thread and drawn in the event loop.

The functions block while the store is read, and raise StoreUnavailableError.
"""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.config.models import Server
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
    seen: tuple[PeriodSummary, ...]
    hours: tuple[TimeBucket, ...]
    incidents: tuple[IncidentEntry, ...]
    failures: tuple[FailedCheck, ...]
    more: bool

    @property
    def empty(self) -> bool:
        """Whether the store has nothing about this server."""
        return not (self.incidents or self.failures or any(map(_has_data, self.seen)))


@dataclass(frozen=True, slots=True)
class RttHistory:
    """The buckets of a plot, and the figures of the whole period."""

    server: str
    time_window: TimeWindow
    seen: PeriodSummary
    buckets: tuple[TimeBucket, ...]


def read_server(history: History, server: Server, now: float, days: int, failures: int) -> ServerHistory:
    """Read the history page: `days` days of hourly buckets and at most `failures` failed checks."""
    name = server.name
    incidents = history.incidents(server=name, limit=_MAX_INCIDENTS)
    failed = [FailedCheck(*each) for each in history.failures(name, limit=failures)]
    for vantage in history.vantages_of(name):
        of_vantage = history.failures(name, limit=failures, vantage=vantage)
        failed += [FailedCheck(check, exchange, is_remote=True) for check, exchange in of_vantage]
    failed.sort(key=lambda failure: failure.check.at, reverse=True)
    return ServerHistory(
        name,
        tuple(history.window(name, now - length, now) for _, length in WINDOWS),
        tuple(history.buckets(name, first_midnight(now, days), now, HOUR_S)),
        tuple(read_entry(history, incident, server) for incident in incidents),
        tuple(failed[:failures]),
        len(failed) >= failures,
    )


def read_rtt(history: History, name: str, time_window: TimeWindow) -> RttHistory:
    """Read the data of a plot of this period."""
    start, end = time_window.start, time_window.end
    return RttHistory(
        name,
        time_window,
        history.window(name, start, end),
        tuple(history.buckets(name, start, end, time_window.length)),
    )


def _has_data(seen: PeriodSummary) -> bool:
    return bool(seen.checks or seen.counted or seen.unknown or seen.paused or seen.maintenance)
