"""Current state of the fleet: one `ServerState` per server, read by every user interface.

`FleetState` is the owner: the engine, the reports of other vantages, the store at a start, and a viewer that
follows the store all go through its methods.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.incidents import (
    BROKEN,
    Incident,
    IncidentEvent,
    acknowledge_incident,
    close_incident,
)
from wgmon_tui.monitor.known_state import KnownState, StoredPoint, apply_known_state, apply_stored_point
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import (
    VantageReport,
    VantageState,
    disconnected,
    next_vantage_state,
    validity_s,
)
from wgmon_tui.monitor.server_state import NO_VANTAGE_STATES, LastAnswer, ServerState, VantageChange
from wgmon_tui.monitor.server_states import ServerStates
from wgmon_tui.monitor.state_transitions import (
    JudgeQuorum,
    apply_damping,
    apply_presence,
    apply_quorum,
    refresh_severity,
    reset_vantage_states,
    update_quorum,
)

if TYPE_CHECKING:
    from wgmon_tui.checks.check import Check
    from wgmon_tui.monitor.node_reports import NodeReport
    from wgmon_tui.monitor.reported_nodes import ReportedNodes

__all__ = ["FleetState", "Round", "ServerState"]


class FleetState(ServerStates):
    """All server states by name. Only its methods change them: see tests/test_layers.py."""

    def __init__(self, servers: Iterable[Server] = ()) -> None:
        super().__init__(servers)
        self.vantages: tuple[str, ...] = ()
        """The other vantages that check these servers, in the order of config.toml."""
        self.quorum = 1
        """Number of vantages that must agree before a server counts as down."""
        self.node_reports_version = 0
        """Changes with every report of a control plane."""
        self._reported_nodes: ReportedNodes | None = None

    def record(
        self, name: str, outcome: Round, now: float, *, counted: bool = True
    ) -> tuple[IncidentEvent, ...]:
        """Record a round that ended at the Unix time `now`, and return the resulting incident events.

        A round that is not `counted`, because the local uplink is in doubt, is shown and changes no state.
        """
        from wgmon_tui.monitor.round_intake import note_moved_name, take_round  # not before the first check

        server_state = self._states.get(name)
        if server_state is None:
            return ()
        check, before = outcome.check, server_state.last
        take_round(server_state, outcome)
        confirmed = before is not None and before.diagnosis.verdict is outcome.diagnosis.verdict
        events = apply_damping(server_state, outcome, now, confirmed=confirmed) if counted else ()
        has_changed = server_state.damping_when_heard is not server_state.damping
        if has_changed and outcome.last_answer_at is not None:
            server_state.damping_when_heard = server_state.damping
        if server_state.vantage_states:
            events = self._apply_quorum(server_state, now, check.vantage if confirmed else None)
        self._refresh_severity(server_state, now)
        return (*events, *note_moved_name(server_state.incident, events, before, outcome, now))

    def count_doubted_round(self, name: str, now: float) -> tuple[IncidentEvent, ...]:
        """Count the last round of a server after all: another server answered, so the local uplink works."""
        server_state = self._states[name]
        events = (
            apply_damping(server_state, server_state.last, now, confirmed=False) if server_state.last else ()
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

        server_state = self._states[name]
        server_state.last = outcome
        server_state.losses = tuple(
            (address, without_last_outage(window)) for address, window in server_state.losses
        )
        server_state.damping = server_state.damping_when_heard
        update_quorum(server_state, self.quorum, self._judge_at(now))
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
        from wgmon_tui.monitor.expiries import without_subscriptions

        server_state = self._states[name]
        if paused:  # another server of the subscription takes over
            server_state.expiries = without_subscriptions(server_state.expiries)
        server_state.paused, server_state.paused_by = paused, who if paused else ""
        server_state.paused_until = until if paused else None
        server_state.last_check = None
        server_state.mark_fresh()
        server_state.damping = server_state.damping_when_heard = Damping()
        reset_vantage_states(server_state, lambda _: Damping())
        server_state.quorum_result = None
        events = self.end_incident(name, now, who, "paused") if paused else ()
        self._refresh_severity(server_state, now)
        return events

    def record_report(self, report: VantageReport, now: float) -> tuple[IncidentEvent, ...]:
        """Record a round of another vantage, and return the resulting incident events."""
        server_state, vantage = self._states.get(report.server), report.vantage
        if server_state is None:
            return ()
        before = server_state.vantage_states.get(vantage)
        vantage_state = next_vantage_state(
            before, vantage, report.round, server_state.server, now, counted=not server_state.paused
        )
        server_state.vantage_states = {**server_state.vantage_states, vantage: vantage_state}
        if vantage_state.current:
            server_state.mark_fresh()
        confirmed = before is not None and before.verdict is vantage_state.verdict
        return self._update(server_state, now, vantage if confirmed else None)

    # States that an earlier run or another process stored

    def restore(self, name: str, known: KnownState) -> ServerState | None:
        """Restore the stored state of a server before its first check; None if that is over.

        A server that is paused in servers.toml stays so. An open incident continues under the same id.
        """
        server_state = self._states.get(name)
        if server_state is None or server_state.last is not None:
            return None
        self.show_known(name, replace(known, paused=known.paused or server_state.paused))
        return server_state

    def show_known(self, name: str, known: KnownState) -> None:
        """Replace the state of a server by what another process has stored."""
        if server_state := self._states.get(name):
            apply_known_state(server_state, known)
            self.touch(name)

    def show_point(self, name: str, point: StoredPoint, *, keep_round: bool) -> None:
        """Continue with what another process has stored. `keep_round` keeps a last round with packets."""
        apply_stored_point(self._states[name], point, keep_round=keep_round)
        self.touch(name)

    def show_incidents(self, open_now: Mapping[str, Incident]) -> None:
        """Replace the open incidents of all servers, by server."""
        for name, server_state in self._states.items():
            incident = open_now.get(name)
            if server_state.incident == incident:
                continue
            server_state.incident = incident
            server_state.damping = replace(
                server_state.damping, flapping=incident is not None and incident.flapping
            )
            self.touch(name)

    def show_expiries(self, expiries: Mapping[str, tuple[Expires, ...]]) -> None:
        """Replace the ends of certificates and keys of all servers by what is stored."""
        for name, server_state in self._states.items():
            if server_state.expiries != expiries.get(name, ()):
                server_state.expiries = expiries.get(name, ())
                self.touch(name)

    def show_node_reports(self, reports: Mapping[str, NodeReport]) -> None:
        """Replace what all control planes reported of their nodes by what is stored."""
        for name, server_state in self._states.items():
            if server_state.node_report != reports.get(name):
                server_state.node_report = reports.get(name)
                self.node_reports_version += 1
                self._note_presence(name)
                self.touch(name)

    def show_packets(self, name: str, *, last: Round | None = None, last_good: Check | None = None) -> None:
        """Show a last round or a last good check with packets that another process has."""
        if server_state := self._states.get(name):
            server_state.last = last or server_state.last
            server_state.last_good = last_good or server_state.last_good
            self.touch(name)

    def record_answer(self, name: str, answer: LastAnswer) -> None:
        """Record when and with which keys a server last answered."""
        self._states[name].last_answer = answer

    def record_node_report(self, name: str, report: NodeReport) -> None:
        """Record what a control plane reported of its nodes."""
        if server_state := self._states.get(name):
            server_state.node_report = report
            self.node_reports_version += 1
            self._note_presence(name)
            self.touch(name)

    def replace(self, servers: Iterable[Server]) -> None:
        """Replace the list of servers; new nodes have what their control plane reported before."""
        super().replace(servers)
        for name in [name for name, each in self._states.items() if each.node_report]:
            self._note_presence(name)

    def _note_presence(self, plane: str) -> None:
        for name in apply_presence(self._states, plane):
            self.touch(name)

    def drop_experiments(self, name: str) -> None:
        """Forget what experiments found about a server, before they are made again."""
        from wgmon_tui.monitor.carried_evidence import without_experiments

        server_state = self._states[name]
        server_state.carried_evidence = without_experiments(server_state.carried_evidence)

    # Other vantages

    def restore_vantage_states(self, name: str, vantage_states: Iterable[VantageState], now: float) -> None:
        """Restore what other vantages reported before this program started.

        Each gets the time to report again.
        """
        server_state = self._states.get(name)
        if server_state is None:
            return
        valid_until = now + validity_s(server_state.server)
        restored = (
            vantage_state for vantage_state in vantage_states if vantage_state.vantage in self.vantages
        )
        self.show_vantage_states(
            name, [replace(each, valid_until=max(each.valid_until, valid_until)) for each in restored]
        )

    def set_vantage_names(self, names: tuple[str, ...], quorum: int) -> None:
        """Set the names of the other vantages, and how many must agree."""
        self.membership_version += self.vantages != names  # screens have a column for each vantage
        self.vantages, self.quorum = names, quorum

    def show_vantage_states(
        self, name: str, vantage_states: Iterable[VantageState], home: Damping | None = None
    ) -> None:
        """Replace all vantage states of a server; `home` is the damping state of the writer's own checks."""
        server_state = self._states[name]
        server_state.damping = home or server_state.damping
        server_state.vantage_states = {
            vantage_state.vantage: vantage_state for vantage_state in vantage_states
        } or NO_VANTAGE_STATES
        update_quorum(server_state, self.quorum, self._judge_at(time.time()))
        self.touch(name)

    def mark_disconnected(self, vantage: str, now: float) -> None:
        """Record that the connection to a vantage is lost: its reports stay valid for a short time."""
        for server_state in self._states.values():
            if vantage_state := server_state.vantage_states.get(vantage):
                server_state.vantage_states = {
                    **server_state.vantage_states,
                    vantage: disconnected(vantage_state, now),
                }

    def expire_outdated(self, now: float) -> list[VantageChange]:
        """Drop reports that have expired, and return the affected servers."""
        found = []
        for server_state in self._states.values():
            if not server_state.vantage_states:
                continue
            old = [
                each
                for each in server_state.vantage_states.values()
                if each.current and now >= each.valid_until
            ]
            if old:
                server_state.vantage_states = {
                    **server_state.vantage_states,
                    **{each.vantage: replace(each, current=False) for each in old},
                }
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
        for server_state in self._states.values():
            gone = tuple(
                name
                for name in server_state.vantage_states
                if name not in by_name or not by_name[name].covers(server_state.server)
            )
            if gone:
                kept = {name: each for name, each in server_state.vantage_states.items() if name not in gone}
                server_state.vantage_states = kept or NO_VANTAGE_STATES
            if gone or (server_state.vantage_states and changed):
                found.append(self._drop_vantages(server_state, gone, now))
        return found

    def mute(self, name: str, until: float | None, who: str = "") -> None:
        """Mute alerts for a server until a Unix time; `inf` means until unmuted, None unmutes."""
        server_state = self._states[name]
        server_state.muted_until, server_state.muted_by = until, who if until is not None else ""
        self.touch(name)

    def set_maintenance(self, name: str, maintenance: str | None) -> None:
        """Set the name of the active maintenance window of a server; None if there is none."""
        self._states[name].maintenance = maintenance
        self.touch(name)

    def end_incident(self, name: str, now: float, who: str = "", note: str = "") -> tuple[IncidentEvent, ...]:
        """End the open incident of a server, if any, for a reason other than recovery."""
        server_state = self._states[name]
        if server_state.incident is None:
            return ()
        event = close_incident(server_state.incident, now, who, note)
        server_state.incident = None
        self.touch(name)
        return (event,)

    def acknowledge(self, name: str, now: float, who: str, note: str = "") -> tuple[IncidentEvent, ...]:
        """Acknowledge the open incident of a server. Returns no event if nothing is new."""
        server_state = self._states[name]
        if server_state.incident is None or (server_state.incident.acknowledged_at is not None and not note):
            return ()
        event = acknowledge_incident(server_state.incident, now, who, note)
        server_state.incident = event.incident
        self.touch(name)
        return (event,)

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
        return apply_quorum(server_state, self.quorum, now, confirmed_by, judge=self._judge_at(now))

    def _judge_at(self, now: float) -> JudgeQuorum | None:
        """How control planes are heard beside the vantages; None if there is no report."""
        if not self.node_reports_version:
            return None
        from wgmon_tui.monitor.reported_nodes import ReportedNodes  # of fleets with a control plane alone

        self._reported_nodes = self._reported_nodes or ReportedNodes(self)
        return partial(self._reported_nodes.judge_agreed, now=now)

    def _refresh_severity(self, server_state: ServerState, now: float) -> None:
        refresh_severity(server_state, now)
        self.touch(server_state.server.name)
