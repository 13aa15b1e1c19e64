"""Test servers with scripted inner answers and losses."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network

from tests.protocols.wireguard.harness import IDENTITY, SERVER, ScriptedServer
from wgmon_tui.checks.check import Check
from wgmon_tui.config.models import Server
from wgmon_tui.lab.inner_packets import echo_reply, parse
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.net.addresses import Address, Endpoint, Interface, NameServer
from wgmon_tui.protocols.wireguard.handshake import Responder
from wgmon_tui.protocols.wireguard.primitives import AuthenticationError
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

INNER_V4, INNER_V6 = IPv4Address("10.8.0.1"), IPv6Address("fd00::1")
ANOTHER_V4 = IPv4Address("10.8.0.2")
TUNNEL_V4, TUNNEL_V6 = ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128")
ALLOWED = (ip_network("10.8.0.250/32"), ip_network("fd00::250/128"))

SETUP = LabSetup(SERVER, (LabPeer(IDENTITY.public, ALLOWED),), (INNER_V4, INNER_V6))
"""A lab server that knows the client and answers pings to two addresses."""

Inside = Callable[[bytes], Iterable[bytes]]
"""The inner packets that answer an inner packet."""

Path = Callable[[bytes], Iterable[bytes]]
"""The packets that arrive for one encrypted answer: the same, none, several or others."""


def make_tunnel_target(
    endpoint: Endpoint,
    *,
    ping: tuple[Address, ...] = (),
    dns: tuple[NameServer, ...] = (),
    tcp: tuple[Endpoint, ...] = (),
    mtu: int | None = None,
    count: int = 2,
    timeout: float = 3.0,
    ours: tuple[Interface, ...] = (TUNNEL_V4, TUNNEL_V6),
) -> Target:
    """A target that sends its echoes without pauses."""
    server = Server(
        "fra1",
        endpoint,
        SERVER.public,
        "bastion",
        tunnel_ping=ping,
        tunnel_dns=dns,
        tunnel_tcp=tcp,
        tunnel_mtu=mtu,
        tunnel_count=count,
        tunnel_over=0.01,
        timeout=timeout,
    )
    return Target(server, IDENTITY, tunnel_addresses=ours)


def answer_pings(packet: bytes) -> Iterable[bytes]:
    """Answer pings to every inner address, and nothing else."""
    received = parse(packet)
    reply = received and echo_reply(received)
    return (reply,) if reply else ()


def ip_packet(source: Address, to: Address, protocol: int, payload: bytes, *, flags: int = 0) -> bytes:
    """An IP packet without checksum: the tunnel authenticates it."""
    if source.version == 4:
        fixed = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, flags, 64, protocol, 0)
    else:
        fixed = struct.pack("!IHBB", 0x60000000, len(payload), protocol, 64)
    return fixed + source.packed + to.packed + payload


def service(*, tcp_flags: int, rcode: int = 0) -> Inside:
    """A name server that answers with a response code, and a port that answers a SYN with these flags."""

    def answers(packet: bytes) -> Iterable[bytes]:
        received = parse(packet)
        assert received is not None
        asked = received.payload
        if received.protocol == 17:
            message = asked[8:10] + bytes((0x81, rcode)) + bytes(8)
            yield ip_packet(
                INNER_V4, TUNNEL_V4.ip, 17, asked[2:4] + asked[:2] + bytes((0, 20, 0, 0)) + message
            )
        elif received.protocol == 6 and asked[13] == 0x02:
            segment = asked[2:4] + asked[:2] + bytes(4) + asked[4:8] + bytes((5 << 4, tcp_flags)) + bytes(6)
            yield ip_packet(INNER_V4, TUNNEL_V4.ip, 6, segment)

    return answers


def no_answer(_: bytes) -> Iterable[bytes]:
    return ()


def pass_unchanged(packet: bytes) -> Iterable[bytes]:
    return (packet,)


async def deep_check(prober: Prober, target: Target) -> Check:
    return await prober.check(target, ip_address(target.server.endpoint.host), deep=True)


class TunnelServer(ScriptedServer):
    """Completes every handshake and passes tunnel data to `inside`."""

    def __init__(self, inside: Inside, *, path: Path = pass_unchanged, host: str = "127.0.0.1") -> None:
        super().__init__(no_answer, host)
        self.inside = inside
        self.path = path
        self.inner_received: list[bytes] = []
        """The data that the client sent through the tunnel, with padding; empty for a keepalive."""
        self.session: Session | None = None
        self._responder = Responder(SERVER)

    def _read(self) -> None:
        packet, source = self._socket.recvfrom(65535)
        self.received.append(packet)
        self.sources.append((source[0], source[1]))
        for answer in self._answers(packet):
            for arriving in self.path(answer):
                self._socket.sendto(arriving, source)
        self._arrived.set()

    def _answers(self, packet: bytes) -> Iterable[bytes]:
        if message_type(packet) is MessageType.INITIATION:
            initiation = self._responder.open(packet)
            response, self.session = self._responder.respond(initiation, len(self.received))
            return (response,)
        if self.session is None:
            return ()
        try:
            content = self.session.open(packet)
        except AuthenticationError:
            return ()
        self.inner_received.append(content)
        session = self.session
        return [session.seal(answer) for answer in self.inside(content)] if content else ()
