"""The state of an address in the kernel's neighbour table (ARP, neighbour discovery)."""

from __future__ import annotations

import struct
from enum import IntFlag

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.netlink import RoutingSocket, attribute, family_of

# From the kernel's uapi header linux/neighbour.h.
_GET_NEIGHBOUR = 30
_NEIGHBOUR = struct.Struct("=BBHiHBB")  # struct ndmsg
_DESTINATION = 1


class NeighbourState(IntFlag):
    """The states of a neighbour entry, by their names in ip-neighbour(8)."""

    INCOMPLETE = 0x01
    REACHABLE = 0x02
    STALE = 0x04
    DELAY = 0x08
    PROBE = 0x10
    FAILED = 0x20
    NOARP = 0x40
    PERMANENT = 0x80

    @property
    def is_unresolved(self) -> bool:
        """Return whether the neighbour has not answered address resolution."""
        return bool(self & (NeighbourState.INCOMPLETE | NeighbourState.FAILED))


def find_neighbour_state(
    routing: RoutingSocket, address: Address, interface_index: int
) -> NeighbourState | None:
    """Ask the kernel for the state of a neighbour.

    None if there is no entry, before Linux 5.0, or on another system.
    """
    fixed = _NEIGHBOUR.pack(family_of(address), 0, 0, interface_index, 0, 0, 0)
    answer = routing.ask(_GET_NEIGHBOUR, fixed, attribute(_DESTINATION, address.packed))
    return NeighbourState(_NEIGHBOUR.unpack(answer.fixed)[4]) if answer else None
