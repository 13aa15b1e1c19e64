"""What the tunnel stage means: whether data passes through a session whose handshake was fine.

The seed of many a false green: the handshake proves keys, not AllowedIPs, routes, firewalls or a path that
kills what comes after the handshake.
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
    """The verdict on the data path, the worst first; None where data passes, or is not to be looked at."""
    if not server.tunnel:
        return None
    passive = first_of_kind(PassiveKeepalive, evidence)
    if check.tunnel is None or check.tunnel.passive:
        return _diagnose_first_hop(check, evidence, passive, server)
    if not check.tunnel.received:
        return _diagnose_no_answer(check, evidence, passive, server)
    silent = _find_silent_targets(evidence)
    if silent and _has_partial_loss(evidence):
        summary = f"The tunnel loses packets, all of those to {', '.join(silent)} among them."
        return Verdict.LOSSY, summary, [causes.lossy(server), causes.inner_dead(server, silent)]
    if silent:
        summary = f"The tunnel carries data, but {', '.join(silent)} inside does not answer."
        return Verdict.INNER_DEAD, summary, [causes.inner_dead(server, silent)]
    mtu = first_of_kind(PathMtu, evidence)
    if mtu and mtu.smallest_failing:
        summary = (
            f"Inner packets of {mtu.largest_passing} bytes pass, of {mtu.smallest_failing} and more vanish."
        )
        return Verdict.MTU_BLACKHOLE, summary, [causes.mtu(server, mtu)]
    lost = _lost_echoes(evidence)
    if lost:
        summary = f"The handshake is fine, but {lost} through the tunnel were lost."
        return Verdict.LOSSY, summary, [causes.lossy(server)]
    return None


def summarise_proof(rtt_text: str, evidence: Sequence[Evidence], server: Server) -> str:
    """How far a healthy server is proven to be so, as a sentence."""
    if not server.tunnel:
        return (
            f"The handshake is fine, authentic answer in {rtt_text}; only that is looked at (tunnel = false)."
        )
    hops = [str(each.source) for each in all_of_kind(InnerHop, evidence) if each.source]
    who = f" ({_answers(hops)})" if hops else ""
    return f"A real client can connect: authentic answer in {rtt_text}, data passes both ways{who}."


def _diagnose_first_hop(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> tuple[Verdict, str, list[Cause]] | None:
    """The verdict where no inner address could be asked: proven is only what the first hop has answered.

    It must have answered in each IP version that we have an address of: AllowedIPs may lack one of the two.
    """
    hops = all_of_kind(InnerHop, evidence)
    answered = [str(each.source) for each in hops if each.source]
    silent = [each.version for each in hops if each.source is None]
    if answered and not silent:
        return None
    if answered:
        without = f"nothing came back over IPv{silent[0]}"
        summary = f"Not proven: the handshake is fine and {_answers(answered)} inside, but {without}."
        return Verdict.UNPROVEN, summary, causes.unproven(server, check.probed_as, silent)
    if passive and passive.after is None:
        summary = "The handshake is fine, but nothing acknowledged our data."
        return Verdict.DATA_DEAD, summary, causes.data_lost(server)
    fine = "the handshake is fine and the server receives our data" if passive else "the handshake is fine"
    if not hops:
        summary = f'Not proven: {fine}, but our identity "{server.identity}" has no address in the tunnel.'
        return Verdict.UNPROVEN, summary, [causes.unaddressed(server, check.probed_as)]
    summary = f"Not proven: {fine}, but nothing came back out of the tunnel."
    lost = causes.data_lost(server)[:1] if passive is None else []  # nobody has waited for its keepalive yet
    return Verdict.UNPROVEN, summary, [*causes.unproven(server, check.probed_as, silent), *lost]


def _answers(sources: Sequence[str]) -> str:
    return f"{format_list(sources)} {'answers' if len(sources) == 1 else 'answer'}"


def _diagnose_no_answer(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> tuple[Verdict, str, list[Cause]]:
    inner_errors = all_of_kind(InnerIcmp, evidence)
    if inner_error := next((each for each in inner_errors if not _is_redirect(each)), None):
        summary = f"The handshake is fine, but inside the tunnel {inner_error.source} says: {icmp_name(inner_error)}."
        return (
            Verdict.DATA_DEAD,
            summary,
            [causes.inner_refused(server, inner_error), *causes.dropped_inside(server, check.probed_as)],
        )
    if inner_errors or (passive and passive.after is not None):  # a redirect too is about data that arrived
        summary = (
            "The handshake is fine and the server receives our data, but drops it or its answers inside."
        )
        return Verdict.DATA_DEAD, summary, causes.dropped_inside(server, check.probed_as)
    if passive:
        # Which way is not to be seen: an acknowledgement that is lost looks like data that never arrived.
        summary = "The handshake is fine, but the path loses the data that comes after it, there or back."
        return Verdict.DATA_DEAD, summary, causes.data_lost(server)
    summary = "The handshake is fine, but nothing comes back through the tunnel."
    return (
        Verdict.DATA_DEAD,
        summary,
        [*causes.dropped_inside(server, check.probed_as), *causes.data_lost(server)],
    )


def _is_redirect(error: InnerIcmp) -> bool:
    """Whether it only names a better way: where the server forwards, for an address that is not its own."""
    return (error.version, error.type) == (4, 5)


def _find_silent_targets(evidence: Sequence[Evidence]) -> list[str]:
    silent = [each.target for each in all_of_kind(InnerEcho, evidence) if not each.received]
    return silent + [each.target for each in all_of_kind(InnerService, evidence) if each.answer is None]


def _has_partial_loss(evidence: Sequence[Evidence]) -> bool:
    """Whether silence may be loss: echoes to a target that does answer got lost as well."""
    return any(0 < each.received < each.sent for each in all_of_kind(InnerEcho, evidence))


def _lost_echoes(evidence: Sequence[Evidence]) -> str | None:
    """How many echoes were lost, in words, where half of them or more were: one packet is no verdict."""
    echoes = all_of_kind(InnerEcho, evidence)
    sent, received = sum(each.sent for each in echoes), sum(each.received for each in echoes)
    return f"{sent - received} of {sent} echoes" if sent and received <= sent / 2 else None
