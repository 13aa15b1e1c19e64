"""One request to the kernel's routing tables (rtnetlink(7)): without root, Linux only."""

from __future__ import annotations

import contextlib
import socket
import struct
from ipaddress import ip_address

from wgmon_tui.net.addresses import Address
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.records import dataclass

# From the kernel's uapi headers linux/netlink.h and linux/rtnetlink.h.
_AF_NETLINK, _NETLINK_ROUTE = 16, 0
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_ATTRIBUTE = struct.Struct("=HH")  # struct rtattr
_REQUEST = 1  # NLM_F_REQUEST
_ERROR = 2  # NLMSG_ERROR
_NESTED_BITS = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_LARGEST_ANSWER = 65536
_PATIENCE_S = 0.2  # the kernel answers within the system call; a sandbox may never answer


@dataclass(frozen=True, slots=True)
class NetlinkAnswer:
    """The fixed part of a message and its attributes by number."""

    fixed: bytes
    attributes: dict[int, bytes]


def family_of(address: Address) -> int:
    """Return the address family of an address."""
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def attribute(kind: int, value: bytes) -> bytes:
    """Encode one attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


class RoutingSocket:
    """Asks the kernel's routing tables of the network namespace in which it was opened.

    Without `open`, on another system or in a sandbox, it knows nothing.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._sequence = 0

    def open(self) -> None:
        """Open the socket, if this system has one."""
        if not PLATFORM.has_routing_socket:
            return
        with contextlib.suppress(OSError):
            self._socket = socket.socket(_AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
            self._socket.settimeout(_PATIENCE_S)

    def close(self) -> None:
        """Close the socket."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def ask(self, kind: int, fixed: bytes, *attributes: bytes) -> NetlinkAnswer | None:
        """Send one request of type `kind` and return the answer.

        None if the kernel knows no such entry or is too old for the request.
        """
        if self._socket is None:
            return None
        body = fixed + b"".join(attributes)
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST, self._sequence, 0)
        try:
            self._socket.sendto(header + body, (0, 0))
            while True:
                data = self._socket.recv(_LARGEST_ANSWER)
                if _HEADER.unpack_from(data)[3] == self._sequence:  # else the answer to an earlier request
                    return _parse_answer(data, len(fixed))
        except (OSError, struct.error):
            return None


def _parse_answer(data: bytes, fixed_length: int) -> NetlinkAnswer | None:
    length, kind, *_ = _HEADER.unpack_from(data)
    if kind == _ERROR:
        return None
    at = _HEADER.size + fixed_length
    attributes: dict[int, bytes] = {}
    while at + _ATTRIBUTE.size <= min(length, len(data)):
        size, number = _ATTRIBUTE.unpack_from(data, at)
        if size < _ATTRIBUTE.size:
            break
        attributes[number & _NESTED_BITS] = data[at + _ATTRIBUTE.size : at + size]
        at += size + (-size % 4)
    return NetlinkAnswer(data[_HEADER.size : _HEADER.size + fixed_length], attributes)


def address_of(value: bytes) -> Address | None:
    """Return the address that an attribute holds; None if its length fits no address family."""
    return ip_address(value) if len(value) in (4, 16) else None
