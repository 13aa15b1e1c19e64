"""What a control plane last reported of its nodes, and when a later report says something new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.config.keys import NO_PUBLIC_KEY
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass

_MOVES_S = 600.0
"""Times of nodes that are online move with every report: those that moved less are nothing new."""


_NO_KEYS = frozenset({"", str(NO_PUBLIC_KEY)})

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
    """The nodes of several reports. A public key or an address that two nodes have stands for none."""

    by_id: Mapping[NodeKey, FoundNode]
    by_public_key: Mapping[str, FoundNode | None]
    by_address: Mapping[Address, FoundNode | None]

    def find(self, server: Server, address: str) -> FoundNode | None:
        """The node that a server is: the one that a rule selected, or that of its key, or of its address."""
        if server.control_plane:
            return self.by_id.get(node_key(server))
        return self.by_public_key.get(str(server.public_key)) or self._find_address(address)

    def _find_address(self, text: str) -> FoundNode | None:
        try:
            return self.by_address.get(ip_address(text))
        except ValueError:  # the name of a host
            return None


def node_key(server: Server) -> NodeKey:
    """The key of a server that is a watched node."""
    return server.control_plane, server.node_id


def index_nodes(reports: Mapping[str, NodeReport]) -> NodeIndex:
    """The nodes of these reports by their ids, by public key and by mesh address."""
    by_id: dict[NodeKey, FoundNode] = {}
    by_public_key: dict[str, FoundNode | None] = {}
    by_address: dict[Address, FoundNode | None] = {}
    for name, reported in reports.items():
        for number, node in enumerate(reported.report.nodes):
            found = by_id[name, node.id] = name, number
            if node.public_key not in _NO_KEYS and by_public_key.setdefault(node.public_key, found) != found:
                by_public_key[node.public_key] = None
            for address in node.addresses:
                if by_address.setdefault(address, found) != found:
                    by_address[address] = None
    return NodeIndex(by_id, by_public_key, by_address)


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
    if _has_moved(node.last_seen, before.last_seen) or _has_moved(node.last_handshake, before.last_handshake):
        return True
    return replace(node, last_seen=before.last_seen, last_handshake=before.last_handshake) != before


def _has_moved(time: float | None, before: float | None) -> bool:
    if time is None or before is None:
        return time is not before
    return abs(time - before) >= _MOVES_S
