"""The next hop towards an address, as the kernel would choose it now, and whether an address is local."""

from __future__ import annotations

import socket
import struct

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.netlink import NetlinkAnswer, RoutingSocket, address_of, attribute, family_of
from wgmon_tui.records import dataclass
from wgmon_tui.text import printable

# From the kernel's uapi headers linux/rtnetlink.h and linux/if_link.h.
_GET_LINK = 18
_LINK = struct.Struct("=BBHiII")  # struct ifinfomsg
_INTERFACE_NAME = 3
_GET_ROUTE = 26
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg
_DESTINATION, _INTERFACE, _GATEWAY, _VIA = 1, 4, 5, 18
_LOCAL = 2  # RTN_LOCAL, the type of a route to an address of this machine


@dataclass(frozen=True, slots=True)
class NextHop:
    """The gateway of a route; None if the destination is on the interface's own network."""

    gateway: Address | None
    interface: str
    interface_index: int


def find_next_hop(routing: RoutingSocket, address: Address) -> NextHop | None:
    """Ask the kernel for the next hop towards an address; None if it has no route or is not Linux."""
    answer = _route_to(routing, address)
    if answer is None or _INTERFACE not in answer.attributes:
        return None
    (index,) = struct.unpack("=I", answer.attributes[_INTERFACE])
    # A gateway of the other IP version follows its two bytes of family (struct rtvia).
    gateway = answer.attributes.get(_GATEWAY) or answer.attributes.get(_VIA, b"")[2:]
    return NextHop(address_of(gateway), _interface_name(routing, index), index)


def is_own_address(routing: RoutingSocket, address: Address) -> bool:
    """Return whether an address is one of this machine's own."""
    answer = _route_to(routing, address)
    return answer is not None and _ROUTE.unpack(answer.fixed)[7] == _LOCAL


def _route_to(routing: RoutingSocket, address: Address) -> NetlinkAnswer | None:
    bits = address.max_prefixlen
    fixed = _ROUTE.pack(family_of(address), bits, 0, 0, 0, 0, 0, 0, 0)
    scope = getattr(address, "scope_id", None)
    interface = _interface_index(scope) if scope else 0
    attributes = [attribute(_DESTINATION, address.packed)]
    if interface:
        attributes.append(attribute(_INTERFACE, struct.pack("=I", interface)))
    return routing.ask(_GET_ROUTE, fixed, *attributes)


def _interface_name(routing: RoutingSocket, index: int) -> str:
    """Return the name of an interface in the namespace of `routing`, which may not be this thread's."""
    answer = routing.ask(_GET_LINK, _LINK.pack(0, 0, 0, index, 0, 0))
    name = answer.attributes.get(_INTERFACE_NAME, b"") if answer else b""
    return printable(name.rstrip(b"\0").decode(errors="replace")) or f"interface {index}"


def _interface_index(scope: str) -> int:
    try:
        return int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)
    except OSError:
        return 0
