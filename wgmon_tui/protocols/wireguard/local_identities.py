"""Which identities are also keys of WireGuard interfaces of this machine: each check cuts those off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from wgmon_tui.config.imports.wg_dump_parser import InterfaceDumps
from wgmon_tui.protocols.wireguard.keys import PublicKey
from wgmon_tui.protocols.wireguard.local_interfaces import read_local_interfaces_if_permitted

_READ_EVERY_S = 60.0


class LocalIdentities:
    """The keys of this machine's interfaces, read again every minute, if this process may read them."""

    def __init__(
        self,
        read: Callable[[], InterfaceDumps | None] = read_local_interfaces_if_permitted,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._interfaces: Mapping[tuple[PublicKey, PublicKey], str] = {}
        """By the interface's key and that of its peer."""
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    async def interface_of(self, identity: PublicKey, server: PublicKey) -> str | None:
        """Return the interface that is a client of this server with this identity's key; None without one."""
        async with self._lock:
            if self._read_at is None or self._clock() - self._read_at >= _READ_EVERY_S:
                self._read_at = self._clock()
                dumps = await asyncio.to_thread(self._read) or {}
                self._interfaces = {
                    (each.public_key, peer.public_key): name
                    for name, each in dumps.items()
                    if each.public_key
                    for peer in each.peers
                }
        return self._interfaces.get((identity, server))
