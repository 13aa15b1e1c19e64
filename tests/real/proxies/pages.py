"""Pages for proxies to fetch, and a relay in front of a server that blocks in certain ways."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.real.proxies.certificates import SelfSigned

LOOPBACK = "127.0.0.1"
LARGE = 200_000
CLOCK_OFFSET_S = 7200
_LATENCY_S = 0.003
"""mihomo takes a delay of 0 ms for an error."""


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        time.sleep(_LATENCY_S)
        match self.path:
            case "/204":
                self._answer(204, b"")
            case "/large":
                self._answer(200, bytes(LARGE))
            case "/address":
                self._answer(200, f"{self.client_address[0]}\n".encode())
            case _:
                self._answer(404, b"<html>nothing here</html>")

    do_HEAD = do_GET  # noqa: N815  the name that the base class looks for

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the base class
        """Log nothing."""


class Fallback(Pages):
    """A web site that answers everything, also what is no HTTP, with a page and status 200.

    Like many sites, it sends another token with each page.
    """

    def handle(self) -> None:
        with suppress(OSError):
            self.connection.recv(4096)
            body = f"<html>welcome {secrets.token_hex(8)}</html>".encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            self.connection.sendall(head.encode() + body)


class OtherClock(Pages):
    """The same pages of a machine whose clock is two hours behind."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) - CLOCK_OFFSET_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that end the connection early: the tests expect them."""


@contextmanager
def pages(
    port: int, kind: type[BaseHTTPRequestHandler] = Pages, certificate: SelfSigned | None = None
) -> Iterator[None]:
    """Serve pages on a port of loopback, in the namespace of this thread; over TLS with a certificate."""
    server = _Server((LOOPBACK, port), kind)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile("w") as pem:
            pem.write(certificate.certificate + certificate.key)
            pem.flush()
            context.load_cert_chain(pem.name)
        # Servers without ML-KEM still exist, and REALITY must answer as one of them does.
        context.set_ecdh_curve("X25519")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class TcpRelay:
    """Passes connections on. `accepts` tells by its number whether a connection is reset at its first data.

    After `freeze_after` bytes from the server nothing more is passed on. `swallows`: no answer ever is. A
    connection whose first data has `blocks` in it is reset, too.
    """

    def __init__(
        self,
        port: int,
        server_port: int,
        *,
        accepts: Callable[[int], bool] = lambda _: True,
        freeze_after: int | None = None,
        swallows: bool = False,
        blocks: bytes = b"",
    ) -> None:
        self._server_port, self._accepts = server_port, accepts
        self._freeze_after, self._swallows, self._blocks = freeze_after, swallows, blocks
        self._listener = socket.create_server((LOOPBACK, port))
        self._number = 0
        self._open: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End all connections."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._number += 1
            self._open.append(client)
            self._start(self._serve, client, self._number)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket, number: int) -> None:
        with suppress(OSError):
            first = client.recv(65536)
            if not self._accepts(number) or (self._blocks and self._blocks in first):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(client.detach())
                return
            if self._swallows:
                while client.recv(65536):
                    pass
                return
            server = socket.create_connection((LOOPBACK, self._server_port))
            self._open.append(server)
            server.sendall(first)
            self._start(self._copy_back, server, client)
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _copy_back(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := server.recv(4096):
                passed += len(data)
                if self._freeze_after is None or passed <= self._freeze_after:
                    client.sendall(data)
            if self._freeze_after is None or passed <= self._freeze_after:
                client.shutdown(socket.SHUT_WR)
