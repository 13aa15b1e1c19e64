"""Other clients on an identity: each handshake of one cuts off the other."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from wgmon_tui.checks.context_evidence import IdentityOnInterface, IdentityUsedElsewhere, ServerOnInterface
from wgmon_tui.checks.evidence import (
    Evidence,
)
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.net.udp_socket import SocketAddress
from wgmon_tui.protocols.wireguard.foreign_sessions import ForeignSessions
from wgmon_tui.protocols.wireguard.targets import Target

StampedElsewhere = Callable[[PublicKey], float | None]
"""Returns when another process of this machine last used an identity, in Unix seconds; None if none did."""

InterfaceOf = Callable[[PublicKey, PublicKey], Awaitable[str | None]]
"""Returns the WireGuard interface of this machine that has an identity's key and a server as its peer."""

InterfacesTo = Callable[[PublicKey], Sequence[str]]
"""Returns the WireGuard interfaces of this machine that have a server as a peer, as far as is known."""


class OtherClients:
    """Finds traces of other clients: packets, stamps in the ledger, interfaces of this machine."""

    def __init__(
        self,
        foreign_sessions: ForeignSessions,
        stamped_elsewhere: StampedElsewhere,
        interface_of: InterfaceOf | None,
        interfaces_to: InterfacesTo = lambda _: (),
    ) -> None:
        self._foreign_sessions = foreign_sessions
        self._stamped_elsewhere = stamped_elsewhere
        self._interface_of = interface_of
        self._interfaces_to = interfaces_to
        self._used: set[PublicKey] = set()
        """The identities that this process has used."""

    def begin_check(self, target: Target, source: SocketAddress) -> float | None:
        """Watch a server's address from now on. Returns when another process last used the identity."""
        self._foreign_sessions.watch(source, target.private_key.public)
        return self._stamped_elsewhere(target.private_key.public)

    async def find(
        self,
        target: Target,
        source: SocketAddress,
        started_at: float,
        stamped_before: float | None,
        *,
        has_failed: bool = False,
    ) -> list[Evidence]:
        """Find traces at the end of a check that began at `started_at`, in Unix seconds.

        Another client of the same server, with a key of its own, matters only if the check `has_failed`.

        Packets for a session of another wgmon-tui on this machine, or of an earlier run, are no such trace.
        """
        identity = target.private_key.public
        found: list[Evidence] = []
        if self._interface_of and (name := await self._interface_of(identity, target.server.public_key)):
            found.append(IdentityOnInterface(name))
        elif has_failed and (name := next(iter(self._interfaces_to(target.server.public_key)), None)):
            found.append(ServerOnInterface(name))
        stamped_at = self._stamped_elsewhere(identity)
        if stamped_at and stamped_at != stamped_before and identity in self._used:
            found.append(IdentityUsedElsewhere(max(0.0, started_at - stamped_at)))
        self._used.add(identity)
        elsewhere_s = None if stamped_at is None else time.time() - stamped_at
        if trace := self._foreign_sessions.find(source, identity, elsewhere_s):
            found.append(trace)
        return found
