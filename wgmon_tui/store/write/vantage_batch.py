"""Pending writes for reports of other vantages, as a part of a batch.

Every report is a row of `sights`, by the vantage's number, so that none is stored twice. The last known state
of each vantage is in `seen_from`, and the last accepted report of each in `reported`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import nan

from wgmon_tui.monitor.damping import as_json
from wgmon_tui.monitor.quorum import VantageReport, VantageState
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.formats.minute_block import pack_samples
from wgmon_tui.store.write.packet_budget import PacketBudget
from wgmon_tui.store.write.packet_sampling import PacketSampler

MAX_VANTAGE_ROWS = 100_000
"""Maximum number of pending rows, as for the journal."""

SightRow = tuple[
    str, str, int, str, float, str | None, str, float | None, int | None, int | None, float | None,
    bytes | None,
]  # fmt: skip
"""The columns of `sights`; the server by name."""

Key = tuple[str, str]
"""A server and a vantage, by their names."""


@dataclass(frozen=True, slots=True)
class VantageUpdate:
    """An update of a server by a vantage: `vantage_state` is None if the vantage no longer watches it.

    `report` is the one that changed it, if any; `incident` is the server's open incident.
    """

    server: str
    vantage: str
    vantage_state: VantageState | None
    report: VantageReport | None
    incident: str | None


def make_vantage_update(row: ServerState, vantage: str, report: VantageReport | None) -> VantageUpdate:
    """Build the update for a server whose vantage state changed."""
    incident = row.incident.id if row.incident else None
    return VantageUpdate(row.server.name, vantage, row.vantage_states.get(vantage), report, incident)


@dataclass(frozen=True, slots=True)
class VantageQuorum:
    """The other vantages, in the order of config.toml, and how many must agree."""

    names: tuple[str, ...]
    quorum: int


@dataclass(slots=True)
class VantageBatch:
    """Pending writes. `seen` has None for rows to delete."""

    report_rows: deque[SightRow] = field(default_factory=deque)
    seen: dict[Key, VantageState | None] = field(default_factory=dict)
    packets: dict[Key, bytes] = field(default_factory=dict)
    reported: dict[str, tuple[str, int]] = field(default_factory=dict)
    vantages: VantageQuorum | None = None

    @property
    def needs_sync(self) -> bool:
        """Return whether it changes which vantage watches what."""
        return self.vantages is not None or None in self.seen.values()

    def __bool__(self) -> bool:
        return bool(self.report_rows or self.seen or self.reported or self.vantages)

    def names(self) -> set[str]:
        """Return the names of its servers."""
        return {row[3] for row in self.report_rows} | {server for server, _ in self.seen}

    def add_update(
        self, update: VantageUpdate, sampler: PacketSampler, budget: PacketBudget | None = None
    ) -> int:
        """Add an update. Returns how many rows were dropped for it.

        The sampler selects which packets are kept, and the budget limits their size.
        """
        key, report = (update.server, update.vantage), update.report
        self.seen[key] = update.vantage_state
        if report is None:
            return 0
        self.reported[report.vantage] = report.epoch, report.number
        outcome, packed = report.round, None
        if outcome.check.exchange:
            chosen = sampler.select("\0".join(key), outcome, update.incident)
            if any(kept.round is outcome for kept in chosen):
                packed = record_codec.to_bytes(outcome)
                packed = budget.take(report.vantage, packed) if budget else packed
            if packed:
                self.packets[key] = packed
        self.report_rows.append(_report_row(update.server, report, packed))
        if len(self.report_rows) <= MAX_VANTAGE_ROWS:
            return 0
        self.report_rows.popleft()
        return 1

    def write(self, connection: sqlite3.Connection, ids: Mapping[str, int]) -> None:
        """Write everything, inside a transaction of the caller. Raises sqlite3.Error."""
        connection.executemany(_SIGHT, ((*row[:3], ids[row[3]], *row[4:]) for row in self.report_rows))
        connection.executemany(_REPORTED, ((name, *report) for name, report in self.reported.items()))
        if self.vantages is not None:
            names = self.vantages.names
            connection.execute(
                _VANTAGES, (json.dumps({"names": names, "quorum": self.vantages.quorum}, ensure_ascii=False),)
            )
            marks = ", ".join("?" * len(names))
            connection.execute(f"DELETE FROM seen_from WHERE vantage NOT IN ({marks})", names)  # noqa: S608
        if not self.seen:
            return
        connection.execute("UPDATE facts SET value = value + 1 WHERE name = 'sights_version'")
        (version,) = connection.execute("SELECT value FROM facts WHERE name = 'sights_version'").fetchone()
        for key, vantage_state in self.seen.items():
            server, vantage = ids[key[0]], key[1]
            if vantage_state is None:
                connection.execute(_UNSEEN, (server, vantage))
            else:
                connection.execute(
                    _SEEN, _vantage_state_row(server, version, vantage_state, self.packets.get(key))
                )

    def clear(self) -> None:
        """Clear the batch after it was written."""
        self.report_rows.clear()
        self.seen.clear()
        self.packets.clear()
        self.reported.clear()
        self.vantages = None


@dataclass(slots=True)
class VantageReplayState:
    """Current vantage states to replay into a fresh database."""

    seen: dict[Key, VantageState] = field(default_factory=dict)
    reported: dict[str, tuple[str, int]] = field(default_factory=dict)
    vantages: VantageQuorum | None = None

    def retain_servers(self, servers: Iterable[str]) -> None:
        """Keep these servers only."""
        watched = set(servers)
        self.seen = {key: vantage_state for key, vantage_state in self.seen.items() if key[0] in watched}

    def apply_written(self, batch: VantageBatch) -> None:
        """Record that a batch was written."""
        for key, vantage_state in batch.seen.items():
            self.seen.pop(key, None)
            if vantage_state:
                self.seen[key] = vantage_state
        self.reported |= batch.reported
        self.vantages = batch.vantages or self.vantages

    def replay_into(self, batch: VantageBatch) -> None:
        """Add everything to a batch; values already pending there are newer."""
        batch.seen = {**self.seen, **batch.seen}
        batch.reported = self.reported | batch.reported
        batch.vantages = batch.vantages or self.vantages


_SIGHT = """INSERT OR IGNORE INTO sights (vantage, epoch, number, server, at, address, verdict, rtt,
    tunnel_sent, tunnel_received, tunnel_rtt, round) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_REPORTED = """INSERT INTO reported (vantage, epoch, number) VALUES (?, ?, ?)
    ON CONFLICT (vantage) DO UPDATE SET epoch = excluded.epoch, number = excluded.number"""

_VANTAGES = """INSERT INTO facts (name, value) VALUES ('vantages', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""

_UNSEEN = "DELETE FROM seen_from WHERE server = ? AND vantage = ?"

_SEEN = """INSERT INTO seen_from (server, vantage, changed, at, holds_until, current, address, verdict, rtt,
    tunnel_sent, tunnel_received, tunnel_rtt, up_at, damping, rtts, round)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (server, vantage) DO UPDATE SET changed = excluded.changed, at = excluded.at,
    holds_until = excluded.holds_until, current = excluded.current, address = excluded.address,
    verdict = excluded.verdict, rtt = excluded.rtt, tunnel_sent = excluded.tunnel_sent,
    tunnel_received = excluded.tunnel_received, tunnel_rtt = excluded.tunnel_rtt, up_at = excluded.up_at,
    damping = excluded.damping, rtts = excluded.rtts, round = coalesce(excluded.round, round)"""


def _report_row(server: str, report: VantageReport, packed: bytes | None) -> SightRow:
    check, diagnosis = report.round.check, report.round.diagnosis
    tunnel = check.tunnel
    return (
        report.vantage,
        report.epoch,
        report.number,
        server,
        check.started_at,
        str(check.address) if check.address else None,
        diagnosis.verdict.slug,
        check.handshake.rtt if check.handshake else None,
        tunnel.sent if tunnel else None,
        tunnel.received if tunnel else None,
        tunnel.rtt if tunnel else None,
        packed,
    )


def _vantage_state_row(
    server: int, version: int, vantage_state: VantageState, packed: bytes | None
) -> tuple[object, ...]:
    check = vantage_state.last.check
    tunnel = check.tunnel
    return (
        server,
        vantage_state.vantage,
        version,
        vantage_state.at,
        vantage_state.valid_until,
        vantage_state.current,
        str(check.address) if check.address else None,
        vantage_state.verdict.slug,
        check.handshake.rtt if check.handshake else None,
        tunnel.sent if tunnel else None,
        tunnel.received if tunnel else None,
        tunnel.rtt if tunnel else None,
        vantage_state.last_up_at,
        as_json(vantage_state.damping),
        pack_samples(nan if rtt is None else rtt for rtt in vantage_state.rtts),
        packed,
    )
