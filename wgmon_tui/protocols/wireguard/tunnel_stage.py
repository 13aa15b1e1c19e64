"""The tunnel stage of a check: sends data through the session and records what comes back.

    echoes and service probes, spread over time     ──► answers counted, inner ICMP errors recorded
    an IP version without an answering target: the first hop      ──► does anything come back at all?
    deep, and something echoes: padded echoes (size_check.py)     ──► which packet sizes pass
    deep, and nothing answers: wait for the server's keepalive    ──► does it receive our data at all?
    the last echoes are lost:  more echoes                        ──► loss, or a flow that was cut off?
    soak, and echoes pass:     many echoes over half a minute     ──► does the path cut the flow off?
    data was received:         one closing keepalive, or the server retries handshakes for two minutes

A packet is accepted if it authenticates under the session's key. It counts if it answers a probe.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from itertools import chain, groupby
from statistics import median

from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import (
    FlowCut,
    IcmpError,
    InnerEcho,
    InnerService,
    InnerUnaddressed,
    PacketRejected,
    PassiveKeepalive,
    PathMtu,
    ReceiveOverflow,
    Soak,
    SocketError,
)
from wgmon_tui.checks.first_hop import HOP_LIMIT as FIRST_HOP_LIMIT
from wgmon_tui.checks.first_hop import FirstHop, first_hops
from wgmon_tui.checks.inner_probes import (
    InnerProbe,
    OwnAddresses,
    make_echo_probe,
    make_service_probes,
    match_probe,
)
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.net.udp_socket import Datagram, DatagramSocket, QueuedError, SocketAddress
from wgmon_tui.protocols.wireguard import size_check
from wgmon_tui.protocols.wireguard.ended_sessions import Services, is_of_other_client
from wgmon_tui.protocols.wireguard.flow_cut import CHECK_RULE
from wgmon_tui.protocols.wireguard.handshake import Reason
from wgmon_tui.protocols.wireguard.primitives import AuthenticationError
from wgmon_tui.protocols.wireguard.session import ReplayError, Session
from wgmon_tui.protocols.wireguard.size_check import SizeTarget
from wgmon_tui.protocols.wireguard.soak import (
    LARGEST_ECHO,
    EchoFlow,
    SoakProgress,
    follow_up,
    ignore_progress,
    run_soak,
)
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import TRANSPORT_OVERHEAD, receiver_index

KEEPALIVE_TIMEOUT_S = 10.75
"""Servers acknowledge unanswered data 10.0 to 10.25 s after receipt (KEEPALIVE_TIMEOUT); plus the path."""

_KEEPALIVE_PATH_S = 0.5
"""Round trip that KEEPALIVE_TIMEOUT_S allows for."""

_MAX_ANSWER_WAIT_S = 2.0
"""Wait for answers where the handshake was quick."""

_ROUND_TRIPS = 3
"""Wait for answers where the handshake was slow, in its round trips: data may be queued behind other data."""

_ANSWER_MARGIN_S = 0.25
_ECHO_WAIT_S = 0.2
_FLOW_ANSWER_WAIT_S = 1.0
_ATTEMPTS = 2
_PACKET_TOO_BIG = ((4, 3, 4), (6, 2, 0))
_OUTER_HEADERS = {4: 20 + 8, 6: 40 + 8}


@dataclass(frozen=True, slots=True)
class SlowSteps:
    """The slow steps that a check runs only now and then.

    `deep` adds the size check and the passive keepalive; `soak` adds the soak, with a call of `on_soak` per
    echo.
    """

    deep: bool = False
    soak: bool = False
    on_soak: Callable[[SoakProgress], None] = ignore_progress


NO_SLOW_STEPS = SlowSteps()


class TunnelStage:
    """The tunnel stage of one check. The prober feeds it the packets of the session."""

    def __init__(
        self,
        target: Target,
        session: Session,
        check_log: CheckLog,
        socket: DatagramSocket,
        destination: SocketAddress,
        source: SocketAddress,
        handshake_rtt: float = 0.0,
        sizes_before: PathMtu | None = None,
    ) -> None:
        """`source` is the server's address and port as the kernel formats it.

        `handshake_rtt` in seconds decides how long the stage waits for answers. `sizes_before` is the result
        of the last size check.
        """
        self._sizes = sizes_before
        self.session = session
        self.source = source
        self._server = target.server
        self._interfaces = {int(each.version): each for each in reversed(target.tunnel_addresses)}
        self._own: OwnAddresses = {version: each.ip for version, each in self._interfaces.items()}
        self._check_log = check_log
        self._socket = socket
        self._destination = destination
        self._handshake_rtt = handshake_rtt
        self._answer_wait_s = max(
            min(self._server.timeout, _MAX_ANSWER_WAIT_S), _ROUND_TRIPS * handshake_rtt + _ANSWER_MARGIN_S
        )
        self._started_at = self._last_probe_at = time.monotonic()
        self._identifier = secrets.randbits(16)
        self._hop_identifier = (self._identifier + 1) % 2**16
        self._sequence = 0
        self._sent_probes: list[InnerProbe] = []
        self._pending: dict[Hashable, InnerProbe] = {}
        self._hops: list[FirstHop] = []
        self._first_data: float | None = None
        self._keepalive: float | None = None
        self._data_received = False
        self._reported_mtus: set[int] = set()
        self._overflows_before = socket.overflows
        self._arrival = asyncio.Event()
        self._flow = EchoFlow(
            self._send_flow_echo,
            self._pause,
            max(min(_FLOW_ANSWER_WAIT_S, self._server.timeout), _ROUND_TRIPS * handshake_rtt),
        )
        self._flow_target: SizeTarget | None = None
        self._is_soaking = False
        self.cut: FlowCut | None = None
        """How the flow of this stage was cut off. A second flow has to confirm it."""
        self.soak: Soak | None = None
        self.foreign_replies = 0
        """Replies to TCP connections of another client that uses the identity."""

    async def run(self, steps: SlowSteps = NO_SLOW_STEPS) -> Tunnel | None:
        """Run the stage, with some of the slow steps. Returns None if nothing can be probed."""
        tunnel = await self._run_probes(deep=steps.deep)
        if steps.soak:
            await self._run_soak(tunnel.mtu if tunnel else None, steps.on_soak)
        if self._data_received:
            self._send(b"")
        if dropped := self._overflows():
            self._check_log.add_evidence(ReceiveOverflow(dropped))
            self.cut = self.soak = None
        return tunnel

    def _overflows(self) -> int:
        """Count the datagrams that this machine dropped meanwhile: answers may be among them."""
        return self._socket.overflows - self._overflows_before

    async def _run_probes(self, *, deep: bool) -> Tunnel | None:
        await self._send_probes()
        sent_probes = self._sent_probes
        self._flow_target = self._echoing_target(self._rtts("echo"))
        self.cut = await follow_up(self._flow, CHECK_RULE) if self._flow_target else None
        deep = deep and self.cut is None
        found = await self._check_sizes() if deep else None
        if deep and self._flow_target:
            self.cut = await follow_up(self._flow, CHECK_RULE)
        mtu = (found.largest_passing or None) if found else None
        if deep and not self._data_received:
            await self._await_keepalive()
        self._record_evidence()
        for hop in self._hops:
            self._check_log.add_evidence(hop.evidence())
        if sent_probes:
            rtts = self._rtts("echo") or self._rtts("tcp")  # a name server may ask others before it answers
            return Tunnel(len(sent_probes), self._count_answers(), _median_or_none(rtts), mtu, passive=False)
        if not self._hops and not deep:
            return None
        hop_rtts = [hop.rtt for hop in self._hops if hop.rtt is not None]
        return Tunnel(len(self._hops), len(hop_rtts), _median_or_none(hop_rtts), mtu, passive=True)

    @property
    def services(self) -> Services:
        """The inner TCP services that this stage probes."""
        return {(ip_address(each.host), each.port) for each in self._server.tunnel_tcp}

    @property
    def answered_packet(self) -> bytes | None:
        """An inner packet that was answered; None if none was."""
        echoes = (each.packet for each in self._sent_probes if each.kind == "echo" and each.answered_ns)
        hops = (hop.packets[asked] for hop in self._hops for asked in hop.answers)
        return next(chain(echoes, hops), None)

    @property
    def send_packet(self) -> Callable[[bytes], object]:
        """Sends a packet to the server as it is; outlives the stage. Raises OSError."""
        return partial(self._socket.send, destination=self._destination)

    # What the size check uses

    @property
    def reports(self) -> Mapping[int, int]:
        """By MTU that a hop outside the tunnel reported: the largest inner packet that it lets pass whole."""
        if len(self._reported_mtus) > size_check.MOST_REPORTS:
            return {}
        headers = _OUTER_HEADERS[ip_address(self.source[0]).version] + TRANSPORT_OVERHEAD
        return {mtu: mtu - headers for mtu in sorted(self._reported_mtus)}

    def send_sized_echo(self, target: SizeTarget, size: int, *, in_fragments: bool) -> InnerProbe:
        """Send an echo of at least `size` bytes, without the padding that could exceed the path's MTU."""
        inner_probe = make_echo_probe(
            target.address, self._own, self._identifier, self._next_sequence(), size, target.hop_limit
        )
        if inner_probe is None:
            raise AssertionError("an address that echoed has the IP version of a tunnel address")
        if not size:
            self._flow.record(inner_probe)
        self._send_probe(inner_probe, padded=False, in_fragments=in_fragments)
        return inner_probe

    async def await_answers(self, inner_probes: Sequence[InnerProbe], timeout_s: float) -> None:
        """Wait until all probes are answered, at most `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        await self._wait_until(lambda: all(each.answered_ns is not None for each in inner_probes), deadline)

    def _rtts(self, kind: str) -> list[float]:
        return [each.rtt for each in self._sent_probes if each.kind == kind and each.rtt is not None]

    # Events

    def on_datagram(self, datagram: Datagram) -> None:
        """Handle a packet for the session's index."""
        at = self._check_log.seconds_since_start(datagram.received_ns)
        if not self._is_soaking:
            self._check_log.received(datagram.data, datagram.received_ns)
        try:
            content = self.session.open(datagram.data)
        except (AuthenticationError, ReplayError):
            self._check_log.add_evidence(PacketRejected(at, Reason.OTHER_SESSION, len(datagram.data)))
            return
        self._check_log.add_reply_source(datagram.source, self.source)
        if content:
            self._data_received = True
            self._on_inner(inner_packets.parse(content), datagram.received_ns)
        elif self._keepalive is None:
            self._keepalive = time.monotonic()
        self._arrival.set()

    def on_icmp(self, error: QueuedError) -> None:
        """Record an ICMP error about a packet to the server; "too big" is for the size check."""
        if (error.version, error.type, error.code) in _PACKET_TOO_BIG:
            if len(self._reported_mtus) <= size_check.MOST_REPORTS:
                self._reported_mtus.add(error.info)
            return
        at = self._check_log.seconds_since_start(time.time_ns())
        from_target = error.offender == self.source[0]
        quotes_packet = receiver_index(error.quoted) == self.session.remote_index
        self._check_log.add_evidence(
            IcmpError(
                at,
                error.version,
                error.type,
                error.code,
                error.offender,
                from_target,
                quotes_packet=quotes_packet,
            )
        )

    def _on_inner(self, packet: inner_packets.InnerPacket, received_ns: int) -> None:
        if any(hop.match_answer(packet, received_ns) for hop in self._hops):
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
                self._send(inner_probe.follow_up)

    # Steps

    async def _send_probes(self) -> None:
        """Send echoes over the configured time, service and first-hop probes at once; then wait for answers.

        What was sent only once is sent again after half of that wait: one lost packet is no verdict. So are
        probes of the first hop in an IP version in which no target has answered by then.
        """
        server = self._server
        for inner_probe in make_service_probes(server, self._own):
            if isinstance(inner_probe, InnerUnaddressed):
                self._check_log.add_evidence(inner_probe)
            else:
                self._sent_probes.append(inner_probe)
                self._send_probe(inner_probe)
        self._add_hops(set(self._interfaces) - self._probed_versions())
        for number in range(server.tunnel_count if server.tunnel_ping else 0):
            if number:
                await asyncio.sleep(server.tunnel_over / (server.tunnel_count - 1))
            for target in server.tunnel_ping:
                self._send_echo(target)
        await self._await_all(self._answer_wait_s / 2)
        self._send_hops([hop for hop in self._hops if hop.source is None])
        for inner_probe in self._sent_probes:
            if inner_probe.kind != "echo" and inner_probe.answered_ns is None:
                self._send_probe(inner_probe)
        silent = self._probed_versions() - self._answering_versions()
        self._add_hops(silent)
        await self._await_all(self._answer_wait_s / 2)
        added = [hop for hop in self._hops if hop.version in silent and hop.source is None]
        if added and silent - self._answering_versions():
            self._send_hops(added)
            await self._await_all(self._answer_wait_s / 2)
        await self._await_slow_answers()
        # An answer after the repetition may be a late one to the first attempt: a second answer shows it.
        await self._wait_until(
            lambda: all(hop.is_rtt_certain for hop in self._hops if hop.source),
            time.monotonic() + self._answer_wait_s,
        )
        # A target that answered late proves more than the first hop.
        proven = self._answering_versions()
        self._hops = [hop for hop in self._hops if hop.version not in proven]

    async def _await_slow_answers(self) -> None:
        """Wait longer for data that is slower than the handshake.

        While nothing has come back, wait as long as for a handshake; then for three of the round trips seen.
        """
        if self._sent_probes:
            await self._wait_until(lambda: self._data_received, self._started_at + self._server.timeout)
        while (known := self._count_answers()) < len(self._sent_probes):
            slowest = max((each.rtt for each in self._sent_probes if each.rtt is not None), default=0.0)
            deadline = self._last_probe_at + _ROUND_TRIPS * slowest
            if deadline <= time.monotonic():
                return
            await self._wait_until(partial(self._has_more_answers, known), deadline)

    def _has_more_answers(self, known: int) -> bool:
        return self._count_answers() > known

    def _count_answers(self) -> int:
        return sum(each.answered_ns is not None for each in self._sent_probes)

    def _probed_versions(self) -> set[int]:
        return {each.packet[0] >> 4 for each in self._sent_probes} | {
            each.version for each in self._server.tunnel_ping if each.version in self._own
        }

    def _answering_versions(self) -> set[int]:
        return {each.packet[0] >> 4 for each in self._sent_probes if each.answered_ns is not None}

    def _add_hops(self, versions: set[int]) -> None:
        """Probe the first hop in these IP versions too."""
        own_addresses = [self._interfaces[version] for version in sorted(versions)]
        added = list(first_hops(own_addresses, self._hop_identifier))
        self._hops += added
        self._send_hops(added)

    def _send_hops(self, hops: Sequence[FirstHop]) -> None:
        for hop in hops:
            hop.sent_ns, hop.attempts = time.time_ns(), hop.attempts + 1
            for packet in hop.packets.values():
                self._send(packet)

    def _record_evidence(self) -> None:
        """Record one piece of evidence per target."""
        for target in self._server.tunnel_ping:
            if target.version not in self._own:
                self._check_log.add_evidence(InnerUnaddressed(str(target)))
        by_target = sorted(self._sent_probes, key=lambda inner_probe: (inner_probe.kind, inner_probe.target))
        for (kind, name), group in groupby(
            by_target, key=lambda inner_probe: (inner_probe.kind, inner_probe.target)
        ):
            inner_probes = list(group)
            rtts = [inner_probe.rtt for inner_probe in inner_probes if inner_probe.rtt is not None]
            if kind == "echo":
                self._check_log.add_evidence(
                    InnerEcho(name, len(inner_probes), len(rtts), _median_or_none(rtts))
                )
            else:
                self._check_log.add_evidence(
                    InnerService(kind, name, inner_probes[0].answer if rtts else None, inner_probes[0].rcode)
                )

    async def _check_sizes(self) -> PathMtu | None:
        """Test packet sizes with whatever inside echoes. None if the test is off or nothing answered."""
        if self._server.tunnel_mtu == 0 or not self._data_received:
            return None
        target = self._flow_target or await self._echoing_hop()
        if target is None:
            required = self._server.tunnel_mtu or size_check.USUAL_SIZES[-1]
            found: PathMtu | None = PathMtu(required, 0, None)
        else:
            found = await size_check.check_sizes(self, target, self._server.tunnel_mtu, self._sizes)
        if found and not self._overflows():
            self._sizes = found
            self._check_log.add_evidence(found)
        return found

    def _echoing_target(self, rtts: Sequence[float]) -> SizeTarget | None:
        """An address of `tunnel_ping` that echoed."""
        echoes = [each for each in self._sent_probes if each.kind == "echo"]
        echoed = {each.target for each in echoes if each.rtt is not None}
        lossy = any(each.rtt is None and each.target in echoed for each in echoes)
        address = next((each for each in self._server.tunnel_ping if str(each) in echoed), None)
        return SizeTarget(address, max(rtts), lossy) if address else None

    async def _echoing_hop(self) -> SizeTarget | None:
        """A first hop that answers echoes. One that only reported an expired packet is asked again."""
        for attempt in range(_ATTEMPTS + 1):
            for hop in self._hops:
                if hop.echoed and hop.rtt is not None:
                    return SizeTarget(hop.echoed, hop.rtt, hop_limit=FIRST_HOP_LIMIT)
            answering = [hop for hop in self._hops if hop.source]
            if not answering or attempt == _ATTEMPTS:
                return None
            if attempt:
                self._send_hops(answering)
            deadline = time.monotonic() + max(_ECHO_WAIT_S, 4 * max(hop.rtt or 0.0 for hop in answering))
            await self._wait_until(lambda: any(hop.echoed for hop in self._hops), deadline)
        return None

    async def _await_keepalive(self) -> None:
        """Wait for the server's keepalive, which acknowledges data. Sends 16 zero bytes if nothing was sent.

        Late data from inside is stronger proof and replaces the keepalive.
        """
        if self._first_data is None:
            self._send(bytes(16))
        started_at = self._first_data or time.monotonic()
        wait_s = KEEPALIVE_TIMEOUT_S + max(0.0, self._handshake_rtt - _KEEPALIVE_PATH_S)
        await self._wait_until(
            lambda: self._keepalive is not None or self._data_received, started_at + wait_s
        )
        if self._keepalive is not None or not self._data_received:
            after = None if self._keepalive is None else self._keepalive - started_at
            self._check_log.add_evidence(PassiveKeepalive(after, wait_s))

    async def _run_soak(self, mtu: int | None, on_soak: Callable[[SoakProgress], None]) -> None:
        """Run the soak to what echoes: a target that answered, or the first hop.

        A flow that is already cut needs none. Its packets are not logged: there are too many of them.
        """
        if self.cut is None and self._flow_target is None:
            self._flow_target = await self._echoing_hop()
        if self.cut or self._flow_target is None:
            self.soak = self._flow.as_soak()
            return
        self._is_soaking = True
        try:
            self.soak, self.cut = await run_soak(self._flow, mtu or LARGEST_ECHO, on_soak)
        finally:
            self._is_soaking = False

    def _send_flow_echo(self, size: int) -> None:
        if self._flow_target:
            in_fragments = self._sizes is not None and self._sizes.reported is not None
            echo = self.send_sized_echo(self._flow_target, size, in_fragments=in_fragments)
            if size:
                self._flow.record(echo)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._socket.drain_backlog()

    def _send_echo(self, target: Address) -> None:
        if inner_probe := make_echo_probe(target, self._own, self._identifier, self._next_sequence()):
            self._sent_probes.append(inner_probe)
            self._flow.record(inner_probe)
            self._send_probe(inner_probe)

    def _send_probe(
        self, inner_probe: InnerProbe, *, padded: bool = True, in_fragments: bool = False
    ) -> None:
        """Send a probe and register it for its answer."""
        self._pending[inner_probe.key] = inner_probe
        self._last_probe_at = time.monotonic()
        sent_ns = self._send(inner_probe.packet, padded=padded, in_fragments=in_fragments)
        inner_probe.sent_ns = sent_ns or time.time_ns()

    def _send(self, content: bytes, *, padded: bool = True, in_fragments: bool = False) -> int | None:
        """Send through the session; returns None if this machine refuses to send."""
        if content and self._first_data is None:
            self._first_data = time.monotonic()
        packet = self.session.seal(content, padded=padded)
        try:
            sent_ns = self._socket.send(packet, self._destination, by_reported_mtu=in_fragments)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:  # EMSGSIZE is a result of the MTU search
                name = errno.errorcode.get(error.errno or 0, "error")
                self._check_log.add_evidence(
                    SocketError(self._check_log.seconds_since_start(time.time_ns()), name)
                )
            return None
        if not self._is_soaking:
            self._check_log.sent(packet, sent_ns)
        return sent_ns

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) % 2**16
        return self._sequence

    async def _await_all(self, timeout_s: float) -> None:
        """Wait until all targets and first hops have answered, at most `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        await self._wait_until(
            lambda: (
                all(each.answered_ns is not None for each in self._sent_probes)
                and all(hop.source for hop in self._hops)
            ),
            deadline,
        )

    async def _wait_until(self, done: Callable[[], bool], deadline: float) -> None:
        while not done() and (left := deadline - time.monotonic()) > 0:
            self._arrival.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrival.wait(), left)
        self._socket.drain_backlog()  # a packet that reached the kernel in time is not lost


def _median_or_none(rtts: Sequence[float]) -> float | None:
    return median(rtts) if rtts else None
