"""What one check sends through its session, and what comes back: probes, their answers, and errors.

A packet is accepted if it authenticates under the session's key. It counts if it answers a probe.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from ipaddress import ip_address
from itertools import chain

from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import IcmpError, PacketRejected, SocketError
from wgmon_tui.checks.first_hop import FirstHop
from wgmon_tui.checks.inner_probes import InnerProbe, OwnAddresses, make_echo_probe, match_probe
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.coarse_timers import CoarseTimers
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.net.udp_socket import Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard.ended_sessions import Services, is_of_other_client
from wgmon_tui.protocols.wireguard.framing import PLAIN, Framing
from wgmon_tui.protocols.wireguard.primitives import AuthenticationError
from wgmon_tui.protocols.wireguard.session import ReplayError, Session
from wgmon_tui.protocols.wireguard.size_check import MOST_REPORTS, SizeTarget
from wgmon_tui.protocols.wireguard.wire import TRANSPORT_OVERHEAD, MessageType, receiver_index

_PACKET_TOO_BIG = ((4, 3, 4), (6, 2, 0))
_OUTER_HEADERS = {4: 20 + 8, 6: 40 + 8}


class InnerChannel:
    """The session of one check. The prober feeds it the packets and ICMP errors that belong to it."""

    def __init__(
        self,
        session: Session,
        check_log: CheckLog,
        socket: DatagramSocket,
        destination: SocketAddress,
        source: SocketAddress,
        own: OwnAddresses,
        services: Services,
        timers: CoarseTimers,
        framing: Framing = PLAIN,
    ) -> None:
        """`source` is the server's address and port as the kernel formats it.

        `own` are this machine's tunnel addresses; `services` are the TCP services that the check probes.
        """
        self.session = session
        self.source = source
        self.services = services
        self.own = own
        self._check_log = check_log
        self._socket, self._timers = socket, timers
        self.framing = framing
        self._destination = destination
        self._identifier = secrets.randbits(16)
        self._sequence = 0
        self._pending: dict[Hashable, InnerProbe] = {}
        self._reported_mtus: set[int] = set()
        self._overflows_before = socket.overflows
        self._arrival: asyncio.Future[None] | None = None
        self.sent_probes: list[InnerProbe] = []
        """The probes whose answers count for the verdict."""
        self.hops: list[FirstHop] = []
        self.is_logging = True
        """Whether packets are added to the exchange: a soak has too many of them."""
        self.started_at = self.last_probe_at = time.monotonic()
        self.first_data_at: float | None = None
        self.keepalive_at: float | None = None
        self.has_received_data = False
        self.on_packet: Callable[[bytes], bool] = lambda _: False
        """Takes the packets of fetches; returns whether a packet was one."""
        self.foreign_replies = 0
        """Replies to TCP connections of another client that uses the identity."""

    @property
    def hop_identifier(self) -> int:
        """The identifier of the echoes to first hops, which differs from that of other echoes."""
        return (self._identifier + 1) % 2**16

    @property
    def overflows(self) -> int:
        """The datagrams that this machine has dropped meanwhile: answers may be among them."""
        return self._socket.overflows - self._overflows_before

    @property
    def answered_packet(self) -> bytes | None:
        """An inner packet that was answered; None if none was."""
        echoes = (each.packet for each in self.sent_probes if each.kind == "echo" and each.answered_ns)
        hops = (hop.packets[asked] for hop in self.hops for asked in hop.answers)
        return next(chain(echoes, hops), None)

    @property
    def got_anything(self) -> bool:
        """Whether anything authentic came back: data, or a keepalive."""
        return self.has_received_data or self.keepalive_at is not None

    @property
    def send_packet(self) -> Callable[[bytes], object]:
        """Sends a transport message to the server; outlives the check. Raises OSError."""
        return lambda packet: self._socket.send(
            self.framing.frame(MessageType.TRANSPORT, packet), self._destination
        )

    @property
    def reports(self) -> Mapping[int, int]:
        """By MTU that a hop outside the tunnel reported: the largest inner packet that it lets pass whole."""
        if len(self._reported_mtus) > MOST_REPORTS:
            return {}
        outer = _OUTER_HEADERS[ip_address(self.source[0]).version]
        headers = outer + TRANSPORT_OVERHEAD + self.framing.overhead
        return {mtu: mtu - headers for mtu in sorted(self._reported_mtus)}

    # Sending

    def send_echo(self, target: Address) -> InnerProbe | None:
        """Send an echo that counts; None without a tunnel address of the target's IP version."""
        inner_probe = make_echo_probe(target, self.own, self._identifier, self._next_sequence())
        if inner_probe:
            self.sent_probes.append(inner_probe)
            self.send_probe(inner_probe)
        return inner_probe

    def send_sized_echo(self, target: SizeTarget, size: int, *, in_fragments: bool) -> InnerProbe:
        """Send an echo of at least `size` bytes, without the padding that could exceed the path's MTU."""
        inner_probe = make_echo_probe(
            target.address, self.own, self._identifier, self._next_sequence(), size, target.hop_limit
        )
        if inner_probe is None:
            raise AssertionError("an address that echoed has the IP version of a tunnel address")
        self.send_probe(inner_probe, padded=False, in_fragments=in_fragments)
        return inner_probe

    def send_probe(self, inner_probe: InnerProbe, *, padded: bool = True, in_fragments: bool = False) -> None:
        """Send a probe and register it for its answer."""
        self._pending[inner_probe.key] = inner_probe
        self.last_probe_at = time.monotonic()
        sent_ns = self.send(inner_probe.packet, padded=padded, in_fragments=in_fragments)
        inner_probe.sent_ns = sent_ns or time.time_ns()

    def send_hops(self, hops: Sequence[FirstHop]) -> None:
        """Send the packets of first-hop probes, for the first time or again."""
        for hop in hops:
            hop.sent_ns, hop.attempts = time.time_ns(), hop.attempts + 1
            for packet in hop.packets.values():
                self.send(packet)

    def send(self, content: bytes, *, padded: bool = True, in_fragments: bool = False) -> int | None:
        """Send through the session; returns None if this machine refuses to send."""
        if content and self.first_data_at is None:
            self.first_data_at = time.monotonic()
        packet = self.framing.frame(MessageType.TRANSPORT, self.session.seal(content, padded=padded))
        try:
            sent_ns = self._socket.send(packet, self._destination, by_reported_mtu=in_fragments)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:  # EMSGSIZE is a result of the MTU search
                name = errno.errorcode.get(error.errno or 0, "error")
                self._check_log.add_evidence(
                    SocketError(self._check_log.seconds_since_start(time.time_ns()), name)
                )
            return None
        if self.is_logging:
            self._check_log.sent(packet, sent_ns)
        return sent_ns

    # Waiting

    async def await_answers(self, inner_probes: Sequence[InnerProbe], timeout_s: float) -> None:
        """Wait until all probes are answered, at most `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        await self.wait_until(lambda: all(each.answered_ns is not None for each in inner_probes), deadline)

    async def wait_until(self, done: Callable[[], bool], deadline: float) -> None:
        """Wait for packets until `done`, or until the deadline by the monotonic clock.

        Only one caller may wait at a time.
        """
        if done():
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.start(deadline - time.monotonic(), self._end_wait)
        try:
            while not done():
                if time.monotonic() >= deadline:
                    self._socket.drain_backlog()  # a packet that reached the kernel in time is not lost
                    return
                self._arrival = loop.create_future()
                await self._arrival
        finally:
            self._timers.cancel(timer)

    def _end_wait(self) -> None:
        if self._arrival and not self._arrival.done():
            self._arrival.set_result(None)

    async def pause(self, seconds: float) -> None:
        """Sleep, and read what arrived meanwhile."""
        await self._timers.sleep(seconds)
        self._socket.drain_backlog()

    # Events

    def on_datagram(self, datagram: Datagram) -> None:
        """Handle a packet for the session's index."""
        at = self._check_log.seconds_since_start(datagram.received_ns)
        if self.is_logging:
            self._check_log.received(datagram.payload, datagram.received_ns)
        try:
            content = self.session.open(datagram.data)
        except (AuthenticationError, ReplayError):
            self._check_log.add_evidence(PacketRejected(at, Reason.OTHER_SESSION, len(datagram.payload)))
            return
        self._check_log.add_reply_source(datagram.source, self.source)
        if content.strip(b"\0"):  # AmneziaWG pads keepalives too
            self.has_received_data = True
            if not self.on_packet(content):
                self._on_inner(inner_packets.parse(content), datagram.received_ns)
        elif self.keepalive_at is None:
            self.keepalive_at = time.monotonic()
        self._end_wait()

    def on_icmp(self, error: QueuedError) -> None:
        """Record an ICMP error about a packet to the server; "too big" is for the size check."""
        if (error.version, error.type, error.code) in _PACKET_TOO_BIG:
            if len(self._reported_mtus) <= MOST_REPORTS:
                self._reported_mtus.add(error.info)
            return
        at = self._check_log.seconds_since_start(time.time_ns())
        self._check_log.add_evidence(
            IcmpError(
                at,
                error.version,
                error.type,
                error.code,
                error.offender,
                from_target=error.offender == self.source[0],
                quotes_packet=receiver_index(self.framing.unframe_quote(error.quoted))
                == self.session.remote_index,
            )
        )

    def _on_inner(self, packet: inner_packets.InnerPacket, received_ns: int) -> None:
        if self.hops and any(hop.match_answer(packet, received_ns) for hop in self.hops):
            return
        if isinstance(packet, InnerIcmp):
            if packet not in self._check_log.evidence:
                self._check_log.add_evidence(packet)
            return
        known = match_probe(packet, self._identifier)
        inner_probe = self._pending.get(known.key) if known else None
        if is_of_other_client(packet, self.services):
            self.foreign_replies += 1
        elif known and inner_probe and inner_probe.answered_ns is None:
            inner_probe.answered_ns = received_ns
            inner_probe.answer, inner_probe.rcode = known.answer, known.rcode
            if inner_probe.answer == "open":
                self.send(inner_probe.follow_up)

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) % 2**16
        return self._sequence
