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
    """One peer as the server sees it: an identity and a server key. Limits it to one handshake at a time.

    `users` are those that have or await a turn.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last_sent: float = float("-inf")
    users: int = 0


_PeerKey = tuple[PublicKey, PublicKey]

_LEAST_REMEMBERED = 256
"""Peers from which on idle ones are forgotten."""


class PeerTurns:
    """The turns of all peers.

    A peer that nobody uses is forgotten once its spacing is over: 10,000 of them took 3 MB.
    """

    def __init__(self, hold_identity: HoldIdentity) -> None:
        self._hold_identity = hold_identity
        self._peers: dict[_PeerKey, _ProbedPeer] = {}
        self._forget_at = _LEAST_REMEMBERED

    def take(self, target: Target) -> AbstractAsyncContextManager[bool]:
        """The only use of a peer at a time. Gives False if another process does not let go."""
        key = target.private_key.public, target.server.public_key
        return _Turn(self, key, self._hold_identity(target))

    def enter(self, key: _PeerKey) -> _ProbedPeer:
        """Return a peer and count one more user of it, until the end of that turn."""
        peer = self._peers.get(key)
        if peer is None:
            if len(self._peers) >= self._forget_at:
                self._forget_idle()
            peer = self._peers[key] = _ProbedPeer()
        peer.users += 1
        return peer

    def _forget_idle(self) -> None:
        """Forget idle peers, each time their number has doubled: so a check pays for one or two peers."""
        before = time.monotonic() - INITIATION_SPACING_S
        self._peers = {
            key: each for key, each in self._peers.items() if each.users or each.last_sent > before
        }
        self._forget_at = max(_LEAST_REMEMBERED, 2 * len(self._peers))


class _Turn:
    """One use of a peer. A generator would cost three times as much, which each check would pay."""

    __slots__ = ("_identity", "_is_held", "_key", "_peer", "_turns")

    _peer: _ProbedPeer

    def __init__(self, turns: PeerTurns, key: _PeerKey, identity: AbstractAsyncContextManager[bool]) -> None:
        self._turns, self._key, self._identity, self._is_held = turns, key, identity, False

    async def __aenter__(self) -> bool:
        peer = self._peer = self._turns.enter(self._key)
        try:
            await peer.lock.acquire()
        except BaseException:  # cancelled
            peer.users -= 1
            raise
        try:
            self._is_held = await self._identity.__aenter__()
            wait = peer.last_sent + INITIATION_SPACING_S - time.monotonic()
            if self._is_held and wait > 0:
                await self._space(wait)
        except BaseException:  # cancelled, or a bug
            peer.lock.release()
            peer.users -= 1
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
            self._peer.users -= 1
