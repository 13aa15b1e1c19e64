"""The stages of a check from what it observed, and the stage that a verdict blames. Pure functions.

    resolve ──► reach ──► handshake ──► authenticate ──► tunnel ──► fetch, where URLs are set

A stage passed only if something proves it. Silence leaves `reach` not known: WireGuard answers nobody whom it
does not know, so a lost packet and an ignored one look the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.evidence import (
    IDENTITY_BUSY,
    TIMESTAMP_FAR_AHEAD,
    CookieDemanded,
    Evidence,
    FlowCut,
    ForeignBytes,
    FreshPortAnswered,
    GatewaySilent,
    IcmpError,
    IdentityAnswered,
    InnerHop,
    InnerService,
    KnownKeyAnswered,
    LateAnswer,
    NameUnresolved,
    PacketRejected,
    PathMtu,
    ReceiveOverflow,
    Silence,
    SocketError,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.fetch_text import describe_fetch, url_of
from wgmon_tui.checks.icmp_errors import icmp_name, is_port_closed
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.stage import AUTHENTICATE, FETCH, HANDSHAKE, REACH, RESOLVE, TUNNEL, Stage, StageOutcome
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard.data_path import describe_inner_faults, diagnose_data_path
from wgmon_tui.protocols.wireguard.fetch_diagnosis import diagnose_fetches
from wgmon_tui.protocols.wireguard.framing_causes import describe_answered, find_answered
from wgmon_tui.protocols.wireguard.local_faults import find_blocked_send
from wgmon_tui.protocols.wireguard.packet_size import diagnose_size
from wgmon_tui.text import format_count, format_limit, format_list, format_rtt

_REACHED = Stage(REACH, StageOutcome.PASSED)
_AUTHENTICATED = Stage(AUTHENTICATE, StageOutcome.PASSED)

_SWITCHED_OFF = Stage(TUNNEL, StageOutcome.NOT_RUN, detail="tunnel = false")

_NEEDS_DIAGNOSIS = frozenset({FlowCut, PathMtu, InnerService, ReceiveOverflow})
"""Evidence that a tunnel may fail although everything in it was answered."""

_NOTHING_SENT = frozenset({IDENTITY_BUSY, TIMESTAMP_FAR_AHEAD})

_WHY_NOT_RUN = {
    RESOLVE: "the name did not resolve",
    REACH: "the server was not reached",
    HANDSHAKE: "the handshake failed",
    AUTHENTICATE: "the answer did not authenticate",
}

_STAGE_OF_VERDICT: Mapping[Verdict, str] = {
    Verdict.DNS_FAILURE: RESOLVE,
    Verdict.UNREACHABLE: REACH,
    Verdict.PORT_CLOSED: HANDSHAKE,
    Verdict.SILENT: HANDSHAKE,
    Verdict.STUCK_FLOW: HANDSHAKE,
    Verdict.NOT_WIREGUARD: HANDSHAKE,
    Verdict.WRONG_SERVER_KEY: HANDSHAKE,
    Verdict.PEER_MISSING: HANDSHAKE,
    Verdict.WRONG_PARAMETERS: HANDSHAKE,
    Verdict.PSK_MISMATCH: AUTHENTICATE,
    Verdict.DATA_DEAD: TUNNEL,
    Verdict.DIES_AFTER: TUNNEL,
    Verdict.INNER_DEAD: TUNNEL,
    Verdict.MTU_BLACKHOLE: TUNNEL,
    Verdict.TCP_STALLS: FETCH,
}


def find_blamed_stage(check: Check, verdict: Verdict, evidence: Sequence[Evidence], server: Server) -> str:
    """The name of the stage that failed; "" if none did.

    It is that of the check. Where a verdict rests on an earlier check, such as the last size check or fetch,
    it follows from the verdict and all `evidence`.
    """
    if verdict.severity is Severity.UP:
        return ""
    if failed := check.failed_stage:
        return failed.name
    fetched = diagnose_fetches(evidence, server) if check.handshake else None
    if fetched and fetched[0] is verdict and diagnose_size(evidence, server) is None:
        return FETCH
    return _STAGE_OF_VERDICT.get(verdict, "")


def make_stages(check: Check, server: Server, resolve: Stage) -> tuple[Stage, ...]:
    """The stages of a finished check. `resolve` is its first stage."""
    if check.handshake:
        handshake = _passed_handshake(check.handshake)
        tunnel = _tunnel_stage(check, server)
        fetch = (_fetch_stage(check, server, tunnel),) if server.tunnel_http else ()
        return resolve, _REACHED, handshake, _AUTHENTICATED, tunnel, *fetch
    reach = _reach_stage(check, resolve)
    handshake = _unanswered_handshake(check, server, reach)
    authenticate = _failed_authentication(handshake)
    later = (TUNNEL, FETCH) if server.tunnel_http else (TUNNEL,)
    return resolve, reach, handshake, authenticate, *(_skipped(each, authenticate) for each in later)


def make_failed_resolve_stage(unresolved: NameUnresolved, took: float) -> Stage:
    """The resolve stage of a name without an address; `took` is how long the lookup took, in seconds."""
    return Stage(RESOLVE, StageOutcome.FAILED, took, unresolved.error)


def _skipped(name: str, before: Stage) -> Stage:
    """A stage that did not run, because the one before it did not pass."""
    if before.outcome is StageOutcome.NOT_RUN:
        return Stage(name, StageOutcome.NOT_RUN, detail=before.detail)
    why = _WHY_NOT_RUN[before.name] if before.outcome is StageOutcome.FAILED else "no answer is known"
    return Stage(name, StageOutcome.NOT_RUN, detail=why)


# reach


def _reach_stage(check: Check, resolve: Stage) -> Stage:
    """Whether anything shows that packets reach the server, or that they do not."""
    evidence = check.evidence
    if resolve.outcome is StageOutcome.FAILED:
        return _skipped(REACH, resolve)
    if how := _describe_answer(evidence):
        return Stage(REACH, StageOutcome.PASSED, detail=how)
    blocked = find_blocked_send(check)
    if blocked is None and (error := _first_error(evidence)):
        return Stage(REACH, _outcome_of(error), error.at, describe_evidence(error))
    if refused := first_of_kind(SocketError, evidence):
        outcome = StageOutcome.NOT_RUN if refused.name in _NOTHING_SENT else StageOutcome.FAILED
        return Stage(REACH, outcome, detail=describe_evidence(refused))
    if gateway := first_of_kind(GatewaySilent, evidence):
        return Stage(REACH, StageOutcome.FAILED, detail=describe_evidence(gateway))
    return Stage(REACH, StageOutcome.NOT_KNOWN, detail="nothing answered")


def _first_error(evidence: Sequence[Evidence]) -> IcmpError | None:
    """The ICMP error that shows most: one that quotes a packet of the check, from the server itself."""
    errors = all_of_kind(IcmpError, evidence)
    quoting = [each for each in errors if each.quotes_packet is not False]
    return next(iter(sorted(quoting or errors, key=lambda each: not each.from_target)), None)


def _outcome_of(error: IcmpError) -> StageOutcome:
    """What an ICMP error shows: the server itself was reached, or a host on the path refuses."""
    if error.from_target:
        return StageOutcome.PASSED
    return StageOutcome.NOT_KNOWN if is_port_closed(error) else StageOutcome.FAILED


def _describe_answer(evidence: Sequence[Evidence]) -> str:
    """What came back that only an arrived packet explains; "" if nothing did."""
    if other_framing := find_answered(evidence):
        return describe_answered(other_framing)
    for each in evidence:
        match each:
            case LateAnswer():
                return "an authentic answer came late"
            case CookieDemanded():
                return "the server demanded a cookie"
            case KnownKeyAnswered():
                return "the server answered to another key"
            case IdentityAnswered():
                return "the server answered another identity"
            case FreshPortAnswered():
                return "the server answered a fresh source port"
            case PacketRejected(reason=Reason.BAD_EMPTY):
                return "a handshake response came"
            case PacketRejected() | ForeignBytes():
                return "something answers there"
    return ""


# handshake and authenticate


def _passed_handshake(handshake: Handshake) -> Stage:
    details = ["after a cookie"] if handshake.cookie else []
    if handshake.retransmits:
        details.append(f"{format_count(handshake.retransmits, 'initiation')} got no answer")
    return Stage(HANDSHAKE, StageOutcome.PASSED, handshake.rtt, ", ".join(details))


def _unanswered_handshake(check: Check, server: Server, reach: Stage) -> Stage:
    """The handshake stage without an authentic response."""
    if reach.outcome in (StageOutcome.FAILED, StageOutcome.NOT_RUN):
        return _skipped(HANDSHAKE, reach)
    evidence = check.evidence
    rejected = all_of_kind(PacketRejected, evidence)
    response = next((each for each in rejected if each.reason is Reason.BAD_EMPTY), None)
    if response and not first_of_kind(LateAnswer, evidence):
        return Stage(HANDSHAKE, StageOutcome.PASSED, response.at, "a response came")
    if overflow := first_of_kind(ReceiveOverflow, evidence):
        return Stage(HANDSHAKE, StageOutcome.NOT_KNOWN, detail=describe_evidence(overflow))
    return Stage(HANDSHAKE, StageOutcome.FAILED, detail=_why_unanswered(evidence, server))


def _why_unanswered(evidence: Sequence[Evidence], server: Server) -> str:
    limit = format_limit(server.timeout)
    if late := first_of_kind(LateAnswer, evidence):
        return f"the answer came after {format_rtt(late.age)}"
    if first_of_kind(KnownKeyAnswered, evidence):
        return "no answer to the configured key"
    if first_of_kind(IdentityAnswered, evidence):
        return "no answer to this identity"
    if first_of_kind(FreshPortAnswered, evidence):
        return "no answer to the usual source port"
    errors = [each for each in all_of_kind(IcmpError, evidence) if each.from_target or not each.offender]
    if errors:
        return icmp_name(errors[0])
    if first_of_kind(CookieDemanded, evidence):
        return f"no answer to the initiation with the cookie within {limit}"
    if first_of_kind(ForeignBytes, evidence):
        return "the answer is not WireGuard"
    if first_of_kind(PacketRejected, evidence):
        return "no answer is of this server"
    return f"no answer within {limit}"


def _failed_authentication(handshake: Stage) -> Stage:
    """The authenticate stage where no response authenticated."""
    if handshake.outcome is not StageOutcome.PASSED:
        return _skipped(AUTHENTICATE, handshake)
    detail = "the preshared key of the response is another one"
    return Stage(AUTHENTICATE, StageOutcome.FAILED, detail=detail)


# tunnel


def _tunnel_stage(check: Check, server: Server) -> Stage:
    """The tunnel stage after a handshake; `diagnose_data_path` tells whether it failed."""
    tunnel = check.tunnel
    evidence = [each for each in check.evidence if not isinstance(each, InnerFetch)]
    if not server.tunnel:
        return _SWITCHED_OFF
    if tunnel and tunnel.received and _is_all_answered(tunnel, evidence):
        return _passed_tunnel(tunnel, evidence)
    is_session_lost = first_of_kind(Silence, evidence) is not None
    if tunnel is None and is_session_lost:
        return Stage(TUNNEL, StageOutcome.NOT_RUN, detail="the response to the last initiation was lost")
    overflow = first_of_kind(ReceiveOverflow, evidence)
    if overflow and not (tunnel and tunnel.received):
        return Stage(TUNNEL, StageOutcome.NOT_KNOWN, detail=describe_evidence(overflow))
    verdict, _, _ = diagnose_data_path(check, evidence, server) or (Verdict.HEALTHY, "", [])
    if _STAGE_OF_VERDICT.get(verdict) == TUNNEL:
        rtt = tunnel.rtt if tunnel else None
        return Stage(TUNNEL, StageOutcome.FAILED, rtt, _describe_fault(check, verdict))
    if tunnel is None:
        detail = f'identity "{server.identity}" has no tunnel address'
        return Stage(TUNNEL, StageOutcome.NOT_RUN, detail=detail)
    return _passed_tunnel(tunnel, evidence)


def _is_all_answered(tunnel: Tunnel, evidence: Sequence[Evidence]) -> bool:
    """Whether nothing needs a diagnosis: that of a healthy check is dear beside its stages."""
    return tunnel.received == tunnel.sent and not any(type(each) in _NEEDS_DIAGNOSIS for each in evidence)


def _passed_tunnel(tunnel: Tunnel, evidence: Sequence[Evidence]) -> Stage:
    if not tunnel.passive:
        answered = f"{tunnel.received} of {tunnel.sent} answered"
        return Stage(TUNNEL, StageOutcome.PASSED, tunnel.rtt, answered)
    hops = [str(each.source) for each in all_of_kind(InnerHop, evidence) if each.source]
    if not hops:
        return Stage(TUNNEL, StageOutcome.NOT_KNOWN, detail="the first hop does not answer")
    verb = "answers" if len(hops) == 1 else "answer"
    return Stage(TUNNEL, StageOutcome.PASSED, tunnel.rtt, f"{format_list(hops)} {verb}")


def _fetch_stage(check: Check, server: Server, tunnel: Stage) -> Stage:
    """The fetch stage; its time is that of the slowest fetch."""
    fetches = all_of_kind(InnerFetch, check.evidence)
    if not fetches:
        detail = "only deep checks fetch"
        if tunnel.outcome is StageOutcome.FAILED:
            detail = "the tunnel failed"
        elif not server.tunnel:
            detail = tunnel.detail
        return Stage(FETCH, StageOutcome.NOT_RUN, detail=detail)
    took = max((each.ended for each in fetches if each.ended is not None), default=None)
    faulty = [each for each in fetches if each.fault]
    outcome = StageOutcome.FAILED if faulty else StageOutcome.PASSED
    passed = [f"{url_of(each)} {each.status}" for each in fetches]
    return Stage(FETCH, outcome, took, format_list([describe_fetch(each) for each in faulty] or passed))


def _describe_fault(check: Check, verdict: Verdict) -> str:
    """Why the tunnel stage failed, in a few words."""
    cut, size = first_of_kind(FlowCut, check.evidence), first_of_kind(PathMtu, check.evidence)
    if cut and verdict is Verdict.DIES_AFTER:
        return f"data passed for {format_rtt(cut.after)}, then nothing"
    if size and verdict is Verdict.MTU_BLACKHOLE:
        return f"packets over {size.largest_passing} bytes are lost"
    if verdict is Verdict.INNER_DEAD:
        return describe_inner_faults(check.evidence)
    return "nothing came back"
