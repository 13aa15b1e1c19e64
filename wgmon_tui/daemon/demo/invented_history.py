"""Invented history for the demo: thirty days of its servers, in a new store.

A table lists the latency, the incidents and the notes of each server. From it this module computes the
rollups that checks every ten seconds would have left, the incidents with their notes, and the current state.
Packets are not invented. The same servers at the same time always get the same history.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import cos, isnan, log, nan, pi
from pathlib import Path
from random import Random

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.lab.demo_fleet import DEMO_SERVERS
from wgmon_tui.monitor.damping import Damping, as_json
from wgmon_tui.monitor.incidents import Incident, VerdictChange
from wgmon_tui.monitor.rtt_window import CAPACITY
from wgmon_tui.store.formats.minute_block import pack_samples
from wgmon_tui.store.formats.quantile_sketch import ERROR, QuantileSketch
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.store.maintenance.rollups import COLUMNS, DAY_S, HOUR_S, MINUTE_S, Rollup, max_gap_s, split
from wgmon_tui.store.models import Note, PeriodState
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.write.batch import Batch, StoredServer

_SPAN_S = 30 * DAY_S
_MINUTES_S = 3 * HOUR_S
"""How far back there are minute rollups; before that, only hours. Few minutes keep the demo's start fast."""

_CHECKED_EVERY_S = 10.0
_VANTAGE = "local"
_FIRST_S = 40.0
"""How long the first verdict of an incident lasts, if it is another one."""

_USUAL_LOSS = 0.0003
"""The share of lost checks of a healthy server."""

_SLOW_SHARE = 0.025
"""The share of answers that are much slower than the others."""

_BUSIEST_S = 20 * HOUR_S
"""The time of the highest load, in seconds since midnight UTC."""

_BUCKET = log((1 + ERROR) / (1 - ERROR))
"""The logarithm of the ratio between two buckets of a sketch."""

_MAX_FEW_CHECKS, _VARIANTS = 12, 12
_ALL = "*"


@dataclass(frozen=True, slots=True)
class Episode:
    """A period when a server was not healthy.

    `began` is in seconds before now, `lasted` in seconds; without `lasted` it is ongoing. `lost` is the share
    of lost checks. `rtt_factor` multiplies the RTT. A period without checks has a `state` and no verdict; one
    with neither is a gap in the history. `first` is the verdict of its beginning, if it was another one.
    """

    server: str
    began: float
    lasted: float | None
    verdict: Verdict | None = None
    note: str = ""
    who: str = ""
    lost: float = 1.0
    rtt_factor: float = 1.0
    flapping: bool = False
    state: PeriodState | None = None
    first: Verdict | None = None

    @property
    def recorded_state(self) -> PeriodState | None:
        """The state its time counts as; None for a gap in the history."""
        return PeriodState(self.verdict.severity.word) if self.verdict else self.state

    def ended(self, now: float) -> float:
        """The Unix time of its end; `now` if it is ongoing."""
        return now if self.lasted is None else now - self.began + self.lasted


def _seconds_ago(days: float = 0.0, hours: float = 0.0, minutes: float = 0.0) -> float:
    return days * DAY_S + hours * HOUR_S + minutes * MINUTE_S


_MIN, _HOUR = MINUTE_S, HOUR_S

EPISODES = (
    # Ongoing: the lab breaks these servers too.
    Episode("waw1-branch", _seconds_ago(hours=2.3, minutes=8), None, Verdict.PSK_MISMATCH,
            "their new router has the old preshared key, Piotr is on his way", "anna"),
    Episode("mad1-branch", _seconds_ago(days=1, hours=2, minutes=45), None, Verdict.WRONG_SERVER_KEY,
            "new key was announced for the 1st, we were not told that it came early", "ben"),
    Episode("sto1-office", _seconds_ago(minutes=47), None, Verdict.PEER_MISSING),
    Episode("mum1-relay", _seconds_ago(days=5, hours=5, minutes=21), None, Verdict.DATA_DEAD,
            "AllowedIPs lost in their migration, ticket 48213", "anna", lost=0.0),
    Episode("jnb1-edge", _seconds_ago(hours=9.4, minutes=49), None, Verdict.NOT_WIREGUARD),
    # Ended.
    Episode("blr1-core", _seconds_ago(hours=1.1, minutes=25), 7 * _MIN, Verdict.SILENT, flapping=True),
    Episode("blr1-core", _seconds_ago(days=1, hours=6, minutes=38), 23 * _MIN, Verdict.SILENT),
    Episode("blr1-core", _seconds_ago(days=3, hours=15, minutes=42), 2.4 * _HOUR, Verdict.SILENT,
            "upstream fibre cut, provider confirms", "chandra", first=Verdict.LOSSY),
    Episode("blr1-core", _seconds_ago(days=8, hours=7, minutes=31), 41 * _MIN, Verdict.UNREACHABLE),
    Episode("syd1-relay", _seconds_ago(hours=4.2, minutes=48), 1.3 * _HOUR, Verdict.LOSSY,
            lost=0.3, rtt_factor=1.1),
    Episode("syd1-relay", _seconds_ago(days=1, hours=3.6, minutes=41), 1.9 * _HOUR, Verdict.LOSSY,
            lost=0.24, rtt_factor=1.1),
    Episode("syd1-relay", _seconds_ago(days=2, hours=4, minutes=47), 2.6 * _HOUR, Verdict.LOSSY,
            "every evening: the transit is full, moving to the other one", "ben", lost=0.35, rtt_factor=1.2),
    Episode("syd1-relay", _seconds_ago(days=4, hours=3.1, minutes=4), 1.2 * _HOUR, Verdict.LOSSY,
            lost=0.2, rtt_factor=1.1),
    Episode("sfo2-gw", _seconds_ago(hours=20, minutes=3), 3.2 * _HOUR, Verdict.SLOW,
            "backup ran into the day", "anna", first=Verdict.LOSSY, lost=0.004, rtt_factor=3.6),
    Episode("sfo2-gw", _seconds_ago(days=6, hours=20, minutes=19), 2.7 * _HOUR, Verdict.SLOW,
            lost=0.004, rtt_factor=3.2),
    Episode("tor1-edge", _seconds_ago(days=2, hours=9, minutes=28), 36 * _MIN, Verdict.UNDER_LOAD,
            "flood of initiations from three networks", "chandra", lost=0.02, rtt_factor=1.5),
    Episode("lon1-gw", _seconds_ago(days=1, hours=12, minutes=43), 12 * _MIN, Verdict.PORT_CLOSED,
            "kernel update", "ben"),
    Episode("lon1-gw", _seconds_ago(days=9, hours=2, minutes=15), 18 * _MIN, Verdict.PORT_CLOSED),
    Episode("fra1-edge", _seconds_ago(days=6, hours=10.5, minutes=39), 34 * _MIN, Verdict.UNREACHABLE,
            "power feed A failed in the hall", "anna"),
    Episode("fra2-edge", _seconds_ago(days=6, hours=10.5, minutes=39), 52 * _MIN, Verdict.UNREACHABLE,
            "power feed A failed in the hall", "anna"),
    Episode("fra1-edge", _seconds_ago(days=3, hours=1, minutes=22), 3.5 * _HOUR, Verdict.MTU_BLACKHOLE,
            "PPPoE line without MSS clamping", "ben", lost=0.0),
    Episode("nyc3-gw", _seconds_ago(days=4, hours=7, minutes=33), 16 * _MIN, Verdict.SILENT),
    Episode("gru1-relay", _seconds_ago(days=13, hours=5, minutes=16), 5.5 * _HOUR, Verdict.SILENT),
    Episode("ams3-gw", _seconds_ago(days=2, hours=20, minutes=23), 3 * _HOUR, state=PeriodState.PAUSED),
    Episode("sto1-office", _seconds_ago(days=5, hours=16, minutes=17), 6 * _HOUR, state=PeriodState.PAUSED),
    Episode(_ALL, _seconds_ago(days=2, hours=14, minutes=7), 50 * _MIN, state=PeriodState.UNKNOWN),
    Episode(_ALL, _seconds_ago(days=10, hours=18, minutes=8), 25 * _MIN, state=PeriodState.UNKNOWN),
    Episode(_ALL, _seconds_ago(days=5, hours=1.5, minutes=45), 3.3 * _HOUR),
)  # fmt: skip

_LATENCIES = {character.name: character.behaviour.latency for character in DEMO_SERVERS}
"""The latency of each server, in seconds."""

_TimelinePiece = tuple[float, float, Episode | None]
"""Start, end and episode of a part of a timeline."""


_ROLLUPS = {
    table: f"INSERT INTO {table} ({column}, series, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    for table, column in (("minutes", "minute"), ("hours", "hour"), ("days", "day"))
}


def invent_present(state_dir: Path, servers: Sequence[Server], now: float) -> None:
    """Write current states and incidents into the store of an empty state directory: a tenth of the work.

    Raises StoreUnavailableError and sqlite3.Error.
    """
    with _open_transaction(state_dir) as connection:
        ids = _incidents(servers, now).write(connection, {}, now)
        for server in servers:
            _write_current(connection, ids[server.name], server, now)


def invent_rollups(state_dir: Path, servers: Sequence[Server], now: float) -> None:
    """Write thirty days of rollups, after `invent_present` and before the first check.

    Raises the same as `invent_present`.
    """
    rollups = {server.name: _rollups(server, now) for server in servers}
    with _open_transaction(state_dir) as connection:
        for name, number in connection.execute("SELECT name, id FROM servers").fetchall():
            for table, by_period in rollups[name].items():
                connection.executemany(
                    _ROLLUPS[table],
                    ((period, number, *tally.to_row()) for period, tally in by_period.items()),
                )


@contextmanager
def _open_transaction(state_dir: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_store(state_dir).connection) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            yield connection


def _incidents(servers: Sequence[Server], now: float) -> Batch:
    """The servers, incidents and notes."""
    fleet = {
        each.name: StoredServer(server_to_entry(each), max_gap_s(each.interval, each.timeout))
        for each in servers
    }
    batch = Batch(fleet=fleet)
    names = {server.name for server in servers}
    for number, episode in enumerate(EPISODES):
        if episode.verdict is None or episode.server not in names:
            continue
        incident = _incident(f"{number:016x}", episode, episode.verdict, now)
        batch.incidents[incident.id] = incident
        if episode.note:
            noted_at = (incident.acknowledged_at or now) + 8.0
            batch.notes.append((incident.id, Note(noted_at, episode.who, episode.note)))
    return batch


def _incident(number: str, episode: Episode, verdict: Verdict, now: float) -> Incident:
    began = now - episode.began
    closed_at = None if episode.lasted is None else began + episode.lasted
    seen_after = 90.0 + 0.2 * (episode.lasted or HOUR_S)
    return Incident(
        id=number,
        server=episode.server,
        vantage=_VANTAGE,
        opened_at=began,
        verdict=verdict,
        severity=verdict.severity,
        summary=verdict.meaning,
        closed_at=closed_at,
        flapping=episode.flapping,
        acknowledged_at=began + seen_after if episode.who else None,
        acknowledged_by=episode.who,
        verdicts=tuple(
            VerdictChange(at, each, each.meaning)
            for at, each in _verdicts(episode, verdict, began, closed_at)
        ),
    )


def _verdicts(
    episode: Episode, verdict: Verdict, began: float, closed_at: float | None
) -> Iterator[tuple[float, Verdict]]:
    """The sequence of verdicts of an incident, with their times."""
    if episode.first:
        yield began, episode.first
    yield (began + _FIRST_S if episode.first else began), verdict
    if closed_at is not None:
        if episode.flapping:
            yield began + 0.3 * (closed_at - began), Verdict.HEALTHY
            yield began + 0.4 * (closed_at - began), verdict
        yield closed_at, Verdict.HEALTHY


def _rollups(server: Server, now: float) -> dict[str, dict[int, Rollup]]:
    """The rollups by table and period."""
    rtt_model = _RttModel(server)
    timeline = list(_timeline(server.name, now))
    recent_from = (now - _MINUTES_S) // HOUR_S * HOUR_S
    minutes = _make_rollups(timeline, recent_from, now, MINUTE_S, rtt_model)
    hours = _make_rollups(timeline, now - _SPAN_S, recent_from, HOUR_S, rtt_model) | _group_periods(
        minutes, 60
    )
    return {"minutes": minutes, "hours": hours, "days": _group_periods(hours, 24)}


def _write_current(connection: sqlite3.Connection, number: int, server: Server, now: float) -> None:
    """Write the current state, as if the last checks all had the same result."""
    rtt_model = _RttModel(server)
    episodes = [each for each in EPISODES if each.server == server.name]
    ongoing = next((each for each in episodes if each.lasted is None), None)
    since = (
        now - ongoing.began if ongoing else max((each.ended(now) for each in episodes), default=now - _SPAN_S)
    )
    verdict = ongoing.verdict if ongoing and ongoing.verdict else Verdict.HEALTHY
    damping = Damping(verdict.severity, (verdict.severity,) * 3)
    samples = [nan if ongoing and ongoing.lost == 1.0 else rtt_model.draw_rtt() for _ in range(CAPACITY)]
    connection.execute(
        "INSERT INTO current (series, as_of, accounted_to, state, since, verdict, rtt, damping, samples)"
        " VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            now,
            verdict.severity.word,
            since,
            verdict.slug,
            None if isnan(samples[-1]) else samples[-1],
            as_json(damping),
            pack_samples(samples),
        ),
    )


def _timeline(name: str, now: float) -> Iterator[_TimelinePiece]:
    """The timeline of a server until now. Of simultaneous episodes, the last one in the table applies."""
    episodes = [each for each in EPISODES if each.server in (name, _ALL)]
    borders = {
        now - _SPAN_S,
        now,
        *(now - each.began for each in episodes),
        *(each.ended(now) for each in episodes),
    }
    for start, end in pairwise(sorted(borders)):
        active = [each for each in episodes if now - each.began <= start < each.ended(now)]
        yield start, end, active[-1] if active else None


def _make_rollups(
    timeline: Iterable[_TimelinePiece], since: float, until: float, length: float, rtt_model: _RttModel
) -> dict[int, Rollup]:
    """The rollups that checks between two times would have left, by minute or hour."""
    found: dict[int, Rollup] = {}
    for start, end, episode in timeline:
        state = episode.recorded_state if episode else PeriodState.UP
        if state is None:
            continue
        for number, seconds in split(max(start, since), min(end, until), length):
            rollup = Rollup()
            rollup.add_time(state, seconds)
            if state not in (PeriodState.PAUSED, PeriodState.UNKNOWN):
                rollup.checks = max(1, round(seconds / _CHECKED_EVERY_S))
                rollup.lost = rtt_model.lost(rollup.checks, episode)
                if rollup.lost < rollup.checks:
                    rollup.sketch = rtt_model.sketch(number * length, rollup.checks, episode)
            if number in found:
                found[number].merge(rollup)
            else:
                found[number] = rollup
    return found


def _group_periods(by_period: Mapping[int, Rollup], in_each: int) -> dict[int, Rollup]:
    """Merge minutes into hours, or hours into days."""
    grouped: defaultdict[int, Rollup] = defaultdict(Rollup)
    for number, tally in by_period.items():
        grouped[number // in_each].merge(tally)
    return grouped


class _RttModel:
    """RTT model of a server: most answers take little more than its latency, a few much more."""

    def __init__(self, server: Server) -> None:
        self._latency = _LATENCIES.get(server.name, 0.02)
        self._random = Random(server.name)  # noqa: S311 - no secret

    @cached_property
    def _small_sketches(self) -> list[QuantileSketch]:
        return [self._make_sketch(6) for _ in range(_VARIANTS)]

    @cached_property
    def _large_sketches(self) -> list[QuantileSketch]:
        return [self._make_sketch(24) for _ in range(_VARIANTS)]

    def draw_rtt(self) -> float:
        """Draw one round-trip time, in seconds."""
        random = self._random
        tail = random.expovariate(4.0) if random.random() < _SLOW_SHARE else 0.0
        return self._latency * (1.02 + abs(random.gauss(0.0, 0.03)) + tail)

    def sketch(self, at: float, checks: int, episode: Episode | None) -> QuantileSketch:
        """The RTT sketch of a number of checks at a time of day; RTTs are higher in the evening."""
        busy = 1.0 + 0.18 * max(0.0, cos((at % DAY_S - _BUSIEST_S) / DAY_S * 2 * pi)) ** 2
        factor = busy * (episode.rtt_factor if episode else 1.0)
        shift = round((log(factor) + self._random.gauss(0.0, 0.015)) / _BUCKET)
        usual = self._random.choice(
            self._small_sketches if checks <= _MAX_FEW_CHECKS else self._large_sketches
        )
        return QuantileSketch({bucket + shift: count for bucket, count in usual.counts.items()})

    def lost(self, checks: int, episode: Episode | None) -> int:
        """How many of `checks` checks were lost."""
        return int(checks * (episode.lost if episode else _USUAL_LOSS) + self._random.random() * 0.999)

    def _make_sketch(self, count: int) -> QuantileSketch:
        sketch = QuantileSketch()
        for _ in range(count):
            sketch.add(self.draw_rtt())
        return sketch
