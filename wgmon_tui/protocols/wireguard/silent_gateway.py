"""Whether this machine's gateway towards a silent server answers, from the kernel's own tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from wgmon_tui.checks.evidence import Evidence, GatewaySilent, IcmpError, Silence
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.neighbours import NeighbourState, find_neighbour_state
from wgmon_tui.net.netlink import RoutingSocket
from wgmon_tui.net.routes import find_next_hop, is_own_address

_HOST_UNREACHABLE = {(4, 3, 1), (6, 1, 3)}
"""IP version, type and code of the error that a host makes when its next hop does not answer."""

_SECOND_LOOK_S = 0.4
"""A healthy neighbour is unresolved for a round trip on its own network, at most a few milliseconds."""

_ANYWHERE: tuple[Address, ...] = (IPv4Address("192.0.2.0"), IPv6Address("2001:db8::"))
"""Addresses for documentation (RFC 5737, RFC 3849): no host has them, so their route is the default route."""


async def find_silent_gateway(
    routing: RoutingSocket, address: Address, evidence: Sequence[Evidence]
) -> GatewaySilent | None:
    """Look for a gateway that does not answer, after a check without any answer.

    A server on this machine's own network has no gateway: then the error is about the server itself.
    """
    own_errors = [each for each in all_of_kind(IcmpError, evidence) if _is_own_error(routing, each)]
    if not own_errors and not first_of_kind(Silence, evidence):
        return None
    hop = find_next_hop(routing, address)
    if hop is None or hop.gateway is None:
        return None
    state = find_neighbour_state(routing, hop.gateway, hop.interface_index)
    if own_errors and state is None:
        # The kernel forgets a failed entry soon. Its error about the packet says the same.
        state = NeighbourState.FAILED
    if state is NeighbourState.INCOMPLETE and not own_errors:
        await asyncio.sleep(_SECOND_LOOK_S)
        state = find_neighbour_state(routing, hop.gateway, hop.interface_index)
    if state is None or not state.is_unresolved:
        return None
    return GatewaySilent(hop.gateway, hop.interface)


async def find_silent_default_gateway(routing: RoutingSocket) -> GatewaySilent | None:
    """Look for a default gateway that does not answer, after a name did not resolve."""
    for address in _ANYWHERE:
        if found := await find_silent_gateway(routing, address, (Silence(0.0),)):
            return found
    return None


def _is_own_error(routing: RoutingSocket, error: IcmpError) -> bool:
    """Return whether this machine's own kernel reports that the next hop does not answer."""
    if (error.version, error.type, error.code) not in _HOST_UNREACHABLE or not error.offender:
        return False
    return is_own_address(routing, ip_address(error.offender))
