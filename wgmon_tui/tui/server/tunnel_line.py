"""One-line summary of the data path through a server's tunnel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerHop, InnerService, PassiveKeepalive, PathMtu
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.fetch_text import format_rate
from wgmon_tui.checks.icmp_errors import icmp_name
from wgmon_tui.config.models import Server
from wgmon_tui.config.protocol_settings import needs_identity
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.text import format_rtt

_ANSWERS = {"answered": "answered", "open": "open", "closed": "closed", None: "silent"}


def tunnel_line(
    server: Server, check: Check, carried_evidence: Sequence[Evidence], separator: str
) -> str | None:
    """Echoes, services, acknowledgement and MTU, as far as checked; None without a handshake or a tunnel.

    `carried_evidence` is earlier evidence that still holds. The MTU, for example, is checked rarely.
    """
    if check.handshake is None:
        return None
    if not server.tunnel:
        return "not checked: servers.toml has tunnel = false" if needs_identity(server) else None
    evidence = (*check.evidence, *carried_evidence)
    parts = [
        *_answered(check),
        *_first_hop(check),
        *_refused(check),
        *_fetched(server, evidence),
        *_acknowledged(check, evidence),
        *_mtu(evidence),
    ]
    return f" {separator} ".join(parts) or "not checked yet"


def _answered(check: Check) -> Iterator[str]:
    echoes = all_of_kind(InnerEcho, check.evidence)
    sent, received = sum(each.sent for each in echoes), sum(each.received for each in echoes)
    if sent:
        took = f", {format_rtt(check.tunnel.rtt)}" if check.tunnel and check.tunnel.rtt is not None else ""
        yield f"{received} of {sent} echoes{took}"
    if received:
        yield from (f"{each.target} silent" for each in echoes if not each.received)
    for service in all_of_kind(InnerService, check.evidence):
        yield f"{service.kind} {service.target} {_ANSWERS[service.answer]}"


def _first_hop(check: Check) -> Iterator[str]:
    """The hop that answered if no inner address is configured."""
    for hop in all_of_kind(InnerHop, check.evidence):
        took = f" answers, {format_rtt(hop.rtt)}" if hop.rtt is not None else " answers"
        yield f"{hop.source}{took}" if hop.source else f"no answer over IPv{hop.version}"


def _refused(check: Check) -> Iterator[str]:
    if icmp_error := first_of_kind(InnerIcmp, check.evidence):
        yield f"{icmp_error.source} reports: {icmp_name(icmp_error)}"


def _fetched(server: Server, evidence: Sequence[Evidence]) -> Iterator[str]:
    """The latest fetch of each URL that is still set."""
    latest = {each.target: each for each in reversed(all_of_kind(InnerFetch, evidence))}
    for target in server.tunnel_http:
        if fetch := latest.get(str(target)):
            fault = "" if fetch.fault in (None, "status", "text") else f" {fetch.fault}"
            took = f", {format_rtt(fetch.ended)}" if fetch.ended is not None else ""
            yield f"{target.url}{fault} {fetch.status or ''}".rstrip() + took + format_rate(fetch)


def _acknowledged(check: Check, evidence: Sequence[Evidence]) -> Iterator[str]:
    """The server's keepalive: the only answer if no inner address is pinged."""
    keepalive = first_of_kind(PassiveKeepalive, evidence)
    if keepalive is None:
        return
    words = "data is not acknowledged" if keepalive.after is None else "the server receives data"
    asked = check.tunnel is not None and not check.tunnel.passive
    yield words if asked else f"passive: {words}"


def _mtu(evidence: Sequence[Evidence]) -> Iterator[str]:
    if found := first_of_kind(PathMtu, evidence):
        failing = "" if found.smallest_failing is None else f" passes, {found.required} does not"
        yield f"mtu {found.largest_passing}{failing}"
