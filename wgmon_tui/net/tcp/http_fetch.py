"""A fetch of one URL over a TCP client, in phases: connect, TLS, request, body. Sans-I/O.

The requests are HTTP/1.1 with `Connection: close`. Redirects are not followed: the status is the answer.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import Enum

import h11

from wgmon_tui.net.tcp.client import (
    Connected,
    ConnectionReset,
    DataReceived,
    GaveUp,
    PeerFinished,
    State,
    TcpClient,
)

MAX_BODY_BYTES = 4 * 2**20
"""What a fetch reads at most; the rest is not needed to judge a service."""

KEPT_BODY_BYTES = 64 * 1024
"""The part of the body in which a text is searched."""

_MAX_HEAD_BYTES = 32 * 1024
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
class Url:
    """What to fetch. `host` is the name in TLS and in the Host header; `path` begins with a slash."""

    host: str
    port: int
    path: str = "/"
    is_tls: bool = False

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch has got so far. Times are seconds from the start; None for a phase that was not reached.

    `body` is the first part of the body, `size` the bytes of it that arrived. `reason` is a phrase for TLS and
    HTTP errors, which names no secret.
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
    def bytes_per_second(self) -> float | None:
        """The rate of the body; None without one."""
        if self.responded_at is None or not self.size:
            return None
        end = self.ended_at if self.ended_at is not None else self.last_progress_at
        return self.size / max(end - self.responded_at, 1e-6)


class HttpFetch:
    """One fetch. The owner carries the segments of `tcp`, then calls `update`."""

    def __init__(self, url: Url, tcp: TcpClient, now: float, context: ssl.SSLContext | None = None) -> None:
        """`context` is that of TLS, for a URL that needs it. The SYN is sent at once."""
        self.tcp = tcp
        self.phase = Phase.CONNECT
        self.is_over = False
        self._url, self._began = url, now
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._tls = _Tls(context, url.host) if url.is_tls and context else None
        self._found: dict[str, object] = {}
        self._body = bytearray()
        self._size = 0
        self._last_progress = now
        tcp.connect(now)

    @property
    def result(self) -> FetchResult:
        """What was got so far."""
        return FetchResult(
            **self._found,  # type: ignore[arg-type]
            size=self._size,
            body=bytes(self._body),
            last_progress_at=self._last_progress - self._began,
        )

    def update(self, now: float) -> None:
        """Take the events of the TCP client."""
        for event in self.tcp.events():
            if self.is_over:
                return
            self._last_progress = now
            match event:
                case Connected():
                    self._found["connected_at"] = now - self._began
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
            self._found["encrypted_at"] = now - self._began
            self._request(now)
        if plain:
            self._receive_http(plain, now)

    def _request(self, now: float) -> None:
        self.phase = Phase.RESPONSE
        headers = [("Host", self._url.authority), ("User-Agent", "wgmon-tui"), ("Connection", "close")]
        request = h11.Request(method="GET", target=self._url.path, headers=headers)
        data = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        if self._tls is not None:
            data = self._tls.encrypt(data)
        self.tcp.write(data, now)

    def _receive(self, data: bytes, now: float) -> None:
        if self._tls is not None:
            self._exchange_tls(data, now)
        else:
            self._receive_http(data, now)

    def _receive_http(self, data: bytes, now: float) -> None:
        try:
            self._http.receive_data(data)
            while not self.is_over:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._take(event, now)
        except h11.RemoteProtocolError as error:
            is_early = not data
            self._fail(FetchFailure.CLOSED_EARLY if is_early else FetchFailure.NO_HTTP, now, str(error))

    def _take(self, event: object, now: float) -> None:
        if isinstance(event, h11.Response):
            self.phase = Phase.BODY
            self._found["status"] = event.status_code
            self._found["responded_at"] = now - self._began
        elif isinstance(event, h11.Data):
            self._size += len(event.data)
            self._body += event.data[: KEPT_BODY_BYTES - len(self._body)]
            if self._size >= MAX_BODY_BYTES:
                self._finish(now)
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            self._finish(now)

    def _end_of_data(self, now: float) -> None:
        if self.phase in (Phase.CONNECT, Phase.TLS):
            self._fail(FetchFailure.CLOSED_EARLY, now)
        else:
            self._receive_http(b"", now)

    def _fail(self, failure: FetchFailure, now: float, reason: str = "") -> None:
        self._found |= {"failure": failure, "reason": reason}
        self._finish(now)

    def _finish(self, now: float) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._found["ended_at"] = now - self._began
        if self._size >= MAX_BODY_BYTES:
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
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            pass
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
