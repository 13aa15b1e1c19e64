"""What a control plane last reported of its nodes, and when a later report says something new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.config.keys import NO_PUBLIC_KEY
from wgmon_tui.config.models import Server
from wgmon_tui.records import dataclass

_MOVES_S = 600.0
"""Times of nodes that are online move with every report: those that moved less are nothing new."""


_NO_VALUES = frozenset({"", str(NO_PUBLIC_KEY)})

NodeKey = tuple[str, str]
"""A control plane by name, and the id that it gives the node."""

FoundNode = tuple[str, int]
"""A control plane, and the number of the node in its report."""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A report, and the Unix time at which it came."""

    at: float
    report: ControlPlaneReport


@dataclass(frozen=True, slots=True)
class NodeIndex:
    """The nodes of several reports. `by_value` has None for a key or an address that two nodes have."""

    by_id: Mapping[NodeKey, FoundNode]
    by_value: Mapping[str, FoundNode | None]

    def find(self, server: Server, address: str) -> FoundNode | None:
        """The node that a server is: the one that a rule selected, or that of its key, or of its address."""
        if server.control_plane:
            return self.by_id.get(node_key(server))
        return self.by_value.get(str(server.public_key)) or self.by_value.get(address)


def node_key(server: Server) -> NodeKey:
    """The key of a server that is a watched node."""
    return server.control_plane, server.node_id


def index_nodes(reports: Mapping[str, NodeReport]) -> NodeIndex:
    """The nodes of these reports by their ids, by public key and by mesh address."""
    by_id: dict[NodeKey, FoundNode] = {}
    by_value: dict[str, FoundNode | None] = {}
    for name, reported in reports.items():
        for number, node in enumerate(reported.report.nodes):
            by_id[name, node.id] = name, number
            for value in {node.public_key, *map(str, node.addresses)} - _NO_VALUES:
                by_value[value] = None if value in by_value else (name, number)
    return NodeIndex(by_id, by_value)


def is_new(report: ControlPlaneReport, before: ControlPlaneReport | None) -> bool:
    """Whether a report says something that the one before does not, besides times that move on."""
    if report == before:
        return False
    if before is None or len(report.nodes) != len(before.nodes):
        return True
    if replace(report, nodes=()) != replace(before, nodes=()):
        return True
    return any(_is_changed(node, old) for node, old in zip(report.nodes, before.nodes, strict=True))


def _is_changed(node: Node, before: Node) -> bool:
    if _moved(node.last_seen, before.last_seen) or _moved(node.last_handshake, before.last_handshake):
        return True
    return replace(node, last_seen=before.last_seen, last_handshake=before.last_handshake) != before


def _moved(time: float | None, before: float | None) -> bool:
    if time is None or before is None:
        return time is not before
    return abs(time - before) >= _MOVES_S
