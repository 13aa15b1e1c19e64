"""What the tabs of a server read of the history, each as one record: made in a thread, drawn in the loop.

Every function here blocks for as long as the store takes, and raises StoreUnavailableError.
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
    """One server's history page. `seen` goes with `WINDOWS`; `more`: older failed checks are to be had."""

    server: str
    seen: tuple[PeriodSummary, ...]
    hours: tuple[TimeBucket, ...]
    incidents: tuple[IncidentEntry, ...]
    failures: tuple[FailedCheck, ...]
    more: bool

    @property
    def empty(self) -> bool:
        """Whether the store knows nothing of this server."""
        return not (self.incidents or self.failures or any(map(_has_data, self.seen)))


@dataclass(frozen=True, slots=True)
class RttHistory:
    """What a plot shows, and the figures of all of it."""

    server: str
    time_window: TimeWindow
    seen: PeriodSummary
    buckets: tuple[TimeBucket, ...]


def read_server(history: History, server: Server, now: float, days: int, failures: int) -> ServerHistory:
    """The history page of one server, with so many days of hours and so many failed checks."""
    name = server.name
    incidents = history.incidents(server=name, limit=_MAX_INCIDENTS)
    failed = [FailedCheck(*each) for each in history.failures(name, limit=failures)]
    failed += [FailedCheck(*each, is_remote=True) for each in history.vantage_failures(name, limit=failures)]
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
    """What the plot of this stretch shows."""
    start, end = time_window.start, time_window.end
    return RttHistory(
        name,
        time_window,
        history.window(name, start, end),
        tuple(history.buckets(name, start, end, time_window.length)),
    )


def _has_data(seen: PeriodSummary) -> bool:
    return bool(seen.checks or seen.counted or seen.unknown or seen.paused or seen.maintenance)
