"""The prober: one UDP socket a family, as a real client has, shared by all checks and told apart by index."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from wgmon_tui.fleet.records import Address, Endpoint
from wgmon_tui.probe.records import Check, Evidence, NameUnresolved, SocketError, Target
from wgmon_tui.probe.resolve import ResolutionError, Resolver
from wgmon_tui.probe.run import SPACING_S, CheckRun
from wgmon_tui.probe.sockets import Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.wireguard.handshake import Attempt
from wgmon_tui.wireguard.keys import PublicKey
from wgmon_tui.wireguard.messages import receiver_index, sender_index

_LATE_KEPT = 8

Stamps = Callable[[PublicKey], bytes]
"""Gives a TAI64N stamp later than any that this identity has ever used, in this process or another."""


@dataclass(slots=True)
class _Peer:
    """What a server knows as one peer: an identity at a server key. One handshake at a time, not too fast."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last_sent: float = float("-inf")


@dataclass(slots=True)
class _Afterlife:
    """The attempts of a finished check, kept until the next one is over: servers do answer late."""

    run: CheckRun
    late: list[Evidence] = field(default_factory=list)

    def note(self, evidence: Evidence | None) -> None:
        """Remember a fact for the next check, up to a bound: who answers late may do so without end."""
        if evidence and len(self.late) < _LATE_KEPT:
            self.late.append(evidence)


class Prober:
    """Runs checks. `open` it inside the event loop (and the network namespace) that it is to work in."""

    def __init__(self, *, stamps: Stamps, vantage: str = "local") -> None:
        self.vantage = vantage
        self._stamps = stamps
        self._resolver = Resolver()
        self._sockets: dict[int, DatagramSocket] = {}
        self._runs: dict[int, CheckRun] = {}
        self._by_source: dict[SocketAddress, set[CheckRun]] = {}
        self._afterlife: dict[tuple[str, str], _Afterlife] = {}
        self._late: dict[int, _Afterlife] = {}
        self._peers: dict[tuple[PublicKey, PublicKey], _Peer] = {}

    async def open(self) -> None:
        """Open a socket for each address family that this machine has. Raises OSError where it has none."""
        loop = asyncio.get_running_loop()
        refusal: OSError | None = None
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                opened = DatagramSocket(family, self._on_datagram, self._on_error)
            except OSError as error:
                refusal = error
                continue
            opened.attach(loop)
            self._sockets[family] = opened
        if not self._sockets and refusal:
            raise refusal

    async def close(self) -> None:
        """Give the ports back."""
        loop = asyncio.get_running_loop()
        for opened in self._sockets.values():
            opened.close(loop)
        self._sockets.clear()

    async def resolve(self, endpoint: Endpoint, timeout_s: float) -> tuple[Address, ...]:
        """Every address of an endpoint. Raises ResolutionError."""
        return await self._resolver.resolve(endpoint, timeout_s)

    async def check_all(self, target: Target) -> tuple[Check, ...]:
        """A check of each address of a server, one after the other: behind them is one and the same peer."""
        try:
            addresses = await self.resolve(target.server.endpoint, target.server.timeout)
        except ResolutionError as error:
            return (self._unsent(target, None, NameUnresolved(target.server.endpoint.host, str(error))),)
        return tuple([await self.check(target, address) for address in addresses])

    async def check(self, target: Target, address: Address) -> Check:
        """One check of one address. Never raises for what the network or the server does."""
        family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
        opened = self._sockets.get(family)
        if opened is None:
            return self._unsent(target, address, SocketError(0.0, errno.errorcode[errno.EAFNOSUPPORT]))
        peer = self._peers.setdefault((target.private_key.public, target.server.public_key), _Peer())
        async with peer.lock:
            wait = peer.last_sent + SPACING_S - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            run = CheckRun(target, address, opened, _destination(address, target), self._make_attempt)
            self._admit(run)
            try:
                run.start()
                await run.finished
            finally:
                self._dismiss(run)
                peer.last_sent = run.sent[-1].sent_at if run.sent else float("-inf")
        return run.result(self.vantage)

    # Who is waiting for what

    def _make_attempt(self, run: CheckRun, cookie: bytes | None) -> Attempt:
        index = secrets.randbits(32)
        while index in self._runs or index in self._late:
            index = secrets.randbits(32)
        attempt = run.target.initiator.initiate(index, self._stamps(run.target.private_key.public), cookie)
        self._runs[index] = run
        return attempt

    def _admit(self, run: CheckRun) -> None:
        self._by_source.setdefault(run.source, set()).add(run)

    def _dismiss(self, run: CheckRun) -> None:
        run.stop()
        waiting = self._by_source[run.source]
        waiting.discard(run)
        if not waiting:
            del self._by_source[run.source]
        for sent in run.sent:
            del self._runs[sent.attempt.sender]
        key = (run.target.server.name, str(run.address))
        former = self._afterlife.pop(key, None)
        if former:
            for sent in former.run.sent:
                del self._late[sent.attempt.sender]
            for late in former.late:
                run.note(late)
        if run.handshake is None:
            self._afterlife[key] = _Afterlife(run)
            for sent in run.sent:
                self._late[sent.attempt.sender] = self._afterlife[key]

    # What the sockets hand over

    def _on_datagram(self, datagram: Datagram) -> None:
        index = receiver_index(datagram.data)
        if index is None:
            for run in tuple(self._by_source.get(datagram.source, ())):
                run.on_datagram(datagram)
        elif index in self._runs:
            self._runs[index].on_datagram(datagram)
        elif index in self._late:
            late = self._late[index]
            late.note(late.run.late_answer(datagram))

    def _on_error(self, error: QueuedError) -> None:
        index = sender_index(error.quoted)
        if index is None:
            for run in tuple(self._by_source.get(error.destination, ())):
                run.on_icmp(error)
        elif index in self._runs:
            self._runs[index].on_icmp(error)
        elif index in self._late:
            # A dead neighbour is reported after three seconds, when many a check is over.
            late = self._late[index]
            late.note(late.run.evidence_of(error))

    def _unsent(self, target: Target, address: Address | None, why: NameUnresolved | SocketError) -> Check:
        server = target.server
        return Check(server.name, self.vantage, server.endpoint, address, time.time(), None, (why,))


def _destination(address: Address, target: Target) -> SocketAddress:
    """The address in the kernel's spelling, so that the source of an answer compares equal."""
    if isinstance(address, IPv4Address):
        return str(address), target.server.endpoint.port
    scope = f"%{address.scope_id}" if address.scope_id else ""
    return socket.inet_ntop(socket.AF_INET6, address.packed) + scope, target.server.endpoint.port
