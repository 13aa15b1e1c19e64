"""Turns of a peer: one use at a time, in this process and in others, spaced from the last one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import field

from wgmon_tui.config.keys import PublicKey
from wgmon_tui.protocols.wireguard.targets import INITIATION_SPACING_S, Target
from wgmon_tui.records import dataclass

HoldIdentity = Callable[[Target], AbstractAsyncContextManager[bool]]
"""Keeps other processes from a server while this one checks it with the same identity. Gives False if another
process does not let go.
"""


@dataclass(slots=True)
class _ProbedPeer:
    """One peer as the server sees it: an identity and a server key. Limits it to one handshake at a time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last_sent: float = float("-inf")


class PeerTurns:
    """The turns of all peers."""

    def __init__(self, hold_identity: HoldIdentity) -> None:
        self._hold_identity = hold_identity
        self._peers: dict[tuple[PublicKey, PublicKey], _ProbedPeer] = {}

    @asynccontextmanager
    async def take(self, target: Target) -> AsyncIterator[bool]:
        """The only use of a peer at a time. Gives False if another process does not let go."""
        key = target.private_key.public, target.server.public_key
        peer = self._peers.get(key)
        if peer is None:
            peer = self._peers[key] = _ProbedPeer()
        async with peer.lock, self._hold_identity(target) as is_held:
            wait = peer.last_sent + INITIATION_SPACING_S - time.monotonic()
            if is_held and wait > 0:
                await asyncio.sleep(wait)
            try:
                yield is_held
            finally:
                if is_held:
                    peer.last_sent = time.monotonic()
