"""What carried a packet of a check: needed to rebuild its headers in an export."""

from __future__ import annotations

from enum import IntEnum

from wgmon_tui.records import dataclass


class IpProtocol(IntEnum):
    """The protocol numbers of IP headers (RFC 5237, IANA)."""

    ICMP = 1
    TCP = 6
    UDP = 17
    ICMPV6 = 58


@dataclass(frozen=True, slots=True)
class PacketTransport:
    """What carried a packet. `server_port` is None for the port of the endpoint.

    `connection` counts the TCP connections, or the local UDP ports, of one check from zero.
    """

    protocol: IpProtocol = IpProtocol.UDP
    server_port: int | None = None
    connection: int = 0


UDP = PacketTransport()
