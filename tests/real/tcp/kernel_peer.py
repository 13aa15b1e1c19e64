"""The TCP of the Linux kernel as the peer: a TUN device in a namespace, and a path that loses packets."""

from __future__ import annotations

import fcntl
import heapq
import itertools
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address

from tests.real.namespaces import entered, namespace, run
from wgmon_tui.net.tcp.client import TcpClient
from wgmon_tui.net.tcp.events import Event
from wgmon_tui.net.tcp.segment import Segment, decode, encode

OURS, THEIRS = IPv4Address("10.99.0.2"), IPv4Address("10.99.0.1")
MTU = 1380

_our_ports = itertools.count(40_000)

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000


@dataclass(frozen=True, slots=True)
class Path:
    """What happens to packets in both directions: shares that are lost or delayed, and the usual delay."""

    loss: float = 0.0
    late: float = 0.0
    delay_s: float = 0.0
    late_s: float = 0.02
    seed: int = 0


@dataclass(slots=True)
class KernelPeer:
    """A TUN device whose other side is the kernel's TCP, with a listening socket."""

    device: int
    listening: socket.socket

    @property
    def port(self) -> int:
        port: int = self.listening.getsockname()[1]
        return port


@contextmanager
def kernel_peer() -> Iterator[KernelPeer]:
    """A namespace with nothing but a TUN device and a listening socket."""
    with namespace("t") as name, entered(name):
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", b"tun0", _IFF_TUN | _IFF_NO_PI))
        run("ip", "addr", "add", f"{THEIRS}/24", "dev", "tun0")
        run("ip", "link", "set", "tun0", "up", "mtu", str(MTU))
        with socket.socket() as listening:
            listening.bind((str(THEIRS), 0))
            listening.listen()
            listening.settimeout(20)
            yield KernelPeer(device, listening)
        os.close(device)


@contextmanager
def serving(peer: KernelPeer, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """Serve one connection in a thread; the end waits for it, and passes its error on."""
    errors: list[BaseException] = []

    def run_server() -> None:
        try:
            connection, _ = peer.listening.accept()
            with connection:
                connection.settimeout(20)
                serve(connection)
        except BaseException as error:  # noqa: BLE001  the test reports it
            errors.append(error)

    thread = threading.Thread(target=run_server)
    thread.start()
    yield
    thread.join()
    if errors:
        raise errors[0]


class Exchange:
    """Carries packets between a client and the kernel, and keeps the client's events."""

    def __init__(self, peer: KernelPeer, path: Path, client: TcpClient) -> None:
        self.client = client
        self.events: list[Event] = []
        self.sent: list[Segment] = []
        self.on_change: Callable[[float], None] | None = None
        """Takes the client's events in place of this object, after each change."""
        self._peer, self._path = peer, path
        self._dice = random.Random(path.seed)
        self._waiting: list[tuple[float, int, bytes | Segment]] = []
        self._count = 0

    def run(self, until: Callable[[], bool], seconds: float = 30.0) -> None:
        """Carry packets until the condition holds."""
        deadline = time.monotonic() + seconds
        self._flush(time.monotonic())
        while not until():
            now = time.monotonic()
            assert now < deadline, f"{self.client.state}, {self.events[-3:]}"
            times = [each for each in (self.client.next_tick, self._waiting and self._waiting[0][0]) if each]
            wait = max(0.0, min([*times, now + 0.1]) - now)
            if select.select([self._peer.device], [], [], wait)[0]:
                self._take_from_kernel()
            self._deliver(time.monotonic())
            self.client.tick(time.monotonic())
            if self.on_change:
                self.on_change(time.monotonic())
            self._flush(time.monotonic())
        self._flush(time.monotonic())
        self._deliver(time.monotonic())

    def _take_from_kernel(self) -> None:
        while True:
            try:
                packet = os.read(self._peer.device, 65_536)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4 or packet[9] != 6:
                continue
            segment = decode(THEIRS, OURS, packet[20:])
            assert segment is not None
            self._post(segment)

    def _post(self, what: bytes | Segment) -> None:
        if self._dice.random() < self._path.loss:
            return
        delay = self._path.delay_s + (self._path.late_s if self._dice.random() < self._path.late else 0.0)
        self._count += 1
        heapq.heappush(self._waiting, (time.monotonic() + delay, self._count, what))

    def _deliver(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            _, _, what = heapq.heappop(self._waiting)
            if isinstance(what, bytes):
                os.write(self._peer.device, what)
            else:
                self.client.receive(what, now)

    def _flush(self, now: float) -> None:
        for segment in self.client.segments():
            self.sent.append(segment)
            self._post(encode(segment, OURS, THEIRS))
        if self.on_change is None:
            self.events += self.client.events()
        self._deliver(now)


def open_client(
    peer: KernelPeer,
    path: Path,
    first_sequence: int = 1_000,
    server_port: int | None = None,
    *,
    connect: bool = True,
) -> Exchange:
    """A client that has sent its SYN, unless somebody else lets it `connect`."""
    port = server_port or peer.port
    client = TcpClient(next(_our_ports), port, first_sequence=first_sequence, mss=MTU - 40)
    if connect:
        client.connect(time.monotonic())
    return Exchange(peer, path, client)
