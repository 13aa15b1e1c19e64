"""The tunnel stage of a check: sends data through the session and records what comes back.

    echoes and service probes, spread over time     ──► answers counted, inner ICMP errors recorded
    an IP version without an answering target: the first hop      ──► does anything come back at all?
    deep, and something echoes: padded echoes (size_check.py)     ──► which packet sizes pass
    deep: URLs are fetched (tunnel_fetch.py)                      ──► does TCP carry data?
    deep, and nothing answers: wait for the server's keepalive    ──► does it receive our data at all?
    the last echoes are lost:  more echoes                        ──► loss, or a flow that was cut off?
    soak, and echoes pass:     many echoes over half a minute     ──► does the path cut the flow off?
    data was received:         one closing keepalive, or the server retries handshakes for two minutes

What is sent and received is in inner_channel.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import ip_address
from itertools import groupby
from statistics import median

from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import (
    FlowCut,
    InnerEcho,
    InnerService,
    InnerUnaddressed,
    PassiveKeepalive,
    PathMtu,
    ReceiveOverflow,
    Soak,
)
from wgmon_tui.checks.first_hop import HOP_LIMIT as FIRST_HOP_LIMIT
from wgmon_tui.checks.first_hop import first_hops
from wgmon_tui.checks.inner_probes import (
    InnerProbe,
    OwnAddresses,
    make_service_probes,
    tcp_endpoints,
)
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.coarse_timers import CoarseTimers
from wgmon_tui.net.udp_socket import DatagramSocket, SocketAddress
from wgmon_tui.protocols.wireguard import size_check
from wgmon_tui.protocols.wireguard.flow_cut import CHECK_RULE
from wgmon_tui.protocols.wireguard.inner_channel import InnerChannel
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.size_check import SizeTarget
from wgmon_tui.protocols.wireguard.slow_steps import NO_SLOW_STEPS, SlowSteps
from wgmon_tui.protocols.wireguard.soak import (
    LARGEST_ECHO,
    EchoFlow,
    follow_up,
    run_soak,
)
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.tunnel_fetch import fetch_urls

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


class TunnelStage:
    """The tunnel stage of one check: the order of its steps. `channel` gets the packets of the session."""

    def __init__(
        self,
        target: Target,
        session: Session,
        check_log: CheckLog,
        socket: DatagramSocket,
        destination: SocketAddress,
        source: SocketAddress,
        timers: CoarseTimers,
        handshake_rtt: float = 0.0,
        sizes_before: PathMtu | None = None,
    ) -> None:
        """`source` is the server's address and port as the kernel formats it.

        `handshake_rtt` in seconds decides how long the stage waits for answers. `sizes_before` is the result
        of the last size check.
        """
        self._sizes = sizes_before
        self._server = server = target.server
        self._interfaces = {int(each.version): each for each in reversed(target.tunnel_addresses)}
        own: OwnAddresses = {version: each.ip for version, each in self._interfaces.items()}
        services = {(ip_address(each.host), each.port) for each in tcp_endpoints(server)}
        self._check_log, self._timers = check_log, timers
        self.channel = InnerChannel(
            session, check_log, socket, destination, source, own, services, timers, target.framing
        )
        self._handshake_rtt = handshake_rtt
        self._answer_wait_s = max(
            min(server.timeout, _MAX_ANSWER_WAIT_S), _ROUND_TRIPS * handshake_rtt + _ANSWER_MARGIN_S
        )
        self.flow = EchoFlow(
            self._send_flow_echo,
            self.channel.pause,
            max(min(_FLOW_ANSWER_WAIT_S, server.timeout), _ROUND_TRIPS * handshake_rtt),
        )
        self._flow_target: SizeTarget | None = None
        self.cut: FlowCut | None = None
        """How the flow of this stage was cut off. A second flow has to confirm it."""
        self.soak: Soak | None = None

    async def run(self, steps: SlowSteps = NO_SLOW_STEPS) -> Tunnel | None:
        """Run the stage, with some of the slow steps. Returns None if nothing can be probed."""
        tunnel = await self._run_probes(deep=steps.deep)
        if steps.deep and self.cut is None and self._server.tunnel_http:
            flow = self.flow if self._flow_target else None
            mtu = tunnel.mtu if tunnel else None
            self.cut = await fetch_urls(self._server, self.channel, self._check_log, flow, mtu)
        if steps.soak:
            await self._run_soak(tunnel.mtu if tunnel else None, steps.on_soak)
        if self.channel.has_received_data:
            self.channel.send(b"")
        if dropped := self.channel.overflows:
            self._check_log.add_evidence(ReceiveOverflow(dropped))
            self.cut = self.soak = None
        return tunnel

    async def _run_probes(self, *, deep: bool) -> Tunnel | None:
        await self._send_probes()
        sent_probes = self.channel.sent_probes
        self._flow_target = self._echoing_target(self._rtts("echo"))
        self.cut = await follow_up(self.flow, CHECK_RULE) if self._flow_target else None
        deep = deep and self.cut is None
        found = await self._check_sizes() if deep else None
        if deep and self._flow_target:
            self.cut = await follow_up(self.flow, CHECK_RULE)
        mtu = (found.largest_passing or None) if found else None
        if deep and not self.channel.has_received_data:
            await self._await_keepalive()
        self._record_evidence()
        for hop in self.channel.hops:
            self._check_log.add_evidence(hop.evidence())
        if sent_probes:
            rtts = self._rtts("echo") or self._rtts("tcp")  # a name server may ask others before it answers
            return Tunnel(len(sent_probes), self._count_answers(), _median_or_none(rtts), mtu, passive=False)
        if not self.channel.hops and not deep:
            return None
        hop_rtts = [hop.rtt for hop in self.channel.hops if hop.rtt is not None]
        return Tunnel(len(self.channel.hops), len(hop_rtts), _median_or_none(hop_rtts), mtu, passive=True)

    # What the size check uses

    @property
    def reports(self) -> Mapping[int, int]:
        """By MTU that a hop outside the tunnel reported: the largest inner packet that it lets pass whole."""
        return self.channel.reports

    def send_sized_echo(self, target: SizeTarget, size: int, *, in_fragments: bool) -> InnerProbe:
        """Send an echo of at least `size` bytes. Small ones show whether the flow was cut off."""
        inner_probe = self.channel.send_sized_echo(target, size, in_fragments=in_fragments)
        if not size:
            self.flow.record(inner_probe)
        return inner_probe

    async def await_answers(self, inner_probes: Sequence[InnerProbe], timeout_s: float) -> None:
        """Wait until all probes are answered, at most `timeout_s` seconds."""
        await self.channel.await_answers(inner_probes, timeout_s)

    def _rtts(self, kind: str) -> list[float]:
        sent = self.channel.sent_probes
        return [rtt for each in sent if each.kind == kind and (rtt := each.rtt) is not None]

    # Steps

    async def _send_probes(self) -> None:
        """Send echoes over the configured time, service and first-hop probes at once; then wait for answers.

        Most checks end with the first of these waits.
        """
        server = self._server
        for inner_probe in make_service_probes(server, self.channel.own):
            if isinstance(inner_probe, InnerUnaddressed):
                self._check_log.add_evidence(inner_probe)
            else:
                self.channel.sent_probes.append(inner_probe)
                self.channel.send_probe(inner_probe)
        self._add_hops(set(self._interfaces) - self._probed_versions())
        for number in range(server.tunnel_count if server.tunnel_ping else 0):
            if number:
                await self._timers.sleep(server.tunnel_over / (server.tunnel_count - 1))
            for target in server.tunnel_ping:
                self._send_echo(target)
        await self._await_all(self._answer_wait_s / 2)
        if self.channel.hops or not self._is_all_answered() or self._find_silent_versions():
            await self._send_again()

    async def _send_again(self) -> None:
        """Send again what was sent only once, because one lost packet is no verdict, and wait for answers.

        So are probes of the first hop in an IP version in which no target has answered by then.
        """
        self.channel.send_hops([hop for hop in self.channel.hops if hop.source is None])
        for inner_probe in self.channel.sent_probes:
            if inner_probe.kind != "echo" and inner_probe.answered_ns is None:
                self.channel.send_probe(inner_probe)
        silent = self._find_silent_versions()
        self._add_hops(silent)
        await self._await_all(self._answer_wait_s / 2)
        added = [hop for hop in self.channel.hops if hop.version in silent and hop.source is None]
        if added and silent - self._answering_versions():
            self.channel.send_hops(added)
            await self._await_all(self._answer_wait_s / 2)
        await self._await_slow_answers()
        # An answer after the repetition may be a late one to the first attempt: a second answer shows it.
        await self.channel.wait_until(
            lambda: all(hop.is_rtt_certain for hop in self.channel.hops if hop.source),
            time.monotonic() + self._answer_wait_s,
        )
        # A target that answered late proves more than the first hop.
        proven = self._answering_versions()
        self.channel.hops = [hop for hop in self.channel.hops if hop.version not in proven]

    async def _await_slow_answers(self) -> None:
        """Wait longer for data that is slower than the handshake.

        While nothing has come back, wait as long as for a handshake; then for three of the round trips seen.
        """
        if self.channel.sent_probes:
            await self.channel.wait_until(
                lambda: self.channel.has_received_data, self.channel.started_at + self._server.timeout
            )
        while (known := self._count_answers()) < len(self.channel.sent_probes):
            slowest = max(
                (each.rtt for each in self.channel.sent_probes if each.rtt is not None), default=0.0
            )
            deadline = self.channel.last_probe_at + _ROUND_TRIPS * slowest
            if deadline <= time.monotonic():
                return
            await self.channel.wait_until(partial(self._has_more_answers, known), deadline)

    def _has_more_answers(self, known: int) -> bool:
        return self._count_answers() > known

    def _count_answers(self) -> int:
        return sum(each.answered_ns is not None for each in self.channel.sent_probes)

    def _probed_versions(self) -> set[int]:
        return {each.packet[0] >> 4 for each in self.channel.sent_probes} | {
            each.version for each in self._server.tunnel_ping if each.version in self.channel.own
        }

    def _answering_versions(self) -> set[int]:
        return {each.packet[0] >> 4 for each in self.channel.sent_probes if each.answered_ns is not None}

    def _find_silent_versions(self) -> set[int]:
        return self._probed_versions() - self._answering_versions()

    def _add_hops(self, versions: set[int]) -> None:
        """Probe the first hop in these IP versions too."""
        if not versions:
            return
        own_addresses = [self._interfaces[version] for version in sorted(versions)]
        added = list(first_hops(own_addresses, self.channel.hop_identifier))
        self.channel.hops += added
        self.channel.send_hops(added)

    def _record_evidence(self) -> None:
        """Record one piece of evidence per target."""
        for target in self._server.tunnel_ping:
            if target.version not in self.channel.own:
                self._check_log.add_evidence(InnerUnaddressed(str(target)))
        by_target = sorted(
            self.channel.sent_probes, key=lambda inner_probe: (inner_probe.kind, inner_probe.target)
        )
        for (kind, name), group in groupby(
            by_target, key=lambda inner_probe: (inner_probe.kind, inner_probe.target)
        ):
            inner_probes = list(group)
            rtts = [rtt for inner_probe in inner_probes if (rtt := inner_probe.rtt) is not None]
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
        if self._server.tunnel_mtu == 0 or not self.channel.has_received_data:
            return None
        target = self._flow_target or await self._echoing_hop()
        if target is None:
            required = self._server.tunnel_mtu or size_check.USUAL_SIZES[-1]
            found: PathMtu | None = PathMtu(required, 0, None)
        else:
            found = await size_check.check_sizes(self, target, self._server.tunnel_mtu, self._sizes)
        if found and not self.channel.overflows:
            self._sizes = found
            self._check_log.add_evidence(found)
        return found

    def _echoing_target(self, rtts: Sequence[float]) -> SizeTarget | None:
        """An address of `tunnel_ping` that echoed."""
        echoes = [each for each in self.channel.sent_probes if each.kind == "echo"]
        echoed = {each.target for each in echoes if each.answered_ns is not None}
        lossy = any(each.answered_ns is None and each.target in echoed for each in echoes)
        address = next((each for each in self._server.tunnel_ping if str(each) in echoed), None)
        return SizeTarget(address, max(rtts), lossy) if address else None

    async def _echoing_hop(self) -> SizeTarget | None:
        """A first hop that answers echoes. One that only reported an expired packet is asked again."""
        for attempt in range(_ATTEMPTS + 1):
            for hop in self.channel.hops:
                if hop.echoed and hop.rtt is not None:
                    return SizeTarget(hop.echoed, hop.rtt, hop_limit=FIRST_HOP_LIMIT)
            answering = [hop for hop in self.channel.hops if hop.source]
            if not answering or attempt == _ATTEMPTS:
                return None
            if attempt:
                self.channel.send_hops(answering)
            deadline = time.monotonic() + max(_ECHO_WAIT_S, 4 * max(hop.rtt or 0.0 for hop in answering))
            await self.channel.wait_until(lambda: any(hop.echoed for hop in self.channel.hops), deadline)
        return None

    async def _await_keepalive(self) -> None:
        """Wait for the server's keepalive, which acknowledges data. Sends 16 zero bytes if nothing was sent.

        Late data from inside is stronger proof and replaces the keepalive.
        """
        channel = self.channel
        if channel.first_data_at is None:
            channel.send(bytes(16))
        started_at = channel.first_data_at or time.monotonic()
        wait_s = KEEPALIVE_TIMEOUT_S + max(0.0, self._handshake_rtt - _KEEPALIVE_PATH_S)
        await self.channel.wait_until(
            lambda: self.channel.keepalive_at is not None or self.channel.has_received_data,
            started_at + wait_s,
        )
        if self.channel.keepalive_at is not None or not self.channel.has_received_data:
            after = None if self.channel.keepalive_at is None else self.channel.keepalive_at - started_at
            self._check_log.add_evidence(PassiveKeepalive(after, wait_s))

    async def _run_soak(self, mtu: int | None, on_soak: Callable[[SoakProgress], None]) -> None:
        """Run the soak to what echoes: a target that answered, or the first hop.

        A flow that is already cut needs none. Its packets are not logged: there are too many of them.
        """
        if self.cut is None and self._flow_target is None:
            self._flow_target = await self._echoing_hop()
        if self.cut or self._flow_target is None:
            self.soak = self.flow.as_soak()
            return
        self.channel.is_logging = False
        try:
            self.soak, self.cut = await run_soak(self.flow, mtu or LARGEST_ECHO, on_soak)
        finally:
            self.channel.is_logging = True

    def _send_flow_echo(self, size: int) -> None:
        if self._flow_target:
            in_fragments = self._sizes is not None and self._sizes.reported is not None
            echo = self.send_sized_echo(self._flow_target, size, in_fragments=in_fragments)
            if size:
                self.flow.record(echo)

    def _send_echo(self, target: Address) -> None:
        if inner_probe := self.channel.send_echo(target):
            self.flow.record(inner_probe)

    async def _await_all(self, timeout_s: float) -> None:
        """Wait until all targets and first hops have answered, at most `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        await self.channel.wait_until(
            lambda: self._is_all_answered() and all(hop.source for hop in self.channel.hops), deadline
        )

    def _is_all_answered(self) -> bool:
        return all(each.answered_ns is not None for each in self.channel.sent_probes)


def _median_or_none(rtts: Sequence[float]) -> float | None:
    return median(rtts) if rtts else None
