"""Collector: turns updates of the engine into pending writes (journal rows, packet samples, state)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.node_reports import NodeReport, is_new
from wgmon_tui.monitor.quorum import VantageReport, VantageState
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.store.maintenance.rollups import max_gap_s
from wgmon_tui.store.models import Note
from wgmon_tui.store.resume import ResumeState
from wgmon_tui.store.write.batch import (
    Batch,
    StoredDamping,
    StoredServer,
    make_exchange_row,
    make_journal_rows,
    make_state_row,
)
from wgmon_tui.store.write.commands import (
    AddEvents,
    AddNote,
    Command,
    RenameServers,
    Resume,
    SetFleet,
    SetMute,
    SetPause,
    SetRetention,
    SetVantages,
)
from wgmon_tui.store.write.packet_budget import PacketBudget
from wgmon_tui.store.write.packet_sampling import PacketSampler
from wgmon_tui.store.write.renames import rename_pending, rename_replayed
from wgmon_tui.store.write.replay_state import ReplayState

_DAMPING_AGE_S = 60.0
"""Seconds between writes of the damping state of a server that stays down: only its last failure changes."""


@dataclass(frozen=True, slots=True)
class ServerUpdate:
    """An update of the engine on a server: `outcome` is None if its state changed without a check."""

    server: str
    at: float
    outcome: Round | None
    state: str
    since: float
    damping: Damping
    incident: str | None
    node_report: NodeReport | None = None
    expiries: tuple[Expires, ...] = ()
    """All ends that are known of it now."""


@dataclass(frozen=True, slots=True)
class VantageUpdate:
    """A changed state of another vantage on a server: None if the vantage no longer watches it.

    `report` is the one that changed it, if any. `state` and `incident` are as in ServerUpdate; the state is
    that of the vantage alone.
    """

    server: str
    vantage: str
    vantage_state: VantageState | None
    report: VantageReport | None
    state: str
    incident: str | None


class _StoredServers(Mapping[str, StoredServer]):
    """The servers as they are stored. Each is made when it is written: 10,000 would take six megabytes."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self._servers = servers

    def __getitem__(self, name: str) -> StoredServer:
        server = self._servers[name]
        return StoredServer(server_to_entry(server), max_gap_s(server.interval, server.timeout))

    def __iter__(self) -> Iterator[str]:
        return iter(self._servers)

    def __len__(self) -> int:
        return len(self._servers)


class Collector:
    """Collects a batch, and remembers the current state for a new store."""

    def __init__(self, packet_sampler: PacketSampler, packet_budget: PacketBudget) -> None:
        self.batch = Batch()
        self._packet_budget = packet_budget
        self._replay_state = ReplayState()
        self._packet_sampler = packet_sampler

    def add(self, update: ServerUpdate | VantageUpdate) -> None:
        """Add an update of a server."""
        if isinstance(update, VantageUpdate):
            self._add_vantage_update(update)
            return
        batch, outcome = self.batch, update.outcome
        if outcome is None:
            batch.add_journal_rows([make_state_row(update.server, update.at, update.state, update.since)])
        else:
            batch.add_journal_rows(make_journal_rows(update.server, outcome, update.state, update.since))
            for kept in self._packet_sampler.select(update.server, outcome, update.incident):
                batch.exchanges.append(make_exchange_row(kept))
            if update.node_report:
                self._add_node_report(update.server, update.node_report)
        self._add_expiries(update.server, update.expiries)
        # The damping state of a healthy server does not change from check to check.
        before = self._replay_state.dampings.get(update.server)
        if before is None or not _is_same_damping(before.damping, update.damping):
            damped = StoredDamping(update.damping, update.state, update.at)
            self._replay_state.dampings[update.server] = batch.dampings[update.server] = damped

    def _add_expiries(self, server: str, expiries: tuple[Expires, ...]) -> None:
        """Write them if they changed."""
        if self._replay_state.stored_expiries.get(server, ()) != expiries:
            self._replay_state.stored_expiries[server] = self.batch.new_expiries[server] = expiries

    def _add_node_report(self, server: str, reported: NodeReport) -> None:
        """Write the report if it says something new, and when it came."""
        stored = self._replay_state.node_reports.get(server)
        if stored and stored.at == reported.at:
            return
        if is_new(reported.report, stored.report if stored else None):
            self.batch.node_reports[server] = reported.report
        elif stored:  # what is stored stays the measure of what is new
            reported = NodeReport(reported.at, stored.report)
        self._replay_state.node_reports[server] = reported
        self.batch.report_times[server] = reported.at

    def _add_vantage_update(self, update: VantageUpdate) -> None:
        states, key, report = self.batch.vantage_states, (update.server, update.vantage), update.report
        states.seen[key] = update.vantage_state
        if report is None:
            return
        states.reported[report.vantage] = report.epoch, report.number
        outcome = report.round
        since = outcome.check.started_at
        rows = make_journal_rows(update.server, outcome, update.state, since, report)
        self.batch.add_journal_rows(rows)
        if outcome.check.exchange:  # a routine round came without packets, and is no sample
            self._keep_packets(update, outcome)

    def _keep_packets(self, update: VantageUpdate, outcome: Round) -> None:
        """Keep the packets of a report if they are a sample and within the budget of the vantage."""
        chosen = self._packet_sampler.select(update.server, outcome, update.incident, update.vantage)
        for kept in chosen:
            row = make_exchange_row(kept)
            packed = self._packet_budget.take(update.vantage, row[-1])
            if packed is None:
                continue
            self.batch.exchanges.append(row)
            if kept.round is outcome:
                self.batch.vantage_states.packets[update.server, update.vantage] = packed

    def apply(self, command: Command) -> None:
        """Carry out a command."""
        batch = self.batch
        match command:
            case AddEvents(events, outbox):
                batch.outbox.extend(outbox)
                for event in events:
                    batch.incidents[event.incident.id] = event.incident
                    if event.note:
                        batch.notes.append((event.incident.id, Note(event.at, event.who, event.note)))
            case AddNote(incident, note):
                batch.notes.append((incident, note))
            case SetPause(server, pause):
                batch.pauses[server] = pause
            case SetMute(server, mute):
                batch.mutes[server] = mute
            case RenameServers(names):
                rename_pending(batch, names)
                rename_replayed(self._replay_state, names)
                self._packet_sampler.rename_servers(names)
            case SetFleet(servers):
                self._set_fleet(servers)
            case SetVantages(vantages):
                batch.vantage_states.vantages = vantages
                self._packet_budget.retain_vantages(vantages.names)
            case SetRetention(retention):
                self._packet_sampler.max_per_incident = retention.exchanges_per_incident
                self._packet_budget.limit_bytes = retention.vantage_bytes_per_day
            case Resume(restored):
                self._resume(restored)

    def _set_fleet(self, servers: Mapping[str, Server]) -> None:
        self.batch.fleet = _StoredServers(servers)
        self._replay_state.retain_servers(self.batch.fleet)
        self._packet_sampler.retain_servers(servers)

    def _resume(self, restored: Mapping[str, ResumeState]) -> None:
        for name, each in restored.items():
            incident = each.incident.id if each.incident else None
            self._packet_sampler.resume(name, each.verdict, incident, each.failures)
            if each.expiries:
                self._replay_state.stored_expiries[name] = each.expiries
            if each.incident:
                self._replay_state.incidents[each.incident.id] = each.incident
            if each.pause:
                self._replay_state.pauses[name] = each.pause
            if each.mute:
                self._replay_state.mutes[name] = each.mute

    def mark_written(self) -> None:
        """Start a new batch once the current one was written."""
        self._replay_state.apply_written(self.batch)
        self.batch.clear()

    def start_new_store(self) -> None:
        """Schedule the complete current state for writing, because the old store is gone."""
        self._replay_state.replay_into(self.batch)
        self._packet_sampler.start_new_store()


def _is_same_damping(one: Damping, other: Damping) -> bool:
    """Return whether two damping states differ at most in the time of the last failed check."""
    if one is other or one == other:
        return True
    ages = (
        abs((one.failed_at or 0.0) - (other.failed_at or 0.0)),
        abs((one.not_up_at or 0.0) - (other.not_up_at or 0.0)),
    )
    same = replace(one, failed_at=other.failed_at, not_up_at=other.not_up_at)
    return max(ages) < _DAMPING_AGE_S and same == other
