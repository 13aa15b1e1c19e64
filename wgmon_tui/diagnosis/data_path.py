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
    InnerIcmp,
    InnerService,
    PassiveKeepalive,
    PathMtu,
)


def broken(
    check: Check, evidence: Sequence[Evidence], server: Server
) -> tuple[Verdict, str, list[Cause]] | None:
    """The verdict on the data path, the worst first; None where nothing speaks against it."""
    passive = first(PassiveKeepalive, evidence)
    asked = check.tunnel is not None and not check.tunnel.passive
    if asked and check.tunnel and not check.tunnel.received:
        return _dead(check, evidence, passive, server)
    if not asked and passive and passive.after is None:
        summary = "The handshake is fine, but nothing acknowledged our data."
        return Verdict.DATA_DEAD, summary, causes.data_lost(server)
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


def proven(took: str, evidence: Sequence[Evidence]) -> str:
    """How far a healthy server is proven to be so."""
    echoes = every(InnerEcho, evidence)
    if any(each.received for each in echoes) or any(each.answer for each in every(InnerService, evidence)):
        return f"authentic answer in {took}, data passes both ways"
    passive = first(PassiveKeepalive, evidence)
    if passive and passive.after is not None:
        return f"authentic answer in {took}, the server receives our data"
    return f"authentic answer in {took}"


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
