"""The diagnosis of a check without an authentic answer: what proves a cause, and what silence leaves open."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.context_evidence import NeighboursFailed, ServerInitiated, WorkedUntil
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    Evidence,
    ForeignBytes,
    FreshPortAnswered,
    IcmpError,
    IdentityAnswered,
    KnownKeyAnswered,
    LateAnswer,
    NameUnresolved,
    OnlyServerWatched,
    OtherAddressAnswered,
    PacketRejected,
    PresharedKeyFound,
    ReceiveOverflow,
    SocketError,
    StampsAhead,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.icmp_errors import icmp_name, is_port_closed
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard import (
    causes,
    framing_causes,
    icmp_causes,
    local_causes,
    local_faults,
    own_vpn,
)
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis, is_contradicted
from wgmon_tui.text import format_list, format_recent_time, format_rtt

_REKEY_TIMEOUT_S = 5.0
"""A client without an answer starts a new handshake after this time and gives up the old one (§6.1)."""

Meaning = tuple[Verdict, str, list[Cause]]


def diagnose_missing_answer(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning:
    """Diagnose a check that got no answer which authenticates."""
    if local_fault := local_faults.diagnose_local_fault(evidence):
        # Checked before names: without an uplink the resolver does not answer either.
        return local_fault
    if late := first_of_kind(LateAnswer, evidence):
        # Only the server can make it. Whatever else arrived may be forged.
        return Verdict.SLOW, _summarise_late(late, server), [causes.slow(server), causes.hung()]
    if name := first_of_kind(NameUnresolved, evidence):
        if local_fault := local_faults.diagnose_silent_witness(evidence):
            return local_fault
        return Verdict.DNS_FAILURE, f"{name.host} does not resolve: {name.error}.", [causes.name(server)]
    if known := first_of_kind(KnownKeyAnswered, evidence):
        summary = f"The server now has another key: it answered to {known.public_key} only."
        return Verdict.WRONG_SERVER_KEY, summary, [causes.rotated(server, known.public_key)]
    if framed := framing_causes.find_answered(evidence):
        summary = framing_causes.summarise_answered(framed, server)
        return Verdict.WRONG_PARAMETERS, summary, [framing_causes.answered(framed, server)]
    other = first_of_kind(IdentityAnswered, evidence)
    if other and not is_contradicted(Hypothesis.KEY_REMOVED, evidence):
        summary = (
            f'The server answers identity "{other.identity}", but not this one: it does not know this key, '
            "or holds a later timestamp of it."
        )
        return Verdict.PEER_MISSING, summary, causes.peer_missing(server, check.probed_as, evidence)
    if overflow := first_of_kind(ReceiveOverflow, evidence):
        return local_faults.diagnose_overflow(overflow)
    rejected = [each.reason for each in all_of_kind(PacketRejected, evidence)]
    if Reason.BAD_EMPTY in rejected:
        return _diagnose_psk_mismatch(evidence, server)
    if first_of_kind(FreshPortAnswered, evidence) and not is_contradicted(Hypothesis.STALE_FLOW, evidence):
        summary = "A fresh source port gets answers, the usual one does not: a stale entry on the path."
        return Verdict.STUCK_FLOW, summary, [causes.stuck_flow(server, check.address)]
    return (
        _diagnose_refusal(check, evidence, server)
        or _diagnose_foreign(evidence, server)
        or own_vpn.diagnose_own_vpn(check, evidence, server)
        or _diagnose_silent(check, evidence, server)
    )


def _diagnose_psk_mismatch(evidence: Sequence[Evidence], server: Server) -> Meaning:
    found = first_of_kind(PresharedKeyFound, evidence)
    summary = "It answers, but with another preshared key: a client with this key cannot connect."
    if found and found.server_name is None:
        summary = "It answers, but has no preshared key for this identity; servers.toml sets one."
    elif found:
        summary = f'It answers, but with the preshared key of server "{found.server_name}".'
    return Verdict.PSK_MISMATCH, summary, causes.preshared_key(server, found)


def _diagnose_refusal(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Diagnose an ICMP error or a refused send. Errors without a quote count only if there are no others."""
    if blocked := local_faults.find_blocked_send(check):
        return _diagnose_refused_send(blocked, server)
    errors = all_of_kind(IcmpError, evidence)
    icmp = [each for each in errors if each.quotes_packet is not False] or errors
    if closed := next((each for each in icmp if is_port_closed(each)), None):
        summary = f"{check.address} reports that nothing listens on UDP port {server.endpoint.port}."
        if not closed.from_target:
            summary = (
                f"An ICMP error says that nothing listens on UDP port {server.endpoint.port}; "
                "this system does not show who sent it."
            )
        return (
            Verdict.PORT_CLOSED,
            summary,
            icmp_causes.port_closed(server, is_sender_known=closed.from_target),
        )
    if icmp:
        on_path = f"{icmp[0].offender} on the path" if icmp[0].offender else "A host on the path"
        who = "The server itself" if icmp[0].from_target else on_path
        summary = f"{who} reports: {icmp_name(icmp[0])}."
        is_from_server = icmp[0].from_target
        possible = icmp_causes.unreachable(
            server, icmp_name(icmp[0]), who, evidence, is_from_server=is_from_server
        )
        return Verdict.UNREACHABLE, summary, possible
    refused = first_of_kind(SocketError, evidence)
    return _diagnose_refused_send(refused, server) if refused else None


def _diagnose_refused_send(refused: SocketError, server: Server) -> Meaning:
    summary = f"Could not send: {describe_evidence(refused).partition(': ')[2]} ({refused.name})."
    return Verdict.LOCAL_FAULT, summary, [causes.local(server, refused.name)]


def _diagnose_foreign(evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Diagnose packets that this server cannot have sent."""
    if first_of_kind(ForeignBytes, evidence):
        summary = "Something answers on that port, but it does not speak WireGuard."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    if first_of_kind(PacketRejected, evidence):
        summary = "Answers arrived, but not from this server: none of them authenticates."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    return None


def _diagnose_silent(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning:
    is_heard_there = any(isinstance(each, CookieDemanded) for each in evidence)
    if not is_heard_there and (local_fault := local_faults.diagnose_silent_witness(evidence)):
        return local_fault
    initiated = first_of_kind(ServerInitiated, evidence)
    possible = causes.silence(server, check.probed_as, evidence) or [causes.lossy(server)]
    if first_of_kind(OnlyServerWatched, evidence) and not is_heard_there:
        possible.append(local_causes.own_uplink())
    if initiated:
        possible = local_causes.unheard(server, check.probed_as, initiated, is_heard_there=is_heard_there)
    ahead = first_of_kind(StampsAhead, evidence)
    if ahead and not is_contradicted(Hypothesis.TIMESTAMP_AHEAD, evidence):
        summary = (
            "No answer, and this machine's clock was set back: servers drop timestamps that are not later."
        )
        others = [each for each in possible if each.hypothesis != Hypothesis.TIMESTAMP_AHEAD]
        return Verdict.SILENT, summary, [causes.clock(ahead.seconds), *others]
    if first_of_kind(CookieDemanded, evidence):
        summary = "Under load: it demanded a cookie, then did not answer the initiation with that cookie."
        return Verdict.SILENT, summary, [causes.under_load(server), *possible]
    if initiated:
        summary = (
            "No answer, but the server itself initiates handshakes to this identity: it is alive and knows "
            "this key. This machine's packets do not arrive there, or the server drops them."
        )
        return Verdict.SILENT, summary, possible
    return Verdict.SILENT, _summarise_silence(check, evidence), possible


def _summarise_silence(check: Check, evidence: Sequence[Evidence]) -> str:
    """State what is known about a silence whose cause nothing proves."""
    known = []
    if worked := first_of_kind(WorkedUntil, evidence):
        until = format_recent_time(worked.at, check.started_at, seconds=True)
        known.append(f"it worked with this key until {until}")
    if together := next((each for each in all_of_kind(NeighboursFailed, evidence) if each.failed), None):
        known.append(f"{together.failed + 1} servers at {together.address} failed together")
    if answered := [each.address for each in all_of_kind(OtherAddressAnswered, evidence)]:
        known.append(f"{format_list(answered)} of the same name answered")
    if not known:
        return "No answer. Silence alone does not show the cause."
    return f"No answer; {format_list(known)}."


def _summarise_late(late: LateAnswer, server: Server) -> str:
    took = format_rtt(late.age)
    if late.age <= server.timeout:
        return f"Answers late: an authentic answer came {took} after its request, when the check had ended."
    over = " Clients start over after 5 s, so they cannot connect." if late.age > _REKEY_TIMEOUT_S else ""
    return f"Answered after {took}, later than the timeout of {format_rtt(server.timeout)}.{over}"
