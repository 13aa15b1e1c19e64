"""Rows for targets that are not the server itself: hosts behind it, and by mistake our own address."""

from __future__ import annotations

from ipaddress import ip_address

from tests.real.matrix import faults
from tests.real.matrix.expectations import ALLOWED_IPS, TARGET_DOWN, row
from tests.real.matrix.faults import Fault
from tests.real.matrix.models import Look
from tests.real.matrix.name_server import NO_ERROR
from tests.real.matrix.servers import WIREGUARD_GO
from tests.real.matrix.topology import Scene
from tests.real.namespaces import ip, namespace
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Endpoint

_HOST = ip_address("192.168.50.2")
_NO_FORWARDING = "the server does not forward packets to 192.168.50.2"
_NO_WAY_BACK = "its answers find no way back"
_OWN = "is the tunnel address of this identity itself"
_REJECTS = "routing or a firewall inside the tunnel rejects the packets"
_NO_ECHOES = "the host does not answer echoes, or a firewall drops them"
_SERVICE_DOWN = "the service is down or hung"


def _a_host_behind_the_server(*, knows_the_way_back: bool) -> Fault:
    def fault(scene: Scene) -> None:
        host = scene.cleanup.enter_context(namespace("b"))
        ip(
            scene.path.server,
            f"link add dev behind type veth peer name uplink netns {host}\n"
            "link set dev behind up\naddress add 192.168.50.1/24 dev behind",
        )
        ip(host, f"link set dev uplink up\naddress add {_HOST}/24 dev uplink")
        if knows_the_way_back:
            ip(host, "route add default via 192.168.50.1")

    return fault


def _the_server_forwards_everywhere(scene: Scene) -> None:
    scene.server.run("echo 1 >/proc/sys/net/ipv4/ip_forward")


def _the_server_rejects_what_it_forwards(scene: Scene) -> None:
    rules = "type filter hook forward priority 0\nreject with icmpx admin-prohibited\n"
    scene.server.run(f"nft -f - <<'END'\ntable inet behind {{\nchain on {{\n{rules}}}\n}}\nEND\n")


def _we_ask_its_tcp_port(scene: Scene) -> None:
    scene.change(tunnel_tcp=(Endpoint(str(_HOST), 7000),))


def _we_ask_it(scene: Scene) -> None:
    scene.change(tunnel_ping=(_HOST,))


def _we_ask_it_beside_the_server(scene: Scene) -> None:
    scene.change(tunnel_ping=(scene.inner(4), _HOST))


def _we_ask_our_own_tunnel_address(scene: Scene) -> None:
    scene.change(tunnel_ping=(scene.tunnel_addresses[0].ip,))


def _dead(*made: Fault, cause: str, never_says: tuple[str, ...] = (ALLOWED_IPS,)) -> Look:
    return Look(Verdict.INNER_DEAD, made, cause, ("the tunnel is fine",), never_says)


BEHIND = (
    row(
        "a host behind the server, which does not forward",
        _dead(_a_host_behind_the_server(knows_the_way_back=True), _we_ask_it, cause=_NO_FORWARDING),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a host behind the server, which has no way back",
        _dead(
            _a_host_behind_the_server(knows_the_way_back=False),
            _the_server_forwards_everywhere,
            _we_ask_it_beside_the_server,
            cause=_NO_WAY_BACK,
        ),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a TCP port behind the server, which does not forward",
        Look(
            Verdict.INNER_DEAD,
            (_a_host_behind_the_server(knows_the_way_back=True), _we_ask_its_tcp_port),
            _NO_FORWARDING,
            ("192.168.50.2:7000 does not answer",),
        ),
        on=(WIREGUARD_GO,),
    ),
    # What the server rejects never reaches the host, so nothing is known of it.
    row(
        "a host behind the server, whose firewall rejects",
        _dead(
            _a_host_behind_the_server(knows_the_way_back=True),
            _the_server_forwards_everywhere,
            _the_server_rejects_what_it_forwards,
            _we_ask_it_beside_the_server,
            cause=_REJECTS,
            never_says=(TARGET_DOWN, _NO_WAY_BACK, ALLOWED_IPS),
        ),
        on=(WIREGUARD_GO,),
    ),
    row(
        "an inner firewall drops echoes, and a TCP port answers",
        _dead(
            faults.inner_firewall("icmp type echo-request drop"),
            faults.we_ask_a_tcp_port(7000),
            cause=_NO_ECHOES,
            never_says=(TARGET_DOWN,),
        ),
        on=(WIREGUARD_GO,),
    ),
    row(
        "we ask our own tunnel address",
        _dead(_we_ask_our_own_tunnel_address, cause=_OWN, never_says=(TARGET_DOWN, ALLOWED_IPS)),
        on=(WIREGUARD_GO,),
    ),
    # The host answers echoes, so it is not down.
    row(
        "a name server is silent on a host that answers",
        _dead(
            faults.we_ask_a_name_server(NO_ERROR),
            faults.inner_firewall("udp dport 53 drop"),
            cause=_SERVICE_DOWN,
            never_says=(TARGET_DOWN,),
        ),
        on=(WIREGUARD_GO,),
    ),
)
