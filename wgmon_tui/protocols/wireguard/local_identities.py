"""Which identities are also keys of WireGuard interfaces of this machine: each check cuts those off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.protocols.wireguard.local_interfaces import read_local_interfaces_if_permitted

_READ_EVERY_S = 60.0
_WAIT_S = 0.2


class LocalIdentities:
    """The keys of this machine's interfaces, read again every minute, if this process may read them."""

    def __init__(
        self,
        read: Callable[[], Mapping[str, InterfaceDump] | None] = read_local_interfaces_if_permitted,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._interfaces: Mapping[tuple[PublicKey, PublicKey], str] = {}
        """By the interface's key and that of its peer."""
        self._read_at: float | None = None
        self._reading: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Start to read the interfaces, if they were not read in the last minute."""
        is_due = self._read_at is None or self._clock() - self._read_at >= _READ_EVERY_S
        if is_due and (self._reading is None or self._reading.done()):
            self._read_at = self._clock()
            self._reading = asyncio.create_task(self._read_all(), name="interfaces of this machine")

    async def interface_of(self, identity: PublicKey, server: PublicKey) -> str | None:
        """Return the interface that is a client of this server with this identity's key; None without one.

        A check does not wait long for a process that hangs: then the interfaces of the last reading count.
        """
        self.refresh()
        if self._reading and not self._reading.done():
            await asyncio.wait({self._reading}, timeout=_WAIT_S)
        return self._interfaces.get((identity, server))

    def interfaces_to(self, server: PublicKey) -> tuple[str, ...]:
        """The interfaces that have a server as a peer, as far as they were read."""
        return tuple(name for (_, peer), name in self._interfaces.items() if peer == server)

    async def _read_all(self) -> None:
        dumps = await asyncio.to_thread(self._read) or {}
        self._interfaces = {
            (each.public_key, peer.public_key): name
            for name, each in dumps.items()
            if each.public_key
            for peer in each.peers
        }
