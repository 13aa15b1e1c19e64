"""The diagnosis of the system path. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.mesh_client import MeshPeer, describe_peer
from wgmon_tui.checks.starvation import BY_TIME, doubt_if_starved
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.system_path.answers import OK, describe, is_answer, word_of
from wgmon_tui.text import format_list, format_rtt

PING_SYSCTL = 'sysctl -w net.ipv4.ping_group_range="0 2147483647"'


def diagnose(check: Check, server: Server, standing: Sequence[Evidence]) -> Diagnosis:
    """Diagnose a check that this machine could make. What was only silent may be its own fault."""
    diagnosis = _diagnose(check, server, standing)
    words = {word_of(each) for each in check.evidence if isinstance(each, ProtocolEvidence)}
    is_by_time = diagnosis.verdict in BY_TIME and words <= {OK, "forbidden", "silent"}
    return doubt_if_starved(diagnosis, check, server, is_by_time=is_by_time)


def _diagnose(check: Check, server: Server, standing: Sequence[Evidence]) -> Diagnosis:
    evidence = [each for each in check.evidence if isinstance(each, ProtocolEvidence)]
    texts = tuple(map(describe_evidence, (*check.evidence, *standing)))
    forbidden = [each for each in evidence if word_of(each) == "forbidden"]
    wrong = [each for each in evidence if word_of(each) != OK and each not in forbidden]
    failed = check.failed_stage.name if check.failed_stage else ""
    address = check.address
    peer = next((each for each in check.evidence if isinstance(each, MeshPeer)), None)
    if peer and not evidence:
        return _client_alone(check, peer, texts)
    if wrong and not any(map(is_answer, evidence)):
        summary = f"{address} does not answer through this machine's own network."
        return Diagnosis(Verdict.SILENT, summary, texts, tuple(_silent(check, peer)), failed)
    if wrong:
        summary = f"{address} answers, but {format_list([describe(each) for each in wrong])}."
        return Diagnosis(Verdict.INNER_DEAD, summary, texts, tuple(_service(check, server)), failed)
    if forbidden:
        rest = [describe(each) for each in evidence if each not in forbidden]
        works = f"{format_list(rest)}, but " if rest else ""
        summary = f"Not proven: {works}{describe(forbidden[0])}."
        verdict = Verdict.UNPROVEN if rest else Verdict.MISCONFIGURED
        return Diagnosis(verdict, summary, texts, (_forbidden(),), failed)
    if check.handshake is None:
        return Diagnosis(Verdict.UNPROVEN, f"Not proven: nothing was asked of {address}.", texts)
    rtt = check.handshake.rtt
    answers = f"{address} answers through this machine's own network in {format_rtt(rtt)}"
    if rtt > server.slow:
        summary = f"{answers}, above the limit of {format_rtt(server.slow)}."
        return Diagnosis(Verdict.SLOW, summary, texts, tuple(_silent(check)[:1]), failed)
    return Diagnosis(Verdict.HEALTHY, f"{answers}.", texts)


def _client_alone(check: Check, peer: MeshPeer, texts: tuple[str, ...]) -> Diagnosis:
    """The ping through the mesh is all that was to be asked, and its client did not send it."""
    why = describe_peer(peer)
    if peer.is_known is False:
        cause = Cause(
            "an access rule of the mesh, or a node that has left it",
            "the client lists every node that this machine may reach",
            f"{peer.client} status",
        )
        return Diagnosis(Verdict.UNREACHABLE, f"{check.address} cannot be reached: {why}.", texts, (cause,))
    verdict = Verdict.MISCONFIGURED if peer.trouble else Verdict.UNPROVEN
    cause = Cause("the client of the mesh on this machine", why, f"{peer.client} status")
    return Diagnosis(verdict, f"Nothing was asked of {check.address}: {why}.", texts, (cause,))


def _silent(check: Check, peer: MeshPeer | None = None) -> list[Cause]:
    host = Cause(
        "the host is down, or its firewall drops what comes from here",
        "nothing came back",
        f"ping {check.address}",
    )
    if peer and peer.is_answered:
        drops = "the host's firewall, or an access rule, drops what comes from here"
        return [replace(host, cause=drops, why="the client of the mesh on the host itself answers")]
    return [
        Cause(
            "the VPN between this machine and that address is down, slow, or has no route to it",
            "packets of this machine leave by the interface that the route names",
            f"ip route get {check.address}",
        ),
        host,
    ]


def _service(check: Check, server: Server) -> list[Cause]:
    return [
        Cause(
            "the service is stopped, or a firewall drops or rejects what comes from here",
            "the host itself answers",
            f"on {check.address}: ss -lntup | grep {server.endpoint.port}",
        )
    ]


def _forbidden() -> Cause:
    return Cause(
        "this system allows ICMP sockets only to groups that this account is not in",
        "net.ipv4.ping_group_range names them, also for IPv6",
        PING_SYSCTL,
        proven=True,
    )
