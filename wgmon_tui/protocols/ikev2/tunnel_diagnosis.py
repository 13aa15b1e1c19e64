"""The diagnosis of the CHILD_SA: whether there is one, and whether data comes back through it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from wgmon_tui.checks.evidence import InnerEcho, InnerHop, InnerUnaddressed
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.stage import TUNNEL
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.protocols.ikev2 import tunnel_causes
from wgmon_tui.protocols.ikev2.evidence_kinds import OUTSIDE, EvidenceKind
from wgmon_tui.protocols.ikev2.findings import Findings, Meaning
from wgmon_tui.protocols.ikev2.iana_numbers import Notify
from wgmon_tui.text import format_list

_WORD_BETWEEN = re.compile(", | and ")


def diagnose_tunnel(found: Findings) -> Meaning | None:
    """What is wrong with the tunnel of an authenticated session; None if nothing is."""
    if not found.server.tunnel:
        return None
    child = found.values(EvidenceKind.ESTABLISHED)[0]
    if child == "childless" and found.has(EvidenceKind.CHILD_LATER):
        summary = (
            "Not proven: the session is up, but data is not tested. The CHILD_SA comes only after IKE_AUTH."
        )
        return Meaning(Verdict.UNPROVEN, summary, (tunnel_causes.child_later(),))
    if child == Notify.INTERNAL_ADDRESS_FAILURE.name:
        summary = "The server accepts the credentials, but has no inner address for this client."
        return Meaning(Verdict.SESSION_REFUSED, summary, (tunnel_causes.full_pool(),), TUNNEL)
    if child != "child":
        notify = "no CHILD_SA" if child == "childless" else child
        verdict = (
            Verdict.CIPHER_MISMATCH if child == Notify.NO_PROPOSAL_CHOSEN.name else Verdict.SESSION_REFUSED
        )
        summary = f"The server accepts the credentials, but makes no CHILD_SA: {notify}."
        return Meaning(verdict, summary, (tunnel_causes.child_refused(notify, found.settings),), TUNNEL)
    return _diagnose_echoes(found)


def _diagnose_echoes(found: Findings) -> Meaning | None:
    echoes = all_of_kind(InnerEcho, found.evidence)
    silent = format_list([each.target for each in echoes if not each.received])
    if silent and found.values(EvidenceKind.ENDED)[0] == "by-server":
        summary = f"The session was up, and the server ended it before {silent} answered."
        return Meaning(Verdict.SESSION_REFUSED, summary, tunnel_causes.ended_by_server(), TUNNEL)
    if silent and not any(each.received for each in echoes):
        summary = f"The session is up, but nothing comes back through the tunnel from {silent}."
        excluded = _of_selectors(found, echoes)
        possible = [excluded] if excluded else tunnel_causes.dead_tunnel(silent)
        return Meaning(Verdict.DATA_DEAD, summary, possible, TUNNEL)
    if silent:
        summary = f"The tunnel carries data, but {silent} does not answer."
        cause = _of_selectors(found, echoes) or tunnel_causes.dead_targets(silent)
        return Meaning(Verdict.INNER_DEAD, summary, (cause,), TUNNEL)
    if unaddressed := all_of_kind(InnerUnaddressed, found.evidence):
        targets = format_list([each.target for each in unaddressed])
        summary = f"Not proven: the server assigned no inner address that could reach {targets}."
        return Meaning(Verdict.UNPROVEN, summary)
    hops = all_of_kind(InnerHop, found.evidence)
    if not echoes and not any(each.source for each in hops):
        summary = "Not proven: the session is up, but no inner address is known to answer. Set tunnel_ping."
        return Meaning(Verdict.UNPROVEN, summary)
    return None


def _of_selectors(found: Findings, echoes: Sequence[InnerEcho]) -> Cause | None:
    """The traffic selectors of the server, if they keep out what was asked; None if they let it pass."""
    own, server, place = found.values(EvidenceKind.SELECTORS)[:3]
    if place == OUTSIDE:
        return tunnel_causes.excluded_address(own)
    networks = [each for word in _WORD_BETWEEN.split(server) if (each := _read_network(word))]
    silent = [each.target for each in echoes if not each.received]
    outside = [each for each in silent if not any(_is_in(each, network) for network in networks)]
    return tunnel_causes.excluded_targets(format_list(outside), server) if networks and outside else None


def _read_network(word: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(word)
    except ValueError:  # "3 more", or a text that another machine sent
        return None


def _is_in(target: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(target) in network
    except ValueError:
        return False
