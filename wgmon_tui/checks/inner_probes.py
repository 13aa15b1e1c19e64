"""Probes sent through the tunnel, and how each one matches its answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Iterator, Mapping
from ipaddress import ip_address
from typing import Literal

from wgmon_tui.checks.evidence import InnerUnaddressed
from wgmon_tui.config.models import Server
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address, Endpoint
from wgmon_tui.records import dataclass

Answer = Literal["answered", "open", "closed"]
OwnAddresses = Mapping[int, Address]
"""The identity's tunnel address per IP version."""


@dataclass(slots=True)
class InnerProbe:
    """An inner packet that expects an answer. `key` identifies the answer; times are Unix nanoseconds.

    `follow_up` is sent after an answer: a TCP reset after an accepted SYN. Without it the server repeats its
    answer and starts a handshake.
    """

    kind: Literal["echo", "dns", "tcp"]
    target: str
    key: Hashable
    packet: bytes
    follow_up: bytes = b""
    sent_ns: int = 0
    answered_ns: int | None = None
    answer: Answer = "answered"
    rcode: int = 0

    @property
    def rtt(self) -> float | None:
        """Seconds from probe to answer; None without an answer."""
        return None if self.answered_ns is None else max(0.0, (self.answered_ns - self.sent_ns) / 1e9)


def make_echo_probe(
    target: Address,
    own: OwnAddresses,
    identifier: int,
    sequence: int,
    size: int = 0,
    hop_limit: int | None = None,
    fill: Callable[[int], bytes] = bytes,
) -> InnerProbe | None:
    """Make an echo of at least `size` bytes; None without a tunnel address of that IP version.

    `fill` makes its padding.
    """
    source = own.get(target.version)
    if source is None:
        return None
    packet = inner_packets.echo_request(
        source, target, identifier, sequence, size, hop_limit=hop_limit, fill=fill
    )
    return InnerProbe("echo", str(target), ("echo", target, sequence), packet)


def make_service_probes(server: Server, own: OwnAddresses) -> Iterator[InnerProbe | InnerUnaddressed]:
    """Make a probe for each configured name server and TCP port of a server, and for the ports of URLs.

    A URL itself is fetched by deep checks only.
    """
    for name_server in server.tunnel_dns:
        target = name_server.address
        source = own.get(target.version)
        if source is None:
            yield InnerUnaddressed(str(name_server))
            continue
        transaction = secrets.randbits(16)
        packet = inner_packets.dns_query(source, target, ephemeral_port(), transaction, name_server.name)
        yield InnerProbe("dns", str(name_server), ("dns", target, transaction), packet)
    for endpoint in tcp_endpoints(server):
        target = ip_address(endpoint.host)
        source = own.get(target.version)
        if source is None:
            yield InnerUnaddressed(str(endpoint))
            continue
        port, sequence = ephemeral_port(), secrets.randbits(32)
        packet = inner_packets.tcp_syn(source, target, port, endpoint.port, sequence)
        reset = inner_packets.tcp_reset(source, target, port, endpoint.port, (sequence + 1) % 2**32)
        yield InnerProbe("tcp", str(endpoint), ("tcp", target, endpoint.port, port), packet, reset)


def tcp_endpoints(server: Server) -> list[Endpoint]:
    """The TCP ports of a server's settings: those of `tunnel_tcp`, and of URLs whose address is known."""
    known = ((each.known_address, each.url.port) for each in server.tunnel_http)
    urls = [Endpoint(str(address), port) for address, port in known if address]
    return list(dict.fromkeys((*server.tunnel_tcp, *urls)))


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The key of the probe that an inner packet answers, and its answer."""

    key: Hashable
    answer: Answer = "answered"
    rcode: int = 0


def match_probe(answer: inner_packets.InnerPacket, identifier: int) -> ProbeAnswer | None:
    """Find the probe that an inner packet answers; None if it answers none."""
    match answer:
        case inner_packets.EchoReply(source, echo_identifier, sequence) if echo_identifier == identifier:
            return ProbeAnswer(("echo", source, sequence))
        case inner_packets.FragmentReceived(source, _, (echo_identifier, sequence)) if (
            echo_identifier == identifier
        ):
            return ProbeAnswer(("echo", source, sequence))
        case inner_packets.DnsAnswer(source, transaction, rcode):
            return ProbeAnswer(("dns", source, transaction), "answered", rcode)
        case inner_packets.TcpAnswer(source, port, local_port, opened):
            return ProbeAnswer(("tcp", source, port, local_port), "open" if opened else "closed")
    return None


def ephemeral_port() -> int:
    """A port of this side, in the range for such ports (RFC 6335 §6)."""
    return 49152 + secrets.randbelow(16384)
