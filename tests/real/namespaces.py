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

_CLONE_NEWNET = 0x40000000
_numbers = itertools.count(1)

CLIENT_V4, CLIENT_V6 = IPv4Address("10.77.1.2"), IPv6Address("fd77:1::2")
ROUTER_V4, ROUTER_V6 = IPv4Address("10.77.1.1"), IPv6Address("fd77:1::1")
SERVER_V4, SERVER_V6 = IPv4Address("10.77.2.2"), IPv6Address("fd77:2::2")


def unique_name(role: str) -> str:
    """A name for a namespace or an interface (15 characters at most) that no other run of the tests has."""
    return f"w{os.getpid()}{role}{next(_numbers)}"


def run(*command: str, stdin: str = "") -> str:
    """What a command prints. Raises AssertionError with what it complained about."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


@contextmanager
def namespace(role: str) -> Iterator[str]:
    """A network namespace with loopback up; gives its name."""
    name = unique_name(role)
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Have the current thread in a namespace: sockets and children that it makes stay there for good."""
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
    """The names of three namespaces; what the client sends to the server passes the router."""

    client: str
    router: str
    server: str

    @contextmanager
    def filtered(self, rule: str) -> Iterator[None]:
        """Have the router apply one nftables rule to what it forwards."""
        chain = f"type filter hook forward priority 0\n{rule}\n"
        ruleset = f"table inet filter {{\nchain forward {{\n{chain}}}\n}}\n"
        with entered(self.router):
            run("nft", "-f", "-", stdin=ruleset)
        try:
            yield
        finally:
            with entered(self.router):
                run("nft", "delete", "table", "inet", "filter")


@contextmanager
def routed_path() -> Iterator[RoutedPath]:
    """Three joined namespaces, with addresses and routes for IPv4 and IPv6."""
    with ExitStack() as stack:
        client, router, server = (stack.enter_context(namespace(role)) for role in ("c", "r", "s"))
        for host, net, link in ((client, 1, "to-client"), (server, 2, "to-server")):
            host_mac, router_mac = f"02:77:00:00:0{net}:02", f"02:77:00:00:0{net}:01"
            peer = f"peer name {link} address {router_mac} netns {router}"
            ip(host, f"link add dev uplink address {host_mac} type veth {peer}")
            ip(router, _joined(link, 1, net, neighbour=2, neighbour_mac=host_mac))
            ip(host, _joined("uplink", 2, net, neighbour=1, neighbour_mac=router_mac))
            ip(host, f"route add default via 10.77.{net}.1\nroute add ::/0 via fd77:{net}::1")
        with entered(router):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
        yield RoutedPath(client, router, server)


def ip(name: str, commands: str) -> None:
    """Run lines of ip(8) in a namespace."""
    run("ip", "-n", name, "-batch", "-", stdin=commands + "\n")


def _joined(device: str, host: int, net: int, *, neighbour: int, neighbour_mac: str) -> str:
    """Address one end of a link. Its neighbour is written down: discovery would cost IPv6 a second."""
    return f"""
link set dev {device} up
address add 10.77.{net}.{host}/24 dev {device}
address add fd77:{net}::{host}/64 dev {device} nodad
neighbour replace 10.77.{net}.{neighbour} lladdr {neighbour_mac} nud permanent dev {device}
neighbour replace fd77:{net}::{neighbour} lladdr {neighbour_mac} nud permanent dev {device}
"""
