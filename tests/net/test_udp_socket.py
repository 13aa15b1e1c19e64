from __future__ import annotations

import asyncio
import select
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.protocols.wireguard.forged_packets import TOO_BIG, IcmpForger
from tests.protocols.wireguard.harness import closed_port
from tests.receive_buffer import MANY_DATAGRAMS
from wgmon_tui.net import udp_socket
from wgmon_tui.net.connecting_udp_socket import ConnectingUdpSocket, open_udp_socket
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.net.udp_socket import Datagram, QueuedError

LOOPBACKS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
_IP_RECVTTL = 12  # the socket module does not define it
INITIATION = b"\x01\0\0\0" + bytes(range(144))


class Ears:
    """A UDP socket and everything that it delivered."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.datagrams: list[Datagram] = []
        self.errors: list[QueuedError] = []
        self.socket = open_udp_socket(family, self.datagrams.append, self.errors.append)

    def wait(self) -> None:
        """Wait until a datagram or an error can be read."""
        opened = [self.socket._socket]
        if isinstance(self.socket, ConnectingUdpSocket):
            opened += [each.socket for each in self.socket._connected]
        readable, _, _ = select.select(opened, [], [], 3)
        assert readable


@contextmanager
def ears(family: socket.AddressFamily = socket.AF_INET) -> Iterator[Ears]:
    opened = Ears(family)
    loop = asyncio.new_event_loop()
    try:
        yield opened
    finally:
        opened.socket.close(loop)
        loop.close()


@contextmanager
def plain(family: socket.AddressFamily, host: str) -> Iterator[socket.socket]:
    with socket.socket(family, socket.SOCK_DGRAM) as other:
        other.bind((host, 0))
        other.settimeout(30)
        yield other


def send_to(hears: Ears, sender: socket.socket, data: bytes) -> None:
    sender.sendto(data, (sender.getsockname()[0], hears.socket.port))


@pytest.mark.parametrize(("family", "host"), LOOPBACKS)
def test_a_datagram_comes_with_its_source(family: socket.AddressFamily, host: str) -> None:
    with ears(family) as hears, plain(family, host) as sender:
        send_to(hears, sender, b"hello")
        hears.wait()
        hears.socket.drain()
        assert [(each.data, each.source) for each in hears.datagrams] == [
            (b"hello", (host, sender.getsockname()[1]))
        ]


@pytest.mark.parametrize(("family", "host"), LOOPBACKS)
def test_a_datagram_is_stamped_when_it_arrives_not_when_it_is_read(
    family: socket.AddressFamily, host: str
) -> None:
    with ears(family) as hears, plain(family, host) as sender:
        before = time.time_ns()
        send_to(hears, sender, b"hello")
        hears.wait()
        arrived = time.time_ns()
        time.sleep(0.01)  # this process is busy elsewhere
        hears.socket.drain()
        assert before <= hears.datagrams[0].received_ns <= arrived


@pytest.mark.parametrize(
    ("family", "host", "error"),
    [(socket.AF_INET, "127.0.0.1", (4, 3, 3)), (socket.AF_INET6, "::1", (6, 1, 4))],
)
def test_port_unreachable_comes_with_type_code_and_who_sent_it(
    family: socket.AddressFamily, host: str, error: tuple[int, int, int]
) -> None:
    with ears(family) as hears, closed_port(host) as endpoint:
        hears.socket.send(INITIATION, (host, endpoint.port))
        hears.wait()
        hears.socket.drain()
        [queued] = hears.errors
        assert (queued.version, queued.type, queued.code) == error
        assert queued.offender == (host if PLATFORM.has_error_queue else "")
        assert queued.destination == (host, endpoint.port)
        assert queued.quoted == INITIATION


def test_a_pending_error_does_not_make_the_next_send_fail() -> None:
    with ears() as hears, closed_port() as closed, plain(socket.AF_INET, "127.0.0.1") as other:
        hears.socket.send(INITIATION, (closed.host, closed.port))
        hears.wait()
        hears.socket.send(b"for somebody else", other.getsockname())
        assert other.recv(100) == b"for somebody else"
        hears.socket.drain()
        assert [error.destination for error in hears.errors] == [(closed.host, closed.port)]


def test_a_pending_error_does_not_hide_the_datagrams_behind_it() -> None:
    with ears() as hears, closed_port() as closed, plain(socket.AF_INET, "127.0.0.1") as sender:
        hears.socket.send(INITIATION, (closed.host, closed.port))
        hears.wait()
        send_to(hears, sender, b"hello")
        hears.socket.drain()
        assert [each.data for each in hears.datagrams] == [b"hello"]
        assert len(hears.errors) == 1


@contextmanager
def forger(version: int = 4) -> Iterator[IcmpForger]:
    try:
        opened = IcmpForger(version)
    except PermissionError:
        pytest.skip("raw sockets need root")
    with opened:
        yield opened


@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="this system has no error queue")
def test_an_error_for_which_the_queue_has_no_room_does_not_make_a_send_fail() -> None:
    with ears() as hears, forger() as forge, plain(socket.AF_INET, "127.0.0.1") as other:
        for size in (60_000, 1000, 1):
            before = hears.socket.overflows
            while hears.socket.overflows == before:
                send_to(hears, other, bytes(size))
        forge.send((3, 3), ("127.0.0.1", hears.socket.port), other.getsockname())
        hears.socket.send(b"hello", other.getsockname())
        assert other.recv(100) == b"hello"
        assert hears.errors == []


@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="this system has no error queue")
def test_a_flood_of_errors_is_left_to_the_kernel_for_the_rest_of_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(udp_socket, "_ERRORS_PER_S", 10)
    with ears() as hears, forger() as forge, plain(socket.AF_INET, "127.0.0.1") as other:
        monkeypatch.setattr(time, "monotonic", lambda: now)
        here, there = ("127.0.0.1", hears.socket.port), other.getsockname()
        for _ in range(25):
            forge.send((3, 3), here, there)
        hears.socket.drain()
        assert len(hears.errors) == 10
        forge.send((3, 3), here, there)
        hears.socket.drain()
        assert len(hears.errors) == 10
        now += 1.0
        hears.socket.send(b"hello", there)
        forge.send((3, 3), here, there)
        hears.socket.drain()
        assert len(hears.errors) == 11


@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="this system has no error queue")
@pytest.mark.parametrize(("family", "host"), LOOPBACKS)
def test_a_false_mtu_is_delivered_and_does_not_make_the_next_send_fail(
    family: socket.AddressFamily, host: str
) -> None:
    version = 6 if ":" in host else 4
    with ears(family) as hears, forger(version) as forge, plain(family, host) as other:
        here, there = (host, hears.socket.port), (host, other.getsockname()[1])
        for _ in range(3):
            forge.send(TOO_BIG[version], here, there, mtu=1280)
        hears.socket.send(bytes(1400), there)
        assert len(other.recv(2000)) == 1400
    assert [(each.version, each.info) for each in hears.errors] == [(version, 1280)] * 3


@pytest.mark.skipif(not PLATFORM.has_error_queue, reason="hop limits are for traces, which need the queue")
@pytest.mark.parametrize(("family", "host"), LOOPBACKS)
def test_a_hop_limit_is_that_of_one_datagram(family: socket.AddressFamily, host: str) -> None:
    level, wanted, kind = (
        (socket.IPPROTO_IP, _IP_RECVTTL, socket.IP_TTL)
        if family == socket.AF_INET
        else (socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, socket.IPV6_HOPLIMIT)
    )
    with ears(family) as hears, plain(family, host) as receiver:
        receiver.setsockopt(level, wanted, 1)
        address = (host, receiver.getsockname()[1])
        hears.socket.send(b"usual", address)
        hears.socket.send_with_hop_limit(b"short", address, 3)
        hears.socket.send(b"usual", address)
        found = [receiver.recvmsg(100, 100)[1] for _ in range(3)]
    limits = [
        int.from_bytes(value, sys.byteorder)
        for ancillary in found
        for at, what, value in ancillary
        if (at, what) == (level, kind)
    ]
    assert limits[1] == 3
    assert limits[0] == limits[2] > 30


def test_what_our_own_side_refuses_raises() -> None:
    with ears() as hears, pytest.raises(PermissionError):
        hears.socket.send(INITIATION, ("255.255.255.255", 51820))  # broadcast asks for a socket option


def test_drain_leaves_a_share_of_a_long_queue_for_later_and_drain_backlog_does_not() -> None:
    with ears() as hears, plain(socket.AF_INET, "127.0.0.1") as sender:
        for _ in range(MANY_DATAGRAMS):
            send_to(hears, sender, b"one of many")
        hears.socket.drain()
        assert 0 < len(hears.datagrams) < MANY_DATAGRAMS
        hears.socket.drain_backlog()
        assert len(hears.datagrams) == MANY_DATAGRAMS


@pytest.mark.skipif(not PLATFORM.has_drop_counter, reason="this system does not count what it drops")
def test_datagrams_that_found_no_room_are_counted() -> None:
    with ears() as hears, plain(socket.AF_INET, "127.0.0.1") as sender:
        assert hears.socket.overflows == 0
        for _ in range(400):
            send_to(hears, sender, bytes(60_000))
        hears.socket.drain_backlog()
        assert len(hears.datagrams) < 400
        assert hears.socket.overflows == 400 - len(hears.datagrams)
