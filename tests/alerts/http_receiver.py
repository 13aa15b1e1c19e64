"""HTTP server on loopback that records requests, and answers correctly or wrongly as a test needs."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Self, cast

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = b""
"""Read the request and close without a response."""
HANG = b"(silence)"
"""Read the request and send nothing until the end of the test."""
_DRIP_EVERY_S = 0.01
_TLS_HELLO = 0x16


def answer(status: int, body: str = "", **headers: str) -> bytes:
    """Return a response with this status; `Retry_After="3"` is a header."""
    lines = [f"HTTP/1.1 {status} as the server calls it", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(frozen=True, slots=True)
class Heard:
    """A recorded request. The names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.body))


class Receiver:
    """Server that answers the first request with the first of `answers`, and so on; the last one repeats.

    `drip` sends an answer byte by byte, slowly; `tls` speaks TLS.
    """

    def __init__(self, *answers: bytes, tls: ssl.SSLContext | None = None, drip: bool = False) -> None:
        self.heard: list[Heard] = []
        self._answers = list(answers) or [OK]
        self._tls, self._drip = tls, drip
        self._over = Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._accepting = Thread(target=self._accept, daemon=True)
        self.port: int = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.gone = Event()
        """Set when the client has closed the connection during a HANG or a drip."""

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(30)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), plain:
            plain.settimeout(60)
            with self._tls.wrap_socket(plain, server_side=True) if self._tls else plain as connection:
                self.heard.append(_request(connection))
                place = min(len(self.heard), len(self._answers)) - 1
                self._answer(connection, self._answers[place])

    def _answer(self, connection: socket.socket, text: bytes) -> None:
        if text is HANG:
            connection.settimeout(0.05)
            while not self._over.is_set():
                with suppress(TimeoutError):
                    if not connection.recv(1):
                        self.gone.set()
                        return
        elif self._drip:
            try:
                for place in range(len(text)):
                    if self._over.wait(_DRIP_EVERY_S):
                        return
                    connection.sendall(text[place : place + 1])
            except OSError:
                self.gone.set()
        else:
            connection.sendall(text)


def _request(connection: socket.socket) -> Heard:
    read = b""
    while b"\r\n\r\n" not in read:
        more = connection.recv(65536)
        if not more or more[0] == _TLS_HELLO:
            raise ConnectionError
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Heard(method, path, headers, body)
