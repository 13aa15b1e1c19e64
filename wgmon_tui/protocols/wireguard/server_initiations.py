"""Initiations that servers send unasked: a silent server that initiates is alive and knows this identity.

A server initiates when it has data for this identity, or when its keepalive got no answer. The initiation is
opened as a responder would (whitepaper §5.4.2), and never answered. Forged ones must not cost much: only
addresses of checked servers count, each address has a limited rate, and mac1 comes before any Diffie-Hellman.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache

from wgmon_tui.checks.context_evidence import ServerInitiated
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.net.udp_socket import Datagram
from wgmon_tui.protocols.wireguard.handshake import ReceivedInitiation, RejectedError, Responder
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.records import dataclass

RECENT_S = 180.0
"""How long an initiation counts: no session outlives it without a new handshake (REJECT_AFTER_TIME)."""

OPENED_PER_S = 2.0
"""Initiations opened per second and address. A real server repeats its own every five seconds."""

OPENED_AT_ONCE = 8.0
"""Initiations of one address opened in a row, before the rate limits them."""

_MAX_KEPT = 64

WatchKey = tuple[str, str]
"""A server's name and the address that is checked, as the kernel formats it."""


@dataclass(slots=True)
class _Watched:
    """What one server sent from one address. Times are monotonic seconds."""

    target: Target
    silent_since: float | None = None
    arrived: deque[float] | None = None
    """None until an initiation arrives: most servers send none."""
    last_timestamp: bytes = b""


@dataclass(slots=True)
class _Allowance:
    """How many initiations of one address may still be opened, at the time `at`."""

    left: float
    at: float


class ServerInitiations:
    """Opens initiations of the servers that are checked, and keeps their times."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns monotonic seconds."""
        self._clock = clock
        self._watched: dict[WatchKey, _Watched] = {}
        self._by_address: dict[str, tuple[WatchKey, ...]] = {}
        self._identities: dict[str, tuple[PrivateKey, ...]] = {}
        """The identities that check an address. A dict and a set for each address took 0.5 KB more."""
        self._allowances: dict[str, _Allowance] = {}

    def begin_check(self, key: WatchKey, target: Target) -> None:
        """Watch a server's address from now on. Its silence begins with the first unanswered check."""
        watched = self._watched.get(key)
        if watched is None or watched.target.private_key != target.private_key:
            is_known = watched is not None
            watched = self._watched[key] = _Watched(target)
            self._note_identity(key, target.private_key, is_known=is_known)
        elif watched.target.server.public_key != target.server.public_key:
            watched.last_timestamp = b""
        watched.target = target
        if watched.silent_since is None:
            watched.silent_since = self._clock()

    def _note_identity(self, key: WatchKey, private_key: PrivateKey, *, is_known: bool) -> None:
        """Note which identity checks a server from now on. One that `is_known` had another before."""
        address = _without_scope(key[1])
        keys, identities = self._by_address.get(address, ()), self._identities.get(address, ())
        if is_known:
            identities = tuple({self._watched[each].target.private_key for each in keys})
        else:
            self._by_address[address] = (*keys, key)
        if private_key not in identities:
            identities = (*identities, private_key)
        self._identities[address] = _shared(identities)

    def record_answer(self, key: WatchKey) -> None:
        """Record that a check was answered: what arrived before it says nothing about a later silence."""
        watched = self._watched[key]
        watched.silent_since = watched.arrived = None

    def evidence(self, key: WatchKey, check_started: float) -> ServerInitiated | None:
        """Return the recent initiations of a server that answers no checks, None if there were none."""
        watched = self._watched[key]
        recent = [at for at in watched.arrived or () if at >= self._clock() - RECENT_S]
        return ServerInitiated(recent[-1] - check_started, len(recent)) if recent else None

    def on_datagram(self, datagram: Datagram) -> None:
        """Open an initiation, if it comes from the address of a server."""
        for private_key in self._identities.get(datagram.source[0], ()):
            if not self._has_allowance(datagram.source[0]):
                return
            responder = _responder(private_key)
            if not responder.has_valid_mac1(datagram.data):
                continue
            self._allowances[datagram.source[0]].left -= 1
            try:
                opened = responder.open(datagram.data)
            except RejectedError:
                continue
            self._record(opened, datagram.source[0], private_key)

    def _record(self, opened: ReceivedInitiation, address: str, private_key: PrivateKey) -> None:
        for key in self._by_address[address]:
            watched = self._watched[key]
            is_replayed = opened.timestamp <= watched.last_timestamp
            if opened.static != watched.target.server.public_key or is_replayed:
                continue
            if watched.target.private_key != private_key:
                continue
            watched.last_timestamp = opened.timestamp
            if watched.silent_since is not None:
                watched.arrived = watched.arrived or deque(maxlen=_MAX_KEPT)
                watched.arrived.append(self._clock())

    def _has_allowance(self, address: str) -> bool:
        """Return whether another initiation of an address may be opened; the allowance refills with time."""
        now = self._clock()
        allowance = self._allowances.setdefault(address, _Allowance(OPENED_AT_ONCE, now))
        refilled = allowance.left + (now - allowance.at) * OPENED_PER_S
        allowance.left, allowance.at = min(OPENED_AT_ONCE, refilled), now
        return allowance.left >= 1


def _without_scope(address: str) -> str:
    return address.partition("%")[0]


@lru_cache(1024)
def _shared(identities: tuple[PrivateKey, ...]) -> tuple[PrivateKey, ...]:
    """The same identities as one object: one identity checks most servers."""
    return identities


@lru_cache(1024)
def _responder(private_key: PrivateKey) -> Responder:
    return Responder(private_key)
