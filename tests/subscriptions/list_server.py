"""A provider: an HTTP server in a thread that answers as a test says, and notes what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread


class ListServer:
    """Answers each request with `answer`. `asked` are the paths and the Authorization headers."""

    def __init__(self, server: HTTPServer) -> None:
        self.port = server.server_port
        self.asked: list[tuple[str, str | None]] = []
        self.body = b""
        self.status = 200
        self.location = ""
        self.userinfo = ""
        self.is_cut = False
        self.before_body: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        """The address, with a token."""
        return f"http://127.0.0.1:{self.port}/list?token=SECRETTOKEN"


@contextmanager
def list_server() -> Iterator[ListServer]:
    """Run a provider."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(known.status)
            if known.location:
                self.send_header("Location", known.location)
            if known.userinfo:
                self.send_header("Subscription-Userinfo", known.userinfo)
            self.send_header("Content-Length", str(len(known.body) + known.is_cut))
            self.end_headers()
            known.before_body()
            self.wfile.write(known.body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        known = ListServer(server)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()
