"""Rows for a server behind a NAT, for names and routes that lead nowhere, for a way that ends meanwhile."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from tests.real.matrix.expectations import FIREWALL, UNKNOWN_PEER, healthy, row
from tests.real.matrix.faults import Fault, the_router
from tests.real.matrix.models import Look
from tests.real.matrix.names import NAMES
from tests.real.matrix.servers import WIREGUARD_GO
from tests.real.matrix.topology import Scene
from tests.real.namespaces import entered, ip, run
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.naive_port_check import CLOSED

_PORT = 443
_NO_FORWARD = "the address is that of a NAT, which does not forward this port"
_LOST_BEHIND = "the address is that of a NAT or relay, which does not reach the server behind it"
_OWN_FIREWALL = "the server's own firewall rejects the packets"


def _our_file_names_the_nat(scene: Scene) -> None:
    scene.change(endpoint=Endpoint(str(scene.path.router_address(4)), _PORT))


def _the_nat_forwards_to(host: int) -> Fault:
    """To this host of the server's network: 2 is the server, nobody is at 99."""

    def fault(scene: Scene) -> None:
        behind = IPv4Address(int(scene.path.server_address(4)) - 2 + host)
        rule = f"udp dport {_PORT} dnat ip to {behind}:{scene.server.endpoint(4)[1]}"
        chain = f"type nat hook prerouting priority -100\n{rule}\n"
        with entered(scene.path.router):
            run("nft", "-f", "-", stdin=f"table ip nat {{\nchain to {{\n{chain}}}\n}}\n")

    return fault


def _the_server_prohibits(scene: Scene) -> None:
    port = scene.entry.endpoint.port
    chain = f"type filter hook input priority 0\nudp dport {port} reject with icmpx admin-prohibited\n"
    scene.server.run(f"nft -f - <<'END'\ntable inet own {{\nchain in {{\n{chain}}}\n}}\nEND\n")


def _a_dns_filter_hides_its_name(scene: Scene) -> None:
    host = f"{scene.inner_namespace}.example"
    NAMES[host] = (IPv4Address(0), IPv6Address(0))
    scene.change(endpoint=Endpoint(host, scene.entry.endpoint.port))


def _our_file_names_an_address_between_two_routers(scene: Scene) -> None:
    """The router takes the server for its next hop, and the server the router."""
    ip(scene.path.router, f"route add 10.77.9.0/24 via {scene.path.server_address(4)}")
    scene.server.run("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit")
    scene.change(endpoint=Endpoint("10.77.9.9", scene.entry.endpoint.port))


def _our_route(kind: str) -> Fault:
    return lambda scene: ip(scene.path.client, f"route add {kind} {scene.path.server_address(4)}/32")


BEHIND_A_NAT = (
    row(
        "all well behind a NAT",
        healthy(_our_file_names_the_nat, _the_nat_forwards_to(2)),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a NAT does not forward the port",
        Look(Verdict.PORT_CLOSED, (_our_file_names_the_nat,), _NO_FORWARD, port=CLOSED),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a NAT forwards to a machine that is off",
        Look(
            Verdict.UNREACHABLE,
            (_our_file_names_the_nat, _the_nat_forwards_to(99)),
            _LOST_BEHIND,
            ("host unreachable",),
            ("the machine is off or has another address", "routing to the server is broken"),
        ),
        timeout=4.5,
        on=(WIREGUARD_GO,),
    ),
    row(
        "the server's own firewall prohibits",
        Look(Verdict.UNREACHABLE, (_the_server_prohibits,), _OWN_FIREWALL, ("the server itself reports",)),
        on=(WIREGUARD_GO,),
    ),
)

NOWHERE = (
    row(
        "our packets run in a circle",
        Look(
            Verdict.UNREACHABLE,
            (_our_file_names_an_address_between_two_routers,),
            "packets run in a circle between routers",
            ("time to live exceeded",),
        ),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a DNS filter hides the name",
        Look(
            Verdict.DNS_FAILURE,
            (_a_dns_filter_hides_its_name,),
            "a DNS filter hides it",
            ("it has only 0.0.0.0 and ::, which no server can have",),
        ),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a route of ours discards the packets",
        Look(Verdict.LOCAL_FAULT, (_our_route("blackhole"),), "a fault of this machine", ("blackhole",)),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a route of ours prohibits the packets",
        Look(Verdict.LOCAL_FAULT, (_our_route("prohibit"),), "a fault of this machine", ("a route",)),
        on=(WIREGUARD_GO,),
    ),
    # The handshake and the first echoes pass: the keys are right, and the peer is known.
    row(
        "data passes, then the server is cut off",
        Look(
            Verdict.SILENT,
            (the_router("udp dport {port} quota over 1000 bytes drop"),),
            FIREWALL,
            ("it worked with this key until",),
            (UNKNOWN_PEER,),
        ),
        client_comes_after=True,
        on=(WIREGUARD_GO,),
    ),
)
