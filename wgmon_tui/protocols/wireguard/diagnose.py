"""The diagnosis of one check: evidence in, verdict and causes out. Pure functions.

A verdict names a cause only where the evidence proves it. Otherwise the verdict is `silent`, and the possible
causes are ranked, each with a command that confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.context_evidence import (
    ForeignSession,
    IdentityOnInterface,
)
from wgmon_tui.checks.evidence import (
    AnsweredFromElsewhere,
    Evidence,
    ReceiveOverflow,
    RecentLoss,
    Silence,
    StampsAhead,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.starvation import doubt_if_starved
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard import (
    causes,
    context_causes,
    data_path,
    local_faults,
    missing_answer,
    own_vpn,
)
from wgmon_tui.protocols.wireguard.contradictions import without_contradicted
from wgmon_tui.protocols.wireguard.stage_outcomes import find_blamed_stage
from wgmon_tui.text import format_count, format_list, format_rtt

MIN_LOSS_BURSTS = 3
"""How many separate losses make a server lossy. One long loss is an outage that is over."""

_LOSS_EXPLAINS = {
    Verdict.HEALTHY,
    Verdict.LOSSY,
    Verdict.UNPROVEN,
    Verdict.INNER_DEAD,
    Verdict.MTU_BLACKHOLE,
    Verdict.DATA_DEAD,
    Verdict.SILENT,
}
"""Verdicts that lost packets alone can cause."""

_FIRST_PACKETS = 0.8
"""Share of checks that lost an initiation from which on the first packet of each flow seems to be dropped."""

_DATA_IS_SLOWER = 2
"""How many round trips of the handshake make slow data a matter of data alone."""

_BROKEN_BY_ANOTHER_CLIENT = frozenset(
    {
        Verdict.LOSSY,
        Verdict.UNPROVEN,
        Verdict.INNER_DEAD,
        Verdict.TCP_STALLS,
        Verdict.DATA_DEAD,
        Verdict.DIES_AFTER,
    }
)
"""Verdicts that another client causes when its handshake takes over the session of a check."""

_BROKEN_BY_LOST_ANSWERS = _BROKEN_BY_ANOTHER_CLIENT | {Verdict.MTU_BLACKHOLE}
"""Verdicts on data that answers lost on this machine cause."""

_BROKEN_BY_LAG = frozenset({Verdict.LOSSY, Verdict.DNS_FAILURE})
"""Verdicts that a wait for the processor causes. Silence is none: the kernel keeps what arrives meanwhile."""

Meaning = tuple[Verdict, str, list[Cause]]


def diagnose(
    check: Check,
    server: Server,
    recent: Sequence[float | None] = (),
    standing: Sequence[Evidence] = (),
    *,
    is_explained_by_loss: bool = False,
) -> Diagnosis:
    """Diagnose a check.

    `recent` holds the RTTs of the previous LOSS_WINDOW checks, None for a lost one. `standing` is evidence
    that stays valid for more than one check, from experiments and deep checks. `is_explained_by_loss` tells
    whether the known loss of the path, a RecentLoss in `standing`, is a likely reason of silence.
    """
    evidence = (*check.evidence, *standing)
    evidence_text = tuple(describe_evidence(each) for each in evidence)
    if check.handshake:
        rtt_text = format_rtt(check.handshake.rtt)
        lost = check.handshake.retransmits
        before = f"; {format_count(lost, 'initiation')} got no answer" if lost else ""
        evidence_text = (f"the response authenticated after {rtt_text}{before}", *evidence_text)
        verdict, summary, ranked = (
            _diagnose_lost_session(check.handshake, check.evidence, server)
            or data_path.diagnose_data_path(check, evidence, server)
            or _diagnose_answered(check, check.handshake, server, recent, evidence)
        )
        verdict, summary, ranked = _blame_other_source(check, evidence, server, (verdict, summary, ranked))
    else:
        verdict, summary, ranked = missing_answer.diagnose_missing_answer(check, evidence, server)
    verdict, summary, ranked = own_vpn.add_own_vpn((verdict, summary, ranked), evidence)
    if loss := first_of_kind(RecentLoss, evidence):
        meaning = (verdict, summary, ranked)
        verdict, summary, ranked = _blame_loss(check, loss, server, meaning, is_explained_by_loss)
    if check.handshake and verdict in _BROKEN_BY_ANOTHER_CLIENT:
        ranked = [*context_causes.identity_shared(server, evidence), *ranked]
    overflow = first_of_kind(ReceiveOverflow, check.evidence)
    if overflow and check.handshake and verdict in _BROKEN_BY_LOST_ANSWERS:
        verdict, summary, ranked = local_faults.diagnose_overflow(overflow)
    possible = without_contradicted(ranked, evidence)
    if ranked and not possible:
        # Every answer that came disproves a lasting cause. What is left is that the other packets were lost.
        possible = [causes.lossy(server)]
    failed_stage = find_blamed_stage(check, verdict, evidence, server)
    make = Diagnosis if possible else _shared
    found = make(verdict, summary, evidence_text, tuple(possible), failed_stage)
    return doubt_if_starved(found, check, server, is_by_time=verdict in _BROKEN_BY_LAG)


@lru_cache(4096)
def _shared(
    verdict: Verdict, summary: str, evidence: tuple[str, ...], causes: tuple[Cause, ...], failed_stage: str
) -> Diagnosis:
    """The same diagnosis as one record: those of healthy servers differ in their round-trip time alone."""
    return Diagnosis(verdict, summary, evidence, causes, failed_stage)


def _diagnose_lost_session(
    handshake: Handshake, evidence: Sequence[Evidence], server: Server
) -> Meaning | None:
    """Diagnose a handshake whose session could not be used: the responses to later initiations were lost."""
    if not server.tunnel or not first_of_kind(Silence, evidence):
        return None
    summary = (
        f"The handshake works, but {format_count(handshake.retransmits, 'initiation')} got no answer: "
        "data could not be tested."
    )
    return Verdict.LOSSY, summary, [causes.lossy(server)]


def _blame_loss(
    check: Check, loss: RecentLoss, server: Server, meaning: Meaning, is_explained_by_loss: bool
) -> Meaning:
    """Diagnose with the known loss of the path. It explains silence while that is not too improbable."""
    verdict, summary, ranked = meaning
    if verdict not in _LOSS_EXPLAINS or any(isinstance(each, StampsAhead) for each in check.evidence):
        return meaning
    possible = [causes.path_loss(server, loss)]
    if loss.initiations_lost >= _FIRST_PACKETS * loss.checks and loss.echoes_lost < loss.initiations_lost / 4:
        possible.append(causes.first_packets(server))
    ranked = [*possible, *(each for each in ranked if each != causes.lossy(server))]
    lost = describe_evidence(loss)
    if verdict is Verdict.HEALTHY and check.handshake:
        return Verdict.LOSSY, f"Answers in {format_rtt(check.handshake.rtt)}, but {lost}.", ranked
    if verdict in (Verdict.SILENT, Verdict.DATA_DEAD) and is_explained_by_loss:
        what = "The handshake works, but no data came back" if check.handshake else "No answer"
        return Verdict.LOSSY, f"{what}, which loss on the path explains: {lost}.", ranked
    return verdict, summary, ranked


def _blame_other_source(
    check: Check, evidence: Sequence[Evidence], server: Server, meaning: Meaning
) -> Meaning:
    """Diagnose answers from elsewhere: they arrive here, but not behind a NAT or stateful firewall."""
    elsewhere = all_of_kind(AnsweredFromElsewhere, evidence)
    if not elsewhere:
        return meaning
    verdict, summary, ranked = meaning
    sources = [_name_source(each, check, server) for each in elsewhere]
    cause = causes.other_source(server, sources)
    if verdict not in (Verdict.HEALTHY, Verdict.SLOW, Verdict.LOSSY, Verdict.UNDER_LOAD):
        return verdict, summary, [cause, *ranked]
    probed = f"port {server.endpoint.port}" if sources[0].startswith("port") else str(check.address)
    summary = (
        f"Answers come from {format_list(sources)}, not from {probed}: "
        "clients behind a NAT or a stateful firewall never get them."
    )
    return Verdict.UNPROVEN, summary, [cause, *ranked]


def _name_source(elsewhere: AnsweredFromElsewhere, check: Check, server: Server) -> str:
    """Name what differs from the address and port that were probed."""
    if elsewhere.port == server.endpoint.port:
        return elsewhere.address
    if check.address and elsewhere.address == str(check.address).partition("%")[0]:
        return f"port {elsewhere.port}"
    return f"{elsewhere.address} port {elsewhere.port}"


def _diagnose_answered(
    check: Check,
    handshake: Handshake,
    server: Server,
    recent: Sequence[float | None],
    evidence: Sequence[Evidence],
) -> Meaning:
    rtt_text = format_rtt(handshake.rtt)
    if handshake.cookie:
        summary = f"Under load: it demanded a cookie, accepted it and answered in {rtt_text}."
        return Verdict.UNDER_LOAD, summary, [causes.under_load(server)]
    foreign = first_of_kind(ForeignSession, evidence)
    if (foreign and foreign.proven) or first_of_kind(IdentityOnInterface, evidence):
        summary = f"Answers in {rtt_text}, but another client uses this identity: each check cuts it off."
        return Verdict.LOSSY, summary, []
    if slow := _diagnose_slow(check, handshake, server):
        return slow
    if _count_loss_bursts(recent) >= MIN_LOSS_BURSTS:
        lost = sum(rtt is None for rtt in recent)
        summary = f"Answers in {rtt_text}, but {lost} of the last {len(recent)} checks were lost."
        return Verdict.LOSSY, summary, [causes.lossy(server)]
    return Verdict.HEALTHY, data_path.summarise_proof(rtt_text, evidence, server), []


def _diagnose_slow(check: Check, handshake: Handshake, server: Server) -> Meaning | None:
    """Diagnose a handshake or data above the limit; data counts as the slow part if it is far slower."""
    data_rtt = check.tunnel.rtt if check.tunnel and check.tunnel.rtt is not None else 0.0
    if max(handshake.rtt, data_rtt) <= server.slow:
        return None
    limit = f"above the limit of {format_rtt(server.slow)}"
    rtt_text = format_rtt(handshake.rtt)
    if data_rtt > max(server.slow, _DATA_IS_SLOWER * handshake.rtt):
        summary = (
            f"Data is slow: {format_rtt(data_rtt)} through the tunnel, handshake {rtt_text}: "
            "data is queued or shaped."
        )
        return Verdict.SLOW, summary, [causes.slow_data(server), causes.slow(server)]
    if handshake.rtt > server.slow:
        return Verdict.SLOW, f"Answers slowly: handshake {rtt_text}, {limit}.", [causes.slow(server)]
    summary = f"Answers slowly: {format_rtt(data_rtt)} through the tunnel, {limit}; handshake {rtt_text}."
    return Verdict.SLOW, summary, [causes.slow(server)]


def _count_loss_bursts(recent: Sequence[float | None]) -> int:
    """Count how often a lost check followed an answered one."""
    pairs = pairwise(recent) if None in recent else ()
    return sum(before is not None and after is None for before, after in pairs)
