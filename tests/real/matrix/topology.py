"""A scene: its own client, router and real server, and the servers.toml entry of that server."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any, Protocol

from tests.real.namespaces import RoutedPath, namespace
from tests.real.relay import Relay
from tests.real.relay_settings import RelaySettings
from tests.real.server import SLOW_S, RealServer
from wgmon_tui.checks import tai64n
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import Address, Endpoint, Interface
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import NO_OTHER_SECRETS, OtherSecrets, Target

_OUR_HOST = 2  # servers number their peers from 2; we are the first
_CLIENT_HOST = 3


class SceneServer(RealServer, Protocol):
    """A real server that accepts faults.

    Its inner addresses are 10.7.N.1 and fd07:N::1, N being `inner_net`; `interface` is what the server calls
    its WireGuard interface.
    """

    interface: str
    inner_net: int

    def listen(self) -> socket.socket | None:
        """A socket for what clients fetch; None if the server's machine serves it by itself."""

    def run(self, script: str) -> str:
        """Run a shell script on the server as root. Raises AssertionError if it fails."""

    def frozen(self) -> AbstractContextManager[None]:
        """Pause the server process within the block."""


@dataclass(slots=True)
class Clock:
    """The local clock, and the timestamps that the identity has used.

    `error` is how far the clock is wrong, in seconds; `last` is the last stamp in Unix nanoseconds, 0 where
    nobody has kept it.
    """

    error: float = 0.0
    last: int = 0

    def stamp(self, _: PublicKey) -> bytes:
        self.last = tai64n.next_timestamp_ns(self.last, self._now())
        return tai64n.encode(self.last)

    def ahead_s(self, _: PublicKey) -> float:
        return max(0.0, (self.last - self._now()) / 1e9)

    def _now(self) -> int:
        return time.time_ns() + int(self.error * 1e9)


@dataclass(slots=True)
class Scene:
    """The state that faults change: path, server and prober. `entry`, keys and addresses are the prober's.

    `inner_namespace` holds the real client's interface; `inner_host` is the host number of the server's inner
    addresses. `name_servers` are those that the client asks first.
    """

    path: RoutedPath
    server: SceneServer
    version: int
    entry: Server
    private_key: PrivateKey
    tunnel_addresses: tuple[Interface, ...]
    client_key: PrivateKey
    client_addresses: tuple[Interface, ...]
    inner_namespace: str
    inner_host: int = 1
    name_servers: tuple[Address, ...] = ()
    preshared_key: PresharedKey = NO_PRESHARED_KEY
    other_secrets: OtherSecrets = NO_OTHER_SECRETS
    clock: Clock = field(default_factory=Clock)
    prober: Prober = field(init=False)
    freezer: ExitStack = field(default_factory=ExitStack)
    cleanup: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.prober = Prober(
            timestamps=lambda key: self.clock.stamp(key), ahead_s=lambda key: self.clock.ahead_s(key)
        )

    @property
    def peer(self) -> PublicKey:
        """The public key by which the server knows the prober."""
        return self.private_key.public

    @property
    def peers(self) -> tuple[PublicKey, PublicKey]:
        """The public keys of the prober and of a real client; faults of a peer hit both."""
        return self.peer, self.client_key.public

    def inner(self, version: int, host: int = 1) -> Address:
        """An inner address; the server's is host 1."""
        return inner_interface(self.server, version, host).ip

    def further_addresses(self, number: int) -> tuple[Interface, ...]:
        """The tunnel addresses of the peer number `number` after prober and client."""
        return tuple(inner_interface(self.server, each, _CLIENT_HOST + number) for each in (4, 6))

    def change(self, **entry: Any) -> None:
        """Change keys of the server's entry in servers.toml."""
        self.entry = replace(self.entry, **entry)

    def use_preshared_key(self, psk: PresharedKey) -> None:
        self.preshared_key = psk
        self.change(preshared_key=SecretSource(SecretForm.INLINE, psk.to_text()))

    def relay(self, settings: RelaySettings) -> None:
        """Route clients through a relay from now on."""
        relay = Relay(self.path, self.server.endpoint(4), settings)
        self.cleanup.callback(relay.close)
        address, port = relay.endpoint
        self.change(endpoint=Endpoint(str(address), port))

    async def look(self, soak: bool = False) -> Round:
        """Check the server with all stages and experiments."""
        target = Target(
            self.entry, self.private_key, self.preshared_key, self.tunnel_addresses, self.other_secrets
        )
        depth = CheckDepth(deep=True, explain=True, soak=soak)
        return await run_check_round(self.prober, self.entry, target, depth)


def inner_interface(server: SceneServer, version: int, host: int) -> Interface:
    """An inner address and the common prefix of a server's addresses."""
    net = server.inner_net
    if version == 4:
        return IPv4Interface(f"10.7.{net}.{host}/24")
    return IPv6Interface(f"fd07{f':{net:x}' if net else ''}::{host:x}/64")


@contextmanager
def scene(
    path: RoutedPath, server: SceneServer, *, version: int, ping: tuple[int, ...], **entry: Any
) -> Iterator[Scene]:
    """Make a healthy scene. `ping` are the inner IP versions to ping, `entry` further keys of the entry."""
    with namespace("i") as inner_namespace:
        address, port = server.endpoint(version)
        private_key = server.new_peer()
        made = Scene(
            path,
            server,
            version,
            Server(
                name="real",
                endpoint=Endpoint(str(address), port),
                public_key=server.public_key,
                identity="tests",
                tunnel_ping=tuple(inner_interface(server, each, 1).ip for each in ping),
                **{"slow": SLOW_S, **entry},
            ),
            private_key,
            tuple(inner_interface(server, each, _OUR_HOST) for each in (4, 6)),
            server.new_peer(),
            tuple(inner_interface(server, each, _CLIENT_HOST) for each in (4, 6)),
            inner_namespace,
        )
        with made.cleanup, made.freezer:
            yield made
