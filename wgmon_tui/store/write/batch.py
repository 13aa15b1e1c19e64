"""Batch of pending writes, and how it is written in one transaction.

It survives a time when the store cannot be written: it refers to servers by name, and drops the oldest checks
once it reaches its memory limit. Incidents, notes and pauses are never dropped.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.damping import Damping, as_json
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import Incident, IncidentEvent
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.net.addresses import address_text
from wgmon_tui.store.formats import incident_snapshot, record_codec
from wgmon_tui.store.models import Mute, Note
from wgmon_tui.store.replaced_values import to_valid_utf8
from wgmon_tui.store.write.expiries import REMOVE_OF_REMOVED, write_expiries
from wgmon_tui.store.write.incidents import write_incident, write_notes
from wgmon_tui.store.write.node_reports import REPORTS_OF_REMOVED, write_node_reports, write_report_times
from wgmon_tui.store.write.packet_sampling import PacketSample
from wgmon_tui.store.write.vantage_states import VantageStates

MAX_ROWS = 100_000
"""Maximum number of pending journal rows: two minutes of a fleet of ten thousand, many hours of a small one.
"""

MAX_EXCHANGES = 2_000

SeriesKey = tuple[str, str]
"""A series by the names of its server and its vantage."""

JournalRow = tuple[
    SeriesKey, float, str | None, str, str | None, str, float, int, float | None, int | None, int | None,
    float | None, str | None, str | None, int | None,
]  # fmt: skip
"""The columns of `checks` after its id."""

ExchangeRow = tuple[SeriesKey, float, str, str, str | None, bytes]
"""The columns of `exchanges` after its id."""


@dataclass(frozen=True, slots=True)
class StoredServer:
    """A server of servers.toml: the public part of its entry, and how long a state holds."""

    entry: str
    max_gap_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when a server is paused, who asked for it, and the Unix time when it ends; None for no end."""

    since: float
    who: str
    until: float | None = None


OutboxRow = tuple[float, str, str, str]
"""The columns of `outbox` after its id."""


@dataclass(frozen=True, slots=True)
class StoredDamping:
    """Damping state, and the server's severity at that time."""

    damping: Damping
    state: str
    at: float


@dataclass(slots=True)
class Batch:
    """Pending writes.

    `fleet` is the complete servers.toml, if it was reloaded. `renamed` has the new names of servers, by those
    in the store. `dropped_rows` counts the journal rows that were dropped.
    """

    journal: deque[JournalRow] = field(default_factory=deque)
    exchanges: deque[ExchangeRow] = field(default_factory=lambda: deque(maxlen=MAX_EXCHANGES))
    dampings: dict[str, StoredDamping] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    notes: list[tuple[str, Note]] = field(default_factory=list)
    pauses: dict[str, Pause | None] = field(default_factory=dict)
    mutes: dict[str, Mute | None] = field(default_factory=dict)
    new_expiries: dict[str, tuple[Expires, ...]] = field(default_factory=dict)
    node_reports: dict[str, ControlPlaneReport] = field(default_factory=dict)
    report_times: dict[str, float] = field(default_factory=dict)
    outbox: list[OutboxRow] = field(default_factory=list)
    vantage_states: VantageStates = field(default_factory=VantageStates)
    fleet: Mapping[str, StoredServer] | None = None
    renamed: dict[str, str] = field(default_factory=dict)
    dropped_rows: int = 0

    @property
    def needs_sync(self) -> bool:
        """Return whether it holds what people were or will be notified of: that is synced to the disk."""
        said = self.incidents or self.notes or self.pauses or self.mutes or self.outbox
        return bool(said or self.fleet is not None or self.vantage_states.needs_sync)

    def __bool__(self) -> bool:
        return self._changes_fleet or bool(
            self.journal or self.exchanges or self.dampings or self.report_times or self.vantage_states
        )

    @property
    def _changes_fleet(self) -> bool:
        """Whether viewers have to read more than the journal."""
        return self.needs_sync or bool(self.new_expiries or self.node_reports)

    def add_journal_rows(self, rows: list[JournalRow]) -> None:
        """Add rows of the journal."""
        self.journal.extend(rows)
        while len(self.journal) > MAX_ROWS:
            self.journal.popleft()
            self.dropped_rows += 1

    def write(self, connection: sqlite3.Connection, ids: dict[str, int], now: float) -> dict[str, int]:
        """Write everything, inside a transaction of the caller.

        `ids` are the known servers. Returns the new ones, which are valid once the transaction is committed;
        those that were renamed are among them. Raises sqlite3.Error.
        """
        from wgmon_tui.store.write.renames import rename_rows  # imports this module

        fresh: dict[str, int] = {}
        if self.renamed:
            fresh = rename_rows(connection, self.renamed, ids)
            ids = {name: each for name, each in ids.items() if name not in self.renamed} | fresh
        fresh |= self._write_new_servers(connection, ids)
        known = ids | fresh if fresh else ids
        # Before the fleet: a removed server has no vantage states.
        self.vantage_states.write(connection, known)
        if self.fleet is not None:
            _write_fleet(connection, self.fleet, now)
        keys = {row[0] for row in self.journal} | {row[0] for row in self.exchanges}
        series = _series_ids(connection, known, keys)
        connection.executemany(_JOURNAL, ((series[row[0]], *row[1:]) for row in self.journal))
        connection.executemany(
            _DAMPING,
            (
                (known[name], each.at, each.state, each.at, as_json(each.damping))
                for name, each in self.dampings.items()
            ),
        )
        for key, at, kind, verdict, incident, packed in self.exchanges:
            if kind == "good":
                connection.execute(_NO_LONGER_LAST, (series[key],))
            connection.execute(_EXCHANGE, (series[key], at, kind, verdict, incident, packed))
        for each in self.incidents.values():
            write_incident(connection, known[each.server], each)
        write_notes(connection, self.notes)
        for name, pause in self.pauses.items():
            _write_pause(connection, known[name], pause)
        for name, mute in self.mutes.items():
            _write_mute(connection, known[name], mute)
        for name, expiries in self.new_expiries.items():
            write_expiries(connection, known[name], expiries)
        write_node_reports(connection, {known[name]: each for name, each in self.node_reports.items()})
        write_report_times(connection, {known[name]: at for name, at in self.report_times.items()})
        connection.executemany(_TO_TELL, self.outbox)
        if self._changes_fleet:
            connection.execute("UPDATE facts SET value = value + 1 WHERE name = 'fleet_version'")
        return fresh

    def clear(self) -> None:
        """Clear the batch after it was written."""
        self.journal.clear()
        self.exchanges.clear()
        self.dampings.clear()
        self.incidents.clear()
        self.notes.clear()
        self.pauses.clear()
        self.mutes.clear()
        self.new_expiries.clear()
        self.node_reports.clear()
        self.report_times.clear()
        self.outbox.clear()
        self.vantage_states.clear()
        self.fleet = None
        self.renamed.clear()
        self.dropped_rows = 0

    def _write_new_servers(self, connection: sqlite3.Connection, ids: Mapping[str, int]) -> dict[str, int]:
        names = (
            {row[0][0] for row in self.journal}
            | self.dampings.keys()
            | self.pauses.keys()
            | self.mutes.keys()
            | self.new_expiries.keys()
            | self.report_times.keys()
        )
        names |= {row[0][0] for row in self.exchanges} | {each.server for each in self.incidents.values()}
        names |= (self.fleet or {}).keys() | self.vantage_states.names()
        fresh = {}
        # Not `names - ids.keys()`, which goes through all known servers.
        for name in sorted(name for name in names if name not in ids):
            added = connection.execute(_NEW_SERVER, (name,))
            fresh[name] = int(added.fetchone()[0])
        return fresh


_JOURNAL = """INSERT INTO checks (series, at, address, vantage, verdict, state, since, decides, rtt,
    tunnel_sent, tunnel_received, tunnel_rtt, port_monitor, epoch, number)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (vantage, epoch, number) WHERE number IS NOT NULL DO NOTHING"""

_FIND_SERIES = "SELECT id FROM series WHERE server = ? AND vantage = ?"

_NEW_SERIES = """INSERT INTO series (id, server, vantage) SELECT ifnull(min(id), 0) - 1, ?, ? FROM series
    RETURNING id"""

_NEW_SERVER = """INSERT INTO servers (name, entry, holds) VALUES (?, '{}', 0)
    ON CONFLICT (name) DO UPDATE SET name = name RETURNING id"""

_DAMPING = """INSERT INTO current (series, as_of, accounted_to, state, since, damping, samples)
    VALUES (?, 0, ?, ?, ?, ?, x'') ON CONFLICT (series) DO UPDATE SET damping = excluded.damping"""

_EXCHANGE = "INSERT INTO exchanges (series, at, kind, verdict, incident, round) VALUES (?, ?, ?, ?, ?, ?)"

_NO_LONGER_LAST = "DELETE FROM exchanges WHERE series = ? AND kind = 'good'"

_PAUSE = """INSERT INTO pauses (server, since, who) VALUES (?, ?, ?)
    ON CONFLICT (server) DO UPDATE SET since = excluded.since, who = excluded.who"""

_MUTE = """INSERT INTO mutes (server, since, until, who) VALUES (?, ?, ?, ?)
    ON CONFLICT (server) DO UPDATE SET since = excluded.since, until = excluded.until, who = excluded.who"""

_TO_TELL = "INSERT INTO outbox (at, what, incident, matter) VALUES (?, ?, ?, ?)"

_REMOVED = "UPDATE servers SET removed_at = ? WHERE name = ?"

_CLOSE_REMOVED = """UPDATE incidents SET closed_at = max(opened_at, ?) WHERE closed_at IS NULL
    AND server IN (SELECT id FROM servers WHERE removed_at IS NOT NULL)"""


_UNSEE_REMOVED = """DELETE FROM seen_from
    WHERE server IN (SELECT id FROM servers WHERE removed_at IS NOT NULL)"""


def _series_ids(
    connection: sqlite3.Connection, servers: Mapping[str, int], keys: Iterable[SeriesKey]
) -> dict[SeriesKey, int]:
    """Return the id of each series; add those of other vantages that are new. Raises sqlite3.Error."""
    found = {}
    for key in keys:
        server, vantage = servers[key[0]], key[1]
        if vantage == LOCAL_VANTAGE:
            found[key] = server
            continue
        row = connection.execute(_FIND_SERIES, (server, vantage)).fetchone()
        found[key] = int((row or connection.execute(_NEW_SERIES, (server, vantage)).fetchone())[0])
    return found


def make_journal_rows(
    name: str, outcome: Round, state: str, since: float, report: VantageReport | None = None
) -> list[JournalRow]:
    """Build a row for each address that was checked; the first one decides.

    `report` is given for a round of another vantage. Only the first row has its number, which is unique.
    """
    port_monitor = outcome.port_monitor
    key = name, report.vantage if report else LOCAL_VANTAGE
    rows: list[JournalRow] = []
    for number, (check, diagnosis) in enumerate(zip(outcome.checks, outcome.diagnoses, strict=True)):
        tunnel, handshake = check.tunnel, check.handshake
        rows.append(
            (
                key,
                check.started_at,
                address_text(check.address) if check.address else None,
                check.vantage,
                diagnosis.verdict.slug,
                state,
                since,
                int(number == 0),  # SQLite looks for an adapter of a bool
                handshake.rtt if handshake else None,
                tunnel.sent if tunnel else None,
                tunnel.received if tunnel else None,
                tunnel.rtt if tunnel else None,
                port_monitor if number == 0 else None,
                report.epoch if report else None,
                report.number if report and number == 0 else None,
            )
        )
    return rows


def make_exchange_row(kept: PacketSample) -> ExchangeRow:
    """Build the row for a round that keeps its packets."""
    outcome = kept.round
    verdict = outcome.diagnosis.verdict.slug
    at = outcome.check.started_at
    key = kept.server, kept.vantage
    return (key, at, kept.kind, verdict, kept.incident, record_codec.to_bytes(outcome))


def make_outbox_row(row: ServerState, event: IncidentEvent) -> OutboxRow:
    """Build the outbox row for an incident event of a server, to notify people."""
    return (
        event.at,
        event.kind.value,
        event.incident.id,
        incident_snapshot.to_json(incident_snapshot.snapshot_of(row, event)),
    )


def make_state_row(name: str, at: float, state: str, since: float) -> JournalRow:
    """Build the row for a state that changed without a check."""
    key = name, LOCAL_VANTAGE
    return (key, at, None, "", None, state, since, 0, None, None, None, None, None, None, None)


def _write_fleet(connection: sqlite3.Connection, fleet: Mapping[str, StoredServer], now: float) -> None:
    """Write the fleet. A server that left the file keeps its history, and everything open of it is closed."""
    stored = {
        name: (entry, max_gap_s, removed_at)
        for name, entry, max_gap_s, removed_at in connection.execute(
            "SELECT name, entry, holds, removed_at FROM servers"
        )
    }
    connection.executemany(
        "UPDATE servers SET entry = ?, holds = ?, removed_at = NULL WHERE name = ?",
        (
            (watched.entry, watched.max_gap_s, name)
            for name, watched in fleet.items()
            if stored.get(name) != (watched.entry, watched.max_gap_s, None)
        ),
    )
    connection.executemany(
        _REMOVED,
        ((now, name) for name, row in stored.items() if name not in fleet and row[2] is None),
    )
    connection.execute(_CLOSE_REMOVED, (now,))
    connection.execute(_UNSEE_REMOVED)
    for statement in (REMOVE_OF_REMOVED, *REPORTS_OF_REMOVED):
        connection.execute(statement)


def _write_pause(connection: sqlite3.Connection, server: int, pause: Pause | None) -> None:
    if pause is None:
        connection.execute("DELETE FROM pauses WHERE server = ?", (server,))
    else:
        connection.execute(_PAUSE, (server, pause.since, to_valid_utf8(pause.who)))
        connection.execute("DELETE FROM pause_ends WHERE server = ?", (server,))
        if pause.until is not None:
            connection.execute("INSERT INTO pause_ends VALUES (?, ?)", (server, pause.until))


def _write_mute(connection: sqlite3.Connection, server: int, mute: Mute | None) -> None:
    if mute is None:
        connection.execute("DELETE FROM mutes WHERE server = ?", (server,))
    else:
        connection.execute(_MUTE, (server, mute.since, mute.until, to_valid_utf8(mute.who)))
