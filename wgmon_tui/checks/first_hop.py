"""The question to the first hop inside the tunnel: an answer that needs no inner address to be known.

A router says so where a packet's time to live ends at it (RFC 1812 §5.3.1, RFC 4443 §3.3), before any rule
for what it forwards. So a server that forwards, as nearly all do, answers a packet from our tunnel address to
our tunnel address; one that does not still answers an echo at its own address, which usually is the first of
the network. The packet gets in, and the answer out, only where AllowedIPs hold our address. Neither travels
further than the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from wgmon_tui.checks.evidence import InnerHop
from wgmon_tui.net import inner_packets
from wgmon_tui.net.addresses import Address, Interface
from wgmon_tui.net.inner_packets import InnerIcmp

_USUAL_PREFIX = {4: 24, 6: 64}


@dataclass(slots=True)
class FirstHop:
    """What is asked in one IP version: a packet to each destination, any of whose answers will do.

    Times are Unix nanoseconds.
    """

    version: int
    packets: dict[Address, bytes]
    identifier: int
    sent_ns: int = 0
    source: Address | None = None
    rtt: float | None = None

    def match_answer(self, packet: inner_packets.InnerPacket, received_ns: int) -> bool:
        """Whether an inner packet answers this; the first that does is kept."""
        match packet:
            case inner_packets.EchoReply(source, identifier) if identifier == self.identifier:
                asked: Address | None = source
            case InnerIcmp(original_destination=asked):
                pass
            case _:
                return False
        if asked not in self.packets:
            return False
        if self.source is None:
            self.source = packet.source
            self.rtt = max(0.0, (received_ns - self.sent_ns) / 1e9)
        return True

    def evidence(self) -> InnerHop:
        """What came of it."""
        return InnerHop(self.version, self.source, self.rtt)


def first_hops(ours: Iterable[Interface], identifier: int) -> Iterator[FirstHop]:
    """The question in each IP version of our tunnel addresses, of which there is one a version."""
    for own in ours:
        packets: dict[Address, bytes] = {}
        for sequence, destination in enumerate((own.ip, likely_server_address(own)), start=1):
            packets[destination] = inner_packets.echo_request(
                own.ip, destination, identifier, sequence, hop_limit=1
            )
        yield FirstHop(own.version, packets, identifier)


def likely_server_address(own: Interface) -> Address:
    """Where servers usually are: the first host of our address's network, or the second where we are that.

    The network is the interface's; where that is our address alone, the usual one around it.
    """
    network = own.network
    if network.prefixlen == own.max_prefixlen:
        network = ip_network(f"{own.ip}/{_USUAL_PREFIX[own.version]}", strict=False)
    return next(host for host in network.hosts() if host != own.ip)
