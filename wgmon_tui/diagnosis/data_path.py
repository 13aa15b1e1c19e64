"""What the tunnel stage means: whether data passes through a session whose handshake was fine.

The seed of many a false green: the handshake proves keys, not AllowedIPs, routes, firewalls or a path that
kills what comes after the handshake.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.diagnosis import causes
from wgmon_tui.diagnosis.evidence import every, first
from wgmon_tui.diagnosis.verdict import Cause, Verdict
from wgmon_tui.diagnosis.wording import icmp_name
from wgmon_tui.fleet.records import Server
from wgmon_tui.probe.records import (
    Check,
    Evidence,
    InnerEcho,
    InnerHop,
    InnerIcmp,
    InnerService,
    PassiveKeepalive,
    PathMtu,
)
from wgmon_tui.text import format_list


def broken(
    check: Check, evidence: Sequence[Evidence], server: Server
) -> tuple[Verdict, str, list[Cause]] | None:
    """The verdict on the data path, the worst first; None where data passes, or is not to be looked at."""
    if not server.tunnel:
        return None
    passive = first(PassiveKeepalive, evidence)
    if check.tunnel is None or check.tunnel.passive:
        return _unasked(check, evidence, passive, server)
    if not check.tunnel.received:
        return _dead(check, evidence, passive, server)
    silent = _silent_targets(evidence)
    if silent and _others_lose_some(evidence):
        summary = f"The tunnel loses packets, all of those to {', '.join(silent)} among them."
        return Verdict.LOSSY, summary, [causes.lossy(server), causes.inner_dead(server, silent)]
    if silent:
        summary = f"The tunnel carries data, but {', '.join(silent)} inside does not answer."
        return Verdict.INNER_DEAD, summary, [causes.inner_dead(server, silent)]
    mtu = first(PathMtu, evidence)
    if mtu and mtu.fails_from:
        summary = f"Inner packets of {mtu.passes} bytes pass, of {mtu.fails_from} and more vanish."
        return Verdict.MTU_BLACKHOLE, summary, [causes.mtu(server, mtu)]
    lost = _lost_echoes(evidence)
    if lost:
        summary = f"The handshake is fine, but {lost} through the tunnel were lost."
        return Verdict.LOSSY, summary, [causes.lossy(server)]
    return None


def proven(took: str, evidence: Sequence[Evidence], server: Server) -> str:
    """How far a healthy server is proven to be so, as a sentence."""
    if not server.tunnel:
        return f"The handshake is fine, authentic answer in {took}; only that is looked at (tunnel = false)."
    hops = [str(each.source) for each in every(InnerHop, evidence) if each.source]
    who = f" ({_answers(hops)})" if hops else ""
    return f"A real client can connect: authentic answer in {took}, data passes both ways{who}."


def _unasked(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> tuple[Verdict, str, list[Cause]] | None:
    """The verdict where no inner address could be asked: proven is only what the first hop has answered.

    It must have answered in each IP version that we have an address of: AllowedIPs may lack one of the two.
    """
    hops = every(InnerHop, evidence)
    answered = [str(each.source) for each in hops if each.source]
    silent = [each.version for each in hops if each.source is None]
    if answered and not silent:
        return None
    if answered:
        without = f"nothing came back over IPv{silent[0]}"
        summary = f"Not proven: the handshake is fine and {_answers(answered)} inside, but {without}."
        return Verdict.UNPROVEN, summary, causes.unproven(server, check.asked_as, silent)
    if passive and passive.after is None:
        summary = "The handshake is fine, but nothing acknowledged our data."
        return Verdict.DATA_DEAD, summary, causes.data_lost(server)
    fine = "the handshake is fine and the server receives our data" if passive else "the handshake is fine"
    if not hops:
        summary = f'Not proven: {fine}, but our identity "{server.identity}" has no address in the tunnel.'
        return Verdict.UNPROVEN, summary, [causes.unaddressed(server, check.asked_as)]
    summary = f"Not proven: {fine}, but nothing came back out of the tunnel."
    lost = causes.data_lost(server)[:1] if passive is None else []  # nobody has waited for its keepalive yet
    return Verdict.UNPROVEN, summary, [*causes.unproven(server, check.asked_as, silent), *lost]


def _answers(sources: Sequence[str]) -> str:
    return f"{format_list(sources)} {'answers' if len(sources) == 1 else 'answer'}"


def _dead(
    check: Check, evidence: Sequence[Evidence], passive: PassiveKeepalive | None, server: Server
) -> tuple[Verdict, str, list[Cause]]:
    said_inside = every(InnerIcmp, evidence)
    if said := next((each for each in said_inside if not _redirects(each)), None):
        summary = f"The handshake is fine, but inside the tunnel {said.source} says: {icmp_name(said)}."
        return (
            Verdict.DATA_DEAD,
            summary,
            [causes.inner_refused(server, said), *causes.dropped_inside(server, check.asked_as)],
        )
    if said_inside or (passive and passive.after is not None):  # a redirect too is about data that arrived
        summary = (
            "The handshake is fine and the server receives our data, but drops it or its answers inside."
        )
        return Verdict.DATA_DEAD, summary, causes.dropped_inside(server, check.asked_as)
    if passive:
        # Which way is not to be seen: an acknowledgement that is lost looks like data that never arrived.
        summary = "The handshake is fine, but the path loses the data that comes after it, there or back."
        return Verdict.DATA_DEAD, summary, causes.data_lost(server)
    summary = "The handshake is fine, but nothing comes back through the tunnel."
    return (
        Verdict.DATA_DEAD,
        summary,
        [*causes.dropped_inside(server, check.asked_as), *causes.data_lost(server)],
    )


def _redirects(error: InnerIcmp) -> bool:
    """Whether it only names a better way: where the server forwards, for an address that is not its own."""
    return (error.version, error.type) == (4, 5)


def _silent_targets(evidence: Sequence[Evidence]) -> list[str]:
    silent = [each.target for each in every(InnerEcho, evidence) if not each.received]
    return silent + [each.target for each in every(InnerService, evidence) if each.answer is None]


def _others_lose_some(evidence: Sequence[Evidence]) -> bool:
    """Whether silence may be loss: echoes to a target that does answer got lost as well."""
    return any(0 < each.received < each.sent for each in every(InnerEcho, evidence))


def _lost_echoes(evidence: Sequence[Evidence]) -> str | None:
    """How many echoes were lost, in words, where half of them or more were: one packet is no verdict."""
    echoes = every(InnerEcho, evidence)
    sent, received = sum(each.sent for each in echoes), sum(each.received for each in echoes)
    return f"{sent - received} of {sent} echoes" if sent and received <= sent / 2 else None
