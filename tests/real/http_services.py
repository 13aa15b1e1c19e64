"""An HTTP service inside a tunnel, which answers by its path, or fails in a certain way."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.real.namespaces import entered
from wgmon_tui.net.addresses import Address

PORT = 8080
LARGE = 300_000


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        match self.path:
            case "/health":
                self._answer(200, b"all systems ready")
            case "/large":
                self._answer(200, bytes(LARGE))
            case "/500":
                self._answer(500, b"sorry")
            case "/early":
                self._answer(200, b"only a part", length=1000)
            case "/reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())
            case "/hang":
                self._hold()
            case "/stall":
                self._answer(200, bytes(30_000), length=LARGE)
                self._hold()

    def _answer(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _hold(self) -> None:
        """Keep the connection open until the client ends it."""
        self.connection.settimeout(30)
        self.connection.recv(1)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the base class
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that end the connection early: the tests expect them."""


@contextmanager
def http_service(namespace: str, address: Address, context: ssl.SSLContext | None = None) -> Iterator[None]:
    """Serve in a namespace, on PORT of an address."""
    with entered(namespace):
        server = _Server((str(address), PORT), _Handler, bind_and_activate=False)
        server.address_family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        server.socket.close()
        server.socket = socket.socket(server.address_family)
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.socket.bind((str(address), PORT))
        server.server_activate()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.socket.close()
        thread.join()
