"""Current state of the fleet, to replay into a fresh database after a damaged one was moved aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.store.models import Mute
from wgmon_tui.store.write.batch import Batch, OutboxRow, Pause, StoredDamping, StoredServer
from wgmon_tui.store.write.vantage_states import VantageStates


@dataclass(slots=True)
class ReplayState:
    """What was written last of everything that holds now."""

    fleet: Mapping[str, StoredServer] | None = None
    dampings: dict[str, StoredDamping] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    mutes: dict[str, Mute] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    stored_expiries: dict[str, tuple[Expires, ...]] = field(default_factory=dict)
    node_reports: dict[str, NodeReport] = field(default_factory=dict)
    outbox: dict[str, OutboxRow] = field(default_factory=dict)
    vantages: VantageStates = field(default_factory=VantageStates)

    def retain_servers(self, fleet: Mapping[str, StoredServer]) -> None:
        """Keep these servers only."""
        self.fleet = fleet
        self.dampings = {name: each for name, each in self.dampings.items() if name in fleet}
        self.pauses = {name: each for name, each in self.pauses.items() if name in fleet}
        self.mutes = {name: each for name, each in self.mutes.items() if name in fleet}
        self.stored_expiries = {name: each for name, each in self.stored_expiries.items() if name in fleet}
        self.node_reports = {name: each for name, each in self.node_reports.items() if name in fleet}
        self.incidents = {key: each for key, each in self.incidents.items() if each.server in fleet}
        self.outbox = {key: each for key, each in self.outbox.items() if key in self.incidents}
        self.vantages.retain_servers(fleet)

    def apply_written(self, batch: Batch) -> None:
        """Record that a batch was written."""
        for name, pause in batch.pauses.items():
            self.pauses.pop(name, None)
            if pause:
                self.pauses[name] = pause
        for name, mute in batch.mutes.items():
            self.mutes.pop(name, None)
            if mute:
                self.mutes[name] = mute
        self.outbox |= {row[2]: row for row in batch.outbox}
        for key, incident in batch.incidents.items():
            self.incidents.pop(key, None)
            if incident.closed_at is None:
                self.incidents[key] = incident
            else:
                self.outbox.pop(key, None)
        self.vantages.apply_written(batch.vantage_states)

    def replay_into(self, batch: Batch) -> None:
        """Add everything to a batch; values already pending there are newer."""
        batch.fleet = batch.fleet if batch.fleet is not None else self.fleet
        batch.dampings = self.dampings | batch.dampings
        batch.pauses = {**self.pauses, **batch.pauses}
        batch.mutes = {**self.mutes, **batch.mutes}
        batch.new_expiries = self.stored_expiries | batch.new_expiries
        batch.node_reports = {name: each.report for name, each in self.node_reports.items()}
        batch.report_times = {name: each.at for name, each in self.node_reports.items()}
        batch.outbox = [*self.outbox.values(), *batch.outbox]
        batch.incidents = self.incidents | batch.incidents
        self.vantages.replay_into(batch.vantage_states)
