"""The diagnosis of a proxy: evidence to verdict and ranked causes. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.context_evidence import NeighboursFailed
from wgmon_tui.checks.evidence import Evidence, FlowCut, ProtocolEvidence, WitnessProbed
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.fetch_text import url_of
from wgmon_tui.checks.stage import UDP
from wgmon_tui.checks.starvation import BY_TIME, doubt_if_starved
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.causes import changes, pages, path, reality, secret, tls
from wgmon_tui.protocols.proxies.findings import OK, SAME, first_of, of_kind
from wgmon_tui.protocols.proxies.grpc_layer import NAME as GRPC
from wgmon_tui.protocols.proxies.reality.words import REALITY
from wgmon_tui.protocols.proxies.words import describe, describe_change, describe_connection
from wgmon_tui.text import format_list, format_rtt

Meaning = tuple[Verdict, str, Sequence[Cause]]

_UNREACHED = ("silent", "unreachable", "unresolved")
"""How a fetch without the proxy ends if this machine has no uplink."""

_BY_TIME = ("unresolved", "silent", "no-response", "stalled", "slow", "closed", "reset")
"""How a fetch ends without a word of the proxy. It also closes on a client that says nothing for a while."""

_TLS_VERDICTS = {"certificate": Verdict.BAD_CERTIFICATE, "alert": Verdict.CIPHER_MISMATCH}

_AT_ANOTHER_PLACE = (
    Verdict.PORT_CLOSED,
    Verdict.UNREACHABLE,
    Verdict.SILENT,
    Verdict.PROXY_DOWN,
    Verdict.WRONG_PROTOCOL,
    Verdict.BAD_CERTIFICATE,
)
"""What may be seen at an endpoint that is no longer that of the proxy."""

_NOT_IN_LINKS = ("clock", "client-version", "key-share")
"""What an experiment changes without changing the link."""

_LOSSES = 3
"""So many separate failed checks among the recent ones are a pattern."""


def diagnose(
    check: Check, server: Server, recent: Sequence[float | None], standing: Sequence[Evidence]
) -> Diagnosis:
    """Diagnose a check that this machine could make."""
    fetches = all_of_kind(InnerFetch, check.evidence)
    evidence = (*check.evidence, *standing)
    failed = check.failed_stage.name if check.failed_stage else ""
    if not fetches:
        return Diagnosis(Verdict.SILENT, "Nothing was fetched.", tuple(map(describe, evidence)), (), failed)
    first = fetches[0]
    if first.fault is None:
        verdict, summary, ranked = _judge_page(check, server, recent, evidence)
        if verdict is Verdict.HEALTHY:
            failed = ""
    else:
        verdict, summary, ranked = _judge_failure(check, server, fetches, evidence)
    if first_of(findings.ELSEWHERE, evidence) and verdict in _AT_ANOTHER_PLACE:
        ranked = path.with_other_endpoint(ranked)
    stage = UDP if verdict is Verdict.INNER_DEAD and first.fault is None else failed
    diagnosis = Diagnosis(verdict, summary, tuple(map(describe, evidence)), tuple(ranked), stage)
    return doubt_if_starved(diagnosis, check, server, is_by_time=_is_by_time(check, first, verdict))


def _is_by_time(check: Check, first: InnerFetch, verdict: Verdict) -> bool:
    """Whether a verdict rests on something that did not come in time."""
    if first.fault is None:
        return verdict in BY_TIME
    connection = first_of(findings.CONNECTION, check.evidence)
    is_ended = connection is not None and connection.values[2:3] == ("ended",)
    return first.fault in _BY_TIME or is_ended


def _judge_page(
    check: Check, server: Server, recent: Sequence[float | None], evidence: Sequence[Evidence]
) -> Meaning:
    """The page came. Is the rest well too?"""
    wrong = first_of(findings.WRONG_SECRET, check.evidence)
    page = first_of_kind(InnerFetch, check.evidence)
    url = url_of(page) if page else ""
    if wrong and wrong.values[0] == SAME:
        summary = f"{url} answers the same to a wrong secret: what answers is not the proxy."
        return Verdict.WRONG_PROTOCOL, summary, secret.of_fallback(server)
    if cut := first_of_kind(FlowCut, evidence):
        summary = f"The page comes, but a longer transfer stops after {cut.size} bytes."
        return Verdict.DIES_AFTER, summary, path.of_cut(server, cut)
    stalled = [each for each in all_of_kind(InnerFetch, check.evidence)[1:] if each.fault == "stalled"]
    if stalled:
        return _judge_stall(server, stalled[0])
    silent = [each for each in of_kind(findings.UDP, check.evidence) if each.values[1] != OK]
    if silent:
        names = format_list([each.values[0] for each in silent])
        summary = f"{url} comes through the proxy, but {names} does not answer over UDP."
        return Verdict.INNER_DEAD, summary, pages.of_udp(silent[0])
    lost = _separate_losses(recent)
    if lost >= _LOSSES:
        summary = f"{url} comes through the proxy, but {lost} times in {len(recent)} checks it did not."
        return Verdict.LOSSY, summary, path.of_some_connections(server)
    assert check.handshake is not None or page  # noqa: S101
    rtt = check.handshake.rtt if check.handshake else 0.0
    answers = f"{url} answers through the proxy in {format_rtt(rtt)}"
    if rtt > server.slow:
        return (
            Verdict.SLOW,
            f"{answers}, above the limit of {format_rtt(server.slow)}.",
            path.of_slowness(server),
        )
    return Verdict.HEALTHY, f"{answers}{_exit(evidence)}{_unverified(evidence)}.", ()


def _exit(evidence: Sequence[Evidence]) -> str:
    found = first_of(findings.EXIT, evidence)
    return f", sent from {found.values[0]}" if found and found.values[0] else ""


def _unverified(evidence: Sequence[Evidence]) -> str:
    if first_of(findings.NO_MLDSA, evidence):
        return "; the ML-DSA-65 signature that the link asks for (pqv) is not verified"
    found = first_of(findings.CERTIFICATE, evidence)
    is_unverified = found is not None and findings.UNVERIFIED in found.values
    return (
        "; the link accepts any certificate, so anybody on the path can be the proxy" if is_unverified else ""
    )


def _separate_losses(recent: Sequence[float | None]) -> int:
    """How many outages of one check or more are among the recent checks, one after the other counted once."""
    return sum(
        each is None and (number == 0 or recent[number - 1] is not None) for number, each in enumerate(recent)
    )


def _judge_failure(
    check: Check, server: Server, fetches: Sequence[InnerFetch], evidence: Sequence[Evidence]
) -> Meaning:
    """The page did not come. Whose fault is it?"""
    first, others = fetches[0], fetches[1:]
    direct = of_kind(findings.DIRECT, check.evidence)
    is_direct = bool(direct) and direct[0].values[1] == OK
    url = url_of(first)
    is_cut = first.fault in ("closed", "reset") and first.status is not None
    if is_direct and (is_cut or first.fault in ("stalled", "slow")):
        return _judge_stall(server, first)
    if any(each.fault is None for each in others):
        other = next(url_of(each) for each in others if each.fault is None)
        if is_direct and (repeated := _find_repeated(evidence)):
            return repeated[0], repeated[1], path.of_some_connections(server)
        if is_direct:
            summary = f"{url} answers directly, but not through the proxy; {other} does."
            return Verdict.INNER_DEAD, summary, pages.of_blocked_page(url)
        summary = f"{url} answers neither through the proxy nor directly; {other} does. The proxy works."
        return Verdict.TARGET_DOWN, summary, pages.of_dead_page(url)
    if repeated := _find_repeated(evidence):
        return repeated[0], repeated[1], path.of_some_connections(server)
    if found := first_of(findings.FOUND, evidence):
        connection = first_of(findings.CONNECTION, check.evidence)
        is_reality = connection is not None and connection.values[1:2] == (REALITY,)
        return _judge_found(found, evidence, is_reality=is_reality)
    if check.handshake:
        return _judge_authentic(direct, url)
    if first.status is not None:
        wrong = first_of(findings.WRONG_SECRET, evidence)
        summary = f"{url} answers {first.status} through the proxy, but not as expected."
        if wrong and wrong.values[0] == SAME:
            summary = (
                f"The server answers {first.status}, also to a wrong secret: it is a web site, not the proxy."
            )
        return _judge_strange_page(server, summary, evidence, is_direct=is_direct)
    return _judge_connection(check, server, evidence, direct)


def _is_uplink_proven(evidence: Sequence[Evidence]) -> bool:
    """Whether something else answered this machine: then its uplink is not what is down."""
    witness = first_of_kind(WitnessProbed, evidence)
    neighbours = first_of_kind(NeighboursFailed, evidence)
    return bool(witness and witness.answered) or bool(neighbours and neighbours.failed < neighbours.watched)


def _find_repeated(evidence: Sequence[Evidence]) -> tuple[Verdict, str] | None:
    found = first_of(findings.REPEATED, evidence)
    if found is None or found.values[0] == "0":
        return None
    passed, total = found.values[:2]
    return Verdict.LOSSY, f"{passed} of {total} further connections succeeded, but the first one failed."


def _judge_stall(server: Server, first: InnerFetch) -> Meaning:
    where = f"after {first.size} bytes" if first.size else "within its first chunk"
    how = f"the connection is {first.fault}" if first.fault in ("closed", "reset") else "stops"
    summary = f"{url_of(first)} begins to come through the proxy, then {how} {where}."
    verdict = Verdict.SLOW if first.fault == "slow" else Verdict.DIES_AFTER
    return verdict, summary, path.of_stall(server, first)


def _judge_authentic(direct: Sequence[ProtocolEvidence], url: str) -> Meaning:
    """The proxy is the right one, and accepts the secret."""
    if direct and not any(each.values[1] == OK for each in direct):
        summary = f"The proxy accepts this client, but {url} answers neither through it nor directly."
        return Verdict.TARGET_DOWN, summary, pages.of_dead_page(url)
    summary = f"The proxy accepts this client, but {url} does not come through it."
    return Verdict.PROXY_DOWN, summary, pages.of_dead_exit()


def _judge_strange_page(
    server: Server, summary: str, evidence: Sequence[Evidence], *, is_direct: bool
) -> Meaning:
    """A page came, but not the expected one, and nothing proves that the proxy brought it."""
    wrong = first_of(findings.WRONG_SECRET, evidence)
    if wrong is None or wrong.values[0] == SAME:
        return Verdict.WRONG_PROTOCOL, summary, secret.of_fallback(server)
    if is_direct:
        return Verdict.INNER_DEAD, summary, pages.of_blocked_page("the page")
    return Verdict.TARGET_DOWN, summary, pages.of_dead_page("the page")


def _judge_connection(
    check: Check, server: Server, evidence: Sequence[Evidence], direct: Sequence[ProtocolEvidence]
) -> Meaning:
    """Nothing of a page came."""
    ended = _read_connection(check)
    return (
        _judge_other_server(server, evidence)
        or _judge_unreached(ended, server, evidence, direct)
        or _judge_failed_layer(ended, check, server, evidence)
        or _judge_lost_page(ended, check, server, evidence, direct)
    )


@dataclass(frozen=True, slots=True)
class _ConnectionEnd:
    """How the connection to the proxy ended, in the words of `findings.CONNECTION`; "" if not known."""

    reason: str = "nothing came"
    fault: str = ""
    layer: str = ""
    layer_fault: str = ""


def _read_connection(check: Check) -> _ConnectionEnd:
    connection = first_of(findings.CONNECTION, check.evidence)
    return (
        _ConnectionEnd(describe_connection(connection), *connection.values[:3])
        if connection
        else _ConnectionEnd()
    )


def _judge_other_server(server: Server, evidence: Sequence[Evidence]) -> Meaning | None:
    """A server of another kind than the link says answers at the port."""
    if web := first_of(findings.WEB_SERVER, evidence):
        summary = f"A web server answers on port {server.endpoint.port}, and nothing comes through it."
        return Verdict.WRONG_PROTOCOL, summary, secret.of_web_server(server, web)
    if has_tls := first_of(findings.TLS_SERVER, evidence):
        summary = f"TLS answers on port {server.endpoint.port}, and the link has none."
        return Verdict.WRONG_PROTOCOL, summary, secret.of_tls_server(server, has_tls)
    return None


def _judge_unreached(
    ended: _ConnectionEnd, server: Server, evidence: Sequence[Evidence], direct: Sequence[ProtocolEvidence]
) -> Meaning | None:
    """No connection to the proxy was made."""
    if ended.fault == "refused":
        summary = f"Nothing accepts connections on port {server.endpoint.port}."
        return Verdict.PORT_CLOSED, summary, path.of_closed_port(server)
    if ended.fault not in _UNREACHED:
        return None
    is_all_silent = all(each.values[1] in _UNREACHED for each in direct)
    if len(direct) > 1 and is_all_silent and not _is_uplink_proven(evidence):
        summary = "Neither the proxy nor any page answers from this machine: its uplink is down."
        return Verdict.LOCAL_FAULT, summary, path.of_uplink()
    if direct and is_all_silent:  # one page alone may be down, too
        summary = f"Neither the proxy nor a page answers from this machine: {ended.reason}."
        uplink = () if _is_uplink_proven(evidence) else path.of_uplink()[:1]
        return Verdict.SILENT, summary, (*path.of_path(server), *uplink)
    if ended.fault == "unreachable":
        return Verdict.UNREACHABLE, f"The proxy cannot be reached: {ended.reason}.", path.of_path(server)
    return Verdict.SILENT, f"The proxy does not answer: {ended.reason}.", path.of_path(server)


def _judge_failed_layer(
    ended: _ConnectionEnd, check: Check, server: Server, evidence: Sequence[Evidence]
) -> Meaning | None:
    """A layer above the connection failed: REALITY, TLS, an upgrade, or the protocol of the proxy."""
    layer, fault, reason = ended.layer, ended.layer_fault, ended.reason
    if layer == REALITY:
        verdict = Verdict.AUTH_FAILED if fault == "refused" else Verdict.WRONG_PROTOCOL
        return verdict, f"REALITY fails: {reason}.", reality.of_reality(server, fault, evidence)
    if layer == "tls":
        verdict = _TLS_VERDICTS.get(fault, Verdict.WRONG_PROTOCOL)
        if tls.is_unknown_name(reason):
            verdict = Verdict.BAD_CERTIFICATE
        return verdict, f"TLS with the proxy fails: {reason}.", tls.of_tls(server, fault, reason, evidence)
    if layer in ("websocket", "http-upgrade") or fault == "status":
        what = "call" if layer == GRPC else "upgrade"
        summary = f"The server does not accept the {what}: {reason}."
        return Verdict.WRONG_PROTOCOL, summary, tls.of_upgrade(server, fault, evidence)
    if not fault or fault == "ended":
        return None
    if fault == "not-authentic":
        causes = (*secret.of_other_protocol(server), *secret.of_secret(check, server, evidence))
    elif fault == "http":
        causes = tuple(secret.of_web_site(server))
    else:
        causes = tuple(secret.of_other_protocol(server))
    return Verdict.WRONG_PROTOCOL, f"The server answers, but {reason}.", causes


def _judge_lost_page(
    ended: _ConnectionEnd,
    check: Check,
    server: Server,
    evidence: Sequence[Evidence],
    direct: Sequence[ProtocolEvidence],
) -> Meaning:
    """The proxy was reached and no layer failed, but what came back is no page, or nothing."""
    if ended.fault == "not-http":
        summary = f"Something answers, but not with the page: {ended.reason}."
        return Verdict.WRONG_PROTOCOL, summary, secret.of_fallback(server)
    causes = secret.of_silence(check, server, evidence)
    if any(each.values[1] == OK for each in direct):
        summary = f"The page answers directly, but nothing comes through the proxy: {ended.reason}."
        return Verdict.PROXY_DOWN, summary, causes
    summary = f"Nothing comes through the proxy, and no page answers directly: {ended.reason}."
    return Verdict.SILENT, summary, causes


def _judge_found(found: ProtocolEvidence, evidence: Sequence[Evidence], *, is_reality: bool) -> Meaning:
    """An experiment got an answer: what it changed is the cause."""
    kind = found.values[0]
    if kind == findings.OTHER_NAME:
        summary = "TLS begins with another name, but not with the one of the link."
        return Verdict.PROXY_DOWN, summary, changes.of_found(found, evidence)
    summary = f"The server answers {describe_change(found.values)}, but not as the link says."
    if kind in _NOT_IN_LINKS:
        summary = f"The server answers only {describe_change(found.values)}."
    ranked = changes.of_found(found, evidence)
    if kind == "clock":
        offset = first_of(findings.CLOCK, evidence)
        if offset and offset.values[0] not in ("0", "-0"):
            return Verdict.LOCAL_FAULT, f"This machine's clock is wrong: {summary}", ranked
        return Verdict.AUTH_FAILED, f"The clocks differ too much: {summary}", ranked
    if kind in ("method", "key-share"):
        return Verdict.CIPHER_MISMATCH, summary, ranked
    if kind in ("short-id", "client-version") or (kind == "server-name" and is_reality):
        return Verdict.AUTH_FAILED, summary, ranked
    if kind == "server-name":
        return Verdict.BAD_CERTIFICATE, summary, ranked
    return Verdict.WRONG_PROTOCOL, summary, ranked
