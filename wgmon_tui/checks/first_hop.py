"""The first-hop probe: test the data path without a known inner address.

A router reports a packet whose time to live expires (RFC 1812 §5.3.1, RFC 4443 §3.3), before any forwarding
rule applies. So a server that forwards, as nearly all do, answers a packet from the identity's tunnel address
to the same address. A server that does not forward still answers an echo at its own address, usually the
first of the network. Packet and answer pass only if AllowedIPs contain the tunnel address. Neither travels
further than the server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_network

from wgmon_tui.checks.evidence import InnerHop
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address, Interface
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.records import dataclass

HOP_LIMIT = 1
"""Packets expire at the first router, which is the server."""

_USUAL_PREFIX = {4: 24, 6: 64}


@dataclass(slots=True)
class FirstHop:
    """The probe in one IP version: one packet per destination; an answer from any of them is enough.

    `echoed` is the address that answered with an echo, if one did: only such an answer can be padded. An
    error that refuses the packet is no answer: clients may get nothing else. Times are Unix nanoseconds;
    `sent_ns` is that of the last of the `attempts`.
    """

    version: int
    packets: dict[Address, bytes]
    identifier: int
    sent_ns: int = 0
    source: Address | None = None
    rtt: float | None = None
    echoed: Address | None = None
    attempts: int = 0
    answers: Counter[Address] = field(default_factory=Counter)
    """Answers by the destination that was asked."""

    @property
    def is_rtt_certain(self) -> bool:
        """Whether the answer to the last attempt has arrived, not only one to an earlier attempt."""
        return max(self.answers.values(), default=0) >= self.attempts

    def match_answer(self, packet: inner_packets.InnerPacket, received_ns: int) -> bool:
        """Whether an inner packet answers this probe. Keeps the source of the first answer."""
        match packet:
            case inner_packets.EchoReply(source, identifier) if identifier == self.identifier:
                asked: Address | None = source
            case InnerIcmp(original_destination=asked) if not packet.refuses:
                pass
            case _:
                return False
        if asked not in self.packets:
            return False
        if isinstance(packet, inner_packets.EchoReply):
            self.echoed = self.echoed or asked
        self.answers[asked] += 1
        if self.source is None or self.answers[asked] == self.attempts > 1:
            self.source = self.source or packet.source
            self.rtt = max(0.0, (received_ns - self.sent_ns) / 1e9)
        return True

    def evidence(self) -> InnerHop:
        """The result as evidence."""
        return InnerHop(self.version, self.source, self.rtt)


def first_hops(own_addresses: Iterable[Interface], identifier: int) -> Iterator[FirstHop]:
    """Make one probe per tunnel address; there is one address per IP version."""
    for own in own_addresses:
        packets: dict[Address, bytes] = {}
        for sequence, destination in enumerate((own.ip, likely_server_address(own)), start=1):
            packets[destination] = inner_packets.echo_request(
                own.ip, destination, identifier, sequence, hop_limit=HOP_LIMIT
            )
        yield FirstHop(own.version, packets, identifier)


def likely_server_address(own: Interface) -> Address:
    """The usual tunnel address of a server: the first host of the tunnel's network that is not `own`."""
    return next(host for host in tunnel_network(own).hosts() if host != own.ip)


def tunnel_network(own: Interface) -> IPv4Network | IPv6Network:
    """The network of a tunnel address. For a /32 or /128 it is the usual network around the address."""
    if own.network.prefixlen == own.max_prefixlen:
        return ip_network(f"{own.ip}/{_USUAL_PREFIX[own.version]}", strict=False)
    return own.network
