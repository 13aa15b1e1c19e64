"""Restore from the store: after a restart the engine continues from the last known state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.monitor.damping import from_json
from wgmon_tui.monitor.engine import LEFT_NOTE, Engine
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.monitor.incidents import Incident, IncidentEvent, close_incident
from wgmon_tui.monitor.known_state import KnownState
from wgmon_tui.monitor.quorum import VantageState
from wgmon_tui.store.formats.server_entry import server_from_entry
from wgmon_tui.store.history import History
from wgmon_tui.store.models import LastKnownState, Mute
from wgmon_tui.store.read.vantages import vantage_state_of
from wgmon_tui.store.write.batch import Pause


@dataclass(frozen=True, slots=True)
class ResumeState:
    """State from which the recorder continues.

    `failures` counts the incident's stored failures. `expiries` are the stored ends of certificates and keys.
    """

    verdict: Verdict | None
    incident: Incident | None
    failures: int
    pause: Pause | None
    mute: Mute | None
    expiries: tuple[Expires, ...] = ()


def restore(history: History, engine: Engine) -> Mapping[str, ResumeState]:
    """Restore the engine's servers from the store.

    Raises StoreUnavailableError.
    """
    restored, mutes, expiries = {}, history.mutes(), history.expiries()
    for name, known in history.current().items():
        server_state = engine.fleet_state.states.get(name)
        if server_state is None:
            continue
        pause = (
            None
            if known.paused_since is None
            else Pause(known.paused_since, known.paused_by, known.paused_until)
        )
        severity, since = known.state.severity, known.since
        if severity is Severity.PAUSED and not (pause or server_state.paused):
            severity, since = Severity.UNKNOWN, None  # paused in servers.toml before, and no longer
        mute = mutes.get(name)
        state = KnownState(
            severity=severity,
            since=since,
            damping=from_json(known.damping),
            samples=known.samples,
            verdict=known.verdict,
            checked_at=known.checked_at,
            port_monitor=known.port_monitor,
            port_monitor_at=known.port_monitor_at,
            incident=known.incident,
            paused=pause is not None,
            paused_by=pause.who if pause else "",
            paused_until=pause.until if pause else None,
            muted_until=mute.until if mute else None,
            muted_by=mute.who if mute else "",
        )
        engine.restore(name, state)
        failures = _failures(history, known)
        restored[name] = ResumeState(
            known.verdict, known.incident, failures, pause, mute, expiries.get(name, ())
        )
    engine.fleet_state.show_expiries(expiries)
    engine.fleet_state.show_node_reports(history.node_reports())
    _restore_last_answers(history, engine)
    _restore_vantages(history, engine)
    return restored


def _restore_last_answers(history: History, engine: Engine) -> None:
    """Restore when the servers that are down last answered, unless their keys have changed since.

    The others answer soon, or fail for the first time.
    """
    down = {
        name: server_state.server
        for name, server_state in engine.fleet_state.states.items()
        if server_state.damping.severity is Severity.DOWN
    }
    for each in history.entries() if down else ():
        present, stored = down.get(each.server), server_from_entry(each.server, each.entry)
        if present is None or stored is None or each.removed_at is not None:
            continue
        # The store has no preshared keys. A wrong one causes an answer that fails, not silence.
        is_same = present.public_key == stored.public_key
        if is_same and (good := history.last_good(each.server)):
            engine.restore_last_answer(each.server, good.round)


def _restore_vantages(history: History, engine: Engine) -> None:
    vantage_states: defaultdict[str, list[VantageState]] = defaultdict(list)
    for seen in history.vantage_states():
        if server_state := engine.fleet_state.states.get(seen.server):
            vantage_states[seen.server].append(vantage_state_of(seen, server_state.server))
    for name, of_server in vantage_states.items():
        engine.vantage_reports.restore(name, of_server)
    engine.vantage_reports.numbers.resume_from(history.last_reports())


def close_stale_incidents(
    history: History, engine: Engine, now: float
) -> list[tuple[ServerState, IncidentEvent]]:
    """Close incidents that the store has as open, of servers that left servers.toml or are now paused in it.

    They end as if this program had been running. Raises StoreUnavailableError.
    """
    states, found = engine.fleet_state.states, []
    entries = {each.server: each.entry for each in history.entries()}
    for incident in history.incidents(open_only=True, limit=None):
        name = incident.server
        if server_state := states.get(name):
            if server_state.paused:
                found += [
                    (server_state, event)
                    for event in engine.fleet_state.end_incident(name, now, note="paused")
                ]
        elif server := server_from_entry(name, entries.get(name, "")):
            found.append((ServerState(server), close_incident(incident, now, note=LEFT_NOTE)))
    return found


def _failures(history: History, known: LastKnownState) -> int:
    if known.incident is None:
        return 0
    kept = history.exchanges(known.server, known.incident.opened_at, incident=known.incident.id, limit=None)
    return sum(line.kind == "failure" for line in kept)
