"""Sample stores with history, as the recorder writes them, but faster to build."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sin
from pathlib import Path

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.store import schema
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.formats.minute_block import pack
from wgmon_tui.store.history import History
from wgmon_tui.store.maintenance.rollups import MINUTE_S, Rollup, max_gap_s, roll
from wgmon_tui.store.models import Note, PeriodState, StoredCheck, TimelinePoint
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import Batch, make_exchange_row, make_journal_rows
from wgmon_tui.store.write.packet_sampling import PacketSample

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True)
class Spell:
    """A period of a server's history, in seconds before NOW, with its check interval in seconds."""

    start: float
    end: float
    state: PeriodState = PeriodState.UP
    verdict: Verdict = Verdict.HEALTHY
    rtt: float | None = 0.0124
    lost_every: int = 0
    every: float = 300.0

    def moments(self) -> list[TimelinePoint]:
        begins, ends = NOW - self.start, NOW - self.end
        times = [begins + n * self.every for n in range(int((ends - begins) // self.every))]
        if self.state is PeriodState.PAUSED:
            return [TimelinePoint(at, self.state) for at in times]
        return [self._moment(at, n) for n, at in enumerate(times)]

    def _moment(self, at: float, n: int) -> TimelinePoint:
        lost = self.rtt is None or (self.lost_every and n % self.lost_every == self.lost_every // 2)
        rtt = None if lost or self.rtt is None else self.rtt * (1 + 0.2 * sin(n * 1.7) + 0.1 * sin(n / 40))
        verdict = Verdict.SILENT if lost and self.verdict is Verdict.HEALTHY else self.verdict
        return TimelinePoint(
            at, self.state, StoredCheck(at, sample_exchanges.V4, "here", verdict, is_deciding=True, rtt=rtt)
        )


class Past:
    """A store in `directory` that a test fills."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / STORE
        self._db = sqlite3.connect(self.path, isolation_level=None)
        schema.create_or_migrate(self._db)
        self._db.execute("BEGIN")

    def history(self) -> History:
        """Close the store, and open it for reading."""
        self._db.execute("COMMIT")
        self._db.close()
        return History(self.path, clock=lambda: NOW)

    def server(self, name: str, *spells: Spell) -> None:
        """Add a server with its periods, in order of time."""
        held = max_gap_s(300.0, 5.0)
        moments = [moment for spell in spells for moment in spell.moments()]
        last = moments[-1] if moments else TimelinePoint(NOW, PeriodState.UP)
        self._db.execute("INSERT INTO servers (name, entry, holds) VALUES (?, '{}', ?)", (name, held))
        self._db.execute(
            "INSERT INTO current VALUES (?, 0, ?, ?, ?, NULL, NULL, NULL, '{}', x'')",
            (self._id(name), last.at, last.state, last.at),
        )
        self._roll("minutes", name, roll(moments, held).items())
        self._roll("hours", name, roll(moments, held, length=HOUR).items())
        self._roll("days", name, roll(moments, held, length=DAY).items())
        for minute, group in groupby(moments, key=lambda moment: int(moment.at // MINUTE_S)):
            packed = pack(minute, list(group))
            self._db.execute("INSERT INTO packs VALUES (?, ?, ?)", (minute, self._id(name), packed))

    def incident(self, incident: Incident, *notes: Note) -> None:
        """Add an incident with its notes."""
        self._count_up()
        self._db.execute(
            f"INSERT INTO incidents VALUES ({', '.join('?' * 11)})",
            (
                incident.id,
                self._id(incident.server),
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
        for note in notes:
            self._db.execute(
                "INSERT INTO notes (incident, at, who, text) VALUES (?, ?, ?, ?)",
                (incident.id, note.at, note.who, note.text),
            )

    def exchange(self, outcome: Round, kind: str, incident: str | None = None) -> None:
        """Add the packets of a round."""
        check = outcome.check
        self._db.execute(
            "INSERT INTO exchanges (series, at, kind, verdict, incident, round) VALUES (?, ?, ?, ?, ?, ?)",
            (
                self._id(check.server),
                check.started_at,
                kind,
                outcome.diagnosis.verdict.slug,
                incident,
                record_codec.to_bytes(outcome),
            ),
        )

    def record_vantage(self, outcome: Round, number: int, *, packets: bool = True) -> None:
        """Add a round of another vantage, with or without its packets."""
        name = outcome.check.server
        report = VantageReport(outcome.check.vantage, "one", number, name, outcome)
        batch = Batch()
        batch.add_journal_rows(make_journal_rows(name, outcome, "down", NOW, report))
        if packets:
            sample = PacketSample(name, "failure", outcome, vantage=report.vantage)
            batch.exchanges.append(make_exchange_row(sample))
        batch.write(self._db, {name: self._id(name)}, NOW)

    def _count_up(self) -> None:
        """Bump the change counter, as the recorder does, so that readers reload incidents and notes."""
        self._db.execute(
            "INSERT INTO facts VALUES ('fleet_version', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
        )

    def _id(self, name: str) -> int:
        found = self._db.execute("SELECT id FROM servers WHERE name = ?", (name,)).fetchone()
        return int(found[0])

    def _roll(self, table: str, name: str, tallies: Iterable[tuple[int, Rollup]]) -> None:
        rows: Sequence[tuple[object, ...]] = [
            (number, self._id(name), *tally.to_row()) for number, tally in tallies
        ]
        self._db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * 11)})", rows)


def incident(
    name: str = "fra1",
    *,
    opened: float,
    closed: float | None = None,
    verdict: Verdict = Verdict.SILENT,
    severity: Severity = Severity.DOWN,
    flapping: bool = False,
    by: str = "",
    vantage: str = LOCAL_VANTAGE,
) -> Incident:
    """An incident in seconds before NOW, open unless closed; acknowledged by `by` after a minute."""
    return Incident(
        id=f"{name}-{opened:g}",
        server=name,
        vantage=vantage,
        opened_at=NOW - opened,
        closed_at=None if closed is None else NOW - closed,
        verdict=verdict,
        severity=severity,
        summary=verdict.meaning,
        flapping=flapping,
        acknowledged_at=NOW - opened + MINUTE if by else None,
        acknowledged_by=by,
    )


def bad_week(directory: Path) -> History:
    """A week of `fra1`: an outage on Friday, loss, a pause, a gap, and psk-mismatch for 12 min."""
    past = Past(directory)
    friday = 2.3 * DAY
    past.server(
        "fra1",
        Spell(7 * DAY, 5.2 * DAY),
        Spell(5.2 * DAY, 5 * DAY, lost_every=7),
        Spell(5 * DAY, friday),
        Spell(friday, friday - 2 * HOUR, PeriodState.DOWN, Verdict.SILENT, None),
        Spell(friday - 2 * HOUR, 1.5 * DAY),
        Spell(1.5 * DAY, 1.4 * DAY, PeriodState.PAUSED),
        Spell(1.4 * DAY, 1.1 * DAY, lost_every=30),
        Spell(0.9 * DAY, 4 * HOUR),
        Spell(4 * HOUR, 3.5 * HOUR, PeriodState.DEGRADED, Verdict.SLOW, 0.61),
        Spell(3.5 * HOUR, 2 * HOUR),
        Spell(2 * HOUR, 12 * MINUTE, every=60.0),
        Spell(12 * MINUTE, 0, PeriodState.DOWN, Verdict.PSK_MISMATCH, None, every=60.0),
    )
    past.server("lon3", Spell(2 * DAY, 0))
    past.server("ams2", Spell(2 * DAY, 0))
    down = incident(opened=12 * MINUTE, verdict=Verdict.PSK_MISMATCH)
    past.incident(down)
    slow = incident(
        opened=4 * HOUR, closed=3.5 * HOUR, verdict=Verdict.SLOW, severity=Severity.DEGRADED, flapping=True
    )
    past.incident(slow)
    past.incident(
        incident(opened=friday, closed=friday - 2 * HOUR, by="anna"),
        Note(NOW - friday + 90, "anna", "provider has a power cut"),
    )
    past.incident(incident("lon3", opened=1.2 * DAY, closed=1.19 * DAY, verdict=Verdict.PORT_CLOSED))
    past.exchange(sample_exchanges.round_of(sample_exchanges.data_passes(at=NOW - 12 * MINUTE - 60)), "good")
    for n in range(3):
        failed = sample_exchanges.psk_mismatch(at=NOW - (12 - n) * MINUTE)
        kind = "failure" if n else "change"
        past.exchange(sample_exchanges.round_of(failed), kind, down.id)
    return past.history()
