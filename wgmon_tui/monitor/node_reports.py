"""What a control plane last reported of its nodes, and when a later report says something new."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node

_MOVES_S = 600.0
"""Times of nodes that are online move with every report: those that moved less are nothing new."""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A report, and the Unix time at which it came."""

    at: float
    report: ControlPlaneReport


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
