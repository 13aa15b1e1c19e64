"""The tunnel stage of a full check: echoes through the data channel, sizes, keepalive and exit notification.

echoes to tunnel_ping, else to the pushed gateway     ──► does the data channel carry packets?
something echoes, over UDP: larger echoes              ──► which packet sizes pass
nothing echoes: wait for the server's keepalive        ──► does the data channel carry anything at all?
in the end: exit notification                          ──► the server frees the address within seconds
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from statistics import median

from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerUnaddressed, PathMtu, ProtocolEvidence
from wgmon_tui.checks.inner_probes import InnerProbe, OwnAddresses, make_echo_probe, match_probe
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.openvpn.client import Client
from wgmon_tui.protocols.openvpn.compression import find_compression
from wgmon_tui.protocols.openvpn.control_messages import PushReply
from wgmon_tui.protocols.openvpn.data_channel import DataChannel, DataError, DataFault
from wgmon_tui.protocols.openvpn.links import LinkClosedError
from wgmon_tui.protocols.openvpn.packet_fields import REJECTED_NOTE
from wgmon_tui.protocols.openvpn.profile import Profile, RemoteProto
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.openvpn.settings import NAME
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget
from wgmon_tui.protocols.openvpn.tunnel_messages import OCC_EXIT, PING, is_foreign

DATA_REJECTED = "data-rejected"
"""Evidence: data packets that are not accepted. Values: the DataFault's name, and how many."""
KEEPALIVE_ARRIVED = "keepalive-arrived"
KEEPALIVE_MISSING = "keepalive-missing"
"""Evidence: whether the server's keepalive came. Value: after how many seconds, or how long it was waited."""

REQUIRED_SIZE = 1280
"""Bytes of an inner packet that must pass: the least that IPv6 allows (RFC 8200 §5)."""

_LONGEST_KEEPALIVE_WAIT_S = 11.0
_KEEPALIVE_MARGIN_S = 1.0
_ECHO_WAIT_S = 1.0
_END_WAIT_S = 0.5
_SMALLEST_MTU = 68
"""The smallest MTU of IPv4 (RFC 791)."""
_HOST_MASK = "255.255.255.255"


@dataclass(slots=True)
class TunnelResult:
    """What the stage found. `keepalive_after` is None if none came, `keepalive_waited` 0 without a wait."""

    tunnel: Tunnel | None = None
    evidence: list[Evidence] = field(default_factory=list)
    keepalive_after: float | None = None
    keepalive_waited: float = 0.0
    has_stopped: bool = False
    """Whether data came back first, and nothing at all later."""
    accepted: int = 0
    """Data packets that authenticated."""


def find_tunnel_mtu(reply: PushReply, profile: Profile) -> int:
    """The largest inner packet of a client: what the server pushes, up to the profile's limit (init.c)."""
    if reply.tun_mtu < _SMALLEST_MTU:
        return profile.tun_mtu
    return min(reply.tun_mtu, max(profile.tun_mtu, profile.tun_mtu_max))


def make_data_channel(client: Client, profile: Profile) -> DataChannel | None:
    """The data channel of a session after the push reply; None without keys. Raises UnknownCipherError."""
    keys, reply = client.derive_keys(), client.reply
    if keys is None or reply is None:
        return None
    compression = profile.compression
    if reply.compression is not None:
        name, *words = reply.compression.split()
        compression = find_compression(name, words) or compression
    return DataChannel(
        negotiated_cipher(reply, profile),
        reply.auth or profile.auth,
        keys,
        peer_id=reply.peer_id,
        compression=compression,
        has_fragments=profile.fragment_size > 0,
    )


def negotiated_cipher(reply: PushReply, profile: Profile) -> str:
    """The cipher of the data channel: the pushed one, else what the profile says for such servers."""
    return reply.cipher or profile.data_ciphers_fallback or profile.cipher or "BF-CBC"


def find_echo_targets(tunnel_ping: Sequence[Address], reply: PushReply) -> tuple[Address, ...]:
    """Where echoes go: the addresses of the settings, else the server's own end of the tunnel.

    With the topology net30, the second address of ifconfig answers nothing; the server pushes a route to
    its own address instead.
    """
    if tunnel_ping:
        return tuple(tunnel_ping)
    found: list[Address] = [each for each in (reply.gateway, reply.gateway_v6) if each is not None]
    if reply.gateway is None and reply.topology != "subnet":
        found += _host_routes(reply)[:1]
        if not found and reply.topology == "p2p" and reply.peer_address is not None:
            found.append(reply.peer_address)
    return tuple(found)


def _host_routes(reply: PushReply) -> list[Address]:
    """The pushed routes to one address."""
    found: list[Address] = []
    for route in reply.routes:
        words = route.split()
        if words[0] == "route" and len(words) > 1 and (len(words) == 2 or words[2] == _HOST_MASK):
            try:
                found.append(IPv4Address(words[1]))
            except ValueError:
                continue
    return found


async def leave_without_data(session: ControlSession, reply: PushReply) -> None:
    """End a session that has no data channel here. A server without cc-exit keeps it until ping-restart."""
    session.leave()
    if reply.takes_exit_message:
        await session.run(lambda: session.client.is_all_acknowledged, _END_WAIT_S)


class DataChannelStage:
    """The stage of one session. `run` never raises for what the server does; OSError if sending fails."""

    def __init__(
        self, session: ControlSession, channel: DataChannel, target: OpenVpnTarget, reply: PushReply
    ) -> None:
        self._session = session
        self._channel = channel
        self._target = target
        self._reply = reply
        self._identifier = secrets.randbits(16)
        self._sequence = 0
        self._probes: dict[object, InnerProbe] = {}
        self._faults: Counter[DataFault] = Counter()
        self._result = TunnelResult()
        self._began = session.now
        self._is_bridge = target.profile.device == "tap"
        """A bridge carries Ethernet frames, and no IP packets."""

    async def run(self) -> TunnelResult:
        """Run the stage. `announce_end` and `await_end` must follow."""
        server, own = self._target.server, self._own_addresses()
        targets = () if self._is_bridge else find_echo_targets(server.tunnel_ping, self._reply)
        probes: list[InnerProbe] = []
        for number in range(server.tunnel_count if targets else 0):
            if number:
                await self._listen(server.tunnel_over / server.tunnel_count)
            probes += [probe for each in targets if (probe := self._send_echo(each, own)) is not None]
        await self._listen(min(_ECHO_WAIT_S, server.timeout), until_answered=True)
        self._note_echoes(targets, probes, own)
        answered = [each for each in probes if each.answered_ns is not None]
        mtu = None
        if answered:
            has_loss = len(answered) < len(probes)
            mtu = await self._test_path(ip_address(answered[0].target), own, has_loss=has_loss)
        if not answered:
            await self._await_keepalive()
        times = [each.rtt for each in answered if each.rtt is not None]
        self._result.tunnel = Tunnel(
            len(probes), len(answered), median(times) if times else None, mtu, not probes
        )
        for fault, count in self._faults.items():
            self._result.evidence.append(
                ProtocolEvidence(NAME, DATA_REJECTED, (fault.name.lower(), str(count)))
            )
        return self._result

    def announce_end(self) -> None:
        """Send the exit notification, so that the server frees the address and the session within seconds.

        Over TCP, closing the connection says the same.
        """
        session = self._session
        if session.client.is_over or session.is_closed:
            return
        session.leave()
        if not self._reply.takes_exit_message and self._target.remote.transport is RemoteProto.UDP:
            self._send(OCC_EXIT, "exit notification")

    async def await_end(self) -> None:
        """Wait until the server has the notification, which may be lost like every packet."""
        session = self._session
        if self._reply.takes_exit_message:
            await session.run(lambda: session.client.is_all_acknowledged, _END_WAIT_S)

    def _own_addresses(self) -> OwnAddresses:
        reply = self._reply
        own: dict[int, Address] = {}
        if reply.address is not None:
            own[4] = reply.address.ip
        if reply.address_v6 is not None:
            own[6] = reply.address_v6.ip
        return own

    def _send(self, payload: bytes, note: str) -> int:
        try:
            return self._session.send(self._channel.seal(payload), note)
        except LinkClosedError:
            self._session.is_closed = True
            return time.time_ns()

    def _send_echo(
        self, target: Address, own: OwnAddresses, size: int = 0, fill: Callable[[int], bytes] = bytes
    ) -> InnerProbe | None:
        self._sequence = (self._sequence + 1) % 2**16
        probe = make_echo_probe(target, own, self._identifier, self._sequence, size, fill=fill)
        if probe is not None:
            self._probes[probe.key] = probe
            probe.sent_ns = self._send(probe.packet, f"echo of {len(probe.packet)} bytes to {target}")
        return probe

    @property
    def _is_over(self) -> bool:
        return self._session.client.is_over or self._session.is_closed

    async def _listen(
        self, seconds: float, *, until_answered: bool = False, until_ping: bool = False
    ) -> None:
        """Take what arrives for so long, or until the awaited is here."""
        deadline = self._session.now + seconds
        while not self._is_over:
            if until_answered and all(each.answered_ns is not None for each in self._probes.values()):
                return
            if until_ping and self._result.keepalive_after is not None:
                return
            left = deadline - self._session.now
            if left <= 0:
                return
            arrived = await self._session.await_data(left)
            if arrived is not None:
                self._take(*arrived)

    def _take(self, packet: bytes, received_ns: int) -> None:
        try:
            payload = self._channel.open(packet)
        except DataError as error:
            self._reject(packet, error.fault)
            return
        self._result.accepted += 1
        if not self._is_bridge and is_foreign(payload):
            self._reject(packet, DataFault.FRAMING)
            return
        if payload == PING:
            self._session.note_data(packet, "keepalive")
            if self._result.keepalive_after is None:
                self._result.keepalive_after = self._session.now - self._began
            return
        answer = match_probe(inner_packets.parse(payload), self._identifier)
        probe = self._probes.get(answer.key) if answer else None
        what = "echo reply" if probe else "IP packet"
        self._session.note_data(packet, f"{what} of {len(payload)} bytes")
        if probe is not None and probe.answered_ns is None:
            probe.answered_ns = received_ns

    def _reject(self, packet: bytes, fault: DataFault) -> None:
        self._faults[fault] += 1
        self._session.note_data(packet, f"{REJECTED_NOTE}{fault.value}")

    def _note_echoes(
        self, targets: Sequence[Address], probes: Sequence[InnerProbe], own: OwnAddresses
    ) -> None:
        for target in targets:
            if target.version not in own:
                self._result.evidence.append(InnerUnaddressed(str(target)))
                continue
            sent = [each for each in probes if each.target == str(target)]
            times = [each.rtt for each in sent if each.rtt is not None]
            rtt = median(times) if times else None
            self._result.evidence.append(InnerEcho(str(target), len(sent), len(times), rtt))

    async def _test_path(self, target: Address, own: OwnAddresses, *, has_loss: bool) -> int | None:
        """The size that passes, over UDP. Where something is lost, another echo shows whether all is."""
        is_udp = self._target.remote.transport is RemoteProto.UDP
        mtu, tests_sizes = None, is_udp and not self._target.profile.fragment_size
        before = len(self._result.evidence)
        if tests_sizes:
            mtu = await self._test_sizes(target, own)
        is_lossy = has_loss or (tests_sizes and mtu is None)
        if is_lossy and mtu is None and not await self._is_answered(target, own):
            del self._result.evidence[before:]  # no size is to blame
            self._result.has_stopped = True
        return mtu

    async def _is_answered(self, target: Address, own: OwnAddresses, size: int = 0) -> bool:
        """Whether one of a few echoes comes back. A server may compress zeros, which is not read here."""
        for fill in (bytes, secrets.token_bytes):
            self._probes.clear()
            probe = self._send_echo(target, own, size, fill)
            await self._listen(_ECHO_WAIT_S, until_answered=True)
            if probe is not None and probe.answered_ns is not None:
                return True
        return False

    async def _test_sizes(self, target: Address, own: OwnAddresses) -> int | None:
        """The largest inner packet that comes back: that of the tunnel's MTU, else 1280 bytes."""
        largest = find_tunnel_mtu(self._reply, self._target.profile)
        failed: int | None = None
        for size in sorted({largest, min(REQUIRED_SIZE, largest)}, reverse=True):
            if await self._is_answered(target, own, size):
                self._result.evidence.append(PathMtu(min(REQUIRED_SIZE, largest), size, failed))
                return size
            failed = size
        if failed is not None and not self._is_over:
            self._result.evidence.append(PathMtu(failed, 0, failed))
        return None

    async def _await_keepalive(self) -> None:
        """Wait for the server's keepalive, which needs nothing behind the server."""
        every = self._reply.ping_s
        if not every or self._result.keepalive_after is not None:
            return
        waited = min(every + _KEEPALIVE_MARGIN_S, _LONGEST_KEEPALIVE_WAIT_S)
        await self._listen(waited, until_ping=True)
        after = self._result.keepalive_after
        self._result.keepalive_waited = waited
        kind = KEEPALIVE_MISSING if after is None else KEEPALIVE_ARRIVED
        value = waited if after is None else after
        self._result.evidence.append(ProtocolEvidence(NAME, kind, (f"{value:.1f}",)))
