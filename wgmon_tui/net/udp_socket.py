"""The UDP socket of the prober: kernel receive timestamps and ICMP errors with their sender.

The socket stays unconnected to receive answers from another address of the server. It reads the error queue
to get ICMP errors with type, code and sender (ip(7), IP_RECVERR). That needs Linux: on other systems,
`open_udp_socket` returns a ConnectingUdpSocket.

Anybody can forge an ICMP error who knows or guesses addresses and ports. So none makes a send fail, and none
fragments a packet without the caller's consent. The kernel drops a flood of them.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import sys
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui.net.platforms import PLATFORM, Platform
from wgmon_tui.records import dataclass

LINUX = PLATFORM.has_error_queue

# From the kernel's uapi headers; the socket module does not define them.
_SO_TIMESTAMPNS = 35
_SO_MEMINFO = 55
_DROPS = slice(8 * 4, 9 * 4)  # SK_MEMINFO_DROPS, the ninth of its 32-bit counters
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_BY_REPORTED_MTU = 1  # IP_PMTUDISC_WANT
_BY_INTERFACE_MTU = 5  # IP_PMTUDISC_OMIT
_WHOLE = 3  # IP_PMTUDISC_PROBE: "don't fragment" is set, and what hops reported is ignored
_MSG_ERRQUEUE = 0x2000
_DEFAULT_HOP_LIMIT = -1  # that of the system: ip(7), ipv6(7)
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
_EXTENDED_ERROR = struct.Struct("@IBBBBII")  # struct sock_extended_err

_RECEIVE_BUFFER = 4 * 1024 * 1024  # the kernel caps it at net.core.rmem_max
_LARGEST_DATAGRAM = 2048
_ANCILLARY = 512
_DATAGRAMS_PER_TURN = 256  # then the event loop runs
_BACKLOG = 16384  # more than the receive buffer holds
_ERRORS_PER_S = 4096
"""More ICMP errors in a second are a flood: until the next second the kernel drops them."""

SocketAddress = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP payload, its source and its receive time in Unix nanoseconds, from the kernel if possible."""

    data: bytes
    source: SocketAddress
    received_ns: int

    @property
    def payload(self) -> bytes:
        """The bytes that arrived. A protocol that frames messages puts the message into `data`."""
        return self.data


@dataclass(frozen=True, slots=True)
class QueuedError:
    """An ICMP error about a sent packet, and the quoted part of the packet.

    `offender` is the address that sent the error. `info` is the MTU if the error reports one. Without an
    error queue, `offender` is "", and the quote is the last packet to that destination. `received_ns` is the
    kernel's time of arrival in Unix nanoseconds, 0 if unknown.
    """

    quoted: bytes
    destination: SocketAddress
    version: int
    type: int
    code: int
    info: int
    offender: str
    received_ns: int = 0


class DatagramSocket:
    """An unconnected UDP socket of one address family; its port is fixed while it is open.

    `largest_datagram` is how many bytes of a datagram are read; the rest of a larger one is lost.
    """

    largest_datagram = _LARGEST_DATAGRAM

    def __init__(
        self,
        family: socket.AddressFamily,
        on_datagram: Callable[[Datagram], None],
        on_error: Callable[[QueuedError], None],
    ) -> None:
        """Open the socket. Raises OSError if this machine does not support the family."""
        self.family = family
        self._on_datagram = on_datagram
        self._on_error = on_error
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._errors_since = 0.0
        self._errors = 0
        self._ignores_errors = False
        try:
            self._configure()
        except OSError:
            self._socket.close()
            raise

    def _configure(self) -> None:
        sock = self._socket
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if self.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if LINUX:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._set_receive_errors(on=True)
            self._set_fragmentation(_WHOLE)
        sock.bind(("", 0))

    def _set_receive_errors(self, *, on: bool) -> None:
        """Receive ICMP errors, or let the kernel drop them with those that wait in the queue."""
        self._ignores_errors = not on
        self._set_option(_IP_RECVERR, _IPV6_RECVERR, int(on))

    def _set_fragmentation(self, mode: int) -> None:
        self._set_option(_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, mode)

    def _set_option(self, for_ipv4: int, for_ipv6: int, value: int) -> None:
        if self.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, for_ipv6, value)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, for_ipv4, value)

    def attach(self, loop: AbstractEventLoop) -> None:
        """Read the socket whenever the event loop reports it readable."""
        loop.add_reader(self._socket.fileno(), self.drain)

    def close(self, loop: AbstractEventLoop) -> None:
        """Stop reading and close the socket."""
        loop.remove_reader(self._socket.fileno())
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
        if not LINUX:
            return 0
        try:
            counters = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPS.stop)
        except OSError:  # before Linux 4.12
            return 0
        return int.from_bytes(counters[_DROPS], sys.byteorder)

    def send(self, data: bytes, destination: SocketAddress, *, by_reported_mtu: bool = False) -> int:
        """Send a datagram and return the Unix time just before, in nanoseconds.

        Only what is larger than the interface's MTU is fragmented. With `by_reported_mtu`, so is what is
        larger than the MTU that a hop reported, as the packets of other programs are.

        Raises OSError if this machine refuses to send (no route, firewall). A pending ICMP error of an
        earlier packet makes the kernel fail a send, too. So the send is repeated while it reports none.
        """
        self._receive_errors_again()
        mode = _BY_REPORTED_MTU if by_reported_mtu else _WHOLE
        try:
            return self._send(data, destination, mode)
        except OSError:
            if not LINUX:
                raise
        self._drain_errors()
        with self._ignoring_errors():
            try:
                return self._send(data, destination, mode)
            except OSError as error:  # it may have been pending since before
                is_too_large = error.errno == errno.EMSGSIZE
            return self._send(data, destination, _BY_INTERFACE_MTU if is_too_large else mode)

    def _send(self, data: bytes, destination: SocketAddress, mode: int) -> int:
        if mode == _WHOLE:
            sent_ns = time.time_ns()
            self._socket.sendto(data, destination)
            return sent_ns
        self._set_fragmentation(mode)
        try:
            return self._send(data, destination, _WHOLE)
        finally:
            self._set_fragmentation(_WHOLE)

    @contextlib.contextmanager
    def _ignoring_errors(self) -> Iterator[None]:
        if self._ignores_errors:
            yield
            return
        self._set_receive_errors(on=False)
        try:
            yield
        finally:
            self._set_receive_errors(on=True)

    def send_with_hop_limit(self, data: bytes, destination: SocketAddress, hop_limit: int) -> int:
        """`send` a datagram that expires after `hop_limit` hops; other datagrams do not."""
        self._set_option(socket.IP_TTL, socket.IPV6_UNICAST_HOPS, hop_limit)
        try:
            return self.send(data, destination)
        finally:
            self._set_option(socket.IP_TTL, socket.IPV6_UNICAST_HOPS, _DEFAULT_HOP_LIMIT)

    def drain(self) -> None:
        """Deliver pending ICMP errors and datagrams, up to a limit per call.

        After a datagram, errors are left to the next call: the event loop makes it while an error waits.
        """
        self._receive_errors_again()
        if self._read() is None:
            self._drain_errors()
            return
        for _ in range(_DATAGRAMS_PER_TURN):
            if self._read() is None:
                break

    def drain_backlog(self) -> None:
        """Deliver everything that arrived before this call."""
        now_ns = time.time_ns()
        for _ in range(_BACKLOG):
            received_ns = self._read()
            if received_ns is None or received_ns > now_ns:
                break
        self._drain_errors()

    def _read(self) -> int | None:
        """Deliver the next datagram and return its time; 0 for an error instead, None if there is none."""
        try:
            data, ancillary, _, source = self._socket.recvmsg(self.largest_datagram, _ANCILLARY)
        except BlockingIOError:
            return None
        except OSError:
            # The pending error of a sent packet; the error queue has the details. Reporting clears it.
            self._drain_errors()
            return 0
        received_ns = read_received_ns(ancillary)
        self._on_datagram(Datagram(data, (source[0], source[1]), received_ns))
        return received_ns

    def _drain_errors(self) -> None:
        """Deliver pending ICMP errors, up to a limit per second."""
        while LINUX and self._has_room_for_errors():
            try:
                quoted, ancillary, _, destination = self._socket.recvmsg(
                    _LARGEST_DATAGRAM, _ANCILLARY, _MSG_ERRQUEUE
                )
            except OSError:
                return
            self._errors += 1
            received_ns = read_received_ns(ancillary)
            for level, kind, value in ancillary:
                if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                    error = _queued_error(quoted, (destination[0], destination[1]), value, received_ns)
                    if error:
                        self._on_error(error)

    def _has_room_for_errors(self) -> bool:
        """Return whether this second's limit leaves room for an error; if not, receive none in it."""
        now = time.monotonic()
        if now - self._errors_since >= 1:
            self._errors_since, self._errors = now, 0
        if self._errors >= _ERRORS_PER_S:
            self._set_receive_errors(on=False)
            return False
        return True

    def _receive_errors_again(self) -> None:
        """Receive ICMP errors again in the second after a flood of them."""
        if self._ignores_errors and time.monotonic() - self._errors_since >= 1:
            self._set_receive_errors(on=True)


def read_received_ns(ancillary: list[tuple[int, int, bytes]], platform: Platform = PLATFORM) -> int:
    """The kernel's receive time of a datagram in Unix nanoseconds; without one, the time now."""
    timestamp = platform.receive_timestamp
    for level, kind, value in ancillary:
        if timestamp and (level, kind) == (socket.SOL_SOCKET, timestamp.message):
            seconds, parts = timestamp.layout.unpack_from(value)
            return int(seconds * 1_000_000_000 + parts * timestamp.unit_ns)
    return time.time_ns()


def _queued_error(
    quoted: bytes, destination: SocketAddress, value: bytes, received_ns: int
) -> QueuedError | None:
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
    version = 4 if origin == _ORIGIN_ICMP else 6
    return QueuedError(quoted, destination, version, kind, code, info, offender, received_ns)
