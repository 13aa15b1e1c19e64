"""From the evidence of one check to a verdict. Pure: the same check always means the same.

A cause is named only where the evidence proves it. Where it does not, the verdict is `silent` and the
possible causes are ranked, each with what to type to settle it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from wgmon_tui.diagnosis import causes
from wgmon_tui.diagnosis.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.diagnosis.wording import PORT_UNREACHABLE, describe, icmp_name, milliseconds
from wgmon_tui.fleet.records import Server
from wgmon_tui.probe.records import (
    Check,
    CookieDemanded,
    ForeignBytes,
    Handshake,
    IcmpError,
    LateAnswer,
    NameUnresolved,
    PacketRejected,
    ReceiveOverflow,
    SocketError,
)
from wgmon_tui.wireguard.handshake import Reason

LOSSY_OVER = 20
"""Over how many of the last checks a server is judged lossy."""

LOSSY_BURSTS = 3
"""So many separate losses among them make it lossy. One long one is an outage that is over, no lossy path."""

_Kind = TypeVar("_Kind")


def diagnose(check: Check, server: Server, recent: Sequence[float | None] = ()) -> Diagnosis:
    """What a check means. `recent` are the RTTs of the LOSSY_OVER checks before it, None for a lost one."""
    if check.handshake:
        return _answered(check, check.handshake, server, recent)
    verdict, summary, ranked = _unanswered(check, server)
    return Diagnosis(verdict, summary, tuple(describe(each) for each in check.evidence), tuple(ranked))


def misconfigured(problem: str) -> Diagnosis:
    """For a server that cannot be checked because our own files lack something; `problem` is one line."""
    fix = Cause("our own configuration", problem, "wgmon-tui probe names the file and the key")
    return Diagnosis(Verdict.MISCONFIGURED, problem, (problem,), (fix,))


def _answered(
    check: Check, handshake: Handshake, server: Server, recent: Sequence[float | None]
) -> Diagnosis:
    evidence = (
        f"the response authenticated after {milliseconds(handshake.rtt)}",
        *(describe(each) for each in check.evidence),
    )
    took = milliseconds(handshake.rtt)
    if handshake.cookie:
        summary = f"Under load: it demanded a cookie, took it, and answered in {took}."
        return Diagnosis(Verdict.UNDER_LOAD, summary, evidence, (causes.under_load(server),))
    if handshake.rtt > server.slow:
        summary = f"Answers, but slowly: {took}, over the limit of {milliseconds(server.slow)}."
        return Diagnosis(Verdict.SLOW, summary, evidence, (causes.slow(server),))
    if _bursts_of_loss(recent) >= LOSSY_BURSTS:
        lost = sum(rtt is None for rtt in recent)
        summary = f"Answers in {took}, but {lost} of the last {len(recent)} checks were lost."
        return Diagnosis(Verdict.LOSSY, summary, evidence, (causes.lossy(server),))
    return Diagnosis(Verdict.HEALTHY, f"A real client can connect: authentic answer in {took}.", evidence)


def _unanswered(check: Check, server: Server) -> tuple[Verdict, str, list[Cause]]:
    if name := _first(NameUnresolved, check.evidence):
        return Verdict.DNS_FAILURE, f"{name.host} does not resolve: {name.error}.", [causes.name(server)]
    rejected = [each.reason for each in check.evidence if isinstance(each, PacketRejected)]
    if Reason.BAD_EMPTY in rejected:
        summary = "It answers, but not with our preshared key: a real client with this key cannot connect."
        return Verdict.PSK_MISMATCH, summary, causes.preshared_key(server)
    icmp = [each for each in check.evidence if isinstance(each, IcmpError)]
    if any(_closes_port(each) for each in icmp):
        summary = f"{check.address} says that nothing listens on UDP port {server.endpoint.port}."
        return Verdict.PORT_CLOSED, summary, [causes.port_closed(server)]
    if icmp:
        summary = f"{_who(icmp[0])} says: {icmp_name(icmp[0])}."
        return Verdict.UNREACHABLE, summary, [causes.unreachable(server, icmp_name(icmp[0]), _who(icmp[0]))]
    if refused := _first(SocketError, check.evidence):
        summary = f"We could not send: {describe(refused).partition(': ')[2]} ({refused.name})."
        return Verdict.LOCAL_FAULT, summary, [causes.local(server, refused.name)]
    if overflow := _first(ReceiveOverflow, check.evidence):
        summary = f"Our own socket dropped {overflow.dropped} datagrams: the answer may have been among them."
        return Verdict.LOCAL_FAULT, summary, [causes.overflow()]
    if _first(ForeignBytes, check.evidence):
        summary = "Something answers there, but it does not speak WireGuard."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    if rejected:
        summary = "Answers came that are not from this server: none of them authenticates."
        return Verdict.NOT_WIREGUARD, summary, [causes.not_wireguard(server)]
    return _silent(check, server)


def _silent(check: Check, server: Server) -> tuple[Verdict, str, list[Cause]]:
    possible = causes.silence(server)
    if _first(CookieDemanded, check.evidence):
        summary = "Under load: it demanded a cookie, then did not answer the one we sent."
        return Verdict.SILENT, summary, [causes.under_load(server), *possible]
    if late := _first(LateAnswer, check.evidence):
        summary = f"Nothing came in time; an earlier check was answered {milliseconds(late.age)} late."
        return Verdict.SILENT, summary, [causes.hung(server), *possible]
    return Verdict.SILENT, "Nothing came back. Silence alone does not tell why.", possible


def _bursts_of_loss(recent: Sequence[float | None]) -> int:
    """How many times an answered check was followed by a lost one."""
    return sum(before is not None and after is None for before, after in pairwise(recent))


def _closes_port(error: IcmpError) -> bool:
    return error.from_target and (error.version, error.type, error.code) in PORT_UNREACHABLE


def _who(error: IcmpError) -> str:
    return "The server itself" if error.from_target else f"{error.offender or 'A hop'} on the way"


def _first(kind: type[_Kind], evidence: Iterable[object]) -> _Kind | None:
    return next((each for each in evidence if isinstance(each, kind)), None)
