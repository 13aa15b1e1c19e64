"""Finds the node of a control plane that a server of the fleet is, and judges both reports on it together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import NodeIndex, NodeReport, index_nodes
from wgmon_tui.monitor.node_verdict import ReportedNode, judge_node
from wgmon_tui.monitor.quorum import QuorumResult, validity_s
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.monitor.fleet_state import FleetState


@dataclass(frozen=True, slots=True)
class KnownReports:
    """Control planes and their last reports, by name."""

    planes: Mapping[str, Server] = field(default_factory=dict)
    reports: Mapping[str, NodeReport] = field(default_factory=dict)
    index: NodeIndex = field(default_factory=lambda: index_nodes({}))

    @classmethod
    def of(cls, planes: Mapping[str, Server], reports: Mapping[str, NodeReport]) -> KnownReports:
        """Read the reports of these control planes."""
        known = {name: each for name, each in reports.items() if name in planes}
        return cls(planes, known, index_nodes(known))

    def judge_round(self, server: Server, outcome: Round, now: float) -> Round:
        """Judge a round by what a control plane reported of its server too."""
        if not self.index.by_id or server.name in self.reports:
            return outcome
        diagnoses = tuple(
            judge_node(diagnosis, reported, now) if reported else diagnosis
            for check, diagnosis in zip(outcome.checks, outcome.diagnoses, strict=True)
            for reported in (self.find(server, check, now),)
        )
        return replace(outcome, diagnoses=diagnoses)

    def find(self, server: Server, check: Check, now: float) -> ReportedNode | None:
        """The node that the server of a check is; None if it is none."""
        found = self.index.find(server, str(check.address))
        if found is None:
            return None
        plane, reported = self.planes[found[0]], self.reports[found[0]]
        commands = find_protocol(plane.protocol).node_commands
        if commands is None:
            return None
        node, age_s = reported.report.nodes[found[1]], now - reported.at
        is_current = age_s <= validity_s(plane)
        return ReportedNode(
            found[0],
            node,
            max(0.0, age_s),
            is_current,
            commands,
            by_key=node.public_key == str(server.public_key),
            relay=next(
                (each for each in reported.report.relays if node.relay and each.name == node.relay), None
            ),
            peer=next((each for each in check.evidence if isinstance(each, MeshPeer)), None),
        )


class ReportedNodes:
    """The reports of all control planes of a fleet, as they are now."""

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self._seen = (-1, -1)
        self._known = KnownReports()

    def judge(self, server_state: ServerState, outcome: Round, now: float) -> Round:
        """Judge a round by what a control plane reported of its server too.

        Where other vantages check the server, what all agree on is judged: see `judge_agreed`.
        """
        if server_state.node_report or server_state.vantage_states:
            return outcome
        return self._current.judge_round(server_state.server, outcome, now)

    def judge_agreed(self, server_state: ServerState, agreed: QuorumResult, *, now: float) -> QuorumResult:
        """Judge what the vantages agree on by what a control plane reported too.

        Vantages that disagree say more than a control plane, and their verdict stays.
        """
        check = _last_check(server_state)
        if server_state.node_report or check is None:
            return agreed
        reported = self._current.find(server_state.server, check, now)
        if reported is None:
            return agreed
        diagnosis: Diagnosis = judge_node(agreed.diagnosis, reported, now)
        is_degraded = diagnosis.verdict is Verdict.FORGOTTEN and agreed.severity is Severity.UP
        severity = Severity.DEGRADED if is_degraded else agreed.severity
        return replace(agreed, diagnosis=diagnosis, severity=severity)

    @property
    def _current(self) -> KnownReports:
        """The reports, read again if any has changed, or a server has come or gone."""
        version = self._fleet_state.membership_version, self._fleet_state.node_reports_version
        if version != self._seen:
            self._seen = version
            states = self._fleet_state.states.items()
            reports = {name: each.node_report for name, each in states if each.node_report}
            planes = {name: self._fleet_state.states[name].server for name in reports}
            self._known = KnownReports.of(planes, reports)
        return self._known


def _last_check(server_state: ServerState) -> Check | None:
    """The last check of an address: that of this machine, if it has made one."""
    rounds = [server_state.last, *(each.last for each in server_state.vantage_states.values())]
    return next((each.check for each in rounds if each and each.check.address), None)
