"""The diagnosis of the data path: whether data passes after a successful handshake.

A handshake proves the keys. It does not prove AllowedIPs, routes, firewalls, or a path that passes data.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerHop, InnerService, PassiveKeepalive, PathMtu
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.evidence_text import icmp_name
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard import causes
from wgmon_tui.text import format_list


def diagnose_data_path(
    check: Check, evidence: Sequence[Evidence], server: Server
) -> tuple[Verdict, str, list[Cause]] | None:
    """Diagnose the data path, worst verdict first. None where data passes or `tunnel` is false."""
    if not server.tunnel:
        return None
    passive = first_of_kind(PassiveKeepalive, evidence)
    if check.tunnel is None or check.tunnel.passive:
        return _diagnose_first_hop(check, evidence, passive, server)
    if not check.tunnel.received:
        return _diagnose_no_answer(check, evidence, passive, server)
    silent = _find_silent_targets(evidence)
    if silent and _has_partial_loss(evidence):
        summary = f"The tunnel loses packets, including all to {', '.join(silent)}."
        return Verdict.LOSSY, summary, [causes.lossy(server), causes.inner_dead(server, silent)]
    if silent:
        summary = f"The tunnel carries data, but {', '.join(silent)} inside does not answer."
        return Verdict.INNER_DEAD, summary, [causes.inner_dead(server, silent)]
    mtu = first_of_kind(PathMtu, evidence)
    if mtu and mtu.smallest_failing:
        summary = (
            f"Inner packets of {mtu.largest_passing} bytes pass, {mtu.smallest_failing} or more are lost."
        )
        return Verdict.MTU_BLACKHOLE, summary, [causes.mtu(server, mtu)]
    lost = _lost_echoes(evidence)
    if lost:
        summary = f"The handshake works, but {lost} through the tunnel were lost."
        return Verdict.LOSSY, summary, [causes.lossy(server)]
    return None


def summarise_proof(rtt_text: str, evidence: Sequence[Evidence], server: Server) -> str:
    """State in one sentence what was proven of a healthy server."""
    if not server.tunnel:
        return f"The handshake works: authentic answer in {rtt_text}. Data is not tested (tunnel = false)."
    hops = [str(each.source) for each in all_of_kind(InnerHop, evidence) if each.source]
    who = f" ({_answers(hops)})" if hops else ""
    return f"A real client can connect: authentic answer in {rtt_text}, data passes both ways{who}."


def _diagnose_first_hop(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> tuple[Verdict, str, list[Cause]] | None:
    """Diagnose where no inner address can be tested: only the first hop's answers are proof.

    It must answer in each IP version that the identity has an address of: AllowedIPs may lack one of them.
    """
    hops = all_of_kind(InnerHop, evidence)
    answered = [str(each.source) for each in hops if each.source]
    silent = [each.version for each in hops if each.source is None]
    if answered and not silent:
        return None
    if answered:
        without = f"nothing came back over IPv{silent[0]}"
        summary = f"Not proven: the handshake works and {_answers(answered)} inside, but {without}."
        return Verdict.UNPROVEN, summary, causes.unproven(server, check.probed_as, silent)
    if passive and passive.after is None:
        summary = "The handshake works, but nothing acknowledged the data sent."
        return Verdict.DATA_DEAD, summary, causes.data_lost(server)
    works = "the handshake works and the server receives data" if passive else "the handshake works"
    if not hops:
        summary = f'Not proven: {works}, but identity "{server.identity}" has no tunnel address.'
        return Verdict.UNPROVEN, summary, [causes.unaddressed(server, check.probed_as)]
    summary = f"Not proven: {works}, but nothing came back through the tunnel."
    lost = (
        causes.data_lost(server)[:1] if passive is None else []
    )  # no check has waited for its keepalive yet
    return Verdict.UNPROVEN, summary, [*causes.unproven(server, check.probed_as, silent), *lost]


def _answers(sources: Sequence[str]) -> str:
    return f"{format_list(sources)} {'answers' if len(sources) == 1 else 'answer'}"


def _diagnose_no_answer(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> tuple[Verdict, str, list[Cause]]:
    inner_errors = all_of_kind(InnerIcmp, evidence)
    if inner_error := next((each for each in inner_errors if not _is_redirect(each)), None):
        error = icmp_name(inner_error)
        summary = f"The handshake works, but {inner_error.source} inside the tunnel reports: {error}."
        return (
            Verdict.DATA_DEAD,
            summary,
            [causes.inner_refused(server, inner_error), *causes.dropped_inside(server, check.probed_as)],
        )
    if inner_errors or (passive and passive.after is not None):  # a redirect also proves that data arrived
        summary = "The handshake works and the server receives data, but drops it or the answers inside."
        return Verdict.DATA_DEAD, summary, causes.dropped_inside(server, check.probed_as)
    if passive:
        # The direction is unknown: a lost acknowledgement looks like data that never arrived.
        summary = "The handshake works, but the path loses the data after it, in one direction or both."
        return Verdict.DATA_DEAD, summary, causes.data_lost(server)
    summary = "The handshake works, but nothing comes back through the tunnel."
    return (
        Verdict.DATA_DEAD,
        summary,
        [*causes.dropped_inside(server, check.probed_as), *causes.data_lost(server)],
    )


def _is_redirect(error: InnerIcmp) -> bool:
    """Whether an ICMP error is a redirect: a server that forwards names a better route."""
    return (error.version, error.type) == (4, 5)


def _find_silent_targets(evidence: Sequence[Evidence]) -> list[str]:
    silent = [each.target for each in all_of_kind(InnerEcho, evidence) if not each.received]
    return silent + [each.target for each in all_of_kind(InnerService, evidence) if each.answer is None]


def _has_partial_loss(evidence: Sequence[Evidence]) -> bool:
    """Whether silence may be packet loss: echoes to a target that answers were lost too."""
    return any(0 < each.received < each.sent for each in all_of_kind(InnerEcho, evidence))


def _lost_echoes(evidence: Sequence[Evidence]) -> str | None:
    """Text for lost echoes if half or more were lost; one lost packet is no verdict."""
    echoes = all_of_kind(InnerEcho, evidence)
    sent, received = sum(each.sent for each in echoes), sum(each.received for each in echoes)
    return f"{sent - received} of {sent} echoes" if sent and received <= sent / 2 else None
