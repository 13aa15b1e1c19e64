"""The UDP socket of the prober: kernel receive timestamps and ICMP errors.

The socket stays unconnected to receive answers from another address of the server. On Linux it reads the
error queue to get ICMP errors with type, code and sender (ip(7), IP_RECVERR). On other systems it sends
through connected sockets on the same port, which get ICMP errors as error numbers. See platforms.py.

Anybody can forge an ICMP error who knows or guesses addresses and ports. So none makes a send fail, and none
fragments a packet without the caller's consent. The kernel drops a flood of them.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from wgmon_tui.net.connected_sockets import ConnectedSocket, ConnectedSockets
from wgmon_tui.net.platforms import PLATFORM, Platform
from wgmon_tui.net.udp_errors import (
    ABOUT_DESTINATION,
    ErrorQueue,
    QueuedError,
    SocketAddress,
    error_of_number,
)

# From Linux's uapi headers; the socket module does not define them.
_SO_MEMINFO = 55
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_BY_REPORTED_MTU = 1  # IP_PMTUDISC_WANT
_BY_INTERFACE_MTU = 5  # IP_PMTUDISC_OMIT
_WHOLE = 3  # IP_PMTUDISC_PROBE: "don't fragment" is set, and what hops reported is ignored
_DROPS = slice(8 * 4, 9 * 4)  # SK_MEMINFO_DROPS, the ninth of its 32-bit counters

_RECEIVE_BUFFER = 4 * 1024 * 1024  # Linux caps it at net.core.rmem_max; others refuse what is too much
_LEAST_RECEIVE_BUFFER = 64 * 1024
_LARGEST_DATAGRAM = 2048
_ANCILLARY = 512
_DATAGRAMS_PER_TURN = 256  # then the event loop runs
_BACKLOG = 16384  # more than the receive buffer holds
_SEND_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP payload, its source and its receive time in Unix nanoseconds, from the kernel if possible."""

    data: bytes
    source: SocketAddress
    received_ns: int


class DatagramSocket:
    """A UDP socket of one address family for many destinations; its port is fixed while it is open."""

    def __init__(
        self,
        family: socket.AddressFamily,
        on_datagram: Callable[[Datagram], None],
        on_error: Callable[[QueuedError], None],
        platform: Platform = PLATFORM,
    ) -> None:
        """Open the socket. Raises OSError if this machine does not support the family."""
        self.family = family
        self._on_datagram = on_datagram
        self._on_error = on_error
        self._platform = platform
        self._loop: AbstractEventLoop | None = None
        self._connected: ConnectedSockets | None = None
        self._errors: ErrorQueue | None = None
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._configure(self._socket)
            if platform.has_error_queue:
                self._errors = ErrorQueue(self._socket, on_error)
                self._set_fragmentation(_WHOLE)
            self._socket.bind(("", 0))
            if not platform.has_error_queue:
                self._connected = ConnectedSockets(
                    self._socket, self._configure, self._on_open, self._on_close
                )
        except OSError:
            self._socket.close()
            raise

    def _configure(self, sock: socket.socket) -> None:
        _enlarge_receive_buffer(sock)
        if self.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if self._platform.receive_timestamp:
            with suppress(OSError):  # a sandbox without timestamps: then reading sets the time
                sock.setsockopt(socket.SOL_SOCKET, self._platform.receive_timestamp.option, 1)

    def _set_fragmentation(self, mode: int) -> None:
        if self.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, mode)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, mode)

    def attach(self, loop: AbstractEventLoop) -> None:
        """Read the socket whenever the event loop reports it readable."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._drain)

    def close(self) -> None:
        """Stop reading and close the socket."""
        if self._connected:
            self._connected.close()
        if self._loop:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    @property
    def port(self) -> int:
        """The local port."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def overflows(self) -> int:
        """Datagrams dropped by the kernel since the socket opened, because its receive buffer was full.

        Read from the socket itself: SO_RXQ_OVFL reports a drop only with the next accepted datagram, and
        there may be none after a burst.
        """
        if not self._platform.has_drop_counter:
            return 0
        try:
            counters = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPS.stop)
        except OSError:  # before Linux 4.12
            return 0
        return int.from_bytes(counters[_DROPS], sys.byteorder)

    def send(self, data: bytes, destination: SocketAddress, *, by_reported_mtu: bool = False) -> int:
        """Send a datagram and return the Unix time just before, in nanoseconds.

        Only what is larger than the interface's MTU is fragmented. With `by_reported_mtu`, so is what is
        larger than the MTU that a hop reported, as the packets of other programs are. Both need Linux.

        Raises OSError if this machine refuses to send (no route, firewall). A pending ICMP error of an
        earlier packet makes the kernel fail a send, too. So the send is repeated while it reports none.
        """
        if self._connected and (connected := self._connected.connect(destination)):
            return self._send_connected(connected, data)
        if self._errors is None:
            return self._send(data, destination)
        self._errors.resume()
        mode = _BY_REPORTED_MTU if by_reported_mtu else _WHOLE
        with suppress(OSError):
            return self._send(data, destination, mode)
        self._errors.drain()
        with self._errors.ignored():
            try:
                return self._send(data, destination, mode)
            except OSError as error:  # it may have been pending since before
                is_too_large = error.errno == errno.EMSGSIZE
            return self._send(data, destination, _BY_INTERFACE_MTU if is_too_large else mode)

    def _send(self, data: bytes, destination: SocketAddress, mode: int = _WHOLE) -> int:
        if mode == _WHOLE:
            sent_ns = time.time_ns()
            self._socket.sendto(data, destination)
            return sent_ns
        self._set_fragmentation(mode)
        try:
            return self._send(data, destination)
        finally:
            self._set_fragmentation(_WHOLE)

    def _send_connected(self, connected: ConnectedSocket, data: bytes) -> int:
        """Send through a connected socket. A host that does not answer ARP gives an error here, like ICMP."""
        self._report(connected, connected.take_error())
        connected.last_sent = data
        for _ in range(_SEND_ATTEMPTS):
            sent_ns = time.time_ns()
            try:
                connected.socket.send(data)
            except OSError as error:
                if error.errno not in ABOUT_DESTINATION:
                    raise
                self._report(connected, error.errno)
                if error.errno == errno.EHOSTDOWN:
                    break
            else:
                break
        return sent_ns

    def drain(self) -> None:
        """Deliver pending datagrams and ICMP errors, up to a limit per call."""
        for each in (None, *(self._connected or ())):
            self._drain(each)

    def drain_backlog(self) -> None:
        """Deliver everything that arrived before this call."""
        now_ns = time.time_ns()
        for each in (None, *(self._connected or ())):
            self._drain(each, _BACKLOG, now_ns)

    def _drain(
        self,
        connected: ConnectedSocket | None = None,
        limit: int = _DATAGRAMS_PER_TURN,
        until_ns: int | None = None,
    ) -> None:
        """Deliver what one socket has, the unconnected one without `connected`."""
        if connected is None and self._errors:
            self._errors.resume()
        for _ in range(limit):
            received_ns = self._read(connected)
            if received_ns is None or (until_ns is not None and received_ns > until_ns):
                break
        if connected is None and self._errors:
            self._errors.drain()

    def _read(self, connected: ConnectedSocket | None) -> int | None:
        """Deliver the next datagram and return its time; 0 for an error instead, None if there is none."""
        sock = connected.socket if connected else self._socket
        try:
            data, ancillary, _, source = sock.recvmsg(_LARGEST_DATAGRAM, _ANCILLARY)
        except BlockingIOError:
            return None
        except OSError as error:
            # The pending error of a sent packet; reporting clears it. An error queue has the details.
            if connected:
                self._report(connected, error.errno or 0)
            elif self._errors:
                self._errors.drain()
            return 0
        received_ns = self._received_ns(ancillary)
        self._on_datagram(Datagram(data, (source[0], source[1]), received_ns))
        return received_ns

    def _report(self, connected: ConnectedSocket, number: int) -> None:
        if error := error_of_number(number, connected.last_sent, connected.destination, self.family):
            self._on_error(error)

    def _on_open(self, connected: ConnectedSocket) -> None:
        if self._loop:
            self._loop.add_reader(connected.socket.fileno(), self._drain, connected)

    def _on_close(self, connected: ConnectedSocket) -> None:
        if self._loop:
            self._loop.remove_reader(connected.socket.fileno())
        self._drain(connected)

    def _received_ns(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        timestamp = self._platform.receive_timestamp
        for level, kind, value in ancillary:
            if timestamp and (level, kind) == (socket.SOL_SOCKET, timestamp.message):
                seconds, parts = timestamp.layout.unpack_from(value)
                return int(seconds * 1_000_000_000 + parts * timestamp.unit_ns)
        return time.time_ns()


def _enlarge_receive_buffer(sock: socket.socket) -> None:
    """Ask for a large receive buffer. FreeBSD refuses more than kern.ipc.maxsockbuf, so ask for less then."""
    size = _RECEIVE_BUFFER
    while size >= _LEAST_RECEIVE_BUFFER:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        except OSError:
            size //= 2
        else:
            return
