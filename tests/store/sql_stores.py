"""Stores filled by SQL, as a writer would have left them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store import schema
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.formats.minute_block import pack, pack_samples
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.rollups import COLUMNS, Rollup
from wgmon_tui.store.models import PeriodState, TimelinePoint

HOLDS = 35.0

HOUR = 472_222
"""The number of an hour; times in the tests count from it."""

T0 = HOUR * 3600.0


class Store:
    """A store, open for writing, and a reader with a clock that the test sets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = T0
        self.history = History(path, clock=lambda: self.now)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = OFF")
        schema.create_or_migrate(self.connection)
        self.ids: dict[str, int] = {}

    def close(self) -> None:
        self.history.close()
        self.connection.close()

    def server(self, name: str = "fra1", holds: float = HOLDS, removed_at: float | None = None) -> int:
        """Return the id of a server; create it if missing."""
        if name not in self.ids:
            made = self.connection.execute(
                "INSERT INTO servers (name, entry, holds, removed_at) VALUES (?, ?, ?, ?)",
                (name, f'{{"endpoint":"{name}"}}', holds, removed_at),
            )
            self.ids[name] = int(made.lastrowid or 0)
        return self.ids[name]

    def journal(
        self, *moments: TimelinePoint, server: str = "fra1", since: float = 0.0, port: str | None = None
    ) -> list[int]:
        """Write rows to the journal; return their ids."""
        rows = []
        for moment in moments:
            check = moment.check
            columns = (
                (
                    str(check.address) if check.address else None,
                    check.vantage,
                    check.verdict.slug,
                    check.is_deciding,
                    check.rtt,
                    check.tunnel_sent,
                    check.tunnel_received,
                    check.tunnel_rtt,
                )
                if check
                else (None, "", None, 0, None, None, None, None)
            )
            made = self.connection.execute(
                "INSERT INTO checks (series, at, state, since, port_monitor, address, vantage, verdict,"
                " decides, rtt, tunnel_sent, tunnel_received, tunnel_rtt)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self.server(server), moment.at, moment.state, since, port, *columns),
            )
            rows.append(int(made.lastrowid or 0))
        return rows

    def packed(self, moments: Iterable[TimelinePoint], server: str = "fra1") -> None:
        """Write points to the blocks of their minutes, as compaction does."""
        minutes: dict[int, list[TimelinePoint]] = {}
        for moment in moments:
            minutes.setdefault(int(moment.at // 60), []).append(moment)
        for minute, of_minute in minutes.items():
            self.connection.execute(
                "INSERT INTO packs (minute, series, checks) VALUES (?, ?, ?)",
                (minute, self.server(server), pack(minute, of_minute)),
            )

    def rolled(self, table: str, number: int, tally: Rollup, server: str = "fra1") -> None:
        """Write one of the `minutes`, `hours` or `days`."""
        self.connection.execute(
            f"INSERT INTO {table} ({table[:-1]}, series, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, self.server(server), *tally.to_row()),
        )

    def current(
        self,
        accounted_to: float,
        state: PeriodState = PeriodState.UP,
        *,
        server: str = "fra1",
        as_of: int = 0,
        since: float = T0,
        samples: Sequence[float] = (),
        verdict: str | None = "healthy",
    ) -> None:
        self.connection.execute(
            "INSERT INTO current (series, as_of, accounted_to, state, since, verdict, rtt, port_monitor,"
            " damping, samples) VALUES (?, ?, ?, ?, ?, ?, 0.25, 'open', '{}', ?)",
            (self.server(server), as_of, accounted_to, state, since, verdict, pack_samples(samples)),
        )

    def exchange(
        self,
        outcome: Round,
        at: float,
        kind: str = "failure",
        *,
        server: str = "fra1",
        incident: str | None = None,
        stored: bytes | None = None,
    ) -> int:
        made = self.connection.execute(
            "INSERT INTO exchanges (series, at, kind, verdict, incident, round) VALUES (?, ?, ?, ?, ?, ?)",
            (
                self.server(server),
                at,
                kind,
                outcome.diagnosis.verdict.slug,
                incident,
                record_codec.to_bytes(outcome) if stored is None else stored,
            ),
        )
        return int(made.lastrowid or 0)

    def incident(self, incident: Incident) -> None:
        self.connection.execute(
            "INSERT INTO incidents (id, server, vantage, opened_at, closed_at, verdict, severity, summary,"
            " flapping, acknowledged_at, acknowledged_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                incident.id,
                self.server(incident.server),
                incident.vantage,
                incident.opened_at,
                incident.closed_at,
                incident.verdict.slug,
                incident.severity.word,
                incident.summary,
                incident.flapping,
                incident.acknowledged_at,
                incident.acknowledged_by,
            ),
        )
