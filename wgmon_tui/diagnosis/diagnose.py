"""From the evidence of one check to a verdict. Pure: the same evidence always means the same.

A cause is named only where the evidence proves it. Where it does not, the verdict is `silent` and the
possible causes are ranked, each with what to type to settle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from wgmon_tui.diagnosis import causes, data_path
from wgmon_tui.diagnosis.evidence import every, first
from wgmon_tui.diagnosis.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.diagnosis.wording import PORT_UNREACHABLE, describe, icmp_name
from wgmon_tui.fleet.records import Server
from wgmon_tui.probe.records import (
    AllSilent,
    Check,
    CookieDemanded,
    Evidence,
    ForeignBytes,
    FreshPortAnswered,
    Handshake,
    IcmpError,
    IdentityAnswered,
    KnownKeyAnswered,
    LateAnswer,
    NameUnresolved,
    PacketRejected,
    PresharedKeyFound,
    ReceiveOverflow,
    SocketError,
    StampsAhead,
)
from wgmon_tui.text import format_rtt
from wgmon_tui.wireguard.handshake import Reason

LOSSY_OVER = 20
"""Over how many of the last checks a server is judged lossy."""

LOSSY_BURSTS = 3
"""So many separate losses among them make it lossy. One long one is an outage that is over, no lossy path."""

Meaning = tuple[Verdict, str, list[Cause]]


def diagnose(
    check: Check,
    server: Server,
    recent: Sequence[float | None] = (),
    standing: Sequence[Evidence] = (),
) -> Diagnosis:
    """What a check means.

    `recent` are the RTTs of the LOSSY_OVER checks before it, None for a lost one; `standing` is evidence
    that holds longer than one check: from experiments, and from what is looked at now and then only.
    """
    evidence = (*check.evidence, *standing)
    words = tuple(describe(each) for each in evidence)
    if check.handshake:
        took = format_rtt(check.handshake.rtt)
        words = (f"the response authenticated after {took}", *words)
        verdict, summary, ranked = data_path.broken(check, evidence, server) or _answered(
            check.handshake, server, recent, evidence
        )
    else:
        verdict, summary, ranked = _unanswered(check, evidence, server)
    return Diagnosis(verdict, summary, words, tuple(ranked))


def misconfigured(problem: str) -> Diagnosis:
    """For a server that cannot be checked because our own files lack something; `problem` is one line."""
    fix = Cause("our own configuration", problem, "wgmon-tui probe names the file and the key")
    return Diagnosis(Verdict.MISCONFIGURED, problem, (problem,), (fix,))


def _answered(
    handshake: Handshake, server: Server, recent: Sequence[float | None], evidence: Sequence[Evidence]
) -> Meaning:
    took = format_rtt(handshake.rtt)
    if handshake.cookie:
        summary = f"Under load: it demanded a cookie, took it, and answered in {took}."
        return Verdict.UNDER_LOAD, summary, [causes.under_load(server)]
    if handshake.rtt > server.slow:
        summary = f"Answers, but slowly: {took}, over the limit of {format_rtt(server.slow)}."
        return Verdict.SLOW, summary, [causes.slow(server)]
    if _bursts_of_loss(recent) >= LOSSY_BURSTS:
        lost = sum(rtt is None for rtt in recent)
        summary = f"Answers in {took}, but {lost} of the last {len(recent)} checks were lost."
        return Verdict.LOSSY, summary, [causes.lossy(server)]
    return Verdict.HEALTHY, data_path.proven(took, evidence, server), []


def _unanswered(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning:
    if everyone := first(AllSilent, evidence):
        # Names among them: without an uplink our resolver is as silent as the servers are.
        summary = f"All {everyone.servers} servers fell silent at once: our own uplink, not this server."
        return Verdict.LOCAL_FAULT, summary, [causes.uplink(everyone.servers)]
    if name := first(NameUnresolved, evidence):
        return Verdict.DNS_FAILURE, f"{name.host} does not resolve: {name.error}.", [causes.name(server)]
    if known := first(KnownKeyAnswered, evidence):
        summary = f"The server holds another key now: {known.public_key} answered, ours did not."
        return Verdict.WRONG_SERVER_KEY, summary, [causes.rotated(server, known.public_key)]
    if other := first(IdentityAnswered, evidence):
        summary = f'The server does not know our key: it answers our identity "{other.identity}" alone.'
        return Verdict.PEER_MISSING, summary, [causes.peer_missing(server)]
    rejected = [each.reason for each in every(PacketRejected, evidence)]
    if Reason.BAD_EMPTY in rejected:
        return _psk_mismatch(evidence, server)
    if first(FreshPortAnswered, evidence):
        summary = "A fresh source port is answered, ours is not: something on the way holds a stuck flow."
        return Verdict.STUCK_FLOW, summary, [causes.stuck_flow(server)]
    return _refused(check, evidence, server) or _foreign(evidence, server) or _silent(check, evidence, server)


def _psk_mismatch(evidence: Sequence[Evidence], server: Server) -> Meaning:
    found = first(PresharedKeyFound, evidence)
    summary = "It answers, but not with our preshared key: a real client with this key cannot connect."
    if found and found.of is None:
        summary = "It answers, but the server has no preshared key for us, and our file has one."
    elif found:
        summary = f'It answers, but with the preshared key of server "{found.of}", not with this one\'s.'
    return Verdict.PSK_MISMATCH, summary, causes.preshared_key(server, found)


def _refused(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Where the network or our own system said no."""
    icmp = every(IcmpError, evidence)
    if any(_closes_port(each) for each in icmp):
        summary = f"{check.address} says that nothing listens on UDP port {server.endpoint.port}."
        return Verdict.PORT_CLOSED, summary, causes.port_closed(server)
    if icmp:
        who = "The server itself" if icmp[0].from_target else f"{icmp[0].offender or 'A hop'} on the way"
        summary = f"{who} says: {icmp_name(icmp[0])}."
        return Verdict.UNREACHABLE, summary, [causes.unreachable(server, icmp_name(icmp[0]), who)]
    if refused := first(SocketError, evidence):
        summary = f"We could not send: {describe(refused).partition(': ')[2]} ({refused.name})."
        return Verdict.LOCAL_FAULT, summary, [causes.local(server, refused.name)]
    if overflow := first(ReceiveOverflow, evidence):
        summary = f"Our own socket dropped {overflow.dropped} datagrams: the answer may have been among them."
        return Verdict.LOCAL_FAULT, summary, [causes.overflow()]
    return None


def _foreign(evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Where something came that this server cannot have sent."""
    if first(ForeignBytes, evidence):
        summary = "Something answers there, but it does not speak WireGuard."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    if first(PacketRejected, evidence):
        summary = "Answers came that are not from this server: none of them authenticates."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    return None


def _silent(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning:
    possible = causes.silence(server, check.asked_as)
    if ahead := first(StampsAhead, evidence):
        summary = "Nothing came back, and our clock was set back: servers drop timestamps that are not later."
        return Verdict.SILENT, summary, [causes.clock(ahead.seconds), *possible]
    if first(CookieDemanded, evidence):
        summary = "Under load: it demanded a cookie, then did not answer the one we sent."
        return Verdict.SILENT, summary, [causes.under_load(server), *possible]
    if late := first(LateAnswer, evidence):
        summary = f"Nothing came in time; an earlier check was answered {format_rtt(late.age)} late."
        return Verdict.SILENT, summary, [causes.hung(server), *possible]
    return Verdict.SILENT, "Nothing came back. Silence alone does not tell why.", possible


def _bursts_of_loss(recent: Sequence[float | None]) -> int:
    """How many times an answered check was followed by a lost one."""
    return sum(before is not None and after is None for before, after in pairwise(recent))


def _closes_port(error: IcmpError) -> bool:
    return error.from_target and (error.version, error.type, error.code) in PORT_UNREACHABLE
