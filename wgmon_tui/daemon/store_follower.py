"""Reader of the store for a viewer: reads new records and applies them to a `FleetState`.

A thread reads; only the event loop changes the `FleetState`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.daemon.vantage_follower import VantageChanges, VantageFollower, show_vantages
from wgmon_tui.monitor.controller import LoadingProgress
from wgmon_tui.monitor.damping import from_json
from wgmon_tui.monitor.fleet_state import FleetState, Round, ServerState
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.known_state import KnownState, StoredPoint
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.store.formats.server_entry import server_from_entry
from wgmon_tui.store.history import History
from wgmon_tui.store.models import JournalEntry, LastKnownState, Mute, PeriodState, StoredCheck
from wgmon_tui.store.read.vantages import round_of
from wgmon_tui.store.store_version import STORE

SOURCE = "the history"
"""What a viewer reads at its start."""

_MAX_JOURNAL_ENTRIES = 20_000
"""A viewer that is further behind in the journal reads the current state instead."""

_UNNAMED_MAINTENANCE = "planned work"
"""A viewer's name for any maintenance window: only the writer's config.toml has the real name."""

_PART = 500
"""Servers that are passed on together while a store is read for the first time: about 10 ms of work."""

OnStatesRead = Callable[[Sequence[Server], Sequence[LastKnownState], LoadingProgress], None]
"""Takes servers that were just read with their last states, and the progress."""

_CHECKED_STATES = (PeriodState.UP, PeriodState.DEGRADED, PeriodState.DOWN)


@dataclass(frozen=True, slots=True)
class StoreChanges:
    """The changes in the store; None for a kind without changes. `known` replaces everything shown."""

    servers: tuple[Server, ...] | None = None
    known: Sequence[LastKnownState] | None = None
    journal: Sequence[JournalEntry] = ()
    incidents: Sequence[Incident] | None = None
    mutes: Mapping[str, Mute] | None = None
    vantage_states: VantageChanges | None = None
    expiries: Mapping[str, tuple[Expires, ...]] | None = None
    node_reports: Mapping[str, NodeReport] | None = None


class StoreFollower:
    """Reads the changes of one store since the last read. Use it from one thread at a time."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / STORE
        self._history = History(self._path)
        self._read_inode = 0
        self._position: int | None = None
        self._version: int | None = None
        self._entries: dict[str, str] = {}
        self._servers: dict[str, Server] = {}
        self._vantage_follower = VantageFollower(self._history)

    def close(self) -> None:
        """Close the store."""
        self._history.close()

    def read_first(self, on_read: OnStatesRead) -> StoreChanges:
        """Everything in the store, for the first read. Raises StoreUnavailableError.

        `on_read` gets the servers and their states while they are read; the changes have no states then.
        """
        self._read_inode = _read_inode(self._path)
        return self._read_all(on_read)

    def read_changes(self) -> StoreChanges:
        """The changes since the last read. Raises StoreUnavailableError."""
        inode = _read_inode(self._path)
        if inode != self._read_inode or self._position is None:
            # A different file: a damaged store was moved aside, and ids start again.
            self._read_inode, self._position = inode, None
            return self._read_all()
        version = self._history.fleet_version()
        journal = self._history.journal_after(self._position, _MAX_JOURNAL_ENTRIES)
        if len(journal) == _MAX_JOURNAL_ENTRIES or (journal and journal[0].id != self._position + 1):
            return self._read_all()
        if any(each.moment.state is PeriodState.PAUSED and each.moment.check is None for each in journal):
            return self._read_all()  # the journal does not record who paused it
        if journal:
            self._position = journal[-1].id
        # What another vantage reported is in `vantage_states`.
        journal = [each for each in journal if each.vantage == LOCAL_VANTAGE]
        if version == self._version:
            return StoreChanges(journal=journal, vantage_states=self._vantage_follower.read_changes())
        self._version = version
        incidents = self._history.incidents(open_only=True, limit=None)
        vantage_states = self._vantage_follower.read_changes(reread_all=True)
        return StoreChanges(
            self._read_servers(),
            None,
            journal,
            incidents,
            self._history.mutes(),
            vantage_states,
            self._history.expiries(),
            self._history.node_reports(),
        )

    def last_good(self, server: str) -> Check | None:
        """The last healthy check of a server, with its packets."""
        stored = self._history.last_good(server)
        return next((each for each in stored.round.checks if each.handshake), None) if stored else None

    def _read_all(self, on_read: OnStatesRead | None = None) -> StoreChanges:
        # In this order a concurrent write is read twice rather than missed.
        self._version = self._history.fleet_version()
        position = self._history.journal_end()
        known = self._history.current()

        def pass_on(servers: Sequence[Server], progress: LoadingProgress) -> None:
            if on_read:
                on_read(servers, [known[each.name] for each in servers if each.name in known], progress)

        servers = self._read_servers(pass_on)
        self._position = position
        return StoreChanges(
            servers or tuple(self._servers.values()),
            None if on_read else tuple(known.values()),
            mutes=self._history.mutes(),
            vantage_states=self._vantage_follower.read_changes(reread_all=True),
            expiries=self._history.expiries(),
            node_reports=self._history.node_reports(),
        )

    def _read_servers(
        self, on_read: Callable[[Sequence[Server], LoadingProgress], None] = lambda *_: None
    ) -> tuple[Server, ...] | None:
        """The servers, if any entry changed; else None."""
        entries = {each.server: each.entry for each in self._history.entries() if each.removed_at is None}
        if entries == self._entries:
            return None
        servers: dict[str, Server] = {}
        for start in range(0, len(entries), _PART):
            part = self._decode(islice(entries.items(), start, start + _PART))
            servers |= {server.name: server for server in part}
            on_read(part, LoadingProgress(SOURCE, min(start + _PART, len(entries)), len(entries)))
        self._entries, self._servers = entries, servers
        return tuple(servers.values())

    def _decode(self, entries: Iterable[tuple[str, str]]) -> list[Server]:
        servers = []
        for name, entry in entries:
            unchanged = self._servers.get(name) if self._entries.get(name) == entry else None
            if server := unchanged or server_from_entry(name, entry):
                servers.append(server)
        return servers


def apply_first_states(
    fleet_state: FleetState, servers: Sequence[Server], known_states: Iterable[LastKnownState]
) -> None:
    """Add servers with their last states while a store is read for the first time."""
    fleet_state.add(servers)
    _apply_known_states(fleet_state, known_states, {})


def apply_store_changes(fleet_state: FleetState, changes: StoreChanges, focused_server: str | None) -> None:
    """Apply the changes. The last round of `focused_server` is kept, because it has packets."""
    if changes.servers is not None:
        fleet_state.replace(changes.servers)
    _apply_known_states(fleet_state, changes.known or (), changes.mutes or {})
    for entry in changes.journal:
        if server_state := fleet_state.states.get(entry.server):
            keep_round = entry.server == focused_server
            fleet_state.show_point(entry.server, _stored_point(server_state, entry), keep_round=keep_round)
    if changes.incidents is not None:
        fleet_state.show_incidents({incident.server: incident for incident in changes.incidents})
    if changes.mutes is not None:
        _apply_mutes(fleet_state, changes.mutes)
    if changes.expiries is not None:
        fleet_state.show_expiries(changes.expiries)
    if changes.node_reports is not None:
        fleet_state.show_node_reports(changes.node_reports)
    show_vantages(fleet_state, changes.vantage_states, {entry.server for entry in changes.journal})


def _apply_known_states(
    fleet_state: FleetState, known_states: Iterable[LastKnownState], mutes: Mapping[str, Mute]
) -> None:
    for known in known_states:
        fleet_state.show_known(known.server, _known_state(known, mutes.get(known.server)))


def _known_state(known: LastKnownState, mute: Mute | None) -> KnownState:
    in_maintenance = known.state is PeriodState.MAINTENANCE
    return KnownState(
        severity=None if in_maintenance else known.state.severity,
        since=known.since,
        damping=from_json(known.damping),
        samples=known.samples,
        verdict=known.verdict,
        checked_at=known.checked_at,
        port_monitor=known.port_monitor,
        port_monitor_at=known.port_monitor_at,
        incident=known.incident,
        paused=known.state is PeriodState.PAUSED,
        paused_by=known.paused_by,
        paused_until=known.paused_until,
        muted_until=mute.until if mute else None,
        muted_by=mute.who if mute else "",
        maintenance=_UNNAMED_MAINTENANCE if in_maintenance else None,
    )


def _stored_point(server_state: ServerState, entry: JournalEntry) -> StoredPoint:
    state, check = entry.moment.state, entry.moment.check
    in_maintenance = state is PeriodState.MAINTENANCE
    return StoredPoint(
        severity=None if in_maintenance else state.severity,
        since=entry.since,
        is_check=check is not None,
        is_settled=state in _CHECKED_STATES,
        paused=state is PeriodState.PAUSED,
        maintenance=_UNNAMED_MAINTENANCE if in_maintenance else None,
        outcome=_without_packets(server_state, check) if check and check.is_deciding else None,
        port_monitor=entry.port_monitor,
    )


def _apply_mutes(fleet_state: FleetState, mutes: Mapping[str, Mute]) -> None:
    for name, server_state in fleet_state.states.items():
        mute = mutes.get(name)
        until, who = (mute.until, mute.who) if mute else (None, "")
        if (server_state.muted_until, server_state.muted_by) != (until, who):
            fleet_state.mute(name, until, who)


def _without_packets(server_state: ServerState, check: StoredCheck) -> Round:
    """A round from the journal, which has no packets."""
    incident = server_state.incident
    summary = incident.summary if incident and incident.verdict is check.verdict else check.verdict.meaning
    return round_of(server_state.server, check, Diagnosis(check.verdict, summary))


def _read_inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0
