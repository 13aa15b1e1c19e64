"""The parts for other systems than Linux, each alone, on the system that runs the tests."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.protocols.wireguard.harness import closed_port
from wgmon_tui.net import connected_sockets
from wgmon_tui.net.connecting_udp_socket import ConnectingUdpSocket
from wgmon_tui.net.peer_credentials import PeerCredentials, read_peer_credentials
from wgmon_tui.net.platforms import FREEBSD, LINUX, MACOS, OTHER, PeerSource, Platform, platform_of
from wgmon_tui.net.udp_socket import Datagram, QueuedError
from wgmon_tui.net.unix_socket import bindable_path
from wgmon_tui.store import byte_locks

NO_OPTIONS = replace(FREEBSD, receive_timestamp=None, dont_fragment={})
"""FreeBSD without the socket options whose numbers mean something else on Linux."""


@pytest.mark.parametrize(
    ("system", "platform"),
    [("linux", LINUX), ("darwin", MACOS), ("freebsd13", FREEBSD), ("freebsd14", FREEBSD), ("sunos5", OTHER)],
)
def test_each_system_has_its_row(system: str, platform: Platform) -> None:
    assert platform_of(system) is platform


# Sockets


class Ears:
    """A ConnectingUdpSocket and what it delivered."""

    def __init__(self) -> None:
        self.datagrams: list[Datagram] = []
        self.errors: list[QueuedError] = []
        self.socket = ConnectingUdpSocket(
            socket.AF_INET, self.datagrams.append, self.errors.append, NO_OPTIONS
        )

    def drain_until(self, found: list[Datagram] | list[QueuedError], count: int = 1) -> None:
        for _ in range(300):
            self.socket.drain()
            if len(found) >= count:
                return
            time.sleep(0.01)
        raise AssertionError(f"{len(found)} of {count} arrived")


@contextmanager
def ears() -> Iterator[Ears]:
    loop = asyncio.new_event_loop()
    opened = Ears()
    yield opened
    opened.socket.close(loop)
    loop.close()


@contextmanager
def host() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(30)
        yield opened


def test_servers_see_one_port_whoever_they_are() -> None:
    with ears() as hears, host() as one, host() as other:
        sources = []
        for each in (one, other, one):
            hears.socket.send(b"hello", each.getsockname())
            sources.append(each.recvfrom(10)[1][1])
        assert sources == [hears.socket.port] * 3


def test_an_answer_from_another_address_than_was_asked_arrives() -> None:
    with ears() as hears, host() as asked, host() as other:
        hears.socket.send(b"hello", asked.getsockname())
        other.sendto(b"from elsewhere", ("127.0.0.1", hears.socket.port))
        asked.sendto(b"from there", ("127.0.0.1", hears.socket.port))
        hears.drain_until(hears.datagrams, 2)
        assert {each.data: each.source for each in hears.datagrams} == {
            b"from elsewhere": other.getsockname(),
            b"from there": asked.getsockname(),
        }


def test_a_closed_port_is_reported_with_the_packet_to_it_and_without_a_sender() -> None:
    with ears() as hears, closed_port() as closed:
        hears.socket.send(b"hello", (closed.host, closed.port))
        hears.drain_until(hears.errors)
        assert hears.errors == [QueuedError(b"hello", (closed.host, closed.port), 4, 3, 3, 0, "")]


def test_a_pending_error_is_reported_by_the_next_send_which_succeeds() -> None:
    with ears() as hears, closed_port() as closed:
        for number in range(3):
            hears.socket.send(b"%d" % number, (closed.host, closed.port))
        hears.drain_until(hears.errors, 3)
        assert [each.quoted for each in hears.errors] == [b"0", b"1", b"2"]


def test_a_host_that_does_not_answer_arp_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with ears() as hears, host() as asked:
        hears.socket.send(b"hello", asked.getsockname())

        def refuse(*_: object) -> int:
            raise OSError(errno.EHOSTDOWN, "Host is down")

        monkeypatch.setattr(socket.socket, "send", refuse)
        assert hears.socket.send(b"again", asked.getsockname()) > 0
        assert [(each.type, each.code) for each in hears.errors] == [(3, 1)]


def test_what_this_machine_refuses_raises() -> None:
    with ears() as hears, pytest.raises(PermissionError):
        hears.socket.send(b"hello", ("255.255.255.255", 51820))


def test_of_many_servers_those_asked_last_keep_their_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connected_sockets, "MAX_CONNECTED_SOCKETS", 2)
    with ears() as hears, ExitStack() as hosts:
        asked = [hosts.enter_context(host()) for _ in range(3)]
        for each in asked:
            hears.socket.send(b"hello", each.getsockname())
        kept = [each.destination for each in hears.socket._connected]
        assert kept == [each.getsockname() for each in asked[1:]]
        asked[0].sendto(b"answer", ("127.0.0.1", hears.socket.port))
        hears.drain_until(hears.datagrams)


def test_what_waits_in_a_socket_is_delivered_before_it_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connected_sockets, "MAX_CONNECTED_SOCKETS", 1)
    with ears() as hears, host() as one, host() as other:
        hears.socket.send(b"hello", one.getsockname())
        one.sendto(b"answer", ("127.0.0.1", hears.socket.port))
        hears.socket.send(b"hello", other.getsockname())
        assert [each.data for each in hears.datagrams] == [b"answer"]


def test_an_old_socket_connects_again_because_the_route_may_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ears() as hears, host() as asked:
        hears.socket.send(b"hello", asked.getsockname())
        [before] = hears.socket._connected
        monkeypatch.setattr(connected_sockets, "_MAX_AGE_S", 0.0)
        hears.socket.send(b"hello", asked.getsockname())
        [after] = hears.socket._connected
        assert after is not before
        assert before.socket.fileno() == -1


def test_without_a_free_descriptor_the_unconnected_socket_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    with ears() as hears, host() as asked:
        monkeypatch.setattr(hears.socket._connected, "_open", refuse)
        hears.socket.send(b"hello", asked.getsockname())
        assert asked.recv(10) == b"hello"


def test_a_kernel_that_refuses_a_large_buffer_gives_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    granted = []
    real = socket.socket.setsockopt

    def limited(self: socket.socket, level: int, option: int, value: int) -> None:
        if option == socket.SO_RCVBUF:
            if value > 2 * 1024 * 1024:
                raise OSError(errno.ENOBUFS, "No buffer space available")
            granted.append(value)
        real(self, level, option, value)

    monkeypatch.setattr(socket.socket, "setsockopt", limited)
    with ears():
        assert granted == [2 * 1024 * 1024]


# Credentials


class Kernel:
    """Answers getsockopt as macOS or FreeBSD does."""

    def __init__(self, credentials: bytes, pid: int | None = None) -> None:
        self._credentials = credentials
        self._pid = pid

    def getsockopt(self, level: int, option: int, size: int = 0) -> int | bytes:
        assert level == 0  # SOL_LOCAL
        if option == 1:
            return self._credentials[:size]
        if option == 2 and self._pid is not None:
            return self._pid
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")


def xucred(uid: int, *gids: int) -> bytes:
    return struct.pack("@IIh16I", 0, uid, len(gids), *gids, *([0] * (16 - len(gids))))


def read(kernel: Kernel) -> PeerCredentials:
    return read_peer_credentials(kernel, PeerSource.LOCAL_PEERCRED)  # type: ignore[arg-type]


def test_macos_tells_user_groups_and_process() -> None:
    assert read(Kernel(xucred(501, 20, 80), pid=4321)) == PeerCredentials(4321, 501, frozenset({20, 80}))


def test_freebsd_tells_user_groups_and_process() -> None:
    appended = xucred(1001, 1001, 0).ljust(80, b"\0") + struct.pack("@iI", 4321, 0)
    assert read(Kernel(appended)) == PeerCredentials(4321, 1001, frozenset({1001, 0}))


def test_where_the_kernel_names_no_process_it_is_0() -> None:
    assert read(Kernel(xucred(501, 20))).pid == 0


def test_a_full_list_of_groups_is_completed_from_the_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getgrouplist", lambda *_: [20, 777])
    assert read(Kernel(xucred(os.getuid(), *range(16)))).gids == frozenset({*range(16), 20, 777})


def test_credentials_that_are_cut_off_are_an_error() -> None:
    with pytest.raises(OSError, match="does not tell who"):
        read(Kernel(b"\0" * 20))


# Paths of sockets


@pytest.mark.parametrize("platform", [MACOS, OTHER], ids=lambda platform: platform.name)
def test_a_long_state_directory_gets_a_socket_without_proc(tmp_path: Path, platform: Platform) -> None:
    state = tmp_path / ("long" * 40)
    state.mkdir()
    with bindable_path(state, platform=platform) as path, socket.socket(socket.AF_UNIX) as listener:
        assert len(path) < 104
        listener.bind(path)
        listener.listen()
        with bindable_path(state, platform=platform) as again, socket.socket(socket.AF_UNIX) as client:
            client.connect(again)
    assert (state / "control.sock").is_socket()
    assert not Path(path).parent.exists()


# Locks


@pytest.fixture
def locked_file(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two descriptors of one file."""
    path = tmp_path / "locks"
    one, other = (os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for _ in range(2))
    yield one, other
    for each in (one, other):
        byte_locks.close(each, by_open_file=False)


def can_another_process_lock(path: str, offset: int) -> bool:
    code = (
        "import fcntl, os, sys\n"
        "descriptor = os.open(sys.argv[1], os.O_RDWR)\n"
        "fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(sys.argv[2]))\n"
    )
    child = subprocess.run([sys.executable, "-c", code, path, str(offset)], capture_output=True)
    return child.returncode == 0


def test_locks_of_a_process_exclude_its_own_other_holders_byte_by_byte(
    locked_file: tuple[int, int],
) -> None:
    one, other = locked_file
    assert byte_locks.try_lock(one, 5, by_open_file=False)
    assert not byte_locks.try_lock(other, 5, by_open_file=False)
    assert byte_locks.try_lock(other, 6, by_open_file=False)
    byte_locks.unlock(one, 5, by_open_file=False)
    assert byte_locks.try_lock(other, 5, by_open_file=False)


def test_locks_of_a_process_exclude_other_processes_until_their_holder_closes(tmp_path: Path) -> None:
    path = tmp_path / "locks"
    one, other = (os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for _ in range(2))
    assert byte_locks.try_lock(one, 5, by_open_file=False)
    assert byte_locks.try_lock(other, 6, by_open_file=False)
    byte_locks.close(one, by_open_file=False)  # which alone would release both
    assert can_another_process_lock(str(path), 5)
    assert not can_another_process_lock(str(path), 6)
    byte_locks.close(other, by_open_file=False)
    assert can_another_process_lock(str(path), 6)
    for each in (one, other):
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(each)
