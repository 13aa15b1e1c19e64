"""What the engine said, made ready to be written: rows of the journal, packets worth keeping, what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from wgmon_tui.config.models import Server
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.store.maintenance.rollups import max_gap_s
from wgmon_tui.store.models import Note
from wgmon_tui.store.resume import ResumeState
from wgmon_tui.store.write.batch import (
    Batch,
    OutboxRow,
    ReplayState,
    StoredDamping,
    StoredServer,
    make_exchange_row,
    make_journal_rows,
    make_state_row,
)
from wgmon_tui.store.write.packet_sampling import PacketSampler
from wgmon_tui.store.write.vantage_batch import VantageQuorum, VantageUpdate

_DAMPING_AGE_S = 60.0
"""Of a server that stays down, it is written this often when it failed last."""


@dataclass(frozen=True, slots=True)
class ServerUpdate:
    """What the engine said of a server: `outcome` None where its state changed without a check."""

    server: str
    at: float
    outcome: Round | None
    state: str
    since: float
    damping: Damping
    incident: str | None


class Collector:
    """Gathers a batch. What holds beyond it is remembered for a store that has to be begun anew."""

    def __init__(self, keeping: PacketSampler) -> None:
        self.batch = Batch()
        self._replay_state = ReplayState()
        self._packet_sampler = keeping
        self._vantage_packet_sampler = PacketSampler(keeping.max_per_incident)

    def add_update(self, heard: ServerUpdate) -> None:
        """Something was said of a server."""
        batch, outcome = self.batch, heard.outcome
        if outcome is None:
            batch.add_journal_rows([make_state_row(heard.server, heard.at, heard.state, heard.since)])
        else:
            batch.add_journal_rows(make_journal_rows(heard.server, outcome, heard.state, heard.since))
            for kept in self._packet_sampler.select(heard.server, outcome, heard.incident):
                batch.exchanges.append(make_exchange_row(kept))
        # That of a server that is well stays the same from check to check.
        before = self._replay_state.dampings.get(heard.server)
        if before is None or not _is_same_damping(before.damping, heard.damping):
            damped = StoredDamping(heard.damping, heard.state, heard.at)
            self._replay_state.dampings[heard.server] = batch.dampings[heard.server] = damped

    def add_vantage_update(self, heard: VantageUpdate) -> None:
        """Something was said of a server as another vantage sees it."""
        self._vantage_packet_sampler.max_per_incident = self._packet_sampler.max_per_incident
        self.batch.dropped_rows += self.batch.vantage_batch.add_update(heard, self._vantage_packet_sampler)

    def set_vantages(self, vantages: VantageQuorum) -> None:
        """These check the same servers, and no others."""
        self.batch.vantage_batch.vantages = vantages

    def add_events(self, events: tuple[IncidentEvent, ...], outbox: Iterable[OutboxRow]) -> None:
        """Something happened to incidents, and somebody is to be told."""
        self.batch.outbox.extend(outbox)
        for event in events:
            self.batch.incidents[event.incident.id] = event.incident
            if event.note:
                self.batch.notes.append((event.incident.id, Note(event.at, event.who, event.note)))

    def set_fleet(self, servers: Mapping[str, Server]) -> None:
        """These servers are watched from now on, and no others."""
        self.batch.fleet = {
            name: StoredServer(server_to_entry(server), max_gap_s(server.interval, server.timeout))
            for name, server in servers.items()
        }
        self._replay_state.retain_servers(self.batch.fleet)
        self._packet_sampler.retain_servers(servers)

    def resume(self, restored: Mapping[str, ResumeState]) -> None:
        """Another life of this program has written so far."""
        for name, each in restored.items():
            incident = each.incident.id if each.incident else None
            self._packet_sampler.resume(name, each.verdict, incident, each.failures)
            if each.incident:
                self._replay_state.incidents[each.incident.id] = each.incident
            if each.pause:
                self._replay_state.pauses[name] = each.pause
            if each.mute:
                self._replay_state.mutes[name] = each.mute

    def mark_written(self) -> None:
        """The batch is on its way to the disk; a new one begins."""
        self._replay_state.apply_written(self.batch)
        self.batch.clear()

    def start_new_store(self) -> None:
        """What was written is gone: all that holds now is to be written again."""
        self._replay_state.replay_into(self.batch)
        self._packet_sampler.start_new_store()


def _is_same_damping(one: Damping, other: Damping) -> bool:
    """Whether the one says all that the other does, but for when exactly a check failed last."""
    if one == other:
        return True
    age = abs((one.failed_at or 0.0) - (other.failed_at or 0.0))
    return age < _DAMPING_AGE_S and replace(one, failed_at=other.failed_at) == other
