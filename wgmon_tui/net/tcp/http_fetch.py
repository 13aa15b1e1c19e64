"""A fetch of one URL over a TCP client, in phases: connect, TLS, request, body. Sans-I/O.

The requests are HTTP/1.1 with `Connection: close`. Redirects are not followed: the status is the answer.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from enum import Enum

from wgmon_tui.net.http_target import Url
from wgmon_tui.net.tcp.client import State, TcpClient
from wgmon_tui.net.tcp.events import Connected, ConnectionReset, DataReceived, GaveUp, PeerFinished
from wgmon_tui.net.tcp.http_response import HttpError, ResponseParser

MAX_BODY_BYTES = 2**20
"""What a fetch reads at most; the rest is not needed to judge a service."""

_LEAST_MEASURED_BYTES = 16 * 1024
"""A smaller body arrives at once: its time says nothing about a rate."""

_CHUNK = 16 * 1024


class Phase(Enum):
    """What a fetch waits for. The value is the word for it."""

    CONNECT = "connect"
    TLS = "TLS"
    RESPONSE = "response"
    BODY = "body"


class FetchFailure(Enum):
    """Why a fetch ended without a whole response."""

    REFUSED = "refused"
    RESET = "reset"
    CLOSED_EARLY = "closed early"
    NO_ACKNOWLEDGEMENT = "no acknowledgement"
    TLS = "TLS"
    NO_HTTP = "no HTTP"


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch has got so far. Times are seconds from the start; None for a phase that was not reached.

    `body` is the first part of the body, `size` the bytes of it that arrived. `reason` is a phrase for errors
    of TLS and HTTP, without anything secret.
    """

    connected_at: float | None = None
    encrypted_at: float | None = None
    status: int | None = None
    responded_at: float | None = None
    ended_at: float | None = None
    size: int = 0
    body: bytes = b""
    failure: FetchFailure | None = None
    reason: str = ""
    last_progress_at: float = 0.0

    @property
    def bytes_per_second(self) -> int | None:
        """The rate of the body; None for one that is too small to tell."""
        if self.responded_at is None or self.size < _LEAST_MEASURED_BYTES:
            return None
        return round(self.size / max(self.last_progress_at - self.responded_at, 1e-3))


class HttpFetch:
    """One fetch. The owner carries the segments of `tcp`, then calls `update`."""

    def __init__(self, url: Url, tcp: TcpClient, now: float, context: ssl.SSLContext | None = None) -> None:
        """`context` is that of TLS, for a URL that needs it. The SYN is sent at once."""
        self.tcp = tcp
        self.phase = Phase.CONNECT
        self.is_over = False
        self.has_begun_response = False
        """Whether any byte of the response has arrived."""
        self.last_progress = now
        """When something new arrived last."""
        self._url, self._began = url, now
        self._response = ResponseParser()
        self._tls = _Tls(context, url.host) if url.is_tls and context else None
        self._found = FetchResult()
        tcp.connect(now)

    @property
    def result(self) -> FetchResult:
        """What was got so far."""
        return replace(
            self._found,
            status=self._response.status,
            size=self._response.size,
            body=bytes(self._response.body),
            last_progress_at=self.last_progress - self._began,
        )

    def update(self, now: float) -> None:
        """Take the events of the TCP client."""
        for event in self.tcp.events():
            if self.is_over:
                return
            self.last_progress = now
            match event:
                case Connected():
                    self._found = replace(self._found, connected_at=now - self._began)
                    self._begin(now)
                case DataReceived(data):
                    self._receive(data, now)
                case PeerFinished():
                    self._end_of_data(now)
                case ConnectionReset(refused):
                    self._fail(FetchFailure.REFUSED if refused else FetchFailure.RESET, now)
                case GaveUp():
                    self._fail(FetchFailure.NO_ACKNOWLEDGEMENT, now)

    def stop(self, now: float) -> None:
        """End a fetch whose time is over. What was got stays."""
        self._finish(now)

    def _begin(self, now: float) -> None:
        if self._tls is None:
            self._request(now)
        else:
            self.phase = Phase.TLS
            self._exchange_tls(b"", now)

    def _exchange_tls(self, data: bytes, now: float) -> None:
        assert self._tls is not None  # noqa: S101
        try:
            plain, is_ready = self._tls.receive(data)
        except ssl.SSLError as error:
            self.tcp.write(self._tls.to_send(), now)
            self._fail(FetchFailure.TLS, now, _tls_reason(error))
            return
        self.tcp.write(self._tls.to_send(), now)
        if is_ready and self.phase is Phase.TLS:
            self._found = replace(self._found, encrypted_at=now - self._began)
            self._request(now)
        if plain:
            self._receive_http(plain, now)

    def _request(self, now: float) -> None:
        self.phase = Phase.RESPONSE
        lines = (
            f"GET {self._url.path} HTTP/1.1",
            f"Host: {self._url.authority}",
            "User-Agent: wgmon-tui",
            "Accept: */*",
            "Connection: close",
        )
        data = "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")
        if self._tls is not None:
            data = self._tls.encrypt(data)
        self.tcp.write(data, now)

    def _receive(self, data: bytes, now: float) -> None:
        if self._tls is not None:
            self._exchange_tls(data, now)
        else:
            self._receive_http(data, now)

    def _receive_http(self, data: bytes, now: float) -> None:
        self.has_begun_response |= bool(data)
        try:
            self._response.receive(data)
        except HttpError as error:
            self._fail(FetchFailure.NO_HTTP, now, str(error))
            return
        if self._response.status is not None and self.phase is Phase.RESPONSE:
            self.phase = Phase.BODY
            self._found = replace(self._found, responded_at=now - self._began)
        if self._response.is_complete or self._response.size >= MAX_BODY_BYTES:
            self._finish(now)

    def _end_of_data(self, now: float) -> None:
        try:
            self._response.end()
        except HttpError:
            self._fail(FetchFailure.CLOSED_EARLY, now)
        else:
            self._finish(now)

    def _fail(self, failure: FetchFailure, now: float, reason: str = "") -> None:
        self._found = replace(self._found, failure=failure, reason=reason)
        self._finish(now)

    def _finish(self, now: float) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._found = replace(self._found, ended_at=now - self._began)
        if not self._response.is_complete:  # the rest of the body would still come
            self.tcp.abort()
        elif self.tcp.state is not State.CLOSED:
            self.tcp.close(now)


class _Tls:
    """TLS between two buffers: the standard library does the protocol."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._is_ready = False

    def receive(self, data: bytes) -> tuple[bytes, bool]:
        """Take bytes of the stream; return the plain ones, and whether the handshake is done."""
        self._incoming.write(data)
        plain = bytearray()
        try:
            if not self._is_ready:
                self._object.do_handshake()
                self._is_ready = True
            while chunk := self._object.read(_CHUNK):
                plain += chunk
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass  # nothing more for now, or at all
        return bytes(plain), self._is_ready

    def encrypt(self, data: bytes) -> bytes:
        self._object.write(data)
        return self.to_send()

    def to_send(self) -> bytes:
        return self._outgoing.read()


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return (error.reason or "unknown").lower().replace("_", " ")
