"""Connected UDP sockets beside an unconnected one, for systems without an error queue (macOS, FreeBSD).

There the kernel reports an ICMP error only to a socket that is connected to the destination of the packet. So
each destination gets a socket of its own, on the port of the unconnected one. The kernel gives a datagram to
the connected socket if its source fits, else to the unconnected one. Answers from another address of the
server arrive as before, and servers see one port.
"""

from __future__ import annotations

import errno
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress

from wgmon_tui.net.udp_socket import SocketAddress
from wgmon_tui.records import dataclass

MAX_CONNECTED_SOCKETS = 128
"""Limit for each family: macOS allows a process 256 open files by default."""

_MAX_AGE_S = 10.0
"""An older socket connects again before it sends: the route may have changed, and with it the source."""

_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)


@dataclass(slots=True)
class ConnectedSocket:
    """A socket, its destination, the last packet to it, and when it connected (monotonic time)."""

    socket: socket.socket
    destination: SocketAddress
    connected_at: float
    last_sent: bytes = b""

    def take_error(self) -> int:
        """The number of the pending error, which this clears; 0 if there is none."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


class ConnectedSockets:
    """The connected sockets of one port, the most recently used last."""

    def __init__(
        self,
        unconnected: socket.socket,
        configure: Callable[[socket.socket], None],
        on_open: Callable[[ConnectedSocket], None],
        on_close: Callable[[ConnectedSocket], None],
    ) -> None:
        """`on_close` is called before a socket closes, and reads what is left. Raises OSError."""
        self._unconnected = unconnected
        self._configure = configure
        self._on_open = on_open
        self._on_close = on_close
        self._by_destination: OrderedDict[SocketAddress, ConnectedSocket] = OrderedDict()
        # After bind: with the option set before, the kernel could choose a port that others use.
        unconnected.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    def __iter__(self) -> Iterator[ConnectedSocket]:
        return iter(tuple(self._by_destination.values()))

    def connect(self, destination: SocketAddress) -> ConnectedSocket | None:
        """The socket to a destination; None if this process may open no more files.

        Raises OSError if this machine has no route.
        """
        known = self._by_destination.get(destination)
        if known and time.monotonic() - known.connected_at >= _MAX_AGE_S:
            self._close(known)
        elif known is None and len(self._by_destination) >= MAX_CONNECTED_SOCKETS:
            self._close(next(iter(self._by_destination.values())))
        # Again: closing delivers what was left to read, and the answer to it may have opened this socket.
        if known := self._by_destination.get(destination):
            self._by_destination.move_to_end(destination)
            return known
        try:
            opened = ConnectedSocket(self._open(destination), destination, time.monotonic())
        except OSError as error:
            if error.errno in _NO_DESCRIPTORS:
                return None
            raise
        self._by_destination[destination] = opened
        self._on_open(opened)
        return opened

    def close(self) -> None:
        """Close all sockets."""
        for each in self:
            self._close(each)

    def _open(self, destination: SocketAddress) -> socket.socket:
        opened = socket.socket(self._unconnected.family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            self._configure(opened)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.bind(self._unconnected.getsockname())
            opened.connect(destination)
        except OSError:
            opened.close()
            raise
        return opened

    def _close(self, connected: ConnectedSocket) -> None:
        del self._by_destination[connected.destination]
        self._on_close(connected)
        with suppress(OSError):
            connected.socket.close()
