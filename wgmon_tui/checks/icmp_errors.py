"""ICMP errors: their names, and those that say that a port is closed."""

from __future__ import annotations

from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.net.inner_packets import InnerIcmp

PORT_UNREACHABLE = frozenset({(4, 3, 3), (6, 1, 4)})
"""(IP version, type, code) of the ICMP errors that mean "nothing listens on this port"."""

# RFC 792 and RFC 1812 §5.2.7.1 for version 4, RFC 4443 §3.1 for version 6.
_ICMP_NAMES = {
    (4, 3, 0): "network unreachable",
    (4, 3, 1): "host unreachable",
    (4, 3, 2): "protocol unreachable",
    (4, 3, 3): "port unreachable",
    (4, 3, 4): "fragmentation needed",
    (4, 3, 9): "network administratively prohibited",
    (4, 3, 10): "host administratively prohibited",
    (4, 3, 13): "communication administratively prohibited",
    (4, 5, 0): "redirect for that network",
    (4, 5, 1): "redirect for that host",
    (4, 11, 0): "time to live exceeded",
    (6, 1, 0): "no route to destination",
    (6, 1, 1): "communication administratively prohibited",
    (6, 1, 3): "address unreachable",
    (6, 1, 4): "port unreachable",
    (6, 1, 5): "source address failed policy",
    (6, 1, 6): "route rejected",
    (6, 2, 0): "packet too big",
    (6, 3, 0): "hop limit exceeded",
}


def icmp_name(error: IcmpError | InnerIcmp) -> str:
    """Name an ICMP error as its RFC does; type and code where it has no name."""
    return _ICMP_NAMES.get((error.version, error.type, error.code), f"type {error.type} code {error.code}")


def is_port_closed(error: IcmpError) -> bool:
    """Whether nothing listens on the port, says the server itself or a sender that is not shown."""
    is_from_target = error.from_target or not error.offender
    return is_from_target and (error.version, error.type, error.code) in PORT_UNREACHABLE
