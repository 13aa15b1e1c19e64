"""Traces of another client on an identity: packets for sessions that this process did not open.

Each handshake moves the peer's endpoint, so the server sends some packets of the other client's session here.
This process marks its own session indices, so that it recognises them long after a session has ended.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from hashlib import blake2b

from wgmon_tui.net.udp_socket import SocketAddress
from wgmon_tui.protocols.wireguard.keys import PublicKey
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
        self._identities: dict[SocketAddress, set[PublicKey]] = {}
        self._arrivals: dict[SocketAddress, deque[float]] = {}

    def watch(self, source: SocketAddress, identity: PublicKey) -> None:
        """Count packets from a server's address from now on. `identity` is the one that checks it."""
        self._identities.setdefault(source, set()).add(identity)

    def record(self, source: SocketAddress, data: bytes, index: int) -> None:
        """Record a packet that belongs to no check in flight."""
        if (
            source in self._identities
            and message_type(data) is MessageType.TRANSPORT
            and not is_own_index(index)
        ):
            self._arrivals.setdefault(source, deque(maxlen=_MAX_KEPT)).append(self._clock())

    def record_connection(self, source: SocketAddress) -> None:
        """Record a packet of a TCP connection that another client of the identity opened."""
        if source in self._identities:
            self._arrivals.setdefault(source, deque(maxlen=_MAX_KEPT)).append(self._clock())

    def recent_packets(
        self, source: SocketAddress, identity: PublicKey, stamped_elsewhere_s: float | None = None
    ) -> int:
        """Return how many packets came for another client of this identity within RECENT_S.

        Another process of this machine used the identity `stamped_elsewhere_s` seconds ago: while its session
        lives, packets may be for that one. If several identities check one address, it is not known which of
        them the packets concern.
        """
        arrivals = self._arrivals.get(source)
        if not arrivals or self._identities.get(source) != {identity}:
            return 0
        while arrivals and arrivals[0] < self._clock() - RECENT_S:
            arrivals.popleft()
        if stamped_elsewhere_s is None:
            return len(arrivals)
        session_ended = self._clock() - stamped_elsewhere_s + _SESSION_LIFETIME_S
        return sum(at > session_ended for at in arrivals)
