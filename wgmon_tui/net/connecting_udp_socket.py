"""The UDP socket of the prober on systems without an error queue, and the choice between the two kinds.

It sends through a connected socket for each destination, because the kernel reports ICMP errors only there,
as error numbers. Their sender and exact code stay unknown.
"""

from __future__ import annotations

import errno
import socket
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress

from wgmon_tui.net.connected_sockets import ConnectedSocket, ConnectedSockets
from wgmon_tui.net.platforms import PLATFORM, Platform
from wgmon_tui.net.udp_socket import Datagram, DatagramSocket, QueuedError, SocketAddress, read_received_ns

_RECEIVE_BUFFER = 4 * 1024 * 1024
_LEAST_RECEIVE_BUFFER = 64 * 1024
_ANCILLARY = 512
_DATAGRAMS_PER_TURN = 256  # then the event loop runs
_BACKLOG = 16384  # more than the receive buffer holds
_SEND_ATTEMPTS = 4

_ABOUT_DESTINATION = (errno.ECONNREFUSED, errno.EHOSTDOWN)
"""Errors of `send` that another host caused: an ICMP error, or silence to ARP on the local network."""

_TYPE_AND_CODE = {
    errno.ECONNREFUSED: {4: (3, 3), 6: (1, 4)},  # port unreachable
    errno.EHOSTUNREACH: {4: (3, 1), 6: (1, 3)},  # host or address unreachable
    errno.EHOSTDOWN: {4: (3, 1), 6: (1, 3)},
    errno.ENETUNREACH: {4: (3, 0), 6: (1, 0)},  # no route
    errno.EMSGSIZE: {4: (3, 4), 6: (2, 0)},  # packet too big
}
"""The ICMP errors that fit an error number best, by IP version."""


def open_udp_socket(
    family: socket.AddressFamily,
    on_datagram: Callable[[Datagram], None],
    on_error: Callable[[QueuedError], None],
) -> DatagramSocket:
    """Open the kind of socket that this system needs. Raises OSError if it does not support the family."""
    if PLATFORM.has_error_queue:
        return DatagramSocket(family, on_datagram, on_error)
    return ConnectingUdpSocket(family, on_datagram, on_error)


class ConnectingUdpSocket(DatagramSocket):
    """An unconnected UDP socket, which only receives, and connected ones on its port, which also send."""

    def __init__(
        self,
        family: socket.AddressFamily,
        on_datagram: Callable[[Datagram], None],
        on_error: Callable[[QueuedError], None],
        platform: Platform = PLATFORM,
    ) -> None:
        """Open the socket. Raises OSError if this machine does not support the family."""
        self._platform = platform
        self._version = 6 if family == socket.AF_INET6 else 4
        self._loop: AbstractEventLoop | None = None
        super().__init__(family, on_datagram, on_error)
        self._connected = ConnectedSockets(self._socket, self._set_options, self._on_open, self._on_close)

    def _configure(self) -> None:
        self._set_options(self._socket)
        self._socket.bind(("", 0))

    def _set_options(self, sock: socket.socket) -> None:
        _enlarge_receive_buffer(sock)
        if self.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if self._platform.receive_timestamp:
            with suppress(OSError):  # a sandbox without timestamps: then reading sets the time
                sock.setsockopt(socket.SOL_SOCKET, self._platform.receive_timestamp.option, 1)
        self._forbid_fragments(sock, forbid=True)

    def attach(self, loop: AbstractEventLoop) -> None:
        """Read each socket whenever the event loop reports it readable."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._drain_one, None)

    def close(self, loop: AbstractEventLoop) -> None:
        """Stop reading and close the sockets."""
        self._connected.close()
        super().close(loop)

    @property
    def overflows(self) -> int:
        """Always 0: the kernel does not count the datagrams that it drops for a socket."""
        return 0

    def send(self, data: bytes, destination: SocketAddress, *, by_reported_mtu: bool = False) -> int:
        """Send a datagram and return the Unix time just before, in nanoseconds.

        Raises OSError if this machine refuses to send. A host that does not answer ARP counts as an ICMP
        error about the packet. Only what is larger than the interface's MTU is fragmented, or with
        `by_reported_mtu` what any hop finds too large.
        """
        connected = self._connected.connect(destination)
        if connected is None:
            sent_ns = time.time_ns()
            self._socket.sendto(data, destination)
            return sent_ns
        self._report(connected, connected.take_error())
        connected.last_sent = data
        for _ in range(_SEND_ATTEMPTS):
            sent_ns = time.time_ns()
            try:
                self._send_connected(connected.socket, data, by_reported_mtu)
            except OSError as error:
                if error.errno not in _ABOUT_DESTINATION:
                    raise
                self._report(connected, error.errno)
                if error.errno == errno.EHOSTDOWN:
                    break
            else:
                break
        return sent_ns

    def _send_connected(self, sock: socket.socket, data: bytes, may_fragment: bool) -> None:
        if not may_fragment:
            try:
                sock.send(data)
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
            else:
                return
        self._forbid_fragments(sock, forbid=False)
        try:
            sock.send(data)
        finally:
            self._forbid_fragments(sock, forbid=True)

    def _forbid_fragments(self, sock: socket.socket, *, forbid: bool) -> None:
        if option := self._platform.dont_fragment.get(self._version):
            level = socket.IPPROTO_IPV6 if self._version == 6 else socket.IPPROTO_IP
            with suppress(OSError):  # macOS before 11
                sock.setsockopt(level, option, int(forbid))

    def drain(self) -> None:
        """Deliver pending datagrams and ICMP errors, up to a limit per socket and call."""
        for each in (None, *self._connected):
            self._drain_one(each)

    def drain_backlog(self) -> None:
        """Deliver everything that arrived before this call."""
        now_ns = time.time_ns()
        for each in (None, *self._connected):
            self._drain_one(each, _BACKLOG, now_ns)

    def _drain_one(
        self, connected: ConnectedSocket | None, limit: int = _DATAGRAMS_PER_TURN, until_ns: int | None = None
    ) -> None:
        """Deliver what one socket has: a connected one, else the unconnected one."""
        for _ in range(limit):
            received_ns = self._read_one(connected)
            if received_ns is None or (until_ns is not None and received_ns > until_ns):
                break

    def _read_one(self, connected: ConnectedSocket | None) -> int | None:
        """Deliver the next datagram and return its time; 0 for an error instead, None if there is none."""
        sock = connected.socket if connected else self._socket
        try:
            data, ancillary, _, source = sock.recvmsg(self.largest_datagram, _ANCILLARY)
        except BlockingIOError:
            return None
        except OSError as error:  # an ICMP error about a sent packet; reporting clears it
            if connected:
                self._report(connected, error.errno or 0)
            return 0
        received_ns = read_received_ns(ancillary, self._platform)
        self._on_datagram(Datagram(data, (source[0], source[1]), received_ns))
        return received_ns

    def _report(self, connected: ConnectedSocket, number: int) -> None:
        """Deliver the ICMP error behind an error number, if an ICMP error gives this number."""
        if number in _TYPE_AND_CODE:
            kind, code = _TYPE_AND_CODE[number][self._version]
            destination, quoted = connected.destination, connected.last_sent
            self._on_error(QueuedError(quoted, destination, self._version, kind, code, 0, ""))

    def _on_open(self, connected: ConnectedSocket) -> None:
        if self._loop:
            self._loop.add_reader(connected.socket.fileno(), self._drain_one, connected)

    def _on_close(self, connected: ConnectedSocket) -> None:
        if self._loop:
            self._loop.remove_reader(connected.socket.fileno())
        self._drain_one(connected)


def _enlarge_receive_buffer(sock: socket.socket) -> None:
    """Ask for a large receive buffer. A BSD refuses more than kern.ipc.maxsockbuf, so ask for less then."""
    size = _RECEIVE_BUFFER
    while size >= _LEAST_RECEIVE_BUFFER:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        except OSError:
            size //= 2
        else:
            return
