"""Possible causes of inner targets that do not answer: which of them is possible depends on where they are.

A target is the server itself, a host behind it, or by mistake this identity's own tunnel address. A packet to
a host behind the server needs forwarding there, and its answer needs a way back to the tunnel.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import ProbedAs
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerHop, InnerService
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.first_hop import tunnel_network
from wgmon_tui.checks.icmp_errors import icmp_name
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address, Interface, parse_address
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard import tunnel_causes

_DNS_PORT = 53
_MISSING = ("host unreachable", "address unreachable")
"""Sent for a host that is down: it rejects nothing."""
_FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}


def find_own_address(server: Server, probed_as: ProbedAs | None) -> list[Cause]:
    """The cause that a target in servers.toml is the identity's own tunnel address, if one is."""
    own = {each.ip for each in _own_interfaces(probed_as)}
    targets = [*server.tunnel_ping, *(_address_of(each.host) for each in server.tunnel_tcp)]
    return [_own_address(server, each) for each in targets if each in own][:1]


def rank(
    server: Server,
    probed_as: ProbedAs | None,
    evidence: Sequence[Evidence],
    silent: Sequence[str],
    hops: Sequence[str],
) -> list[Cause]:
    """Causes of silent targets of a tunnel that carries data. `hops` are the first hops that answered."""
    if not silent:
        return []
    if mistaken := find_own_address(server, probed_as):
        return mistaken
    alive = _find_answering(evidence)
    services = [each for each in all_of_kind(InnerService, evidence) if each.answer is None]
    on_live_hosts = [each for each in services if _address_of(each.target) in alive]
    serving = {_address_of(each.target) for each in all_of_kind(InnerService, evidence) if each.answer}
    echoless = [each.target for each in all_of_kind(InnerEcho, evidence) if _is_echoless(each, serving)]
    ranked = [_service(each) for each in on_live_hosts[:1]]
    ranked += [_no_echoes(each) for each in echoless[:1]]
    known = {*(each.target for each in on_live_hosts), *echoless, *_find_rejected(silent, evidence)}
    if unknown := [each for each in silent if each not in known]:
        ranked.append(tunnel_causes.inner_dead(_address_of(unknown[0]) or unknown[0], hops))
        ranked += behind_the_server(probed_as, evidence, unknown)
    return ranked


def _is_echoless(echo: InnerEcho, serving: set[Address | None]) -> bool:
    """Whether a host answers no echoes, while a service on it answers."""
    return not echo.received and _address_of(echo.target) in serving


def _find_rejected(silent: Sequence[str], evidence: Sequence[Evidence]) -> list[str]:
    """The targets of which an ICMP error says that the packets to them were rejected on the way there."""
    rejected = {
        each.original_destination
        for each in all_of_kind(InnerIcmp, evidence)
        if each.refuses and icmp_name(each) not in _MISSING
    }
    return [each for each in silent if _address_of(each) in rejected - {None}]


def behind_the_server(
    probed_as: ProbedAs | None, evidence: Sequence[Evidence], silent: Sequence[str]
) -> list[Cause]:
    """Causes that concern only hosts behind the server. Empty if none of the silent targets is one."""
    behind = _find_behind(probed_as, evidence, silent)
    if not behind:
        return []
    first = behind[0]
    # What answers from behind the server was forwarded.
    is_forwarding = any(
        each.version == first.version and _is_behind(each, probed_as, evidence)
        for each in _find_answering(evidence)
    )
    return [*([] if is_forwarding else [_not_forwarded(first)]), _no_way_back(first)]


def are_all_behind(probed_as: ProbedAs | None, evidence: Sequence[Evidence], silent: Sequence[str]) -> bool:
    """Whether the server itself is none of the silent targets."""
    return len(_find_behind(probed_as, evidence, silent)) == len(silent)


def _find_behind(
    probed_as: ProbedAs | None, evidence: Sequence[Evidence], silent: Sequence[str]
) -> list[Address]:
    addresses = [address for each in silent if (address := _address_of(each))]
    return [each for each in addresses if _is_behind(each, probed_as, evidence)]


def _is_behind(target: Address, probed_as: ProbedAs | None, evidence: Sequence[Evidence]) -> bool:
    """Whether a target lies outside the tunnel's own network, and is not the first hop that answered."""
    if str(target) in {str(each.source) for each in all_of_kind(InnerHop, evidence)}:
        return False
    own = [each for each in _own_interfaces(probed_as) if each.version == target.version]
    return bool(own) and all(target not in tunnel_network(each) for each in own)


def _find_answering(evidence: Sequence[Evidence]) -> set[Address]:
    echoes = [each.target for each in all_of_kind(InnerEcho, evidence) if each.received]
    services = [each.target for each in all_of_kind(InnerService, evidence) if each.answer]
    hops = [str(each.source) for each in all_of_kind(InnerHop, evidence) if each.source]
    return {address for each in (*echoes, *services, *hops) if (address := _address_of(each))}


def _own_interfaces(probed_as: ProbedAs | None) -> tuple[Interface, ...]:
    return probed_as.tunnel_addresses if probed_as else ()


def _address_of(target: str) -> Address | None:
    """The address of a target: "ADDRESS", "ADDRESS:PORT" or "NAME@ADDRESS". None if it has none."""
    text = target.rpartition("@")[2]
    return parse_address(text) or parse_address(text.rpartition(":")[0].strip("[]"))


def _own_address(server: Server, target: Address | None) -> Cause:
    return Cause(
        f"{target} is the tunnel address of this identity itself, not one of the server",
        "nothing answers a packet from an address to itself",
        f'in servers.toml, server "{server.name}": tunnel_ping = ["INNER-ADDRESS-OF-THE-SERVER"] '
        f'— and compare addresses of identity "{server.identity}"',
        proven=True,
    )


def _service(service: InnerService) -> Cause:
    """For a service that is silent on a host that answers."""
    address = _address_of(service.target) or service.target
    port = _DNS_PORT if service.kind == "dns" else int(service.target.rpartition(":")[2])
    options = "-lunp" if service.kind == "dns" else "-ltnp"
    return Cause(
        "the service is down or hung, or a firewall drops its packets",
        f"{address} itself answers, so only its port {port} is silent",
        f"on {address}: ss {options} sport = :{port}; nft list ruleset",
    )


def _no_echoes(target: str) -> Cause:
    return Cause(
        "the host does not answer echoes, or a firewall drops them",
        f"a service on {target} answers, so the host is up",
        f"on {target}: nft list ruleset — or leave {target} out of tunnel_ping",
    )


def _not_forwarded(target: Address) -> Cause:
    return Cause(
        f"the server does not forward packets to {target}: forwarding is off, or a firewall drops them",
        "this target lies behind the server, so its packets need forwarding there",
        f"on the server: sysctl {_FORWARDING[target.version]}; nft list ruleset — must print 1; look at the "
        "rules of the forward hook",
    )


def _no_way_back(target: Address) -> Cause:
    return Cause(
        "its answers find no way back: a route to the tunnel's network or a masquerade rule is missing",
        "a ping from the server itself has another source address, so it may succeed",
        f"on the server: tcpdump -ni any host {target} — do the requests leave, and do answers come?",
    )
