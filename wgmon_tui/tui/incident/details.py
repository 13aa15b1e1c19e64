"""Query for everything that is stored about one incident.

Call it in a thread: it blocks while the store is read, and raises StoreUnavailableError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from wgmon_tui.alerts.delivery_log import Delivery, deliveries_about
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.incidents import BROKEN, Incident
from wgmon_tui.store.history import History
from wgmon_tui.store.models import ExchangeSummary
from wgmon_tui.tui.lists.incident_queries import read_entry
from wgmon_tui.tui.lists.incident_text import IncidentEntry

_MAX_OF_VANTAGES = 200
_LEAD_S = 600.0
"""Seconds before the opening in which failed checks of other vantages may have led to it."""


@dataclass(frozen=True, slots=True)
class KeptExchange:
    """A round of the incident with stored packets. `vantage` is "" for this machine; `source` opens it."""

    at: float
    verdict: Verdict
    vantage: str
    source: ExchangeSummary


@dataclass(frozen=True, slots=True)
class IncidentDetails:
    """What is stored about an incident. `exchanges` and `deliveries` are ascending by time.

    `deliveries` is None where alerts are not stored. The deliveries repeat the evidence and the causes at
    their time, so that they are known after the packets were deleted.
    """

    entry: IncidentEntry
    exchanges: tuple[KeptExchange, ...] = ()
    deliveries: tuple[Delivery, ...] | None = None

    @property
    def headline_exchange(self) -> KeptExchange | None:
        """The first exchange with the verdict of the headline; without one, the first."""
        verdict = self.entry.incident.verdict
        same = (each for each in self.exchanges if each.verdict is verdict)
        return next(same, next(iter(self.exchanges), None))

    @property
    def notified_evidence(self) -> tuple[tuple[str, ...], tuple[Cause, ...]]:
        """The evidence and the causes of the first message with that of the headline, or with any."""
        incident = self.entry.incident
        found = [
            snapshot
            for delivery in self.deliveries or ()
            for snapshot in delivery.announcement.about
            if snapshot.incident.id == incident.id and (snapshot.evidence or snapshot.causes)
        ]
        same = (each for each in found if each.incident.latest.verdict is incident.verdict)
        chosen = next(same, next(iter(found), None))
        return (chosen.evidence, chosen.causes) if chosen else ((), ())


def read_details(
    history: History, state_dir: Path | None, incident_id: str, servers: Mapping[str, Server]
) -> IncidentDetails | None:
    """An incident with all that is stored about it; None if it was deleted."""
    incident = history.incident(incident_id)
    if incident is None:
        return None
    exchanges = [*_own_exchanges(history, incident), *_exchanges_of_vantages(history, incident)]
    return IncidentDetails(
        read_entry(history, incident, servers.get(incident.server)),
        tuple(sorted(exchanges, key=lambda each: each.at)),
        None if state_dir is None else tuple(deliveries_about(state_dir, incident.id)),
    )


def _own_exchanges(history: History, incident: Incident) -> Iterator[KeptExchange]:
    """This machine's exchanges, and the failures before the damping rule opened the incident."""
    lines = history.exchanges(incident.server, incident=incident.id, limit=None)
    before = history.exchanges(incident.server, end=min((incident.opened_at, *(each.at for each in lines))))
    lines += takewhile(
        lambda each: each.incident is None and each.kind == "change" and each.verdict.severity in BROKEN,
        before,
    )
    return (KeptExchange(each.at, each.verdict, "", each) for each in lines)


def _exchanges_of_vantages(history: History, incident: Incident) -> Iterator[KeptExchange]:
    """The failures that the other vantages of the incident have seen in its time."""
    names = {name for name in incident.vantage.split(",") if name not in ("", LOCAL_VANTAGE)}
    if not names:
        return
    end = float("inf") if incident.closed_at is None else incident.closed_at
    for name in sorted(names):
        failures = history.failures(incident.server, before=end, limit=_MAX_OF_VANTAGES, vantage=name)
        for check, kept in failures:
            if kept is not None and check.at >= incident.opened_at - _LEAD_S:
                yield KeptExchange(check.at, check.verdict, name, kept)
