"""Traces of another client on an identity: packets for sessions that this process did not open.

Each handshake moves the peer's endpoint, so the server sends some packets of the other client's session here.
This process marks its own session indices, so that it recognises them long after a session has ended.
Anybody can forge such packets with the server's address as their source, so alone they are no proof.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b

from wgmon_tui.checks.context_evidence import ForeignSession
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.net.udp_socket import SocketAddress
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

RECENT_S = 600.0
"""A trace counts for this many seconds: a client that sends little leaves few of them."""

_SESSION_LIFETIME_S = 180.0
"""REJECT_AFTER_TIME: no session lives longer without a new handshake (whitepaper §6)."""

_MAX_KEPT = 1000
_RANDOM_BITS = 20
_MARK_BITS = 12
_KEY = os.urandom(16)


def new_index() -> int:
    """Return a random session index that `is_own_index` recognises, and nobody else."""
    random = int.from_bytes(os.urandom(4), "little") >> (32 - _RANDOM_BITS)
    return random << _MARK_BITS | _mark(random)


def is_own_index(index: int) -> bool:
    """Return whether this process made an index. It takes one foreign index in 4096 for its own."""
    return index & (1 << _MARK_BITS) - 1 == _mark(index >> _MARK_BITS)


def _mark(random: int) -> int:
    digest = blake2b(random.to_bytes(4, "little"), digest_size=2, key=_KEY).digest()
    return int.from_bytes(digest, "little") >> (16 - _MARK_BITS)


class ForeignSessions:
    """Counts the foreign packets from each server's address. Only addresses that are checked are kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._identities: dict[SocketAddress, tuple[PublicKey, ...]] = {}
        self._arrivals: dict[SocketAddress, deque[float]] = {}
        self._proven: dict[SocketAddress, deque[float]] = {}

    def watch(self, source: SocketAddress, identity: PublicKey) -> None:
        """Count packets from a server's address from now on. `identity` is the one that checks it."""
        known = self._identities.get(source, ())
        if identity not in known:
            self._identities[source] = _shared((*known, identity))

    def record(self, source: SocketAddress, data: bytes, index: int) -> None:
        """Record a packet that belongs to no check in flight."""
        if (
            source in self._identities
            and message_type(data) is MessageType.TRANSPORT
            and not is_own_index(index)
        ):
            self._arrivals.setdefault(source, deque(maxlen=_MAX_KEPT)).append(self._clock())

    def record_proof(self, source: SocketAddress) -> None:
        """Record what nobody can forge: a packet for another client in a session of this process."""
        if source in self._identities:
            for kept in (self._arrivals, self._proven):
                kept.setdefault(source, deque(maxlen=_MAX_KEPT)).append(self._clock())

    def now(self) -> float:
        """Return the time by the clock of the records, in seconds."""
        return self._clock()

    def has_arrived_since(self, source: SocketAddress, at: float) -> bool:
        """Return whether a packet for a foreign session came from a server's address since a time."""
        arrivals = self._arrivals.get(source)
        return bool(arrivals and arrivals[-1] >= at)

    def find(
        self, source: SocketAddress, identity: PublicKey, stamped_elsewhere_s: float | None = None
    ) -> ForeignSession | None:
        """Return what arrived for another client of this identity within RECENT_S; None if nothing did.

        Another process of this machine used the identity `stamped_elsewhere_s` seconds ago: while its session
        lives, packets may be for that one. If several identities check one address, it is not known which of
        them the packets concern.
        """
        if source not in self._arrivals or self._identities.get(source) != (identity,):
            return None
        since = self._clock() - RECENT_S
        if stamped_elsewhere_s is not None:
            since = max(since, self._clock() - stamped_elsewhere_s + _SESSION_LIFETIME_S)
        packets = _count_since(self._arrivals, source, since)
        return ForeignSession(packets, _count_since(self._proven, source, since)) if packets else None


@lru_cache(1024)
def _shared(identities: tuple[PublicKey, ...]) -> tuple[PublicKey, ...]:
    """The same identities as one object: one identity checks most servers."""
    return identities


def _count_since(kept: Mapping[SocketAddress, deque[float]], source: SocketAddress, since: float) -> int:
    return sum(at > since for at in kept.get(source, ()))
