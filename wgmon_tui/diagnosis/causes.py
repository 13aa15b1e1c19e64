"""Possible causes, each with why it comes to mind and what to type to settle it, real names filled in.

Commands that belong on the server say so; `wg0` stands for its interface, whose name we cannot know.
"""

from __future__ import annotations

from wgmon_tui.diagnosis.verdict import Cause
from wgmon_tui.fleet.records import Server


def silence(server: Server) -> list[Cause]:
    """What silence can mean, likeliest first. None of it is proven."""
    port = server.endpoint.port
    return [
        Cause(
            "the server does not know our key",
            "WireGuard drops an unknown peer without a word; a removed or never added peer looks like this",
            "on the server: wg show wg0 peers — our public key must be listed",
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
            "on the server: remove our peer and add it again, which forgets the last timestamp",
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


def preshared_key(server: Server) -> list[Cause]:
    """For an answer whose `empty` does not open."""
    ours = "have one for this server" if server.preshared_key else "have none for this server"
    return [
        Cause(
            "the preshared key differs between the server and us",
            f"the answer names our attempt and our public key, but its seal does not open; we {ours}",
            "on the server: wg show wg0 preshared-keys — compare our line with the preshared_key of "
            f'server "{server.name}"',
        ),
        Cause(
            "somebody on the path forges answers",
            "such an answer can be made without any secret; it proves presence, not identity",
            f"on the server: tcpdump -ni any udp port {server.endpoint.port} — did it send the 92 bytes?",
        ),
    ]


def port_closed(server: Server) -> Cause:
    """For an ICMP port unreachable from the server itself."""
    return Cause(
        "WireGuard is not running there, or listens on another port",
        "the error came from the server's own address, twice",
        f"on the server: wg show wg0 listen-port — must print {server.endpoint.port}; "
        "systemctl status wg-quick@wg0",
    )


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
