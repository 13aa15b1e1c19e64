"""A fetch over the TCP client from a server that uses the kernel's TCP."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path as FilePath

import pytest
from cryptography import x509

from tests.alerts.certificates import Certificates
from tests.real.prerequisites import require
from tests.real.tcp.kernel_peer import THEIRS, KernelPeer, Path, kernel_peer, open_client, serving
from wgmon_tui.net.http_target import Url
from wgmon_tui.net.tcp.client import State
from wgmon_tui.net.tcp.http_fetch import MAX_BODY_BYTES, FetchFailure, FetchResult, HttpFetch, Phase

CLEAN = Path()
Serve = Callable[[socket.socket], None]


@pytest.fixture
def peer() -> Iterator[KernelPeer]:
    require("ip")
    with kernel_peer() as found:
        yield found


def answering(response: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            received += connection.recv(65_536)
        assert received.startswith(b"GET /health HTTP/1.1\r\nHost: 10.99.0.1")
        connection.sendall(response)

    return serve


def whole(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def fetch(
    peer: KernelPeer, path: Path = CLEAN, context: ssl.SSLContext | None = None, port: int | None = None
) -> tuple[FetchResult, HttpFetch]:
    exchange = open_client(peer, path, server_port=port, connect=False)
    url = Url(str(THEIRS), port or peer.port, "/health", is_tls=context is not None)
    run = HttpFetch(url, exchange.client, time.monotonic(), context)
    exchange.on_change = run.update
    exchange.run(lambda: run.is_over and exchange.client.state in (State.CLOSED, State.FIN_SENT))
    return run.result, run


def test_a_fetch_tells_the_status_the_body_and_the_times_of_its_phases(peer: KernelPeer) -> None:
    with serving(peer, answering(whole(b"ready", b"503 Busy"))):
        found, _ = fetch(peer, Path(delay_s=0.02))
    assert (found.status, found.body, found.size, found.failure) == (503, b"ready", 5, None)
    times = (found.connected_at, found.responded_at, found.ended_at)
    assert (found.connected_at or 0.0) >= 0.04
    assert list(times) == sorted(each for each in times if each)
    assert found.bytes_per_second is None  # five bytes tell no rate


def test_a_large_body_gets_through_a_lossy_path_whole_and_has_a_rate(peer: KernelPeer) -> None:
    body = bytes(range(256)) * 800
    with serving(peer, answering(whole(body))):
        found, _ = fetch(peer, Path(loss=0.05, late=0.2, seed=7))
    assert (found.size, found.body, found.failure) == (len(body), body[:65_536], None)
    assert found.bytes_per_second is not None
    assert 1_000 < found.bytes_per_second < 10_000_000_000


def test_a_body_without_end_is_read_up_to_a_limit(peer: KernelPeer) -> None:
    def pour(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(bytes(65_536))

    with serving(peer, pour):
        found, _ = fetch(peer)
    assert MAX_BODY_BYTES <= found.size < 2 * MAX_BODY_BYTES
    assert found.failure is None


def reset(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize(
    ("serve", "failure", "reason"),
    [
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), FetchFailure.CLOSED_EARLY, ""),
        (answering(b""), FetchFailure.CLOSED_EARLY, ""),
        (answering(b"220 mail ESMTP\r\n"), FetchFailure.NO_HTTP, "the answer is not HTTP"),
        (reset, FetchFailure.RESET, ""),
    ],
)
def test_a_server_that_breaks_off_is_named(
    peer: KernelPeer, serve: Serve, failure: FetchFailure, reason: str
) -> None:
    with serving(peer, serve):
        found, _ = fetch(peer)
    assert (found.failure, found.reason) == (failure, reason)


def test_a_port_where_nothing_listens_is_refused(peer: KernelPeer) -> None:
    found, run = fetch(peer, port=1)
    assert (found.failure, run.phase) == (FetchFailure.REFUSED, Phase.CONNECT)


def test_tls_with_a_certificate_for_that_address_is_accepted(peer: KernelPeer, tmp_path: FilePath) -> None:
    certificates = Certificates(tmp_path)
    server = certificates.server(x509.IPAddress(ip_address(str(THEIRS))))

    def serve(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(1000)
            encrypted.sendall(whole(bytes(100_000)))

    client = ssl.create_default_context(cafile=str(certificates.authority))
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with serving(peer, serve):
        found, _ = fetch(peer, Path(loss=0.02, seed=3), client)
    assert (found.failure, found.status, found.size) == (None, 200, 100_000)
    times = (found.connected_at, found.encrypted_at, found.responded_at)
    assert list(times) == sorted(each for each in times if each)


def test_tls_with_a_certificate_for_another_name_is_refused_with_the_reason(
    peer: KernelPeer, tmp_path: FilePath
) -> None:
    certificates = Certificates(tmp_path)
    server = certificates.server(x509.DNSName("another.example"))

    def serve(connection: socket.socket) -> None:
        with pytest.raises(OSError, match=r"alert|reset|EOF|violation"):
            server.wrap_socket(connection, server_side=True)

    client = ssl.create_default_context(cafile=str(certificates.authority))
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with serving(peer, serve):
        found, run = fetch(peer, context=client)
    assert (found.failure, run.phase) == (FetchFailure.TLS, Phase.TLS)
    assert "10.99.0.1" in found.reason
