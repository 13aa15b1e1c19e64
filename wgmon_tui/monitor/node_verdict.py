"""Two reports on one node: what its control plane says, and what the check of its data path found. Pure.

`says-connected` is a dead data path of a node that is online for its control plane. `forgotten` is a data
path that works, of a node that is offline for it. A report that is too old, or says neither, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wgmon_tui.checks.control_plane_report import Node, NodeCommands
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.text import format_age, format_elapsed, printable

DEAD = frozenset({Verdict.SILENT, Verdict.UNREACHABLE, Verdict.DATA_DEAD})
"""Nothing came from the node itself. Any other verdict says more than that, and stays."""

_SESSION_S = 180.0
"""REJECT_AFTER_TIME of the WireGuard paper (§6.1): no session carries data for longer."""


@dataclass(frozen=True, slots=True)
class ReportedNode:
    """A node, the control plane that reported it, and how old the report is. It counts while `is_current`.

    `by_key` says that the check knows the node by its public key: its handshake goes to the node itself, by
    no relay and in no session of the mesh.
    """

    plane: str
    node: Node
    age_s: float
    is_current: bool
    commands: NodeCommands
    by_key: bool = False


def judge_node(diagnosis: Diagnosis, reported: ReportedNode, now: float) -> Diagnosis:
    """Return the verdict on both reports. The report stands in the evidence, whatever the verdict."""
    with_report = replace(diagnosis, evidence=(*diagnosis.evidence, _describe(reported)))
    if not reported.is_current or any(cause.proven for cause in diagnosis.causes):
        return with_report
    node, plane = printable(reported.node.name), printable(reported.plane)
    if reported.node.online is True and diagnosis.verdict in DEAD:
        return replace(
            with_report,
            verdict=Verdict.SAYS_CONNECTED,
            summary=f"{plane} reports {node} as online, but no data reaches it. {diagnosis.summary}",
            causes=(*_dead_causes(reported, now), *diagnosis.causes),
        )
    if reported.node.online is False and diagnosis.verdict is Verdict.HEALTHY:
        return replace(
            with_report,
            verdict=Verdict.FORGOTTEN,
            summary=f"Data reaches {node}, but {plane} reports it as offline. {diagnosis.summary}",
            causes=tuple(_offline_causes(reported, now)),
        )
    return with_report


def _describe(reported: ReportedNode) -> str:
    words = {True: "online", False: "offline", None: "neither online nor offline"}
    text = (
        f"the control plane {printable(reported.plane)} reported {printable(reported.node.name)} as "
        f"{words[reported.node.online]} {format_age(reported.age_s)}"
    )
    if reported.node.trouble:
        text += f", and says: {printable(reported.node.trouble)}"
    return text if reported.is_current else f"{text}: too long ago to count"


def _dead_causes(reported: ReportedNode, now: float) -> Iterator[Cause]:
    yield from _key_causes(reported, now)
    node, commands = reported.node, reported.commands
    quiet_s = now - node.last_handshake if node.last_handshake is not None else None
    if quiet_s is not None and quiet_s > _SESSION_S and not reported.by_key:
        yield _stale_session(f"its last handshake was {format_age(quiet_s)}", commands)
    yield Cause(
        "a firewall on the node drops what comes from here",
        "its connection to the control plane is another one",
        "on the node: nft list ruleset",
        "node-firewall",
    )
    yield Cause(
        "an access rule of the control plane, or a list of peers without this machine",
        "the control plane reports the node to all, but lets only some reach it",
        commands.access,
        "node-access-rule",
    )
    if not reported.by_key:
        yield Cause(
            "only the path by a relay is left, and it carries nothing",
            f"it uses the relay {printable(node.relay)}" if node.relay else "a direct path needs open ports",
            commands.path,
            "node-relay",
        )
    if quiet_s is None and not reported.by_key:
        yield _stale_session("a node can keep a session that this machine no longer has", commands)
    yield Cause(
        "the node is gone, and the control plane has not noticed yet",
        "it notices only after a while",
        "wgmon-tui nodes",
        "node-gone",
    )


def _stale_session(why: str, commands: NodeCommands) -> Cause:
    what = "a stale session between this machine and the node"
    return Cause(what, why, commands.path, "node-stale-session")


def _offline_causes(reported: ReportedNode, now: float) -> Iterator[Cause]:
    yield from _key_causes(reported, now)
    node = reported.node
    seen = f"it last saw it {format_age(now - node.last_seen)}" if node.last_seen is not None else ""
    yield Cause(
        "the client on the node cannot reach the control plane",
        seen or "data between nodes does not need it",
        reported.commands.log,
        "node-client",
    )
    if not reported.by_key:
        yield Cause(
            "another machine has the address of the node now",
            "the answer came from its address",
            reported.commands.path,
            "node-address-reused",
        )


def _key_causes(reported: ReportedNode, now: float) -> Iterator[Cause]:
    """The expired key; anything else that the control plane says against the node."""
    node, renew = reported.node, reported.commands.renew
    if node.key_expiry is not None and node.key_expiry <= now:
        ended = format_elapsed(now - node.key_expiry)
        yield Cause("the key of the node has expired", f"it ended {ended} ago", renew, "node-key-expired")
    elif node.trouble:
        why = f"the control plane says: {printable(node.trouble)}"
        yield Cause("the control plane has locked the node out", why, renew, "node-trouble")
