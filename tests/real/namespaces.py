"""Network namespaces: client - router - server, joined by veth pairs, each with its own firewall."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from wgmon_tui.net.addresses import Address

_CLONE_NEWNET = 0x40000000
_numbers = itertools.count(1)

CLIENT_V4, CLIENT_V6 = IPv4Address("10.77.1.2"), IPv6Address("fd77:1::2")
ROUTER_V4, ROUTER_V6 = IPv4Address("10.77.1.1"), IPv6Address("fd77:1::1")
SERVER_V4, SERVER_V6 = IPv4Address("10.77.2.2"), IPv6Address("fd77:2::2")


def unique_name(role: str) -> str:
    """A unique name for a namespace or interface, at most 15 characters."""
    return f"w{os.getpid()}{role}{next(_numbers)}"


def run(*command: str, stdin: str = "") -> str:
    """Run a command and return its output. Raises AssertionError with its stderr."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


@contextmanager
def namespace(role: str) -> Iterator[str]:
    """Make a network namespace with loopback up; yields its name."""
    name = unique_name(role)
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Move the current thread into a namespace; its new sockets and children stay there."""
    with Path("/proc/thread-self/ns/net").open() as home, Path("/run/netns", name).open() as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(descriptor: int) -> None:  # os.setns came with Python 3.12
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@dataclass(frozen=True, slots=True)
class RoutedPath:
    """The names of three namespaces; packets from client to server pass the router.

    The fields after them are addresses, version 4 and version 6: the router's on the client's side, and the
    server's.
    """

    client: str
    router: str
    server: str
    router_addresses: tuple[IPv4Address, IPv6Address] = (ROUTER_V4, ROUTER_V6)
    server_addresses: tuple[IPv4Address, IPv6Address] = (SERVER_V4, SERVER_V6)

    def router_address(self, version: int) -> Address:
        return self.router_addresses[version == 6]

    def server_address(self, version: int) -> Address:
        return self.server_addresses[version == 6]

    def absent_address(self, version: int) -> Address:
        """An address on the server's link that no machine has."""
        return self.server_addresses[version == 6] + 97

    @contextmanager
    def filtered(self, rule: str) -> Iterator[None]:
        """Apply one nftables rule to packets that the router forwards."""
        firewall(self.router, "forward", rule)
        try:
            yield
        finally:
            no_firewall(self.router)


def firewall(name: str, hook: str, rule: str) -> None:
    """Apply one nftables rule to a hook (forward, input, output …) of a namespace."""
    chain = f"type filter hook {hook} priority 0\n{rule}\n"
    with entered(name):
        run("nft", "-f", "-", stdin=f"table inet filter {{\nchain {hook} {{\n{chain}}}\n}}\n")


def no_firewall(name: str) -> None:
    """Remove all rules of a namespace."""
    with entered(name):
        run("nft", "flush", "ruleset")


@contextmanager
def routed_path() -> Iterator[RoutedPath]:
    """Three joined namespaces, with addresses and routes for IPv4 and IPv6."""
    with ExitStack() as stack:
        client, router, server = (stack.enter_context(namespace(role)) for role in ("c", "r", "s"))
        join(client, router, "to-client", net=1)
        join(server, router, "to-server", net=2)
        forward(router)
        yield RoutedPath(client, router, server)


@dataclass(frozen=True, slots=True)
class PathSettings:
    """What packets on a path depend on, as lines of ip(8) and nft(8)."""

    addresses_and_routes: frozenset[str]
    filters: frozenset[str]


_ADDRESSES_AND_ROUTES = """
ip -oneline link show up
ip -oneline address show scope global
ip route
ip -6 route show
"""
_FILTERS = """
nft list ruleset
ip -oneline xfrm policy || true  # not every kernel has it
ip rule
ip -6 rule
for version in 4 6; do
    ip -$version -oneline route show cache | sed -n 's/expires [0-9]*sec//; /mtu/p'  # learnt from ICMP errors
done
"""


def settings_of(path: RoutedPath) -> PathSettings:
    """Those of its three namespaces."""
    return PathSettings(_lines_of(path, _ADDRESSES_AND_ROUTES), _lines_of(path, _FILTERS))


def _lines_of(path: RoutedPath, commands: str) -> frozenset[str]:
    lines: set[str] = set()
    for name in (path.client, path.router, path.server):
        with entered(name):
            lines |= {f"{name}: {line}" for line in run("sh", "-e", stdin=commands).splitlines()}
    return frozenset(lines)


def join(host: str, router: str, link: str, *, net: int) -> None:
    """Connect a host to a router by 10.77.net.0/24 and fd77:net::/64, as its default route."""
    host_mac, router_mac = f"02:77:00:00:{net:02x}:02", f"02:77:00:00:{net:02x}:01"
    peer = f"peer name {link} address {router_mac} netns {router}"
    ip(host, f"link add dev uplink address {host_mac} type veth {peer}")
    ip(router, _joined(link, 1, net, neighbour=2, neighbour_mac=host_mac))
    ip(host, _joined("uplink", 2, net, neighbour=1, neighbour_mac=router_mac))
    ip(host, f"route add default via 10.77.{net}.1\nroute add ::/0 via fd77:{net:x}::1")


def forward(router: str) -> None:
    """Make a namespace a router, without the kernel's limit of reports: it counts those of earlier tests."""
    settings = {
        "ipv4/ip_forward": 1,
        "ipv6/conf/all/forwarding": 1,
        "ipv4/icmp_ratelimit": 0,
        "ipv6/icmp/ratelimit": 0,
    }
    with entered(router):
        for name, value in settings.items():
            Path("/proc/sys/net", name).write_text(str(value))


def ip(name: str, commands: str) -> None:
    """Run lines of ip(8) in a namespace."""
    run("ip", "-n", name, "-batch", "-", stdin=commands + "\n")


def _joined(device: str, host: int, net: int, *, neighbour: int, neighbour_mac: str) -> str:
    """Address one end of a link, with a static neighbour: IPv6 discovery would take a second."""
    return f"""
link set dev {device} up
address add 10.77.{net}.{host}/24 dev {device}
address add fd77:{net:x}::{host}/64 dev {device} nodad
neighbour replace 10.77.{net}.{neighbour} lladdr {neighbour_mac} nud permanent dev {device}
neighbour replace fd77:{net:x}::{neighbour} lladdr {neighbour_mac} nud permanent dev {device}
"""
