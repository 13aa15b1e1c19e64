"""What the screens read of the history, each as one record: made in a thread, drawn in the loop.

Every function here blocks for as long as the store takes, and raises StoreUnavailableError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.fleet.records import Server
from wgmon_tui.history.reading import History
from wgmon_tui.history.records import Bucket, ExchangeLine, Seen, SightId, StoredExchange
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.rounds import Round
from wgmon_tui.tui.heatmap import HOUR_S, first_moment
from wgmon_tui.tui.historytab import WINDOWS, Failure
from wgmon_tui.tui.incidentlines import IncidentEntry
from wgmon_tui.tui.rttplot import Stretch

FAILURES_AT_ONCE = 100
_INCIDENTS = 200
_TIMELINE = 500


@dataclass(frozen=True, slots=True)
class ServerPast:
    """One server's history page. `seen` goes with `WINDOWS`; `more`: older failed checks are to be had."""

    server: str
    seen: tuple[Seen, ...]
    hours: tuple[Bucket, ...]
    incidents: tuple[IncidentEntry, ...]
    failures: tuple[Failure, ...]
    more: bool

    @property
    def empty(self) -> bool:
        """Whether the store knows nothing of this server."""
        return not (self.incidents or self.failures or any(map(_told, self.seen)))


@dataclass(frozen=True, slots=True)
class RttPast:
    """What a plot shows, and the figures of all of it."""

    server: str
    stretch: Stretch
    seen: Seen
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """A stored round, and our last good one before it; `vantage` is who made it, "" where that is us."""

    round: Round
    good: StoredExchange | None
    vantage: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The fleet's incidents. `version` is another one where any of them, or a note, has changed."""

    version: int
    entries: tuple[IncidentEntry, ...]


def read_server(history: History, server: Server, now: float, days: int, failures: int) -> ServerPast:
    """The history page of one server, with so many days of hours and so many failed checks."""
    name = server.name
    incidents = history.incidents(server=name, limit=_INCIDENTS)
    failed = [Failure(*each) for each in history.failures(name, limit=failures)]
    failed += [Failure(*each, elsewhere=True) for each in history.sight_failures(name, limit=failures)]
    failed.sort(key=lambda failure: failure.check.at, reverse=True)
    return ServerPast(
        name,
        tuple(history.window(name, now - length, now) for _, length in WINDOWS),
        tuple(history.buckets(name, first_moment(now, days), now, HOUR_S)),
        tuple(_entry(history, incident, server) for incident in incidents),
        tuple(failed[:failures]),
        len(failed) >= failures,
    )


def read_rtt(history: History, name: str, stretch: Stretch) -> RttPast:
    """What the plot of this stretch shows."""
    start, end = stretch.start, stretch.end
    return RttPast(
        name,
        stretch,
        history.window(name, start, end),
        tuple(history.buckets(name, start, end, stretch.length)),
    )


def read_timeline(history: History, servers: Mapping[str, Server], known: int | None) -> Timeline | None:
    """The fleet's incidents, the open ones first, then the newest first; None where they are `known`."""
    version = history.fleet_version()
    if version == known:
        return None
    found = {incident.id: incident for incident in history.incidents(open_only=True, limit=_TIMELINE)}
    found |= {incident.id: incident for incident in history.incidents(limit=_TIMELINE)}
    entries = (_entry(history, incident, servers.get(incident.server)) for incident in found.values())
    return Timeline(version, tuple(sorted(entries, key=_open_then_newest)))


def read_exchange(history: History, number: int) -> Opened | None:
    """A stored exchange by its id; None where it is no longer kept."""
    stored = history.exchange(number)
    if stored is None:
        return None
    return Opened(stored.round, history.last_good(stored.line.server, before=stored.line.at))


def read_failure(history: History, kept: ExchangeLine | SightId) -> Opened | None:
    """The packets of a failed check; None where they are no longer kept."""
    if isinstance(kept, ExchangeLine):
        return read_exchange(history, kept.id)
    outcome = history.sight_round(kept)
    if outcome is None:
        return None
    good = history.last_good(outcome.check.server, before=outcome.check.started_at)
    return Opened(outcome, good, kept.vantage)


def read_opening(history: History, incident: Incident) -> Opened | None:
    """The exchange that opened an incident; None where it is no longer kept.

    Of one that only other vantages saw, the last before it of those who say so.
    """
    number = exchange_of(history, incident)
    if number is not None:
        return read_exchange(history, number)
    witnesses = incident.vantage.split(",")
    for check, kept in history.sight_failures(incident.server, before=incident.opened_at):
        if kept is not None and check.vantage in witnesses:
            return read_failure(history, kept)
    return None


def exchange_of(history: History, incident: Incident) -> int | None:
    """The id of the exchange that opened an incident, as far as it is kept."""
    kept = history.exchanges(incident.server, incident=incident.id, limit=None)
    return min(kept, key=lambda line: line.at).id if kept else None


def _entry(history: History, incident: Incident, server: Server | None) -> IncidentEntry:
    return IncidentEntry(incident, tuple(history.notes(incident.id)), server)


def _open_then_newest(entry: IncidentEntry) -> tuple[bool, float]:
    return entry.incident.closed_at is not None, -entry.incident.opened_at


def _told(seen: Seen) -> bool:
    return bool(seen.checks or seen.counted or seen.unknown or seen.paused or seen.maintenance)
