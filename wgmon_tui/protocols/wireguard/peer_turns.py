"""Turns of a peer: one use at a time, in this process and in others, spaced from the last one."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import field
from types import TracebackType

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

    def take(self, target: Target) -> AbstractAsyncContextManager[bool]:
        """The only use of a peer at a time. Gives False if another process does not let go."""
        key = target.private_key.public, target.server.public_key
        peer = self._peers.get(key)
        if peer is None:
            peer = self._peers[key] = _ProbedPeer()
        return _Turn(peer, self._hold_identity(target))


class _Turn:
    """One use of a peer. A generator would cost three times as much, which each check would pay."""

    __slots__ = ("_identity", "_is_held", "_peer")

    def __init__(self, peer: _ProbedPeer, identity: AbstractAsyncContextManager[bool]) -> None:
        self._peer, self._identity, self._is_held = peer, identity, False

    async def __aenter__(self) -> bool:
        peer = self._peer
        await peer.lock.acquire()
        try:
            self._is_held = await self._identity.__aenter__()
            wait = peer.last_sent + INITIATION_SPACING_S - time.monotonic()
            if self._is_held and wait > 0:
                await self._space(wait)
        except BaseException:  # cancelled, or a bug
            peer.lock.release()
            raise
        return self._is_held

    async def _space(self, wait_s: float) -> None:
        try:
            await asyncio.sleep(wait_s)
        except BaseException:
            await self._identity.__aexit__(*sys.exc_info())
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_held:
            self._peer.last_sent = time.monotonic()
        try:
            await self._identity.__aexit__(kind, error, trace)
        finally:
            self._peer.lock.release()
