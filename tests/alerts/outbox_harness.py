"""Outbox harness with a test clock: events are written step by step, in the recorder's form."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from tests.store.engine_updates import START, Clock, row
from wgmon_tui.alerts import delivery_log
from wgmon_tui.alerts.delivery_log import Delivery
from wgmon_tui.alerts.delivery_queue import DeliveryQueue, DueDelivery
from wgmon_tui.alerts.models import Announcement
from wgmon_tui.alerts.outbox import Outbox
from wgmon_tui.alerts.shutdown_marker import ShutdownMarker
from wgmon_tui.alerts.working_set import WorkingSet
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Command, Rule, Sink
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import (
    EventKind,
    Incident,
    IncidentEvent,
    acknowledge_incident,
    close_incident,
)
from wgmon_tui.store.models import Mute
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.write.batch import Batch, make_outbox_row

HOUR = 3600.0


def sink(name: str, *, timeout: float = 10.0, give_up_after: float = 3 * 86_400.0) -> Sink:
    return Sink(name, Command(("true",)), timeout=timeout, give_up_after=give_up_after)


def all_to(*names: str, rules: tuple[Rule, ...] = ()) -> AlertSettings:
    return AlertSettings(tuple(sink(name) for name in names), rules)


def make_server_state(name: str, address: str, tags: tuple[str, ...] = ()) -> ServerState:
    """Return a server state whose last check found silence at an address."""
    watched = row(name, Severity.DOWN)
    where = ip_address(address)
    check = Check(name, "here", watched.server.endpoint, where, START, None, (Silence(5.0),))
    cause = Cause("a firewall drops us", "nothing came back", "ping 198.51.100.7")
    watched.last = Round((check,), (Diagnosis(Verdict.SILENT, "Nothing came back.", ("silence",), (cause,)),))
    watched.server = replace(watched.server, tags=tags)
    return watched


class OutboxHarness:
    """One store with its outbox and delivery queue."""

    def __init__(self, state_dir: Path, alerts: AlertSettings, clock: Clock | None = None) -> None:
        self.state_dir, self.alerts = state_dir, alerts
        self.clock = clock or Clock()
        self._open_working_set()
        self.got: dict[str, list[Announcement]] = defaultdict(list)
        self.reopen()
        self._numbers = 0

    def _open_working_set(self) -> None:
        self.working_set = WorkingSet(self.state_dir)
        self.outbox = Outbox(self.working_set, "here")
        self.deliveries, self.presence = DeliveryQueue(self.working_set), ShutdownMarker(self.working_set)

    def close(self) -> None:
        self.working_set.close()
        self.shut()

    def reopen(self) -> None:
        """Act as a recorder that found its store damaged."""
        self._store = open_store(self.state_dir).connection
        self._ids: dict[str, int] = dict(self._store.execute("SELECT name, id FROM servers"))

    def shut(self) -> None:
        self._store.close()

    def is_alerting(self) -> bool:
        """Whether a dispatcher has marked alerting as running."""
        return bool(self._store.execute("SELECT 1 FROM facts WHERE name = 'alerting'").fetchall())

    # Events

    def opens(
        self,
        name: str = "fra1",
        address: str = "198.51.100.7",
        *,
        tags: tuple[str, ...] = (),
        severity: Severity = Severity.DOWN,
    ) -> Incident:
        self._numbers += 1
        verdict = Verdict.SILENT if severity is Severity.DOWN else Verdict.LOSSY
        number = f"{int(self.clock.now) % 2**24:06x}{self._numbers:010x}"
        incident = Incident(number, name, "here", self.clock.now, verdict, severity, "Nothing came back.")
        self.record_event(IncidentEvent(EventKind.OPENED, self.clock.now, incident), address, tags)
        return incident

    def closes(self, incident: Incident, address: str = "198.51.100.7") -> Incident:
        event = close_incident(incident, self.clock.now)
        self.record_event(event, address)
        return event.incident

    def change_cause(self, incident: Incident, verdict: Verdict = Verdict.PORT_CLOSED) -> Incident:
        changed = replace(incident, verdict=verdict, severity=verdict.severity)
        self.record_event(IncidentEvent(EventKind.CAUSE_CHANGED, self.clock.now, changed))
        return changed

    def acknowledges(self, incident: Incident, who: str = "ada") -> Incident:
        event = acknowledge_incident(incident, self.clock.now, who)
        self.record_event(event)
        return event.incident

    def record_event(
        self, event: IncidentEvent, address: str = "198.51.100.7", tags: tuple[str, ...] = ()
    ) -> None:
        watched = make_server_state(event.incident.server, address, tags)
        batch = Batch(incidents={event.incident.id: event.incident}, outbox=[make_outbox_row(watched, event)])
        self.write(batch)

    def mutes(self, name: str, until: float | None, who: str = "ada") -> None:
        mute = None if until is None else Mute(self.clock.now, until, who)
        self.write(Batch(mutes={name: mute}))

    def write(self, batch: Batch) -> None:
        self._store.execute("BEGIN IMMEDIATE")
        with self._store:
            self._ids |= batch.write(self._store, self._ids, self.clock.now)

    def write_raw(self, statement: str, *values: object) -> None:
        self._store.execute(statement, values)

    # Deliveries

    def expand(self) -> None:
        while self.outbox.expand(self.alerts, self.clock.now):
            pass

    def deliver(self, *, to: Iterable[str] | None = None, refused: str = "") -> None:
        """Send everything that is due; with `refused`, every attempt fails for that reason."""
        for each in self.alerts.sinks:
            if to is not None and each.name not in to:
                continue
            now = self.clock.now
            while isinstance(job := self.deliveries.lease_next(each, now), DueDelivery):
                if refused:
                    self.deliveries.reschedule(job, each, refused, now, now + 60.0)
                else:
                    self.got[each.name].append(job.announcement)
                    self.deliveries.mark_sent(job, now)

    def passes(self, seconds: float) -> None:
        """Advance the clock, and process what has become due."""
        self.clock.now += seconds
        self.expand()
        self.deliver()

    def restart(self) -> None:
        """Restart as after a kill, without any state in memory."""
        self.working_set.close()
        self._open_working_set()

    def told(self, name: str = "pager") -> list[tuple[str, str]]:
        """Return kind and servers of a sink's received messages, in order."""
        return [
            (each.kind.value, " ".join(snapshot.incident.server for snapshot in each.about))
            for each in self.got[name]
        ]

    def log(self) -> list[Delivery]:
        return delivery_log.deliveries(self.state_dir)

    def held(self) -> list[tuple[str, str]]:
        """Return sink and reason of the suppressed notifications."""
        return [(each.sink, each.reason) for each in reversed(self.log()) if each.state == "held"]

    def query(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.state_dir / "history.db")) as connection:
            return connection.execute(query).fetchall()
