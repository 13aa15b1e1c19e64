"""The diagnosis of the data path: whether data passes after a successful handshake.

A handshake proves the keys. It does not prove AllowedIPs, routes, firewalls, or a path that passes data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    Evidence,
    FlowCut,
    InnerEcho,
    InnerHop,
    InnerService,
    InnerUnaddressed,
    PassiveKeepalive,
    PathMtu,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.evidence_text import describe_service
from wgmon_tui.checks.icmp_errors import icmp_name
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard import (
    causes,
    fetch_diagnosis,
    packet_size,
    silent_targets,
    target_causes,
    tunnel_causes,
)
from wgmon_tui.text import format_bytes, format_count, format_list, format_rtt

_MOST_URLS = 2

_OF_ECHOES = frozenset({InnerEcho, PathMtu})
"""The evidence of a check that sends echoes alone, with the result of the last size check."""

Meaning = tuple[Verdict, str, list[Cause]]


def diagnose_data_path(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Diagnose the data path, worst verdict first. None where data passes or `tunnel` is false."""
    if not server.tunnel:
        return None
    if _is_proven_by_echoes(check, evidence, server):
        return packet_size.diagnose_size(evidence, server)
    passive = _find_keepalive(evidence)
    cut = first_of_kind(FlowCut, evidence)
    if cut and (check.tunnel is None or check.tunnel.passive or check.tunnel.received):
        return Verdict.DIES_AFTER, _summarise_cut(cut), tunnel_causes.flow_cut(server, cut, check.address)
    if check.tunnel is None or check.tunnel.passive:
        if not any(each.source for each in all_of_kind(InnerHop, evidence)):
            return _diagnose_silent_first_hop(check, evidence, passive, server)
    elif not check.tunnel.received and not _is_tunnel_proven(evidence):
        return _diagnose_no_answer(check, evidence, passive, server)
    return (
        _diagnose_inner_targets(check, evidence, server)
        or packet_size.diagnose_size(evidence, server)
        or fetch_diagnosis.diagnose_fetches(evidence, server)
        or _diagnose_loss(evidence, server)
        or _diagnose_untested(check, evidence, server)
    )


def _is_proven_by_echoes(check: Check, evidence: Sequence[Evidence], server: Server) -> bool:
    """Whether echoes alone test the data path, and all are answered: so is most of every fleet."""
    tunnel = check.tunnel
    return (
        tunnel is not None
        and not tunnel.passive
        and 0 < tunnel.sent == tunnel.received
        and not (server.tunnel_http or server.tunnel_mtu)
        and {type(each) for each in evidence} <= _OF_ECHOES
    )


def summarise_proof(rtt_text: str, evidence: Sequence[Evidence], server: Server) -> str:
    """State in one sentence what was proven of a healthy server, and in another what was not tested."""
    if not server.tunnel:
        return f"The handshake works: authentic answer in {rtt_text}. Data is not tested (tunnel = false)."
    hops = [str(each.source) for each in all_of_kind(InnerHop, evidence) if each.source]
    who = f" ({_answers(hops)})" if hops else ""
    urls = fetch_diagnosis.find_fetched(evidence, server)
    fetched = f", {format_list(urls, most=_MOST_URLS)} could be fetched" if urls else ""
    return packet_size.summarise(
        f"authentic answer in {rtt_text}", f"data passes both ways{who}{fetched}", evidence, server
    )


def describe_inner_faults(evidence: Sequence[Evidence]) -> str:
    """Name the inner addresses and services that refuse or do not answer."""
    refusing = _find_refusing_services(evidence)
    return format_list([*map(describe_service, refusing), *_describe_silence(evidence)])


def _is_tunnel_proven(evidence: Sequence[Evidence]) -> bool:
    """Whether data passed both ways in an IP version of the inner targets, although they are silent."""
    versions = _target_versions(evidence)
    if any(each.source and each.version in versions for each in all_of_kind(InnerHop, evidence)):
        return True
    return any(not each.refuses and each.version in versions for each in all_of_kind(InnerIcmp, evidence))


def _target_versions(evidence: Sequence[Evidence]) -> set[int]:
    """The IP versions of the inner targets that were probed."""
    targets = [each.target for each in evidence if isinstance(each, InnerEcho | InnerService)]
    return {target_causes.version_of(each) for each in targets}


def _diagnose_silent_first_hop(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> Meaning:
    """Diagnose where no inner address could be probed and the first hop is silent."""
    hops = all_of_kind(InnerHop, evidence)
    if passive and passive.after is None:
        summary = "The handshake works, but nothing acknowledged the data sent."
        return Verdict.DATA_DEAD, summary, tunnel_causes.data_lost(server)
    works = "the handshake works and the server receives data" if passive else "the handshake works"
    if not hops:
        summary = f'Not proven: {works}, but identity "{server.identity}" has no tunnel address.'
        return Verdict.UNPROVEN, summary, [tunnel_causes.unaddressed(server, check.probed_as)]
    refusals = _refusals(evidence)
    nothing = _describe_refusal(refusals[0]) if refusals else "nothing came back through the tunnel"
    reasons = [nothing, *_unprobed(evidence, server)]
    summary = f"Not proven: {works}, but {'; '.join(reasons)}."
    lost = (
        tunnel_causes.data_lost(server)[:1] if passive is None and not refusals else []
    )  # no check has waited for its keepalive yet
    silent = [each.version for each in hops]
    return Verdict.UNPROVEN, summary, [*_silent_version_causes(check, evidence, silent, server), *lost]


def _summarise_cut(cut: FlowCut) -> str:
    size, packets = format_bytes(cut.size), format_count(cut.packets, "packet")
    return (
        f"Data passed for {format_rtt(cut.after)} ({packets}, {size}), then nothing; handshakes still work."
    )


def _diagnose_no_answer(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> Meaning:
    """Diagnose where neither an inner target nor the first hop answers."""
    if inner_error := first_of_kind(InnerIcmp, evidence):
        error = icmp_name(inner_error)
        summary = f"The handshake works, but {inner_error.source} inside the tunnel reports: {error}."
        return (
            Verdict.DATA_DEAD,
            summary,
            [tunnel_causes.inner_refused(inner_error), tunnel_causes.inner_firewall(server)],
        )
    versions = sorted(_target_versions(evidence))
    if others := [str(each.source) for each in all_of_kind(InnerHop, evidence) if each.source]:
        summary = (
            f"The handshake works and the server receives data ({_answers(others)}), "
            f"but nothing comes back over {_versions(versions)}."
        )
        return Verdict.DATA_DEAD, summary, _dropped_inside(check, evidence, server, versions)
    if passive and passive.after is not None:
        summary = "The handshake works and the server receives data, but drops it or the answers inside."
        return Verdict.DATA_DEAD, summary, _dropped_inside(check, evidence, server)
    if passive:
        # The direction is unknown: a lost acknowledgement looks like data that never arrived.
        summary = "The handshake works, but the path loses the data after it, in one direction or both."
        return Verdict.DATA_DEAD, summary, tunnel_causes.data_lost(server)
    summary = "The handshake works, but nothing comes back through the tunnel."
    lost = tunnel_causes.data_lost(server)
    return Verdict.DATA_DEAD, summary, [*_dropped_inside(check, evidence, server), *lost]


def _dropped_inside(
    check: Check, evidence: Sequence[Evidence], server: Server, versions: Sequence[int] = (4, 6)
) -> list[Cause]:
    probed_as, silent = check.probed_as, _find_silent_targets(evidence)
    ranked = [
        *silent_targets.find_own_address(server, probed_as),
        *tunnel_causes.dropped_inside(server, probed_as, versions),
    ]
    if silent_targets.are_all_behind(probed_as, evidence, silent):
        ranked += silent_targets.behind_the_server(probed_as, evidence, silent)
    return ranked


def _diagnose_inner_targets(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Diagnose inner targets that are silent or refuse, while the tunnel carries data."""
    refusing, silent = _find_refusing_services(evidence), _find_silent_targets(evidence)
    if not refusing and not silent:
        return None
    if silent and not refusing and _has_partial_loss(evidence):
        summary = f"The tunnel loses packets, including all to {', '.join(silent)}."
        return (
            Verdict.LOSSY,
            summary,
            [causes.lossy(server), *silent_targets.rank(server, check.probed_as, evidence, silent, ())],
        )
    problems = describe_inner_faults(evidence)
    hops = all_of_kind(InnerHop, evidence)
    answered = [str(each.source) for each in hops if each.source]
    silent_versions = [each.version for each in hops if each.source is None]
    proven = [each for each in _proven_versions(evidence) if each not in silent_versions]
    over = f" over {_versions(proven)}" if silent_versions and proven else ""
    summary = f"{problems}, the tunnel is fine{over}"
    summary += f" ({_answers(answered)})" if answered else ""
    summary += f", but nothing came back over {_versions(silent_versions)}." if silent_versions else "."
    ranked = [target_causes.service_refuses(each) for each in refusing]
    ranked += [tunnel_causes.inner_refused(each) for each in _refusals(evidence)[:1]]
    others = () if check.tunnel and check.tunnel.received else answered
    ranked += silent_targets.rank(server, check.probed_as, evidence, silent, others)
    ranked += tunnel_causes.no_way_back(check.probed_as, _without_answer(evidence, silent_versions))
    return Verdict.INNER_DEAD, re.sub("^the ", "The ", summary), ranked


def _diagnose_loss(evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    lost = _lost_echoes(evidence)
    if not lost:
        return None
    summary = f"The handshake works, but {lost} through the tunnel were lost."
    return Verdict.LOSSY, summary, [causes.lossy(server)]


def _diagnose_untested(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Diagnose what the configuration names and the check did not prove, while everything else works.

    AllowedIPs may lack one of the identity's addresses, so something must answer in each IP version.
    """
    hops = all_of_kind(InnerHop, evidence)
    silent = [each.version for each in hops if each.source is None]
    without = [each for each in silent if each in _without_answer(evidence, silent)]
    reasons = [f"nothing came back over {_versions(without)}"] if without else []
    reasons += [_describe_refusal(each) for each in _refusals(evidence) if each.version in silent][:1]
    reasons += _unprobed(evidence, server)
    ranked = [causes.lossy(server)] if silent and _has_lost_packets(check, evidence) else []
    ranked += _silent_version_causes(check, evidence, silent, server) if silent else []
    ranked += [
        target_causes.target_unaddressed(server, each.target)
        for each in all_of_kind(InnerUnaddressed, evidence)
    ]
    if unfetched := fetch_diagnosis.find_unfetched(evidence, server):
        reasons.append(f"{format_list(unfetched)} {'was' if len(unfetched) == 1 else 'were'} not fetched yet")
        ranked.append(fetch_diagnosis.not_fetched(server))
    if packet_size.is_required_but_untested(evidence, server):
        reasons.append(f"packets of {server.tunnel_mtu} bytes: {packet_size.NOT_TESTED}")
        ranked.append(target_causes.size_untested(server))
    if not reasons:
        return None
    answered = [str(each.source) for each in hops if each.source]
    inside = f"{_answers(answered)} inside" if answered else "data passes"
    return (
        Verdict.UNPROVEN,
        f"Not proven: the handshake works and {inside}, but {'; '.join(reasons)}.",
        ranked,
    )


def _silent_version_causes(
    check: Check, evidence: Sequence[Evidence], versions: Sequence[int], server: Server
) -> list[Cause]:
    refusals = [tunnel_causes.inner_refused(each) for each in _refusals(evidence) if each.version in versions]
    possible = tunnel_causes.unproven(server, check.probed_as, versions, _without_answer(evidence, versions))
    return [*refusals[:1], *possible]


def _without_answer(evidence: Sequence[Evidence], versions: Sequence[int]) -> list[int]:
    """The IP versions of these in which nothing at all came out of the tunnel.

    A server sends a packet to a peer only if the peer's AllowedIPs contain its destination, so an ICMP error
    proves AllowedIPs and the route back.
    """
    proven = {each.version for each in all_of_kind(InnerIcmp, evidence)}
    return [each for each in versions if each not in proven]


def _proven_versions(evidence: Sequence[Evidence]) -> list[int]:
    """The IP versions in which data passed both ways."""
    answered = {each.version for each in all_of_kind(InnerHop, evidence) if each.source}
    targets = [each.target for each in all_of_kind(InnerEcho, evidence) if each.received]
    targets += [each.target for each in all_of_kind(InnerService, evidence) if each.answer]
    answered |= {target_causes.version_of(each) for each in targets}
    return sorted(answered | {each.version for each in all_of_kind(InnerIcmp, evidence)})


def _unprobed(evidence: Sequence[Evidence], server: Server) -> list[str]:
    return [
        f'{each.target} was not probed: identity "{server.identity}" has no '
        f"IPv{target_causes.version_of(each.target)} tunnel address"
        for each in all_of_kind(InnerUnaddressed, evidence)
    ]


def _refusals(evidence: Sequence[Evidence]) -> list[InnerIcmp]:
    return [each for each in all_of_kind(InnerIcmp, evidence) if each.refuses]


def _describe_refusal(error: InnerIcmp) -> str:
    return f"{error.source} inside reports over IPv{error.version}: {icmp_name(error)}"


def _answers(sources: Sequence[str]) -> str:
    return f"{format_list(sources)} {'answers' if len(sources) == 1 else 'answer'}"


def _versions(versions: Sequence[int]) -> str:
    return format_list([f"IPv{each}" for each in versions])


def _find_keepalive(evidence: Sequence[Evidence]) -> PassiveKeepalive | None:
    """Return what is known about the server's keepalive; one that arrived decides."""
    waits = all_of_kind(PassiveKeepalive, evidence)
    return next((each for each in waits if each.after is not None), waits[0] if waits else None)


def _find_refusing_services(evidence: Sequence[Evidence]) -> list[InnerService]:
    services = all_of_kind(InnerService, evidence)
    return [each for each in services if each.answer == "closed" or each.rcode]


def _find_silent_targets(evidence: Sequence[Evidence]) -> list[str]:
    silent = [each.target for each in all_of_kind(InnerEcho, evidence) if not each.received]
    return silent + [each.target for each in all_of_kind(InnerService, evidence) if each.answer is None]


def _describe_silence(evidence: Sequence[Evidence]) -> list[str]:
    echoes = [each.target for each in all_of_kind(InnerEcho, evidence) if not each.received]
    services = [each for each in all_of_kind(InnerService, evidence) if each.answer is None]
    verb = "does not answer" if len(echoes) == 1 else "do not answer"
    return [f"{format_list(echoes)} {verb} echoes"] * bool(echoes) + [*map(describe_service, services)]


def _has_partial_loss(evidence: Sequence[Evidence]) -> bool:
    """Whether silence may be packet loss: echoes to a target that answers were lost too."""
    return any(0 < each.received < each.sent for each in all_of_kind(InnerEcho, evidence))


def _has_lost_packets(check: Check, evidence: Sequence[Evidence]) -> bool:
    """Whether the check lost packets itself: then the two echoes over another IP version may be lost too."""
    return _has_partial_loss(evidence) or (check.handshake is not None and check.handshake.retransmits > 0)


def _lost_echoes(evidence: Sequence[Evidence]) -> str | None:
    """Text for lost echoes if half or more were lost; one lost packet is no verdict."""
    echoes = all_of_kind(InnerEcho, evidence)
    sent, received = sum(each.sent for each in echoes), sum(each.received for each in echoes)
    return f"{sent - received} of {sent} echoes" if sent and received <= sent / 2 else None
