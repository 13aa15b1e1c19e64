"""The columns of the matrix: real servers, one per cell, because cells run in parallel."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from ipaddress import IPv4Address, IPv6Address
from threading import Lock
from typing import Protocol

from tests.real.boringtun import Boringtun
from tests.real.fetching import BODY, HEADER, PORT, REQUEST
from tests.real.linux_kernel import Guest, Link
from tests.real.linux_kernel_image import require_machine
from tests.real.matrix.topology import SceneServer
from tests.real.namespaces import RoutedPath, entered, forward, ip, join, namespace, routed_path
from tests.real.prerequisites import require
from tests.real.wireguard_go import WireguardGo
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.net.addresses import Address

WIREGUARD_GO, LINUX_KERNEL, BORINGTUN = "wireguard-go", "Linux kernel", "boringtun"
COLUMNS = (WIREGUARD_GO, LINUX_KERNEL, BORINGTUN)

Place = tuple[RoutedPath, SceneServer]


class Column(Protocol):
    """An implementation that scenes can use."""

    def place(self) -> AbstractContextManager[Place]:
        """A server for one scene, and the path to it."""


class WireguardGoColumn:
    """One process per scene."""

    @contextmanager
    def place(self) -> Iterator[Place]:
        with routed_path() as path:
            server = WireguardGo(path)
            try:
                yield path, server
            finally:
                server.stop()


class BoringtunColumn:
    """One process per scene."""

    @contextmanager
    def place(self) -> Iterator[Place]:
        with routed_path() as path:
            server = Boringtun(path)
            try:
                yield path, server
            finally:
                server.stop()


_GUEST_MAC = "52:54:00:12:34:56"  # qemu's own choice for a first card
# What tests/real/fetching.py serves.
_SERVE = f"head -c {HEADER} /dev/zero; head -c {REQUEST} >/dev/null; head -c {BODY} /dev/zero"
_GUEST_V4, _GUEST_V6 = IPv4Address("10.78.0.2"), IPv6Address("fd78::2")


class LinuxKernelColumn:
    """One virtual machine with an interface per scene. All routers share a switch with it."""

    def __init__(self, hub: str, guest: Guest) -> None:
        self._hub = hub
        self._guest = guest
        self._one_at_a_time = Lock()
        self._numbers = itertools.count(3)  # 10.77.1.0/24 and 10.77.2.0/24 are those of a routed path

    def run(self, script: str) -> str:
        with self._one_at_a_time:
            return self._guest.run(script)

    @contextmanager
    def place(self) -> Iterator[Place]:
        number = next(self._numbers)
        with ExitStack() as stack:
            client, router = (stack.enter_context(namespace(role)) for role in ("c", "r"))
            join(client, router, "to-client", net=number)
            ip(router, f"link add dev to-server type veth peer name router{number} netns {self._hub}")
            ip(self._hub, f"link set dev router{number} master switch up")
            ip(
                router,
                # Its neighbour is written down: a machine that is frozen cannot be discovered.
                f"link set dev to-server up\naddress add 10.78.0.{100 + number}/24 dev to-server\n"
                f"address add fd78::{100 + number:x}/64 dev to-server nodad\n"
                f"neighbour replace {_GUEST_V4} lladdr {_GUEST_MAC} nud permanent dev to-server\n"
                f"neighbour replace {_GUEST_V6} lladdr {_GUEST_MAC} nud permanent dev to-server",
            )
            forward(router)
            path = RoutedPath(
                client,
                router,
                self._hub,
                (IPv4Address(f"10.77.{number}.1"), IPv6Address(f"fd77:{number:x}::1")),
                (_GUEST_V4, _GUEST_V6),
            )
            server = _KernelInterface(self, self._guest, path, number)
            try:
                yield path, server
            finally:
                server.stop()


class _KernelInterface:
    """A WireGuard interface of the guest."""

    def __init__(self, column: LinuxKernelColumn, guest: Guest, path: RoutedPath, number: int) -> None:
        self.interface = f"wg{number}"
        self.inner_net = number
        self._column = column
        self._guest = guest
        self._path = path
        self._port = 51820 + number
        self._peers = 1
        private_key = PrivateKey.generate()
        self.public_key = private_key.public
        self.run(f"""
            ip route add 10.77.{number}.0/24 via 10.78.0.{100 + number}
            ip -6 route add fd77:{number:x}::/64 via fd78::{100 + number:x}
            ip link add dev {self.interface} type wireguard
            ip address add 10.7.{number}.1/24 dev {self.interface}
            ip address add fd07:{number:x}::1/64 dev {self.interface}
            ip link set dev {self.interface} up
        """)
        self._configure(f"[Interface]\nPrivateKey = {private_key.to_text()}\nListenPort = {self._port}\n")

    def endpoint(self, version: int) -> tuple[Address, int]:
        return self._path.server_address(version), self._port

    def vantage(self) -> AbstractContextManager[None]:
        return entered(self._path.client)

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        private_key = PrivateKey.generate()
        self._peers += 1
        net = self.inner_net
        inner = f"AllowedIPs = 10.7.{net}.{self._peers}/32, fd07:{net:x}::{self._peers:x}/128\n"
        preshared = f"PresharedKey = {psk.to_text()}\n" if psk else ""
        self._configure(f"[Peer]\nPublicKey = {private_key.public}\n{inner}{preshared}")
        return private_key

    def listen(self) -> None:
        """Nothing: the guest serves all its interfaces."""

    def run(self, script: str) -> str:
        return self._column.run(script)

    def frozen(self) -> AbstractContextManager[None]:
        """Pause the whole machine, including the servers of other scenes."""
        return self._guest.frozen()

    def stop(self) -> None:
        self.run(f"ip link delete dev {self.interface} 2>/dev/null || true")

    def _configure(self, text: str) -> None:
        self.run(f"wg addconf {self.interface} /dev/stdin <<'END'\n{text}END\n")


@contextmanager
def column(name: str) -> Iterator[Column]:
    """Prepare a column. Skips (in CI fails) if the machine lacks a prerequisite."""
    require("ip", "nft", root=True)
    if name == WIREGUARD_GO:
        require("wireguard-go", "wg", root=True)
        yield WireguardGoColumn()
    elif name == BORINGTUN:
        yield BoringtunColumn()
    else:
        require_machine(tap=True)
        with _kernel() as made:
            yield made


@contextmanager
def _kernel() -> Iterator[LinuxKernelColumn]:
    with namespace("h") as hub:
        ip(hub, "link add dev switch type bridge\nlink set dev switch up")
        ip(hub, "tuntap add dev guest mode tap\nlink set dev guest master switch up")
        guest = Guest(Link("tap,ifname=guest,script=no,downscript=no", (), {}, hub))
        try:
            guest.run(f"""
                echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
                echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
                ip link set dev lo up
                ip address add {_GUEST_V4}/24 dev eth0
                ip address add {_GUEST_V6}/64 dev eth0
                ip link set dev eth0 up
                printf '#!/bin/sh\\n%s\\n' '{_SERVE}' >/service
                chmod +x /service
                nc -ll -p {PORT} -e /service </dev/null >/dev/null 2>&1 &
            """)
            yield LinuxKernelColumn(hub, guest)
        finally:
            guest.stop()
