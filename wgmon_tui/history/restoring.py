"""From the store back to the board: a program that starts again goes on where it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.diagnosis.verdict import Severity, Verdict
from wgmon_tui.history.batch import Pause
from wgmon_tui.history.elsewhere import sight_of
from wgmon_tui.history.entries import server_of
from wgmon_tui.history.reading import History
from wgmon_tui.history.records import Known, Mute
from wgmon_tui.monitor.board import Row
from wgmon_tui.monitor.damping import from_json
from wgmon_tui.monitor.engine import LEFT, Engine
from wgmon_tui.monitor.incidents import Event, Incident, ended
from wgmon_tui.monitor.sights import Sight


@dataclass(frozen=True, slots=True)
class Restored:
    """What the recorder goes on from. `failures` are those of the incident whose packets were kept."""

    verdict: Verdict | None
    incident: Incident | None
    failures: int
    pause: Pause | None
    mute: Mute | None


def restore(history: History, engine: Engine) -> Mapping[str, Restored]:
    """Tell the engine what the store knows of the servers that it watches.

    Raises StoreUnavailableError.
    """
    restored, mutes = {}, history.mutes()
    for name, known in history.current().items():
        row = engine.board.rows.get(name)
        if row is None:
            continue
        pause = None if known.paused_since is None else Pause(known.paused_since, known.paused_by)
        severity, since = known.state.severity, known.since
        if severity is Severity.PAUSED and not (pause or row.paused):
            severity, since = Severity.UNKNOWN, None  # servers.toml said so, and says so no more
        engine.restore(
            name,
            severity=severity,
            since=since,
            damping=from_json(known.damping),
            samples=known.samples,
            verdict=known.verdict,
            port_monitor=known.port_monitor,
            incident=known.incident,
            paused=pause is not None,
        )
        row.paused_by = pause.who if pause else ""
        mute = mutes.get(name)
        row.muted_until, row.muted_by = (mute.until, mute.who) if mute else (None, "")
        failures = _failures(history, known)
        restored[name] = Restored(known.verdict, known.incident, failures, pause, mute)
    _restore_sights(history, engine)
    return restored


def _restore_sights(history: History, engine: Engine) -> None:
    sights: defaultdict[str, list[Sight]] = defaultdict(list)
    for seen in history.seen_from():
        if row := engine.board.rows.get(seen.server):
            sights[seen.server].append(sight_of(seen, row.server))
    for name, of_server in sights.items():
        engine.elsewhere.restore(name, of_server)
    engine.elsewhere.go_on_from(history.reported())


def ended_meanwhile(history: History, engine: Engine, now: float) -> list[tuple[Row, Event]]:
    """The incidents that the store has as open, of servers that left servers.toml or are paused in it now.

    They end as they would have if this program had been running. Raises StoreUnavailableError.
    """
    rows, found = engine.board.rows, []
    entries = {each.server: each.entry for each in history.entries()}
    for incident in history.incidents(open_only=True, limit=None):
        name = incident.server
        if row := rows.get(name):
            if row.paused:
                found += [(row, event) for event in engine.board.end_incident(name, now, note="paused")]
        elif server := server_of(name, entries.get(name, "")):
            found.append((Row(server), ended(incident, now, note=LEFT)))
    return found


def _failures(history: History, known: Known) -> int:
    if known.incident is None:
        return 0
    kept = history.exchanges(known.server, known.incident.opened_at, incident=known.incident.id, limit=None)
    return sum(line.kind == "failure" for line in kept)
