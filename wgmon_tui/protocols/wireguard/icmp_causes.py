"""Possible causes of ICMP errors: who sent the error decides what it can mean. See causes.py."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard import context_causes
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis, without_contradicted


def port_closed(server: Server, *, is_sender_known: bool = True) -> list[Cause]:
    """For an ICMP port unreachable from the server itself, as far as this system shows its sender."""
    shown = "the error came from the server's own address, which has nothing on this port"
    unknown = "the ICMP error usually comes from the server itself; this system does not show its sender"
    return [
        Cause(
            "WireGuard is not running there, or listens on another port",
            shown if is_sender_known else unknown,
            f"on the server: wg show wg0 listen-port — must print {server.endpoint.port}, unless a NAT "
            "before it translates the port; if wg0 is missing, its service is not running",
        ),
        Cause(
            "the server's own firewall rejects the packets",
            "a REJECT rule on the server sends the same ICMP error",
            f"on the server: nft list ruleset | grep {server.endpoint.port}",
        ),
        Cause(
            "the address is that of a NAT, which does not forward this port",
            "a NAT refuses in its own name what it has no rule for",
            f"on the NAT: nft list ruleset | grep {server.endpoint.port}",
        ),
    ]


def unreachable(
    server: Server, error: str, who: str, evidence: Sequence[Evidence] = (), *, is_from_server: bool
) -> list[Cause]:
    """For any other ICMP error. Causes that the evidence disproves are left out."""
    prohibited = "prohibited" in error or error in _REJECTED
    if is_from_server:
        return [_behind_a_nat(error) if error in _NOT_REACHED else _own_firewall(server, error)]
    broken = "packets run in a circle between routers" if error in _HOPS_USED_UP else _BROKEN_ROUTING
    rejected = Cause(
        "a firewall rejects the packets" if prohibited else broken,
        f"{who} reports: {error}",
        context_causes.trace_command(server),
    )
    missing = [_machine_off(error, who)] if error in _HOST_MISSING else []
    return without_contradicted([*missing, rejected], evidence)


_REJECTED = ("port unreachable", "protocol unreachable", "source address failed policy", "route rejected")
"""What firewalls send beside the errors that say "prohibited" (RFC 4443 §3.1 for the last two)."""

_HOST_MISSING = ("host unreachable", "address unreachable")
"""Sent by a router that gets no answer to ARP or neighbour discovery (RFC 1812 §5.2.7.1, RFC 4443 §3.1)."""


_HOPS_USED_UP = ("time to live exceeded", "hop limit exceeded")
"""The packet passed 64 routers, or whatever this machine allows: far more than any path has."""

_BROKEN_ROUTING = "routing to the server is broken"

_NOT_REACHED = (
    *_HOST_MISSING,
    "network unreachable",
    "no route to destination",
    *_HOPS_USED_UP,
)
"""What a machine reports of another one, never of itself."""


def _own_firewall(server: Server, error: str) -> Cause:
    return Cause(
        "the server's own firewall rejects the packets",
        f"the server itself reports: {error}",
        f"on the server: nft list ruleset | grep -e reject -e {server.endpoint.port}",
    )


def _behind_a_nat(error: str) -> Cause:
    """For a server that reports another machine as missing: then the address is not that machine's own."""
    return Cause(
        "the address is that of a NAT or relay, which does not reach the server behind it",
        f"the address itself reports: {error}; a machine does not report that about itself",
        "on the NAT: nft list ruleset; ip neigh — FAILED beside the server's inner address means that it "
        "is off",
    )


def _machine_off(error: str, who: str) -> Cause:
    return Cause(
        "the machine is off or has another address",
        f"{who} reports: {error}; the router of its network gets no answer to ARP or neighbour discovery",
        "on the router of its network: ip neigh — FAILED or INCOMPLETE beside its address means no answer",
        Hypothesis.SERVER_DOWN,
    )
