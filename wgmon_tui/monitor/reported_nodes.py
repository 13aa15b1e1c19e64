"""Finds the node of a control plane that a server of the fleet is: by its public key, or its mesh address."""

from __future__ import annotations

from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import index_nodes
from wgmon_tui.monitor.node_verdict import ReportedNode, judge_node
from wgmon_tui.monitor.quorum import validity_s
from wgmon_tui.monitor.server_state import ServerState


class ReportedNodes:
    """The nodes of all current reports, by public key and by mesh address."""

    def __init__(self, fleet_state: FleetState) -> None:
        self._fleet_state = fleet_state
        self._seen = (-1, -1)
        self._index = index_nodes({})

    def judge(self, server_state: ServerState, outcome: Round, now: float) -> Round:
        """Judge a round by what a control plane reported of its server too.

        Where other vantages check the server, all vantages together decide, and its verdict stays.
        """
        if server_state.node_report or server_state.vantage_states:
            return outcome
        self._refresh()
        if not self._index.by_id:
            return outcome
        pairs = zip(outcome.checks, outcome.diagnoses, strict=True)
        return replace(
            outcome, diagnoses=tuple(self._judge(server_state, check, found, now) for check, found in pairs)
        )

    def _judge(self, server_state: ServerState, check: Check, diagnosis: Diagnosis, now: float) -> Diagnosis:
        server = server_state.server
        found = self._index.find(server, str(check.address))
        if found is None:
            return diagnosis
        plane = self._fleet_state.states[found[0]]
        commands = find_protocol(plane.server.protocol).node_commands
        if plane.node_report is None or commands is None:
            return diagnosis
        age = now - plane.node_report.at
        node = plane.node_report.report.nodes[found[1]]
        by_key = node.public_key == str(server.public_key)
        is_current = age <= validity_s(plane.server)
        relays = plane.node_report.report.relays
        reported = ReportedNode(
            found[0],
            node,
            max(0.0, age),
            is_current,
            commands,
            by_key=by_key,
            relay=next((each for each in relays if node.relay and each.name == node.relay), None),
            peer=next((each for each in check.evidence if isinstance(each, MeshPeer)), None),
        )
        return judge_node(diagnosis, reported, now)

    def _refresh(self) -> None:
        """Read the reports again if any has changed, or a server has come or gone."""
        version = self._fleet_state.membership_version, self._fleet_state.node_reports_version
        if version == self._seen:
            return
        self._seen = version
        states = self._fleet_state.states.items()
        self._index = index_nodes({name: each.node_report for name, each in states if each.node_report})
