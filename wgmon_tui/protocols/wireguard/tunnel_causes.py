"""Possible causes of faults inside the tunnel: data that is lost, refused, unanswered or too large.

As in causes.py, commands for the server begin with "on the server:", and `wg0` is a placeholder.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import ProbedAs
from wgmon_tui.checks.evidence import FlowCut, PathMtu
from wgmon_tui.checks.first_hop import likely_server_address
from wgmon_tui.checks.icmp_errors import icmp_name
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address, Interface
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard.causes import flows_to
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.protocols.wireguard.wire import TRANSPORT_OVERHEAD
from wgmon_tui.text import format_list

LEAST_IPV6_MTU = 1280
"""Every link must carry IPv6 packets of this size (RFC 8200 §5)."""


def dropped_inside(
    server: Server, probed_as: ProbedAs | None, versions: Sequence[int] = (4, 6)
) -> list[Cause]:
    """For data that reaches the server and gets no answer. No cause is proven over the others."""
    own_versions = {each.version for each in probed_as.tunnel_addresses} if probed_as else set()
    versions = [each for each in versions if each in (own_versions or (4, 6))]
    addresses = _own_address_texts(probed_as, versions)
    return [
        _allowed_ips(probed_as, addresses, versions),
        inner_firewall(server),
        Cause(
            "the server has no route back to this identity's tunnel address",
            "answers that leave by another interface never arrive here",
            f"on the server: ip route get {addresses[0]} — must name wg0",
            _of_version(Hypothesis.NO_ROUTE_BACK, versions),
        ),
    ]


def inner_firewall(server: Server) -> Cause:
    """For data that the server accepts, and that gets no answer inside."""
    return Cause(
        "an inner firewall drops the packets, or the inner address is missing or its interface is down",
        "after WireGuard, the server's own firewall rules apply",
        f"on the server: nft list ruleset; ip addr show wg0 — must show {_targets(server)}",
    )


def no_way_back(probed_as: ProbedAs | None, versions: Sequence[int]) -> list[Cause]:
    """For IP versions in which nothing comes out of the tunnel, while data passes in another one."""
    if not versions:
        return []
    addresses = _own_address_texts(probed_as, versions)
    return [_allowed_ips(probed_as, addresses, versions), _no_route_back(addresses, versions)]


def unproven(
    server: Server, probed_as: ProbedAs | None, versions: Sequence[int], unanswered: Sequence[int]
) -> list[Cause]:
    """For a first hop that is silent in these IP versions. A healthy server may be silent too.

    In the `unanswered` versions, nothing at all came out of the tunnel.
    """
    usual = [str(likely_server_address(each)) for each in _own_addresses(probed_as, versions)] or [
        "the usual address"
    ]
    allowed_ips, no_route = no_way_back(probed_as, unanswered) or (None, None)
    ranked = [
        allowed_ips,
        Cause(
            f"the server works, but does not forward, and is not at {' or '.join(usual)} inside",
            "without a known inner address, only a server that forwards or has that address answers",
            f'in servers.toml, server "{server.name}": tunnel_ping = ["INNER-ADDRESS-OF-THE-SERVER"] '
            "— the address of wg0 there; or set tunnel = false where the handshake alone is enough",
            _of_version(Hypothesis.NOT_FORWARDED, versions),
        ),
        no_route,
    ]
    return [each for each in ranked if each]


def _no_route_back(addresses: Sequence[str], versions: Sequence[int]) -> Cause:
    return Cause(
        "the server has no route back to this identity's tunnel address, or its interface is down",
        "answers that leave by another interface never arrive here",
        f"on the server: ip route get {addresses[0]} — must name wg0, and wg0 must be up",
        _of_version(Hypothesis.NO_ROUTE_BACK, versions),
    )


def unaddressed(server: Server, probed_as: ProbedAs | None) -> Cause:
    """For an identity without a tunnel address."""
    own_public_key = probed_as.public_key if probed_as else "OUR-PUBLIC-KEY"
    return Cause(
        f'identity "{server.identity}" has no tunnel address in servers.toml',
        "without one nothing inside can be tested: wrong AllowedIPs on the server would not show",
        f'in servers.toml, identity "{server.identity}": addresses = ["OUR-TUNNEL-ADDRESS"] — one of the '
        f"AllowedIPs that the server has for {own_public_key}; "
        f'or set tunnel = false for server "{server.name}" where the handshake alone is enough',
        proven=True,
    )


def _allowed_ips(probed_as: ProbedAs | None, addresses: Sequence[str], versions: Sequence[int]) -> Cause:
    own_public_key = probed_as.public_key if probed_as else "OUR-PUBLIC-KEY"
    return Cause(
        "the server's AllowedIPs for this peer lack its tunnel address",
        "it silently drops inner packets whose source is not in the peer's AllowedIPs",
        f"on the server: wg show wg0 allowed-ips — the line of {own_public_key} must contain "
        f"{', '.join(addresses)}",
        _of_version(Hypothesis.ALLOWED_IPS, versions),
    )


def _of_version(hypothesis: Hypothesis, versions: Sequence[int]) -> Hypothesis:
    """Return the hypothesis about one IP version if only that one is concerned."""
    return Hypothesis(f"{hypothesis}-v{versions[0]}") if list(versions) in ([4], [6]) else hypothesis


def _own_addresses(probed_as: ProbedAs | None, versions: Sequence[int]) -> list[Interface]:
    """The first tunnel address in each of these IP versions: the one that probes are sent from."""
    addresses = probed_as.tunnel_addresses if probed_as else ()
    firsts = (next((each for each in addresses if each.version == version), None) for version in versions)
    return [each for each in firsts if each]


def _own_address_texts(probed_as: ProbedAs | None, versions: Sequence[int] = (4, 6)) -> list[str]:
    return [str(each.ip) for each in _own_addresses(probed_as, versions)] or ["OUR-TUNNEL-ADDRESS"]


def data_lost(server: Server) -> list[Cause]:
    """For data that nothing acknowledges although the handshake succeeds."""
    port = server.endpoint.port
    # Only a server that has no timers could still be reached: what it drops inside is as silent then.
    inside = (
        "on the server: wg show wg0 transfer — if the bytes received from this peer grow with each check, "
        "look at its AllowedIPs and at the firewall inside"
        if server.tunnel_ping
        else f'in servers.toml, server "{server.name}": tunnel_ping = ["INNER-ADDRESS"] — or tunnel = false'
    )
    return [
        Cause(
            "something on the path passes the handshake and drops data",
            "no keepalive acknowledged the data; packet inspection and rate limiters do this to WireGuard",
            f"on the server: tcpdump -ni any udp port {port} — do any arrive after the first of each check?",
            Hypothesis.DATA_DROPPED,
        ),
        Cause(
            "the server's WireGuard does not acknowledge data",
            "some implementations have no timers; then only an inner address can prove the data path",
            inside,
            Hypothesis.DATA_NOT_ACKNOWLEDGED,
        ),
    ]


def flow_cut(server: Server, cut: FlowCut, address: Address | None) -> list[Cause]:
    """For data that passes at first, while handshakes go on working."""
    port = server.endpoint.port
    return [
        Cause(
            "packet inspection on the path recognises WireGuard's data and cuts the flow off",
            f"{cut.unanswered} echoes in a row were lost, in two sessions; both handshakes passed",
            f"on the server: tcpdump -ni any udp port {port} — see when those of this machine stop",
        ),
        Cause(
            "a NAT, firewall or rate limiter on the path limits each flow",
            "such limits count the packets, bytes or seconds of one address and port",
            f"on each router of the path: conntrack -L {flows_to(server, address)}; nft list ruleset",
        ),
    ]


def inner_refused(error: InnerIcmp) -> Cause:
    """For an ICMP error from inside the tunnel."""
    return Cause(
        "routing or a firewall inside the tunnel rejects the packets",
        f"{error.source} reports through the tunnel: {icmp_name(error)}",
        f"on the server: ip route get {error.original_destination or 'INNER-ADDRESS'}; nft list ruleset; "
        "sysctl net.ipv4.ip_forward",
    )


def inner_dead(host: Address | str, hops: Sequence[str]) -> Cause:
    """For an inner target that is silent while others answer, or the first hops do."""
    others = format_list(hops) if hops else "other inner targets of this server"
    return Cause(
        "the inner host or service is down, or its own firewall drops the packets",
        f"{others} {'answers' if len(hops) == 1 else 'answer'}, so the tunnel itself is fine",
        f"on the server: ping {host}; ip route get {host}",
    )


def mtu(server: Server, found: PathMtu) -> Cause:
    """For large inner packets that are lost."""
    why = f"{found.largest_passing} bytes pass both ways, {found.smallest_failing} do not"
    if found.reported:
        why += f"; a hop on the path reports MTU {found.reported}"
    if found.largest_passing < LEAST_IPV6_MTU:
        largest = found.largest_passing + TRANSPORT_OVERHEAD
        return Cause(
            f"the path drops packets over {found.largest_passing} bytes",
            f"{why}; a hop drops UDP of more than {largest} bytes, and IPv6 needs inner packets of "
            f"{LEAST_IPV6_MTU}, so a smaller MTU at the clients is no remedy",
            f"tracepath -n {server.endpoint.host}",
        )
    return Cause(
        "the path's MTU is smaller than the tunnel's",
        why,
        f"on the server and its clients: MTU = {found.largest_passing} — under [Interface]",
        Hypothesis.MTU,
        proven=True,
    )


def _targets(server: Server) -> str:
    return ", ".join(map(str, server.tunnel_ping)) or "the inner address"
