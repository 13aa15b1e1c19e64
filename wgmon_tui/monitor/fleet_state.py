"""Current state of the fleet: one `ServerState` per server, written by the engine, read by every user
interface.

Readers poll `version` and call `apply_changes()`. There is no message per check, because ten thousand
messages a second would cost more than the checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.damping import Damping, DampingRules, next_damping, reset_keeping_severity
from wgmon_tui.monitor.freshness import LastCheck, read_elapsed
from wgmon_tui.monitor.incidents import (
    BROKEN,
    IncidentEvent,
    acknowledge_incident,
    close_incident,
    update_incident,
)
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import (
    VantageReport,
    VantageState,
    decide_quorum,
    disconnected,
    next_vantage_state,
    validity_s,
)
from wgmon_tui.monitor.server_state import ServerState

_MOST_LEFT = 1000
"""How many states of servers that left are kept, for those that return."""

__all__ = ["FleetState", "Round", "ServerState", "VantageChange"]


@dataclass(frozen=True, slots=True)
class VantageChange:
    """A server for which the reports of some `vantages` expired or were dropped.

    `changed` means that its severity or incident changed; `events` are the resulting incident events.
    """

    server_state: ServerState
    vantages: tuple[str, ...]
    changed: bool
    events: tuple[IncidentEvent, ...]


class FleetState:
    """All server states by name, and which of them changed since the last `apply_changes()`."""

    def __init__(self, servers: Iterable[Server] = ()) -> None:
        self.states: dict[str, ServerState] = {}
        self.version = 0
        """Changes with every change of any server state."""
        self.membership_version = 0
        """Changes when servers are added or removed."""
        self.vantages: tuple[str, ...] = ()
        """The other vantages that check these servers, in the order of config.toml."""
        self.quorum = 1
        """Number of vantages that must agree before a server counts as down."""
        self._dirty: set[str] = set()
        self._left: dict[str, ServerState] = {}
        self.replace(servers)

    def replace(self, servers: Iterable[Server]) -> None:
        """Replace the list of servers; those that stay keep their state.

        So do those that return unchanged, as after an undone deletion. A server whose entry changed keeps its
        state and its incident, but loses the results of earlier checks. A server with an open incident must
        not be removed before `end_incident`.
        """
        states: dict[str, ServerState] = {}
        for server in servers:
            server_state = self.states.get(server.name) or self._returning(server)
            if server_state.server != server:
                # Collected with other keys or at another address, or fixed by the change.
                server_state.carried_evidence, server_state.losses = {}, {}
                server_state.damping = server_state.damping_when_heard = reset_keeping_severity(
                    server_state.damping
                )
                for vantage_state in server_state.vantage_states.values():
                    server_state.vantage_states[vantage_state.vantage] = replace(
                        vantage_state, damping=reset_keeping_severity(vantage_state.damping)
                    )
            server_state.server = server
            states[server.name] = server_state
        self._left |= {name: gone for name, gone in self.states.items() if name not in states}
        for oldest in list(self._left)[:-_MOST_LEFT]:
            del self._left[oldest]
        self.states = states
        self.membership_version += 1
        self._dirty.intersection_update(states)
        for name in states:
            self.touch(name)

    def add(self, servers: Iterable[Server]) -> None:
        """Add servers to the list; those that it has already stay as they are."""
        added = {server.name: server for server in servers if server.name not in self.states}
        self.states |= {name: self._returning(server) for name, server in added.items()}
        self.membership_version += 1
        for name in added:
            self.touch(name)

    def clear(self) -> None:
        """Remove all servers, and forget their states."""
        self.replace(())
        self._left.clear()

    def _returning(self, server: Server) -> ServerState:
        """The state that a server had when it left, if its entry is the same; else a new one.

        What other vantages reported meanwhile is unknown, so that part starts anew.
        """
        left = self._left.pop(server.name, None)
        if left is None or left.server != server:
            return _new_server_state(server)
        if left.vantage_states:
            anew = _new_server_state(server)
            anew.samples = left.samples
            return anew
        return left

    def touch(self, name: str) -> None:
        """Mark a server state as changed."""
        self.version += 1
        self.states[name].version += 1
        self._dirty.add(name)

    def apply_changes(self) -> set[str]:
        """Return the names of servers changed since the last call. One screen calls it, on a timer."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def record(
        self, name: str, outcome: Round, now: float, *, counted: bool = True
    ) -> tuple[IncidentEvent, ...]:
        """Record a round that ended at the Unix time `now`, and return the resulting incident events.

        A round that is not `counted`, because the local uplink is in doubt, is shown and changes no state.
        """
        from wgmon_tui.monitor.carried_evidence import (
            carried_after,  # set at the first check: by then a screen is up
        )
        from wgmon_tui.monitor.loss_window import NO_CHECKS, with_check
        from wgmon_tui.monitor.name_moves import note_moved_name

        server_state = self.states.get(name)
        if server_state is None:
            return ()
        check, before = outcome.check, server_state.last
        severity = outcome.diagnosis.verdict.severity
        if severity is not Severity.UNKNOWN:
            measured = outcome.measured_check.handshake
            server_state.samples.add(measured.rtt if measured else None)
            server_state.losses = {
                each.address: with_check(server_state.losses.get(each.address, NO_CHECKS), each)
                for each in outcome.checks
            }
        for good, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True):
            if good.handshake and diagnosis.verdict.severity is not Severity.DOWN:
                server_state.last_good = good
                break
        server_state.last = outcome
        server_state.last_check = LastCheck(check.started_at, read_elapsed(), made_here=True)
        server_state.mark_fresh()
        if outcome.port_monitor:
            server_state.port_monitor, server_state.port_monitor_at = outcome.port_monitor, check.started_at
        server_state.carried_evidence = {
            each.address: carried_after(server_state.carried_evidence.get(each.address, ()), each)
            for each in outcome.checks
        }
        confirmed = before is not None and before.diagnosis.verdict is outcome.diagnosis.verdict
        events = _apply_damping(server_state, outcome, now, confirmed) if counted else ()
        if outcome.last_answer_at is not None:
            server_state.damping_when_heard = server_state.damping
        if server_state.vantage_states:
            events = self._apply_quorum(server_state, now, check.vantage if confirmed else None)
        self._refresh_severity(server_state, now)
        return (*events, *note_moved_name(server_state.incident, events, before, outcome, now))

    def count_doubted_round(self, name: str, now: float) -> tuple[IncidentEvent, ...]:
        """Count the last round of a server after all: another server answered, so the local uplink works."""
        server_state = self.states[name]
        events = (
            _apply_damping(server_state, server_state.last, now, confirmed=False) if server_state.last else ()
        )
        if server_state.vantage_states:
            events = self._apply_quorum(server_state, now)
        self._refresh_severity(server_state, now)
        return events

    def rejudge_last_round(self, name: str, outcome: Round, now: float) -> tuple[IncidentEvent, ...]:
        """Replace the last round of a server with the same checks, now blamed on the local uplink.

        Undoes what was counted since the server last answered, and ends an incident that resulted from it.
        """
        from wgmon_tui.monitor.loss_window import without_last_outage

        server_state = self.states[name]
        server_state.last = outcome
        server_state.losses = {
            address: without_last_outage(window) for address, window in server_state.losses.items()
        }
        server_state.damping = server_state.damping_when_heard
        self._update_quorum(server_state)
        state = server_state.quorum_result or server_state.damping  # other vantages see the server and decide
        forgiven = server_state.incident is not None and state.severity not in BROKEN
        events = self.end_incident(name, now, note=outcome.diagnosis.summary) if forgiven else ()
        self._refresh_severity(server_state, now)
        return events

    def pause(
        self, name: str, paused: bool, now: float, who: str = "", until: float | None = None
    ) -> tuple[IncidentEvent, ...]:
        """Pause or resume a server; `until` is the Unix time when the pause ends by itself.

        A pause ends its incident, and its state starts again on resume: after a time without checks the old
        state proves nothing.
        """
        server_state = self.states[name]
        server_state.paused, server_state.paused_by = paused, who if paused else ""
        server_state.paused_until = until if paused else None
        server_state.last_check = None
        server_state.mark_fresh()
        server_state.damping = server_state.damping_when_heard = Damping()
        for vantage_state in server_state.vantage_states.values():
            server_state.vantage_states[vantage_state.vantage] = replace(vantage_state, damping=Damping())
        server_state.quorum_result = None
        events = self.end_incident(name, now, who, "paused") if paused else ()
        self._refresh_severity(server_state, now)
        return events

    def record_report(self, report: VantageReport, now: float) -> tuple[IncidentEvent, ...]:
        """Record a round of another vantage, and return the resulting incident events."""
        server_state, vantage = self.states.get(report.server), report.vantage
        if server_state is None:
            return ()
        before = server_state.vantage_states.get(vantage)
        vantage_state = next_vantage_state(
            before, vantage, report.round, server_state.server, now, counted=not server_state.paused
        )
        server_state.vantage_states[vantage] = vantage_state
        if vantage_state.current:
            server_state.mark_fresh()
        confirmed = before is not None and before.verdict is vantage_state.verdict
        return self._update(server_state, now, vantage if confirmed else None)

    def restore_vantage_states(self, name: str, vantage_states: Iterable[VantageState], now: float) -> None:
        """Restore what other vantages reported before this program started. Each gets the time to report
        again.
        """
        server_state = self.states.get(name)
        if server_state is None:
            return
        valid_until = now + validity_s(server_state.server)
        restored = (
            vantage_state for vantage_state in vantage_states if vantage_state.vantage in self.vantages
        )
        self.show_sights(
            name, [replace(each, valid_until=max(each.valid_until, valid_until)) for each in restored]
        )

    def set_vantage_names(self, names: tuple[str, ...], quorum: int) -> None:
        """Set the names of the other vantages, and how many must agree."""
        self.membership_version += self.vantages != names  # screens have a column for each vantage
        self.vantages, self.quorum = names, quorum

    def show_sights(self, name: str, vantage_states: Iterable[VantageState]) -> None:
        """Replace all vantage states of a server, when another process decides on the quorum."""
        server_state = self.states[name]
        server_state.vantage_states = {
            vantage_state.vantage: vantage_state for vantage_state in vantage_states
        }
        self._update_quorum(server_state)
        self.touch(name)

    def mark_disconnected(self, vantage: str, now: float) -> None:
        """Record that the connection to a vantage is lost: its reports stay valid for a short time."""
        for server_state in self.states.values():
            if vantage_state := server_state.vantage_states.get(vantage):
                server_state.vantage_states[vantage] = disconnected(vantage_state, now)

    def expire_outdated(self, now: float) -> list[VantageChange]:
        """Drop reports that have expired, and return the affected servers."""
        found = []
        for server_state in self.states.values():
            if not server_state.vantage_states:
                continue
            old = [
                each
                for each in server_state.vantage_states.values()
                if each.current and now >= each.valid_until
            ]
            if old:
                server_state.vantage_states |= {each.vantage: replace(each, current=False) for each in old}
                found.append(self._drop_vantages(server_state, tuple(each.vantage for each in old), now))
        return found

    def set_vantages(self, vantages: Sequence[Vantage], quorum: int, now: float) -> list[VantageChange]:
        """Set the other vantages, the servers each one watches, and how many must agree.

        Returns the servers that a vantage no longer watches, and those affected by the new quorum.
        """
        changed = self.quorum != quorum
        self.set_vantage_names(tuple(vantage.name for vantage in vantages), quorum)
        by_name = {vantage.name: vantage for vantage in vantages}
        found = []
        for server_state in self.states.values():
            gone = tuple(
                name
                for name in server_state.vantage_states
                if name not in by_name or not by_name[name].covers(server_state.server)
            )
            for vantage in gone:
                del server_state.vantage_states[vantage]
            if gone or (server_state.vantage_states and changed):
                found.append(self._drop_vantages(server_state, gone, now))
        return found

    def mute(self, name: str, until: float | None, who: str = "") -> None:
        """Mute alerts for a server until a Unix time; `inf` means until unmuted, None unmutes."""
        server_state = self.states[name]
        server_state.muted_until, server_state.muted_by = until, who if until is not None else ""
        self.touch(name)

    def set_maintenance(self, name: str, maintenance: str | None) -> None:
        """Set the name of the active maintenance window of a server; None if there is none."""
        self.states[name].maintenance = maintenance
        self.touch(name)

    def end_incident(self, name: str, now: float, who: str = "", note: str = "") -> tuple[IncidentEvent, ...]:
        """End the open incident of a server, if any, for a reason other than recovery."""
        server_state = self.states[name]
        if server_state.incident is None:
            return ()
        event = close_incident(server_state.incident, now, who, note)
        server_state.incident = None
        self.touch(name)
        return (event,)

    def acknowledge(self, name: str, now: float, who: str, note: str = "") -> tuple[IncidentEvent, ...]:
        """Acknowledge the open incident of a server. Returns no event if nothing is new."""
        server_state = self.states[name]
        if server_state.incident is None or (server_state.incident.acknowledged_at is not None and not note):
            return ()
        event = acknowledge_incident(server_state.incident, now, who, note)
        server_state.incident = event.incident
        self.touch(name)
        return (event,)

    def totals(self) -> Counter[Severity]:
        """Return the number of servers in each severity."""
        return Counter(server_state.severity for server_state in self.states.values())

    def _drop_vantages(
        self, server_state: ServerState, vantages: tuple[str, ...], now: float
    ) -> VantageChange:
        before = server_state.severity
        events = self._update(server_state, now)
        return VantageChange(
            server_state, vantages, bool(events) or server_state.severity is not before, events
        )

    def _update(
        self, server_state: ServerState, now: float, confirmed_by: str | None = None
    ) -> tuple[IncidentEvent, ...]:
        events = self._apply_quorum(server_state, now, confirmed_by)
        self._refresh_severity(server_state, now)
        return events

    def _apply_quorum(
        self, server_state: ServerState, now: float, confirmed_by: str | None = None
    ) -> tuple[IncidentEvent, ...]:
        """Decide the quorum now, and update the incident.

        `confirmed_by` is the vantage whose round just repeated its verdict. A result made of several vantages
        needs no confirmation: it follows from settled states.
        """
        self._update_quorum(server_state)
        if server_state.quorum_result is None:
            return ()
        agreed = server_state.quorum_result
        damping = Damping(agreed.severity, flapping=agreed.flapping)
        check = (
            server_state.last.check
            if server_state.last
            else next(iter(server_state.vantage_states.values())).last.check
        )
        server_state.incident, event = update_incident(
            server_state.incident,
            damping,
            replace(check, vantage=",".join(agreed.vantages)),
            agreed.diagnosis,
            now,
            confirmed=agreed.source in ("", confirmed_by),
        )
        return (event,) if event else ()

    def _update_quorum(self, server_state: ServerState) -> None:
        views = server_state.views if server_state.vantage_states and not server_state.paused else ()
        server_state.quorum_result = decide_quorum(views, self.quorum, server_state.server)

    def _refresh_severity(self, server_state: ServerState, now: float) -> None:
        severity, stale_age = _severity_of(server_state), server_state.stale_age
        server_state.mark_fresh()
        if server_state.since is None or severity is not server_state.severity:
            server_state.severity = severity
            server_state.since = now
        if stale_age is not None:
            server_state.mark_stale(stale_age)
        self.touch(server_state.server.name)


def _apply_damping(
    server_state: ServerState, outcome: Round, now: float, confirmed: bool
) -> tuple[IncidentEvent, ...]:
    severity = outcome.diagnosis.verdict.severity
    if server_state.paused or severity is Severity.UNKNOWN:
        return ()
    server_state.damping = next_damping(
        server_state.damping, severity, DampingRules.of(server_state.server), now
    )
    if server_state.vantage_states:
        return ()  # all vantages together decide
    server_state.incident, event = update_incident(
        server_state.incident,
        server_state.damping,
        outcome.check,
        outcome.diagnosis,
        now,
        confirmed=confirmed,
    )
    return (event,) if event else ()


def _severity_of(server_state: ServerState) -> Severity:
    if server_state.paused:
        return Severity.PAUSED
    if server_state.quorum_result:
        return server_state.quorum_result.severity
    if server_state.last and server_state.last.diagnosis.verdict.severity is Severity.UNKNOWN:
        return Severity.UNKNOWN
    return server_state.damping.severity or Severity.UNKNOWN


def _new_server_state(server: Server) -> ServerState:
    severity = Severity.PAUSED if server.paused else Severity.UNKNOWN
    return ServerState(server, severity, paused=server.paused)
