"""The faults of the matrix, each a change to a healthy scene. Scenes are discarded: no fault is undone."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from tests.real.flood import flooded, send_all
from tests.real.matrix.name_server import run_name_server
from tests.real.matrix.names import NAMES
from tests.real.matrix.topology import Scene
from tests.real.namespaces import entered, firewall, ip, no_firewall
from tests.real.real_client import CLIENT_PORT
from tests.real.relay_settings import Forgery, OneWay, RelaySettings, both_ways
from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.protocols.wireguard.handshake import Initiator
from wgmon_tui.protocols.wireguard.targets import OtherSecrets

Fault = Callable[[Scene], None]

_OURS, _THEIRS = (PresharedKey(name.encode().ljust(32, b".")) for name in ("ours", "theirs"))


# Keys


def our_file_has_another_server_key(scene: Scene) -> None:
    scene.change(public_key=PrivateKey.generate().public)


def our_file_knows_the_right_key_too(scene: Scene) -> None:
    scene.change(known_keys=(PrivateKey.generate().public, scene.server.public_key))


def the_server_never_had_our_peer(scene: Scene) -> None:
    scene.private_key = PrivateKey.generate()
    scene.client_key = PrivateKey.generate()


def our_peer_is_removed(scene: Scene) -> None:
    for peer in scene.peers:
        scene.server.run(f"wg set {scene.server.interface} peer {peer} remove")


def our_file_has_another_identity(scene: Scene) -> None:
    scene.other_secrets = replace(scene.other_secrets, private_keys={"spare": scene.server.new_peer()})
    scene.change(try_identities=True)


def only_we_have_a_preshared_key(scene: Scene) -> None:
    scene.use_preshared_key(_OURS)


def only_the_server_has_a_preshared_key(scene: Scene) -> None:
    _give_the_server(scene, _THEIRS)


def both_have_the_same_preshared_key(scene: Scene) -> None:
    scene.use_preshared_key(_OURS)
    _give_the_server(scene, _OURS)


def the_preshared_keys_differ(scene: Scene) -> None:
    scene.use_preshared_key(_OURS)
    _give_the_server(scene, _THEIRS)


def its_preshared_key_is_in_our_file_for_another_server(scene: Scene) -> None:
    scene.other_secrets = OtherSecrets(preshared_keys={"ams1": PresharedKey(b"x" * 32), "fra1": _THEIRS})


def _give_the_server(scene: Scene, psk: PresharedKey) -> None:
    assert psk != NO_PRESHARED_KEY
    for peer in scene.peers:
        setting = f"wg set {scene.server.interface} peer {peer} preshared-key /dev/stdin"
        scene.server.run(f"{setting} <<'END'\n{psk.to_text()}\nEND\n")


# Inside the tunnel


def allowed_ips_lack_our_address(scene: Scene) -> None:
    for number, peer in enumerate(scene.peers):
        elsewhere = scene.inner(4, 200 + number)
        scene.server.run(f"wg set {scene.server.interface} peer {peer} allowed-ips {elsewhere}/32")


def our_address_moved_to_another_peer(scene: Scene) -> None:
    other = scene.server.new_peer().public
    both = ",".join(str(each.ip) for each in (*scene.tunnel_addresses, *scene.client_addresses))
    scene.server.run(f"wg set {scene.server.interface} peer {other} allowed-ips {both}")


def allowed_ips_lack_our_ipv6_address(scene: Scene) -> None:
    addresses = (scene.tunnel_addresses, scene.client_addresses)
    for peer, own in zip(scene.peers, addresses, strict=True):
        v4 = next(each.ip for each in own if each.version == 4)
        scene.server.run(f"wg set {scene.server.interface} peer {peer} allowed-ips {v4}/32")


def our_identity_has_no_tunnel_address(scene: Scene) -> None:
    scene.tunnel_addresses = scene.client_addresses = ()


def our_identity_has_an_ipv4_tunnel_address_only(scene: Scene) -> None:
    scene.tunnel_addresses = tuple(each for each in scene.tunnel_addresses if each.version == 4)
    scene.client_addresses = tuple(each for each in scene.client_addresses if each.version == 4)


def its_inner_addresses_are_unusual(scene: Scene) -> None:
    scene.inner_host = 99
    interface = scene.server.interface
    v4, v6 = (f"{scene.inner(version, scene.inner_host)}/{length}" for version, length in ((4, 24), (6, 64)))
    scene.server.run(f"""
        ip address flush dev {interface} scope global
        ip address add {v4} dev {interface}
        ip -6 address add {v6} dev {interface}
    """)


def we_ask_an_inner_address_that_is_not_there(scene: Scene) -> None:
    scene.change(tunnel_ping=(scene.inner(4, 77),))


def we_ask_another_inner_address_too(scene: Scene) -> None:
    scene.change(tunnel_ping=(*scene.entry.tunnel_ping, scene.inner(4, 77)))


def we_ask_a_tcp_port(port: int) -> Fault:
    """Our file names a port of the server's inner address; where nothing listens, it refuses connections."""
    return lambda scene: scene.change(tunnel_tcp=(Endpoint(str(scene.inner(4)), port),))


def we_ask_a_name_server(rcode: int) -> Fault:
    """Our file names a name server at the server's inner address, which answers with this code."""

    def fault(scene: Scene) -> None:
        address = scene.inner(4)
        scene.cleanup.callback(run_name_server(scene.path.server, address, rcode))
        scene.name_servers += (address,)
        # As the file says it.
        written = (
            '[[identity]]\nname = "i"\nprivate_key_env = "KEY"\naddresses = ["10.7.0.2"]\n'
            '[[server]]\nname = "s"\nidentity = "i"\n'
            f'endpoint = "{address}:1"\npublic_key = "{scene.server.public_key}"\n'
            f'tunnel_dns = ["{address}"]\n'
        )
        scene.change(tunnel_dns=parse(written).servers[0].tunnel_dns)

    return fault


def the_server_forwards(scene: Scene) -> None:
    scene.server.run(f"echo 1 >/proc/sys/net/ipv4/conf/{scene.server.interface}/forwarding")


def the_server_forwards_in_both_versions(scene: Scene) -> None:
    """In IPv6 the kernel has one switch for all interfaces of a machine."""
    the_server_forwards(scene)
    scene.server.run("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")


ICMP = "meta l4proto { 1, 58 }"
"""Both versions; not all servers here can look names of protocols up."""


def inner_firewall(verdict: str, hooks: tuple[str, ...] = ("input",)) -> Fault:
    """An nftables rule on the server for packets from the tunnel, to it or (forward) through it."""

    def fault(scene: Scene) -> None:
        name = scene.server.interface
        chains = "\n".join(
            f"chain {hook} {{\ntype filter hook {hook} priority 0\niifname {name} {verdict}\n}}"
            for hook in hooks
        )
        scene.server.run(f"nft -f - <<'END'\ntable inet {name} {{\n{chains}\n}}\nEND\n")

    return fault


def no_route_back(scene: Scene) -> None:
    scene.server.run(f"ip route delete {scene.inner(4, 0)}/24 dev {scene.server.interface}")


def the_interface_is_down(scene: Scene) -> None:
    scene.server.run(f"ip link set dev {scene.server.interface} down")


# On the way


def the_router(rule: str) -> Fault:
    """An nftables rule on the router; {port} is the server's port, {ours} those of prober and client."""

    def fault(scene: Scene) -> None:
        ours = f"{{ {scene.prober.ports[0]}, {CLIENT_PORT} }}"
        firewall(scene.path.router, "forward", rule.format(port=scene.entry.endpoint.port, ours=ours))

    return fault


def the_router_lets_all_pass_again(scene: Scene) -> None:
    no_firewall(scene.path.router)


def a_hop_of_1280_bytes(scene: Scene) -> None:
    ip(scene.path.router, "link set dev to-server mtu 1280")


def the_router_sends_no_icmp(scene: Scene) -> None:
    firewall(scene.path.router, "output", "icmp type destination-unreachable drop")


def the_endpoint_is_an_address_without_a_machine(scene: Scene) -> None:
    address = scene.path.absent_address(scene.version)
    scene.change(endpoint=Endpoint(str(address), scene.entry.endpoint.port))


def the_endpoint_is_its_second_address(scene: Scene) -> None:
    address = scene.path.server_address(scene.version) + 1
    ip(scene.path.server, f"address add {address}/24 dev uplink")
    scene.change(endpoint=Endpoint(str(address), scene.entry.endpoint.port))


def the_router_has_no_route(scene: Scene) -> None:
    ip(scene.path.router, f"route add unreachable {scene.path.server_address(4)}/32")


def relayed(settings: RelaySettings) -> Fault:
    """From now on all clients use the relay, with these settings."""
    return lambda scene: scene.relay(settings)


the_way_takes_600_ms = relayed(both_ways(delay_s=0.3))

two_of_three_data_packets_are_lost = relayed(RelaySettings(to_server=OneWay(one_data_packet_of=3)))

another_service_has_the_port = relayed(RelaySettings(service_answer="220 ready\r\n"))


def a_third_party_forges_answers_too(scene: Scene) -> None:
    scene.relay(RelaySettings(forgery=Forgery(tuple(map(str, scene.peers)))))


def a_third_party_forges_answers_and_the_server_is_cut_off(scene: Scene) -> None:
    scene.relay(RelaySettings(forgery=Forgery(tuple(map(str, scene.peers)), instead=True)))


def its_name_has_two_addresses(version: int = 4) -> Fault:
    """Our file names the server by a host name with its address, and a second one of an IP version."""

    def fault(scene: Scene) -> None:
        second = scene.path.server_address(version) + 1
        if version == 6:
            second = scene.path.server_address(6)
        else:
            ip(scene.path.server, f"address add {second}/24 dev uplink")
        _name(scene, scene.path.server_address(4), second)

    return fault


def its_name_has_one_address(scene: Scene) -> None:
    _name(scene, scene.path.server_address(4))


def its_name_moves_to_its_second_address(scene: Scene) -> None:
    """Nothing answers at the first address any more."""
    first = scene.path.server_address(4)
    ip(scene.path.server, f"address add {first + 1}/24 dev uplink")
    _name(scene, first + 1)
    firewall(scene.path.router, "forward", f"ip daddr {first} drop")


def _name(scene: Scene, *addresses: Address) -> None:
    """A name of its own for each scene: scenes share a process."""
    host = f"{scene.inner_namespace}.example"
    NAMES[host] = addresses
    scene.change(endpoint=Endpoint(host, scene.entry.endpoint.port))


# The server's process


def the_server_is_stopped(scene: Scene) -> None:
    scene.server.stop()


def the_server_hangs(scene: Scene) -> None:
    scene.freezer.enter_context(scene.server.frozen())


def the_server_goes_on(scene: Scene) -> None:
    scene.freezer.close()


def the_server_is_flooded(scene: Scene) -> None:
    """During the scene more handshakes wait than the server accepts without cookies."""
    scene.cleanup.enter_context(flooded(scene.server, scene.server.frozen))


def ten_initiations_of_ours_came(scene: Scene) -> None:
    """After this many from one peer, mitmproxy's boringtun demands cookies as long as it runs."""
    initiator = Initiator(scene.private_key, scene.server.public_key)
    attempts = [initiator.initiate(index, scene.clock.stamp(scene.peer)) for index in range(10)]
    with scene.server.vantage():
        send_all(scene.server, [attempt.packet for attempt in attempts])


def the_server_sends_to_us(scene: Scene) -> None:
    """A packet each second to every peer. Where no answer comes, a server initiates a new session itself."""

    with entered(scene.path.server):
        sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def send() -> None:
        with sending as sender:
            while True:
                for host in range(2, 10):
                    with suppress(OSError):  # of a peer without a session
                        sender.sendto(b"data", (str(scene.inner(4, host)), 9))
                await asyncio.sleep(1)

    scene.cleanup.callback(asyncio.get_running_loop().create_task(send()).cancel)


# Our side


def the_name_does_not_resolve(scene: Scene) -> None:
    scene.change(endpoint=Endpoint("nowhere.invalid", scene.entry.endpoint.port))


def we_have_no_route(scene: Scene) -> None:
    ip(scene.path.client, "route delete default\nroute delete ::/0")


def our_own_firewall(verdict: str) -> Fault:
    """A rule of this machine for what it sends."""
    return lambda scene: firewall(
        scene.path.client, "output", f"udp dport {scene.entry.endpoint.port} {verdict}"
    )


def our_clock_is_an_hour_ahead(scene: Scene) -> None:
    scene.clock.error = 3600


def our_clock_is_right_again(scene: Scene) -> None:
    scene.clock.error = 0


def our_last_stamp_is_forgotten(scene: Scene) -> None:
    scene.clock.last = 0
    _use_the_clients_key_in_the_future(scene)


def our_last_stamp_is_half_an_hour_older(scene: Scene) -> None:
    """Simulates another prober with the same key and a clock even further ahead."""
    scene.clock.last -= 1800 * 10**9
    _use_the_clients_key_in_the_future(scene)


def _use_the_clients_key_in_the_future(scene: Scene) -> None:
    """The client's system keeps no stamps, so the server refuses it until that time."""
    initiator = Initiator(scene.client_key, scene.server.public_key, scene.preshared_key)
    stamp = tai64n.encode(time.time_ns() + 3600 * 10**9)
    with scene.server.vantage():
        send_all(scene.server, [initiator.initiate(1, stamp).packet])


def our_gateway_is_dead(scene: Scene) -> None:
    """It forwards nothing and answers no address resolution."""
    ip(scene.path.router, "link set dev to-client arp off")
    ip(scene.path.client, f"neighbour delete {scene.path.router_address(4)} dev uplink")


def our_ipv6_gateway_is_dead(scene: Scene) -> None:
    """It forwards nothing and answers no neighbour solicitation."""
    firewall(scene.path.router, "forward", "meta nfproto ipv6 drop")
    firewall(scene.path.router, "input", "icmpv6 type nd-neighbor-solicit drop")
    ip(scene.path.client, f"neighbour delete {scene.path.router_address(6)} dev uplink")


def our_uplink_is_dead(scene: Scene) -> None:
    """The gateway answers, but nothing passes it: the line behind it is down."""
    firewall(scene.path.router, "forward", "drop")


def a_client_uses_our_identity(scene: Scene) -> None:
    scene.client_key = scene.private_key
    scene.client_addresses = scene.tunnel_addresses
