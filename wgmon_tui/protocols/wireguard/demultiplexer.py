"""The demultiplexer: all checks share one UDP socket per family; the index selects the check."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import Protocol

from wgmon_tui.checks.evidence import Evidence, LateAnswer
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.coarse_timers import CoarseTimers
from wgmon_tui.net.connecting_udp_socket import open_udp_socket
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.net.udp_socket import Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard.ended_sessions import EndedSessions
from wgmon_tui.protocols.wireguard.foreign_sessions import ForeignSessions, new_index
from wgmon_tui.protocols.wireguard.framing import Framing, UnframedDatagram
from wgmon_tui.protocols.wireguard.handshake_stage import HandshakeStage
from wgmon_tui.protocols.wireguard.path_tracer import PathTracer, is_expired
from wgmon_tui.protocols.wireguard.server_initiations import ServerInitiations
from wgmon_tui.protocols.wireguard.wire import (
    MessageType,
    message_type,
    receiver_index,
    sender_index,
)
from wgmon_tui.records import dataclass

LATE_ANSWER_S = 30.0
"""How long the attempts of a finished check wait for a late answer."""

_MAX_LATE_CHECKS = 8
"""Finished checks of one address that wait for late answers at the same time."""

_MAX_LATE_EVIDENCE = 8

_MAX_FRAMINGS = 16
"""Framings of one server that are tried on what it sends: that of its checks, and those of experiments."""


class PacketListener(Protocol):
    """A stage of a check that waits for packets."""

    source: SocketAddress

    @property
    def framing(self) -> Framing:
        """The framing of what it sends."""

    def on_datagram(self, datagram: Datagram) -> None:
        """Handle a packet for one of its indices, or one without index from its server's address."""

    def on_icmp(self, error: QueuedError) -> None:
        """Handle an ICMP error about its own packet, or about one to its server that quotes too little."""


@dataclass(slots=True)
class _LateAnswers:
    """What arrives for the finished checks of one address. The round trip may be longer than the interval."""

    checks: deque[HandshakeStage] = field(default_factory=deque)
    found: list[Evidence] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    last: tuple[float, LateAnswer] | None = None
    """The last late answer and its monotonic time of arrival."""

    def add_evidence(self, evidence: Evidence | None) -> None:
        """Keep evidence for the next check, up to a limit: late answers may be a flood."""
        if evidence and len(self.found) < _MAX_LATE_EVIDENCE:
            self.found.append(evidence)


class Demultiplexer:
    """The sockets and indices. Call `open` inside the event loop and network namespace of the checks."""

    def __init__(self) -> None:
        self._sockets: dict[int, DatagramSocket] = {}
        self._by_index: dict[int, PacketListener] = {}
        self._by_source: dict[SocketAddress, list[PacketListener]] = {}
        self._tracers: dict[SocketAddress, list[PathTracer]] = {}
        self._late_answers: dict[tuple[str, str], _LateAnswers] = {}
        self._late_by_index: dict[int, tuple[_LateAnswers, HandshakeStage]] = {}
        self._late_expiry: deque[tuple[float, tuple[str, str], HandshakeStage]] = deque()
        """Finished checks by the time until which they wait, earliest first."""
        self._framings: dict[SocketAddress, list[Framing]] = {}
        """By the source of their answers: the framings in use that are not plain, the latest first."""
        self.server_initiations = ServerInitiations()
        """Initiations that servers send unasked, during checks and between them."""
        self.foreign_sessions = ForeignSessions()
        self.timers = CoarseTimers()
        """The timers of the checks over these sockets."""
        self.ended_sessions = EndedSessions()

    async def open(self) -> None:
        """Open a socket per address family that this machine supports. Raises OSError if there is none."""
        loop = asyncio.get_running_loop()
        refusal: OSError | None = None
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                opened = open_udp_socket(family, self._on_datagram, self._on_error)
            except OSError as error:
                refusal = error
                continue
            opened.attach(loop)
            self._sockets[family] = opened
        if not self._sockets and refusal:
            raise refusal
        if PLATFORM.receive_timestamp:
            # Until it begins, the first round-trip times would include the delay of this process.
            await asyncio.sleep(PLATFORM.receive_timestamp.start_s)

    async def close(self) -> None:
        """Close the sockets."""
        loop = asyncio.get_running_loop()
        for opened in self._sockets.values():
            opened.close(loop)
        self._sockets.clear()

    @property
    def ports(self) -> tuple[int, ...]:
        """The local port of each socket."""
        return tuple(opened.port for opened in self._sockets.values())

    def socket_for(self, address: Address) -> DatagramSocket | None:
        """The socket of an address's family; None if this machine does not support it."""
        return self._sockets.get(socket.AF_INET if address.version == 4 else socket.AF_INET6)

    def free_index(self) -> int:
        """Pick a random unused index."""
        while True:
            index = new_index()
            if index not in self._by_index and index not in self._late_by_index:
                return index

    def register(self, index: int, listener: PacketListener) -> None:
        """Deliver packets for `index` to `listener`."""
        self._by_index[index] = listener

    def unregister(self, index: int) -> None:
        """Stop delivering packets for `index`."""
        del self._by_index[index]

    def use_framing(self, destination: SocketAddress, framing: Framing) -> None:
        """Take this framing off what comes from a server, until others displace it."""
        if framing.is_plain:
            return
        used = self._framings.setdefault(_without_scope(destination), [])
        if not used or used[0] != framing:
            used[:] = [framing, *(each for each in used if each != framing)][:_MAX_FRAMINGS]

    def listen_to_source(self, listener: PacketListener) -> None:
        """Also deliver packets without index from the listener's server to it, until `stop_listening`."""
        self._by_source.setdefault(listener.source, []).append(listener)

    def stop_listening(self, listener: PacketListener) -> None:
        """Deliver only packets with an index to the listener again."""
        waiting = self._by_source[listener.source]
        waiting.remove(listener)
        if not waiting:
            del self._by_source[listener.source]

    @contextmanager
    def trace_path(self, tracer: PathTracer) -> Iterator[None]:
        """Within the block, no check sees the expired packets of a trace to its server.

        At the end, the indices of the trace are unregistered.
        """
        tracers = self._tracers.setdefault(tracer.source, [])
        tracers.append(tracer)
        try:
            yield
        finally:
            tracers.remove(tracer)
            if not tracers:
                del self._tracers[tracer.source]
            for index in tracer.indices:
                self.unregister(index)

    def pop_late_evidence(self, key: tuple[str, str]) -> list[Evidence]:
        """Return evidence that arrived too late for the earlier checks under this key."""
        self._expire_late_answers()
        late = self._late_answers.get(key)
        if late is None:
            return []
        found, late.found = late.found, []
        late.answered.clear()
        return found

    def find_recent_late_answer(self, key: tuple[str, str]) -> LateAnswer | None:
        """Return the last late answer while the next one cannot be due: for one of its round trips."""
        late = self._late_answers.get(key)
        if late is None or late.last is None:
            return None
        arrived_at, answer = late.last
        return answer if time.monotonic() - arrived_at <= answer.age else None

    def track_late_answers(self, key: tuple[str, str], handshake_stage: HandshakeStage) -> None:
        """Track late answers to a finished check for LATE_ANSWER_S."""
        self._expire_late_answers()
        late = self._late_answers.setdefault(key, _LateAnswers())
        late.checks.append(handshake_stage)
        for sent in handshake_stage.sent:
            self._late_by_index[sent.attempt.sender] = late, handshake_stage
        self._late_expiry.append((time.monotonic() + LATE_ANSWER_S, key, handshake_stage))
        if len(late.checks) > _MAX_LATE_CHECKS:
            self._forget_attempts(late.checks.popleft())

    async def wait_for_late_answer(self, key: tuple[str, str]) -> None:
        """Wait until an authentic late answer arrives for a check; forever if none is tracked."""
        late = self._late_answers.get(key) or _LateAnswers()
        await late.answered.wait()

    def _expire_late_answers(self) -> None:
        now = time.monotonic()
        while self._late_expiry and self._late_expiry[0][0] <= now:
            _, key, handshake_stage = self._late_expiry.popleft()
            late = self._late_answers[key]
            if late.checks and late.checks[0] is handshake_stage:
                self._forget_attempts(late.checks.popleft())
            if not late.checks:
                del self._late_answers[key]

    def _forget_attempts(self, handshake_stage: HandshakeStage) -> None:
        for sent in handshake_stage.sent:
            self._late_by_index.pop(sent.attempt.sender, None)

    def _unframe(self, datagram: Datagram) -> Datagram:
        """The plain message of a framed datagram; the datagram if it has none.

        Several framings may fit, because experiments try them on one server. An answer counts only in the
        framing of its question.
        """
        found: Datagram | None = None
        for framing in self._framings.get(datagram.source, ()):
            message = framing.unframe(datagram.data)
            if message is None:
                continue
            unframed = UnframedDatagram(message, datagram.source, datagram.received_ns, datagram.data)
            asking = self._find_asking(receiver_index(message))
            if asking is None:
                found = found or unframed
            elif asking.framing == framing:
                return unframed
        asking = self._find_asking(receiver_index(datagram.data))
        return datagram if found is None or (asking and asking.framing.is_plain) else found

    def _find_asking(self, index: int | None) -> PacketListener | None:
        """What waits for packets with an index."""
        if index is None:
            return None
        return self._by_index.get(index) or self._late_by_index.get(index, (None, None))[1]

    def _on_datagram(self, datagram: Datagram) -> None:
        if self._framings:
            datagram = self._unframe(datagram)
        index = receiver_index(datagram.data)
        if index is None:
            if message_type(datagram.data) is MessageType.INITIATION:
                self.server_initiations.on_datagram(datagram)
            for listener in tuple(self._by_source.get(datagram.source, ())):
                listener.on_datagram(datagram)
        elif index in self._by_index:
            self._by_index[index].on_datagram(datagram)
        elif index in self._late_by_index:
            late, handshake_stage = self._late_by_index[index]
            if answer := handshake_stage.late_answer(datagram):
                del self._late_by_index[index]
                late.add_evidence(answer)
                late.answered.set()
                late.last = time.monotonic(), answer
        elif self.ended_sessions.has_other_client(index, datagram.data):
            self.foreign_sessions.record_proof(datagram.source)
        else:
            self.foreign_sessions.record(datagram.source, datagram.data, index)

    def _quoted_index(self, error: QueuedError) -> int | None:
        """The index of the initiation that an ICMP error quotes."""
        framings = self._framings.get(_without_scope(error.destination), ()) if self._framings else ()
        for framing in framings:
            index = sender_index(framing.unframe_quote(error.quoted))
            if self._find_asking(index):
                return index
        index = sender_index(error.quoted)
        return index if not framings or self._find_asking(index) else None

    def _on_error(self, error: QueuedError) -> None:
        index = self._quoted_index(error)
        if index is None:
            tracers = tuple(self._tracers.get(error.destination, ()))
            for tracer in tracers:
                tracer.on_icmp(error)
            if tracers and is_expired(error):
                return
            for listener in tuple(self._by_source.get(error.destination, ())):
                listener.on_icmp(error)
        elif index in self._by_index:
            self._by_index[index].on_icmp(error)
        elif index in self._late_by_index:
            # The kernel reports a dead neighbour after three seconds, when many checks have ended.
            late, handshake_stage = self._late_by_index[index]
            late.add_evidence(handshake_stage.icmp_evidence(error))


def _without_scope(address: SocketAddress) -> SocketAddress:
    return address[0].partition("%")[0], address[1]
