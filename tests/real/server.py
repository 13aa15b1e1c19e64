"""The interface of a third-party WireGuard server in these tests."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from typing import Protocol

from tests.daemon.harness import PATIENCE_S, until
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target

SHORT_S = 0.5
"""The timeout of checks that expect silence: hundreds of round trips here."""

ANSWER_S = 2.0
"""The timeout of checks that do not end with the answer: an ICMP error, or a response that may be forged."""

LONG_S = 5.0
"""The timeout of checks that end with the answer."""

SLOW_S = 5.0
"""The limit of a slow answer where slowness is not the subject: on a busy machine every server is slow."""

stamps = itertools.count(time.time_ns())


class RealServer(Protocol):
    """A running server."""

    public_key: PublicKey

    def endpoint(self, version: int) -> tuple[Address, int]:
        """The address of IP version 4 or 6, and the port."""

    def vantage(self) -> AbstractContextManager[None]:
        """The namespace in which a prober must open its sockets."""

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        """The unused private key of a peer that the server knows."""

    def stop(self) -> None:
        """Stop the process; its port is closed on return."""


def target(
    server: RealServer,
    private_key: PrivateKey,
    *,
    psk: PresharedKey | None = None,
    public_key: PublicKey | None = None,
    version: int = 4,
    timeout_s: float = LONG_S,
) -> Target:
    """A servers.toml entry for `server`, correct by default; checks the handshake only."""
    address, port = server.endpoint(version)
    watched = Server(
        name="real",
        endpoint=Endpoint(str(address), port),
        public_key=public_key or server.public_key,
        identity="tests",
        timeout=timeout_s,
        slow=SLOW_S,
        tunnel=False,
    )
    return Target(watched, private_key, psk or NO_PRESHARED_KEY)


@asynccontextmanager
async def prober_at(server: RealServer) -> AsyncIterator[Prober]:
    """A prober with its sockets in the server's namespace."""
    prober = Prober(timestamps=lambda _: tai64n.encode(next(stamps)))
    with ExitStack() as inside:
        with server.vantage():
            await prober.open()
        if not PLATFORM.has_error_queue:  # it opens sockets whenever it sends
            inside.enter_context(server.vantage())
        try:
            yield prober
        finally:
            await prober.close()


async def run_check(server: RealServer, aim: Target, version: int = 4) -> tuple[Check, Diagnosis]:
    """One check and its diagnosis."""
    async with prober_at(server) as prober:
        check = await prober.check(aim, server.endpoint(version)[0])
    return check, diagnose(check, aim.server)


async def poll_until_nonzero(value: Callable[[], int], timeout_s: float = PATIENCE_S) -> int:
    """Poll until the value is not 0, because a server does not signal when it reads its socket.

    The value may come with a second handshake: an interface retries after 5 s (whitepaper, REKEY_TIMEOUT).
    """
    found = 0

    def read() -> int:
        nonlocal found
        found = value()
        return found

    await until(read, timeout_s)
    return found
