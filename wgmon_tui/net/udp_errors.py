"""ICMP errors about sent datagrams: from Linux's error queue, or by error number of a connected socket."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

# From Linux's uapi headers; the socket module does not define them.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_MSG_ERRQUEUE = 0x2000
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
_EXTENDED_ERROR = struct.Struct("@IBBBBII")  # struct sock_extended_err

ERRORS_PER_S = 4096
"""More ICMP errors in a second are a flood: until the next second the kernel drops them."""

_LARGEST_QUOTE = 2048
_ANCILLARY = 512

_NET_UNREACHABLE, _HOST_UNREACHABLE, _PORT_UNREACHABLE, _TOO_BIG = 0, 1, 2, 3
_TYPE_AND_CODE = {
    _NET_UNREACHABLE: {4: (3, 0), 6: (1, 0)},
    _HOST_UNREACHABLE: {4: (3, 1), 6: (1, 3)},
    _PORT_UNREACHABLE: {4: (3, 3), 6: (1, 4)},
    _TOO_BIG: {4: (3, 4), 6: (2, 0)},
}
_KIND_OF_ERRNO = {
    errno.ECONNREFUSED: _PORT_UNREACHABLE,
    errno.EHOSTUNREACH: _HOST_UNREACHABLE,
    errno.EHOSTDOWN: _HOST_UNREACHABLE,
    errno.ENETUNREACH: _NET_UNREACHABLE,
    errno.EMSGSIZE: _TOO_BIG,
}

ABOUT_DESTINATION = frozenset((errno.ECONNREFUSED, errno.EHOSTDOWN))
"""Errors of `send` that another host caused: an ICMP error, or silence to ARP on the local network."""

SocketAddress = tuple[str, int]


@dataclass(frozen=True, slots=True)
class QueuedError:
    """An ICMP error about a sent packet, and the quoted part of the packet.

    `offender` is the address that sent the error; "" where the system does not tell. Type and code are then
    the ones that fit the error number, and the quote is the last packet to that destination. `info` is the
    MTU if the error reports one.
    """

    quoted: bytes
    destination: SocketAddress
    version: int
    type: int
    code: int
    info: int
    offender: str


class ErrorQueue:
    """The error queue of a Linux socket (ip(7), IP_RECVERR).

    Anybody can send a flood of forged errors: what exceeds a limit per second is left to the kernel.
    """

    def __init__(self, sock: socket.socket, on_error: Callable[[QueuedError], None]) -> None:
        """Make the kernel queue ICMP errors from now on. Raises OSError."""
        self._socket = sock
        self._on_error = on_error
        self._counted_since = 0.0
        self._count = 0
        self._is_off = False
        self._switch(on=True)

    def drain(self) -> None:
        """Deliver the queued errors, up to a limit per second."""
        while self._has_room():
            try:
                quoted, ancillary, _, destination = self._socket.recvmsg(
                    _LARGEST_QUOTE, _ANCILLARY, _MSG_ERRQUEUE
                )
            except OSError:
                return
            self._count += 1
            for level, kind, value in ancillary:
                if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                    error = _parse_extended_error(quoted, (destination[0], destination[1]), value)
                    if error:
                        self._on_error(error)

    def resume(self) -> None:
        """Receive errors again in the second after a flood of them."""
        if self._is_off and time.monotonic() - self._counted_since >= 1:
            self._switch(on=True)

    @contextlib.contextmanager
    def ignored(self) -> Iterator[None]:
        """Let the kernel drop errors within the block, with those that wait in the queue."""
        if self._is_off:
            yield
            return
        self._switch(on=False)
        try:
            yield
        finally:
            self._switch(on=True)

    def _has_room(self) -> bool:
        """Return whether this second's limit leaves room; if not, receive no errors until the next."""
        now = time.monotonic()
        if now - self._counted_since >= 1:
            self._counted_since, self._count = now, 0
        if self._count >= ERRORS_PER_S:
            self._switch(on=False)
            return False
        return True

    def _switch(self, *, on: bool) -> None:
        self._is_off = not on
        if self._socket.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, int(on))
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, int(on))


def error_of_number(
    number: int, quoted: bytes, destination: SocketAddress, family: socket.AddressFamily
) -> QueuedError | None:
    """The ICMP error behind the error number of a connected socket; None if the number has other reasons."""
    kind = _KIND_OF_ERRNO.get(number)
    if kind is None:
        return None
    version = 6 if family == socket.AF_INET6 else 4
    type_, code = _TYPE_AND_CODE[kind][version]
    return QueuedError(quoted, destination, version, type_, code, 0, "")


def _parse_extended_error(quoted: bytes, destination: SocketAddress, value: bytes) -> QueuedError | None:
    """Parse struct sock_extended_err and the sockaddr after it; None for errors without ICMP origin."""
    _, origin, kind, code, _, info, _ = _EXTENDED_ERROR.unpack_from(value)
    if origin not in (_ORIGIN_ICMP, _ORIGIN_ICMP6):
        return None
    offender = ""
    sockaddr = value[_EXTENDED_ERROR.size :]
    with contextlib.suppress(ValueError):
        family = int.from_bytes(sockaddr[:2], sys.byteorder)
        if family == socket.AF_INET:
            offender = str(IPv4Address(sockaddr[4:8]))
        elif family == socket.AF_INET6:
            offender = str(IPv6Address(sockaddr[8:24]))
    return QueuedError(quoted, destination, 4 if origin == _ORIGIN_ICMP else 6, kind, code, info, offender)
