"""Possible causes, each with why it comes to mind and what to type to settle it, real names filled in.

Commands that belong on the server say so; `wg0` stands for its interface, whose name we cannot know.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import ProbedAs
from wgmon_tui.checks.evidence import PathMtu, PresharedKeyFound
from wgmon_tui.checks.evidence_text import icmp_name
from wgmon_tui.checks.first_hop import likely_server_address
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Interface
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.protocols.wireguard.keys import PublicKey
from wgmon_tui.text import format_elapsed


def silence(server: Server, probed_as: ProbedAs | None) -> list[Cause]:
    """What silence can mean, likeliest first. None of it is proven."""
    port = server.endpoint.port
    own_public_key = probed_as.public_key if probed_as else "OUR-PUBLIC-KEY"
    return [
        Cause(
            "the server does not know our key",
            "WireGuard drops an unknown peer without a word; a removed or never added peer looks like this",
            f"on the server: wg show wg0 peers — must list {own_public_key}",
        ),
        Cause(
            "the server's key is not the one in servers.toml",
            "an initiation sealed for another key is dropped without a word",
            f"on the server: wg show wg0 public-key — must print {server.public_key}",
        ),
        Cause(
            "a firewall drops our packets or the answers",
            "a DROP rule on the way is as silent as WireGuard itself",
            f"on the server: nft list ruleset | grep {port}; tcpdump -ni any udp port {port}",
        ),
        Cause(
            "the server or its WireGuard process is down or hung",
            "a machine that is off, or a stopped process whose socket is still bound, says nothing",
            "on the server: wg show wg0; systemctl status wg-quick@wg0",
        ),
        Cause(
            "this identity's clock once ran ahead",
            "a server drops timestamps that are not later than the last one it saw from a key",
            f"on the server: wg set wg0 peer {own_public_key} remove — then add it anew: that forgets it",
        ),
    ]


def under_load(server: Server) -> Cause:
    """For a server that demands cookies."""
    return Cause(
        "the server is flooded with handshakes, or short of CPU",
        "WireGuard demands cookies only while handshakes queue up",
        f"on the server: top; tcpdump -ni any -c 1000 'udp port {server.endpoint.port} and udp[8] = 1'",
    )


def slow(server: Server) -> Cause:
    """For a server that answers over its limit."""
    return Cause(
        "the path or the server is slow",
        "the round trip is measured by the kernel's receive timestamp, so our own load is not in it",
        f"mtr -u -P {server.endpoint.port} {server.endpoint.host}",
    )


def lossy(server: Server) -> Cause:
    """For a server that answers some checks only."""
    return Cause(
        "packets are lost on the way, or a rate limit drops some",
        "answers that come are authentic; the others never arrived",
        f"mtr -u -P {server.endpoint.port} {server.endpoint.host}",
    )


def hung(server: Server) -> Cause:
    """For a server whose answers come long after the question."""
    return Cause(
        "the server hangs for seconds at a time",
        "it answered an earlier check authentically, but late: the keys are right on both sides",
        "on the server: uptime; dmesg -T | tail; top",
    )


def preshared_key(server: Server, found: PresharedKeyFound | None) -> list[Cause]:
    """For an answer whose `empty` does not open under our preshared key; `found` is whose it opens under."""
    if found:
        # An answer that opens is authentic: nobody else can have made it.
        which = "none" if found.server_name is None else f'the one of server "{found.server_name}"'
        return [
            Cause(
                "the preshared key in our file is not the server's",
                f"the answer opens with {which}, so it is the server's own",
                _compare_psk(server),
            )
        ]
    ours = "have one for this server" if server.preshared_key else "have none for this server"
    return [
        Cause(
            "the preshared key differs between the server and us",
            f"the answer names our attempt and our public key, but its seal does not open; we {ours}",
            _compare_psk(server),
        ),
        Cause(
            "somebody on the path forges answers",
            "such an answer can be made without any secret; it proves presence, not identity",
            f"on the server: tcpdump -ni any udp port {server.endpoint.port} — did it send the 92 bytes?",
        ),
    ]


def _compare_psk(server: Server) -> str:
    return (
        f'on the server: wg show wg0 preshared-keys — our line must match server "{server.name}" in our file'
    )


def port_closed(server: Server) -> list[Cause]:
    """For an ICMP port unreachable from the server itself."""
    return [
        Cause(
            "WireGuard is not running there, or listens on another port",
            "the error came from the server's own address, which has nothing on this port",
            f"on the server: wg show wg0 listen-port — must print {server.endpoint.port}; "
            "systemctl status wg-quick@wg0",
        ),
        Cause(
            "the server's own firewall rejects our packets",
            "a REJECT rule on the server sends the very same ICMP error",
            f"on the server: nft list ruleset | grep {server.endpoint.port}",
        ),
    ]


def unreachable(server: Server, error: str, who: str) -> Cause:
    """For any other ICMP error."""
    prohibited = "prohibited" in error or error == "port unreachable"
    return Cause(
        "a firewall rejects our packets" if prohibited else "routing to the server is broken",
        f"{who} said so: {error}",
        f"mtr -u -P {server.endpoint.port} {server.endpoint.host}",
    )


def local(server: Server, error: str) -> Cause:
    """For a send that our own system refused."""
    fix = "nft list ruleset" if error in ("EPERM", "EACCES") else f"ip route get {server.endpoint.host}"
    return Cause("our own side", f"our kernel refused to send: {error}", fix)


def overflow() -> Cause:
    """For a receive buffer of ours that ran over."""
    return Cause(
        "this machine is too busy for this many checks",
        "the kernel dropped datagrams before we could read them",
        "longer intervals in servers.toml, or sysctl -w net.core.rmem_max=4194304",
    )


def name(server: Server) -> Cause:
    """For a name without an address."""
    return Cause(
        "the DNS record is gone, or our resolver does not answer",
        "clients that start now cannot find the server; those already connected keep the old address",
        f"dig {server.endpoint.host} A {server.endpoint.host} AAAA",
    )


def not_wireguard(server: Server) -> Cause:
    """For answers that are no WireGuard, or not this server's."""
    return Cause(
        "another service has this port, or something on the way answers in its place",
        "what came back is no answer that this server's key could have made",
        f"on the server: ss -ulpn sport = :{server.endpoint.port}",
    )


def uplink(servers: int) -> Cause:
    """For a fleet that falls silent as one."""
    return Cause(
        "our own uplink or firewall",
        f"{servers} servers that were well a moment ago do not fail in the same second by themselves",
        "ip route; ping your gateway; nft list ruleset",
    )


def rotated(server: Server, answered: PublicKey) -> Cause:
    """For a server that answered another key of its entry."""
    return Cause(
        "the server's key was rotated, and what clients have was not",
        f"silent to {server.public_key}, it answered an initiation sealed for {answered}",
        f'in servers.toml, server "{server.name}": public_key = "{answered}" — and the same for its clients',
    )


def peer_missing(server: Server) -> Cause:
    """For a server that answered another identity of ours."""
    return Cause(
        "our peer was removed from the server, or never added",
        "the same server, at the same address and key, answers another identity of this file",
        f'on the server: wg show wg0 peers — then add identity "{server.identity}" with the stanza that '
        "`wgmon-tui keygen` printed",
    )


def stuck_flow(server: Server) -> Cause:
    """For a server that answers a fresh source port only."""
    return Cause(
        "a NAT or stateful firewall on the way holds a stale entry for our port",
        "the same initiation was answered when it came from another source port",
        f"on the NAT: conntrack -D -p udp --dport {server.endpoint.port}",
    )


def clock(seconds: float) -> Cause:
    """For a clock that was set back."""
    return Cause(
        "our clock was set back, or another prober with a faster clock uses this key",
        f"the last timestamp of this identity lies {format_elapsed(seconds)} ahead of our clock",
        "timedatectl; one prober a key: `wgmon-tui keygen NAME` on each machine",
    )


def dropped_inside(server: Server, probed_as: ProbedAs | None) -> list[Cause]:
    """For data that arrives at the server and is not answered. None of them is proven over the others."""
    addresses = _own_address_texts(probed_as)
    return [
        _allowed_ips(probed_as, addresses),
        Cause(
            "an inner firewall drops our packets, or the inner address is not there or its interface is down",
            "what has passed WireGuard still has the server's own rules before it",
            f"on the server: nft list ruleset; ip addr show wg0 — {_targets(server)}",
        ),
        Cause(
            "the server has no route back to our tunnel address",
            "answers that leave by another interface never reach us",
            f"on the server: ip route get {addresses[0]} — must name wg0",
        ),
    ]


def unproven(server: Server, probed_as: ProbedAs | None, versions: Sequence[int]) -> list[Cause]:
    """For a first hop that is silent in these IP versions. A server may be well and yet have no answer."""
    addresses = _own_address_texts(probed_as, versions)
    usual = [str(likely_server_address(each)) for each in _own_addresses(probed_as, versions)] or [
        "the usual address"
    ]
    return [
        _allowed_ips(probed_as, addresses),
        Cause(
            f"the server is well, but does not forward, and is not at {' or '.join(usual)} inside",
            "then it has no answer to what we can ask without knowing an address inside",
            f'in servers.toml, server "{server.name}": tunnel_ping = ["INNER-ADDRESS-OF-THE-SERVER"] '
            "(on it: ip addr show wg0), or tunnel = false where the handshake alone is enough",
        ),
        Cause(
            "the server has no route back to our tunnel address, or its interface is down",
            "answers that leave by another interface never reach us",
            f"on the server: ip route get {addresses[0]} — must name wg0; ip link show wg0",
        ),
    ]


def unaddressed(server: Server, probed_as: ProbedAs | None) -> Cause:
    """For an identity of ours from which nothing can be asked inside."""
    own_public_key = probed_as.public_key if probed_as else "OUR-PUBLIC-KEY"
    return Cause(
        f'our identity "{server.identity}" has no tunnel address in servers.toml',
        "without one we can ask nothing inside: wrong AllowedIPs on the server would not show",
        f'in servers.toml, identity "{server.identity}": addresses = ["OUR-TUNNEL-ADDRESS"], the one that '
        f"`wg show wg0 allowed-ips` on the server prints for {own_public_key}; "
        f'or server "{server.name}": tunnel = false where the handshake alone is enough',
    )


def _allowed_ips(probed_as: ProbedAs | None, addresses: Sequence[str]) -> Cause:
    own_public_key = probed_as.public_key if probed_as else "OUR-PUBLIC-KEY"
    return Cause(
        "the server's AllowedIPs for us lack our tunnel address",
        "it drops, without a word, inner packets whose source is not in the peer's AllowedIPs",
        f"on the server: wg show wg0 allowed-ips — the line of {own_public_key} must hold {', '.join(addresses)}",
    )


def _own_addresses(probed_as: ProbedAs | None, versions: Sequence[int]) -> list[Interface]:
    """Our tunnel address in each of these IP versions: of several the first, which is the one we ask from."""
    addresses = probed_as.tunnel_addresses if probed_as else ()
    firsts = (next((each for each in addresses if each.version == version), None) for version in versions)
    return [each for each in firsts if each]


def _own_address_texts(probed_as: ProbedAs | None, versions: Sequence[int] = (4, 6)) -> list[str]:
    return [str(each.ip) for each in _own_addresses(probed_as, versions)] or ["OUR-TUNNEL-ADDRESS"]


def data_lost(server: Server) -> list[Cause]:
    """For data that nothing acknowledges, though the handshake is fine."""
    port = server.endpoint.port
    return [
        Cause(
            "something on the way lets the handshake through and drops data",
            "no keepalive acknowledged our packets; packet inspection and rate limiters do this to WireGuard",
            f"on the server: tcpdump -ni any udp port {port} and 'udp[8] = 4' — do type 4 packets arrive?",
        ),
        Cause(
            "the server's WireGuard does not acknowledge data",
            "implementations without timers exist; with them only an inner address can prove the data path",
            f'in servers.toml, server "{server.name}": tunnel_ping = ["INNER-ADDRESS"], or tunnel = false',
        ),
    ]


def inner_refused(server: Server, error: InnerIcmp) -> Cause:
    """For an ICMP error from inside the tunnel."""
    return Cause(
        "routing or a firewall inside the tunnel refuses our packets",
        f"{error.source} said so through the tunnel: {icmp_name(error)}",
        f"on the server: ip route get {error.original_destination or 'INNER-ADDRESS'}; nft list ruleset; "
        "sysctl net.ipv4.ip_forward",
    )


def inner_dead(server: Server, targets: list[str]) -> Cause:
    """For inner targets that are silent while others answer."""
    return Cause(
        "the inner host or service is down, or its own firewall drops us",
        "other inner targets of this server answer, so the tunnel itself is fine",
        f"on the server: ping {targets[0]}; ip route get {targets[0]}",
    )


def mtu(server: Server, found: PathMtu) -> Cause:
    """For large inner packets that vanish."""
    why = f"{found.largest_passing} bytes pass both ways, {found.smallest_failing} do not"
    if found.reported:
        why += f"; a hop on the way says that its MTU is {found.reported}"
    return Cause(
        "the path's MTU is smaller than the tunnel's",
        why,
        f"on the server and its clients: MTU = {found.largest_passing} under [Interface]",
    )


def _targets(server: Server) -> str:
    return ", ".join(map(str, server.tunnel_ping)) or "the inner address"
