"""Queries for incidents and stored checks, each returning one record.

Call them in a thread: every function blocks while the store is read, and raises StoreUnavailableError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.checks.check import Check
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.models import Round
from wgmon_tui.store.history import History
from wgmon_tui.store.models import StoredExchange
from wgmon_tui.tui.lists.incident_text import IncidentEntry

_MAX_INCIDENTS = 500


@dataclass(frozen=True, slots=True)
class OpenedExchange:
    """A stored round, and the last good exchange of this machine before it.

    `vantage` is the vantage that made the round; "" for this machine.
    """

    round: Round
    good: StoredExchange | None
    vantage: str = ""

    @property
    def last_good(self) -> Check | None:
        """The first check of the good exchange that completed a handshake."""
        checks = self.good.round.checks if self.good else ()
        return next((check for check in checks if check.handshake), None)


@dataclass(frozen=True, slots=True)
class IncidentTimeline:
    """The fleet's incidents. `version` changes when an incident or a note changes."""

    version: int
    entries: tuple[IncidentEntry, ...]


def read_timeline(
    history: History, servers: Mapping[str, Server], known: int | None
) -> IncidentTimeline | None:
    """The fleet's incidents, open ones first, then newest first; None if `known` is their version."""
    version = history.fleet_version()
    if version == known:
        return None
    found = {incident.id: incident for incident in history.incidents(open_only=True, limit=_MAX_INCIDENTS)}
    found |= {incident.id: incident for incident in history.incidents(limit=_MAX_INCIDENTS)}
    entries = (read_entry(history, incident, servers.get(incident.server)) for incident in found.values())
    return IncidentTimeline(version, tuple(sorted(entries, key=_sort_key)))


def read_exchange(history: History, number: int) -> OpenedExchange | None:
    """A stored exchange by its id; None if it is no longer stored."""
    stored = history.exchange(number)
    if stored is None:
        return None
    line = stored.line
    good = history.last_good(line.server, before=line.at)
    return OpenedExchange(stored.round, good, "" if line.vantage == LOCAL_VANTAGE else line.vantage)


def read_opening(history: History, incident: Incident) -> OpenedExchange | None:
    """The exchange that opened an incident; None if it is no longer stored.

    For an incident that only other vantages saw, their last failure before it.
    """
    number = opening_exchange_id(history, incident)
    if number is not None:
        return read_exchange(history, number)
    kept = [
        exchange
        for vantage in incident.vantage.split(",")
        for _, exchange in history.failures(incident.server, before=incident.opened_at, vantage=vantage)
        if exchange is not None
    ]
    return read_exchange(history, max(kept, key=lambda line: line.at).id) if kept else None


def opening_exchange_id(history: History, incident: Incident) -> int | None:
    """The id of the exchange that opened an incident; None if it is no longer stored."""
    kept = history.exchanges(incident.server, incident=incident.id, limit=None)
    return min(kept, key=lambda line: line.at).id if kept else None


def read_entry(history: History, incident: Incident, server: Server | None) -> IncidentEntry:
    """An incident with its notes."""
    return IncidentEntry(incident, tuple(history.notes(incident.id)), server)


def _sort_key(entry: IncidentEntry) -> tuple[bool, float]:
    return entry.incident.closed_at is not None, -entry.incident.opened_at
