"""History query of the preview pane: the last 24 hours of one server, and its last incident."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.history import History
from wgmon_tui.store.models import TimeBucket

CELL_S = 1800.0
"""Length of a mark of the strip in seconds."""

CELLS = 48


@dataclass(frozen=True, slots=True)
class PreviewHistory:
    """What is stored about one server. The strip begins at `start`, a Unix time in seconds."""

    start: float = 0.0
    buckets: tuple[TimeBucket, ...] = ()
    incident: Incident | None = None
    diagnosis: Diagnosis | None = None
    """The diagnosis of the latest stored exchange of an open incident, with its causes."""
    error: str = ""
    """Why the store could not be read; "" if it could."""


def read_preview(history: History, name: str, now: float) -> PreviewHistory:
    """Read the preview of a server. Blocks while the store is read. Raises StoreUnavailableError."""
    start = (now // CELL_S - CELLS + 1) * CELL_S
    incidents = history.incidents(server=name, limit=1)
    buckets = tuple(history.buckets(name, start, now, CELL_S))
    incident = incidents[0] if incidents else None
    diagnosis = _latest_diagnosis(history, name) if incident and incident.closed_at is None else None
    return PreviewHistory(start, buckets, incident, diagnosis)


def _latest_diagnosis(history: History, name: str) -> Diagnosis | None:
    latest = history.exchanges(name, limit=1)
    exchange = history.exchange(latest[0].id) if latest else None
    return exchange.round.diagnosis if exchange else None
