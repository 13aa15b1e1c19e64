"""The TCP client against the kernel's TCP."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.real.prerequisites import require
from tests.real.tcp.kernel_peer import Exchange, KernelPeer, Path, kernel_peer, open_client, serving
from wgmon_tui.net.tcp.client import State, TcpClient
from wgmon_tui.net.tcp.events import Closed, Connected, ConnectionReset, DataReceived, GaveUp, PeerFinished

_TCP_INFO, _OPTIONS_AT, _TCPI_OPT_SACK = 11, 5, 2  # linux/tcp.h; the type stubs know TCP_INFO on Linux only


@pytest.fixture
def peer() -> Iterator[KernelPeer]:
    require("ip")
    with kernel_peer() as found:
        yield found


def receive_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while chunk := connection.recv(65_536):
        received += chunk
    return bytes(received)


def data_of(exchange: Exchange) -> bytes:
    return b"".join(each.data for each in exchange.events if isinstance(each, DataReceived))


def test_a_request_and_its_answer_and_an_orderly_end(peer: KernelPeer) -> None:
    def answer(connection: socket.socket) -> None:
        assert connection.recv(100) == b"ping"
        connection.sendall(b"pong")
        assert receive_all(connection) == b""

    with serving(peer, answer):
        exchange = open_client(peer, Path())
        exchange.client.write(b"ping", time.monotonic())
        exchange.run(lambda: bool(data_of(exchange)))
        exchange.client.close(time.monotonic())
        exchange.run(lambda: exchange.client.state is State.CLOSED)
    assert data_of(exchange) == b"pong"
    assert [type(each) for each in exchange.events] == [Connected, DataReceived, PeerFinished, Closed]
    assert exchange.client.retransmits == 0


def test_the_server_may_be_told_what_came_early(peer: KernelPeer) -> None:
    negotiated: list[int] = []

    def note(connection: socket.socket) -> None:
        negotiated.append(connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 8)[_OPTIONS_AT])

    with serving(peer, note):
        exchange = open_client(peer, Path())
        exchange.run(lambda: bool(negotiated))
    assert negotiated[0] & _TCPI_OPT_SACK


def test_a_port_where_nothing_listens_is_refused(peer: KernelPeer) -> None:
    exchange = open_client(peer, Path(), server_port=1)
    exchange.run(lambda: exchange.client.state is State.CLOSED)
    assert exchange.events == [ConnectionReset(refused=True)]


@pytest.mark.thorough
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    loss=st.sampled_from([0.0, 0.05, 0.15]),
    late=st.sampled_from([0.0, 0.3]),
    first_sequence=st.sampled_from([0, 2**31 - 1_000, 2**32 - 2_000]),
    sizes=st.tuples(st.integers(0, 60_000), st.integers(0, 120_000)),
    seed=st.integers(0, 1_000),
)
def test_every_byte_arrives_in_order_both_ways_over_a_path_that_loses_and_reorders(
    peer: KernelPeer, loss: float, late: float, first_sequence: int, sizes: tuple[int, int], seed: int
) -> None:
    request, answer = (hashlib.shake_128(bytes([each])).digest(size) for each, size in enumerate(sizes))
    got: list[bytes] = []

    def echo(connection: socket.socket) -> None:
        got.append(receive_all(connection))
        connection.sendall(answer)

    with serving(peer, echo):
        exchange = open_client(peer, Path(loss, late, seed=seed), first_sequence)
        exchange.client.write(request, time.monotonic())
        exchange.client.close(time.monotonic())
        exchange.run(lambda: exchange.client.state is State.CLOSED, 60)
    assert got == [request]
    assert data_of(exchange) == answer
    assert exchange.events[-1] == Closed()


@pytest.mark.thorough
def test_a_reader_that_pauses_gets_everything_afterwards(peer: KernelPeer) -> None:
    got: list[bytes] = []
    sent = bytes(3_000_000)
    may_read = threading.Event()

    def read_late(connection: socket.socket) -> None:
        may_read.wait(20)
        got.append(receive_all(connection))

    with serving(peer, read_late):
        exchange = open_client(peer, Path())
        exchange.client.write(sent, time.monotonic())
        exchange.client.close(time.monotonic())
        exchange.run(
            lambda: any(each.payload for each in exchange.sent) and exchange.client._waits_for_window
        )
        may_read.set()
        exchange.run(lambda: exchange.client.state is State.CLOSED)
    assert got == [sent]


def test_a_path_that_drops_everything_ends_in_giving_up() -> None:
    client = TcpClient(40_000, 80, first_sequence=0, mss=1340)
    client.connect(0.0)
    now = 0.0
    while client.state is not State.CLOSED:
        assert client.next_tick is not None
        now = client.next_tick
        client.tick(now)
    assert client.events() == [GaveUp()]
    assert 30 < now < 120
