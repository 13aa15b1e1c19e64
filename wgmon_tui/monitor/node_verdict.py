"""Two reports on one node: what its control plane says, and what the check of its data path found. Pure.

`says-connected` is a dead data path of a node that is online for its control plane. `forgotten` is a data
path that works, of a node that is offline for it. A report that is too old, or says neither, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wgmon_tui.checks.control_plane_report import MeshRelay, Node, NodeCommands
from wgmon_tui.checks.mesh_client import MeshPeer, describe_peer
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_age, format_elapsed, printable

DEAD = frozenset({Verdict.SILENT, Verdict.UNREACHABLE, Verdict.DATA_DEAD})
"""Nothing came from the node itself. Any other verdict says more than that, and stays."""

_NO_HANDSHAKE = "a node can keep a session that this machine no longer has"

_SESSION_S = 180.0
"""REJECT_AFTER_TIME of the WireGuard paper (§6.1): no session carries data for longer."""


@dataclass(frozen=True, slots=True)
class ReportedNode:
    """A node, the control plane that reported it, and how old the report is. It counts while `is_current`.

    `by_key` says that the check knows the node by its public key: its handshake goes to the node itself, by
    no relay and in no session of the mesh. `relay` is the relay of the node, if the control plane's check
    probed it. `peer` is what the client of the mesh on this machine knows of the node, if it was asked.
    """

    plane: str
    node: Node
    age_s: float
    is_current: bool
    commands: NodeCommands
    by_key: bool = False
    relay: MeshRelay | None = None
    peer: MeshPeer | None = None

    @property
    def client(self) -> MeshPeer | None:
        """What the client on this machine says; None if it could not be asked."""
        return self.peer if self.peer and not self.peer.trouble else None

    def quiet_s(self, now: float) -> float | None:
        """Seconds since the last handshake with this machine, or with any peer; None if unknown."""
        if self.client and self.client.handshake_age is not None:
            return self.client.handshake_age
        return now - self.node.last_handshake if self.node.last_handshake is not None else None


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
            causes=(*_dead_causes(reported, now), *(() if reported.client else diagnosis.causes)),
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
    """The causes that the evidence of this machine's client does not disprove, the likeliest first.

    A ping through WireGuard is answered by the client of the node itself. With an answer, only what comes
    after that can drop packets; without one, it is what comes before.
    """
    client = reported.client
    if client and client.is_known is False:
        yield _unlisted(client, reported.commands)
        return
    if client is None or not client.is_answered:
        yield from _key_causes(reported, now)
        yield from _path_causes(reported, now, is_likely=True)
    if client is None or client.is_answered is not False:
        passes = "a ping through WireGuard is answered, which neither of the two sees"
        yield Cause(
            "a firewall on the node drops what comes from here",
            passes if client and client.is_answered else "its connection to the control plane is another one",
            "on the node: nft list ruleset",
            "node-firewall",
        )
        yield Cause(
            "an access rule of the control plane, or a list of peers without this machine",
            passes
            if client and client.is_answered
            else "the control plane reports the node to all, but lets only some reach it",
            reported.commands.access,
            "node-access-rule",
        )
    if client is None or not client.is_answered:
        yield from _path_causes(reported, now, is_likely=False)
        yield Cause(
            "the node is gone, and the control plane has not noticed yet",
            "it notices only after a while",
            "wgmon-tui nodes",
            "node-gone",
        )


def _path_causes(reported: ReportedNode, now: float, *, is_likely: bool) -> Iterator[Cause]:
    """The causes between the two clients: those with evidence if `is_likely`, otherwise the others."""
    if reported.by_key:
        return
    client, relay = reported.client, reported.relay
    has_relay_evidence = bool(client and client.is_direct is False) or bool(relay and relay.works is False)
    if not (client and client.is_direct) and has_relay_evidence is is_likely:
        yield _relay_cause(reported)
    quiet_s = reported.quiet_s(now)
    if (quiet_s is None or quiet_s > _SESSION_S) and (quiet_s is not None) is is_likely:
        why = f"its last handshake was {format_age(quiet_s)}" if quiet_s is not None else _NO_HANDSHAKE
        what = "a stale session between this machine and the node"
        yield Cause(what, why, reported.commands.path, "node-stale-session")


def _relay_cause(reported: ReportedNode) -> Cause:
    """The path by a relay: dead, if the relay itself is."""
    client, relay, path = reported.client, reported.relay, reported.commands.path
    name = printable((client.relay if client else "") or reported.node.relay)
    if relay and relay.works is False:
        why = f"it does not answer: {printable(relay.detail)}" if relay.detail else "it does not answer"
        return Cause(f"its relay {printable(relay.name)} is down", why, path, "node-relay")
    why = f"it uses the relay {name}" if name else "a direct path needs open ports"
    if relay and relay.works:
        why += ", which itself answers"
    return Cause("only the path by a relay is left, and it carries nothing", why, path, "node-relay")


def _unlisted(client: MeshPeer, commands: NodeCommands) -> Cause:
    return Cause(
        "an access rule of the control plane: this machine may not reach the node",
        describe_peer(client),
        commands.access,
        "node-access-rule",
    )


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
    if reported.client and reported.client.has_expired and not node.key_expiry:
        yield Cause(
            "the key of the node has expired", describe_peer(reported.client), renew, "node-key-expired"
        )
    elif node.key_expiry is not None and node.key_expiry <= now:
        ended = format_elapsed(now - node.key_expiry)
        yield Cause("the key of the node has expired", f"it ended {ended} ago", renew, "node-key-expired")
    elif node.trouble:
        why = f"the control plane says: {printable(node.trouble)}"
        yield Cause("the control plane has locked the node out", why, renew, "node-trouble")
