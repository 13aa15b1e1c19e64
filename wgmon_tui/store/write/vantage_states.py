"""Pending writes about the other vantages: the last state of each, and the last report that was accepted.

Their checks go into the journal, like those of this machine.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import field
from math import nan

from wgmon_tui.monitor.damping import as_json
from wgmon_tui.monitor.quorum import VantageState
from wgmon_tui.records import dataclass
from wgmon_tui.store.formats.minute_block import pack_samples

Key = tuple[str, str]
"""A server and a vantage, by their names."""


@dataclass(frozen=True, slots=True)
class VantageQuorum:
    """The other vantages, in the order of config.toml, and how many must agree."""

    names: tuple[str, ...]
    quorum: int


@dataclass(slots=True)
class VantageStates:
    """Pending writes. `seen` has None for rows to delete, `packets` the rounds that keep their packets."""

    seen: dict[Key, VantageState | None] = field(default_factory=dict)
    packets: dict[Key, bytes] = field(default_factory=dict)
    reported: dict[str, tuple[str, int]] = field(default_factory=dict)
    vantages: VantageQuorum | None = None

    @property
    def needs_sync(self) -> bool:
        """Return whether it changes which vantage watches what."""
        return self.vantages is not None or None in self.seen.values()

    def __bool__(self) -> bool:
        return bool(self.seen or self.reported or self.vantages)

    def names(self) -> set[str]:
        """Return the names of its servers."""
        return {server for server, _ in self.seen}

    def write(self, connection: sqlite3.Connection, ids: Mapping[str, int]) -> None:
        """Write everything, inside a transaction of the caller. Raises sqlite3.Error."""
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
        """Clear everything after it was written."""
        self.seen.clear()
        self.packets.clear()
        self.reported.clear()
        self.vantages = None

    def retain_servers(self, servers: Iterable[str]) -> None:
        """Keep these servers only."""
        watched = set(servers)
        self.seen = {key: vantage_state for key, vantage_state in self.seen.items() if key[0] in watched}

    def apply_written(self, written: VantageStates) -> None:
        """Remember what was written, to replay it into a fresh database."""
        for key, vantage_state in written.seen.items():
            self.seen.pop(key, None)
            if vantage_state:
                self.seen[key] = vantage_state
        self.reported |= written.reported
        self.vantages = written.vantages or self.vantages

    def replay_into(self, pending: VantageStates) -> None:
        """Add everything to pending writes; values already there are newer."""
        pending.seen = {**self.seen, **pending.seen}
        pending.reported = self.reported | pending.reported
        pending.vantages = pending.vantages or self.vantages


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
