"""From the evidence of one check to a verdict. Pure: the same evidence always means the same.

A cause is named only where the evidence proves it. Where it does not, the verdict is `silent` and the
possible causes are ranked, each with what to type to settle it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import (
    AllSilent,
    CookieDemanded,
    Evidence,
    ForeignBytes,
    FreshPortAnswered,
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
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.evidence_text import PORT_UNREACHABLE, describe_evidence, icmp_name
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard import causes, data_path
from wgmon_tui.protocols.wireguard.handshake import Reason
from wgmon_tui.text import format_rtt

LOSS_WINDOW = 20
"""Over how many of the last checks a server is judged lossy."""

MIN_LOSS_BURSTS = 3
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
    evidence_text = tuple(describe_evidence(each) for each in evidence)
    if check.handshake:
        rtt_text = format_rtt(check.handshake.rtt)
        evidence_text = (f"the response authenticated after {rtt_text}", *evidence_text)
        verdict, summary, ranked = data_path.diagnose_data_path(
            check, evidence, server
        ) or _diagnose_answered(check.handshake, server, recent, evidence)
    else:
        verdict, summary, ranked = _diagnose_unanswered(check, evidence, server)
    return Diagnosis(verdict, summary, evidence_text, tuple(ranked))


def diagnose_misconfiguration(problem: str) -> Diagnosis:
    """For a server that cannot be checked because our own files lack something; `problem` is one line."""
    fix = Cause("our own configuration", problem, "wgmon-tui probe names the file and the key")
    return Diagnosis(Verdict.MISCONFIGURED, problem, (problem,), (fix,))


def _diagnose_answered(
    handshake: Handshake, server: Server, recent: Sequence[float | None], evidence: Sequence[Evidence]
) -> Meaning:
    rtt_text = format_rtt(handshake.rtt)
    if handshake.cookie:
        summary = f"Under load: it demanded a cookie, took it, and answered in {rtt_text}."
        return Verdict.UNDER_LOAD, summary, [causes.under_load(server)]
    if handshake.rtt > server.slow:
        summary = f"Answers, but slowly: {rtt_text}, over the limit of {format_rtt(server.slow)}."
        return Verdict.SLOW, summary, [causes.slow(server)]
    if _count_loss_bursts(recent) >= MIN_LOSS_BURSTS:
        lost = sum(rtt is None for rtt in recent)
        summary = f"Answers in {rtt_text}, but {lost} of the last {len(recent)} checks were lost."
        return Verdict.LOSSY, summary, [causes.lossy(server)]
    return Verdict.HEALTHY, data_path.summarise_proof(rtt_text, evidence, server), []


def _diagnose_unanswered(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning:
    if all_silent := first_of_kind(AllSilent, evidence):
        # Names among them: without an uplink our resolver is as silent as the servers are.
        summary = f"All {all_silent.servers} servers fell silent at once: our own uplink, not this server."
        return Verdict.LOCAL_FAULT, summary, [causes.uplink(all_silent.servers)]
    if name := first_of_kind(NameUnresolved, evidence):
        return Verdict.DNS_FAILURE, f"{name.host} does not resolve: {name.error}.", [causes.name(server)]
    if known := first_of_kind(KnownKeyAnswered, evidence):
        summary = f"The server holds another key now: {known.public_key} answered, ours did not."
        return Verdict.WRONG_SERVER_KEY, summary, [causes.rotated(server, known.public_key)]
    if other := first_of_kind(IdentityAnswered, evidence):
        summary = f'The server does not know our key: it answers our identity "{other.identity}" alone.'
        return Verdict.PEER_MISSING, summary, [causes.peer_missing(server)]
    rejected = [each.reason for each in all_of_kind(PacketRejected, evidence)]
    if Reason.BAD_EMPTY in rejected:
        return _diagnose_psk_mismatch(evidence, server)
    if first_of_kind(FreshPortAnswered, evidence):
        summary = "A fresh source port is answered, ours is not: something on the way holds a stuck flow."
        return Verdict.STUCK_FLOW, summary, [causes.stuck_flow(server)]
    return (
        _diagnose_refusal(check, evidence, server)
        or _diagnose_foreign(evidence, server)
        or _diagnose_silent(check, evidence, server)
    )


def _diagnose_psk_mismatch(evidence: Sequence[Evidence], server: Server) -> Meaning:
    found = first_of_kind(PresharedKeyFound, evidence)
    summary = "It answers, but not with our preshared key: a real client with this key cannot connect."
    if found and found.server_name is None:
        summary = "It answers, but the server has no preshared key for us, and our file has one."
    elif found:
        summary = (
            f'It answers, but with the preshared key of server "{found.server_name}", not with this one\'s.'
        )
    return Verdict.PSK_MISMATCH, summary, causes.preshared_key(server, found)


def _diagnose_refusal(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Where the network or our own system said no."""
    icmp = all_of_kind(IcmpError, evidence)
    if any(_is_port_closed(each) for each in icmp):
        summary = f"{check.address} says that nothing listens on UDP port {server.endpoint.port}."
        return Verdict.PORT_CLOSED, summary, causes.port_closed(server)
    if icmp:
        who = "The server itself" if icmp[0].from_target else f"{icmp[0].offender or 'A hop'} on the way"
        summary = f"{who} says: {icmp_name(icmp[0])}."
        return Verdict.UNREACHABLE, summary, [causes.unreachable(server, icmp_name(icmp[0]), who)]
    if refused := first_of_kind(SocketError, evidence):
        summary = f"We could not send: {describe_evidence(refused).partition(': ')[2]} ({refused.name})."
        return Verdict.LOCAL_FAULT, summary, [causes.local(server, refused.name)]
    if overflow := first_of_kind(ReceiveOverflow, evidence):
        summary = f"Our own socket dropped {overflow.dropped} datagrams: the answer may have been among them."
        return Verdict.LOCAL_FAULT, summary, [causes.overflow()]
    return None


def _diagnose_foreign(evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Where something came that this server cannot have sent."""
    if first_of_kind(ForeignBytes, evidence):
        summary = "Something answers there, but it does not speak WireGuard."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    if first_of_kind(PacketRejected, evidence):
        summary = "Answers came that are not from this server: none of them authenticates."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    return None


def _diagnose_silent(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning:
    possible = causes.silence(server, check.probed_as)
    if ahead := first_of_kind(StampsAhead, evidence):
        summary = "Nothing came back, and our clock was set back: servers drop timestamps that are not later."
        return Verdict.SILENT, summary, [causes.clock(ahead.seconds), *possible]
    if first_of_kind(CookieDemanded, evidence):
        summary = "Under load: it demanded a cookie, then did not answer the one we sent."
        return Verdict.SILENT, summary, [causes.under_load(server), *possible]
    if late := first_of_kind(LateAnswer, evidence):
        summary = f"Nothing came in time; an earlier check was answered {format_rtt(late.age)} late."
        return Verdict.SILENT, summary, [causes.hung(server), *possible]
    return Verdict.SILENT, "Nothing came back. Silence alone does not tell why.", possible


def _count_loss_bursts(recent: Sequence[float | None]) -> int:
    """How many times an answered check was followed by a lost one."""
    return sum(before is not None and after is None for before, after in pairwise(recent))


def _is_port_closed(error: IcmpError) -> bool:
    return error.from_target and (error.version, error.type, error.code) in PORT_UNREACHABLE
