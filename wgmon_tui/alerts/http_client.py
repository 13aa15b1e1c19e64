"""HTTP client of the sinks and of subscriptions: requests, responses, and the error for a rejected message.

It uses the standard library, so the bastion install needs no extra dependency. Redirects are not followed,
because URL, headers and body may contain secrets for one host. An error reason contains nothing of the URL,
and of the response only text that the sink knows to be an error code of its service.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, InvalidURL
from threading import Timer
from urllib.error import URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from wgmon_tui import __version__
from wgmon_tui.alerts.certificates import (
    CaFileError,
    UntrustedCertificateError,
    explain_rejection,
    tls_context,
)
from wgmon_tui.alerts.models import GiveUpError, RetryError
from wgmon_tui.text import format_limit, printable

_LONGEST_ANSWER = 8192
_LARGEST_NUMBER = 2.0**53
"""JSON has integers of any length; those below are exact in every program (RFC 8259 §6)."""
_LONGEST_WAIT_S = 3600.0
_LONGEST_WORDS = 120
_SECRET_LENGTH = 6

_PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Phrases of RFC 9110 that Python has from 3.13 on."""

_NEVER_TAKEN = frozenset({400, 413, 415, 422})
"""Status codes that blame the message itself: the same message always gets the same response.

All others, including 404 and 401, can be fixed: in config.toml, in a token file, or at the service.
"""


@dataclass(frozen=True, slots=True)
class SinkResponse:
    """A response with the first 8 KiB of its body. `retry_after` is in seconds, None if absent."""

    status: int
    retry_after: float | None = None
    body: bytes = field(default=b"", repr=False)

    @property
    def is_accepted(self) -> bool:
        """Return whether the message was accepted."""
        return 200 <= self.status < 300

    def json(self) -> Mapping[str, object]:
        """Parse the body as a JSON object; return an empty one if it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, limit_s: float, ca_file: str | None = None
) -> SinkResponse:
    """Send a POST and return the response, whatever its status. The time limit is `limit_s` seconds.

    A response counts once its status has arrived, even if its body is cut off. Raises RetryError.
    """
    with open_response("POST", url, body, headers, limit_s=limit_s, ca_file=ca_file) as (response, deadline):
        return SinkResponse(
            response.status, _seconds_to_wait(response.headers), _read_head(response, deadline)
        )


@contextmanager
def open_response(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    limit_s: float,
    ca_file: str | None = None,
) -> Iterator[tuple[HTTPResponse, float]]:
    """Send a request. Yields the response, whatever its status, and the deadline on the monotonic clock.

    The time limit includes what the caller reads. Raises RetryError, also for errors while it is read.
    """
    deadline = time.monotonic() + limit_s
    opened: list[HTTPConnection] = []

    def cut() -> None:
        # The socket's own timeout restarts with every byte received.
        for connection in opened:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    cutting = Timer(limit_s, cut)
    cutting.daemon = True
    cutting.start()
    try:
        request = _request(method, url, body, headers)
        tls = tls_context(ca_file) if request.type == "https" else None
        with _opener(tls, opened).open(request, timeout=limit_s) as response:
            yield response, deadline
    except (OSError, HTTPException, ValueError) as error:
        cause: object = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            cause = explain_rejection(
                cause, ca_file, lambda tls: _opener(tls, opened).open(request, timeout=limit_s)
            )
        late = time.monotonic() >= deadline
        raise RetryError(phrase(TimeoutError() if late else cause, limit_s)) from None
    finally:
        cutting.cancel()


def refusal(
    answer: SinkResponse, said: str = "", after: float | None = None, *, mendable: bool = False
) -> RetryError | GiveUpError:
    """Return the error to raise for a rejected message.

    `said` is the service's reason. `after` is the retry delay in seconds, if the service states it outside of
    the Retry-After header. With `mendable`, a 400 is not the fault of the message.
    """
    reason = f"HTTP {answer.status}{_phrase_of(answer.status)}{f': {said}' if said else ''}"
    if answer.status in _NEVER_TAKEN and not mendable:
        return GiveUpError(reason)
    if 300 <= answer.status < 400:
        return RetryError(f"{reason}; redirects are not followed; set url to the final URL")
    wait = answer.retry_after if after is None else after
    return RetryError(reason, None if wait is None else min(max(wait, 0.0), _LONGEST_WAIT_S))


def service_reason(text: object, *secrets: str) -> str:
    """Return a service's error text as one short line; "" if it repeats a part of a secret."""
    if not isinstance(text, str) or any(len(each) >= _SECRET_LENGTH and each in text for each in secrets):
        return ""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"


def number(value: object) -> float | None:
    """Return a JSON value as a number; None if it is not one, or none that anybody waits for or counts to."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST_NUMBER:
        return None
    return float(value)


def json_body(value: Mapping[str, object] | Sequence[Mapping[str, object]]) -> bytes:
    """Encode a JSON body. The output is ASCII, whatever its strings contain."""
    return json.dumps(value, separators=(",", ":")).encode()


JSON_HEADERS = {"Content-Type": "application/json"}


def _request(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Request:
    """Build the request. User and password in the URL become an Authorization header. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no URL")
    sent = {"User-Agent": f"wgmon-tui/{__version__}", **headers}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        sent["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return Request(urlunsplit(parts), body, sent, method=method)  # noqa: S310  the scheme is checked above


def _opener(tls: ssl.SSLContext | None, opened: list[HTTPConnection]) -> OpenerDirector:
    """Return an opener for HTTP or HTTPS and the environment's proxies, without redirects.

    Each connection is appended to `opened`.
    """

    class _RecordingHttpConnection(HTTPConnection):
        def connect(self) -> None:
            opened.append(self)
            super().connect()

    class _RecordingHttpsConnection(HTTPSConnection):
        def connect(self) -> None:
            opened.append(self)
            super().connect()

    class _HttpHandler(HTTPHandler):
        def http_open(self, req: Request) -> HTTPResponse:
            return self.do_open(_RecordingHttpConnection, req)

    class _HttpsHandler(HTTPSHandler):
        def https_open(self, req: Request) -> HTTPResponse:
            return self.do_open(_RecordingHttpsConnection, req, context=tls)

    opener = OpenerDirector()
    opener.add_handler(ProxyHandler())
    opener.add_handler(_HttpsHandler(context=tls) if tls else _HttpHandler())
    return opener


def _read_head(response: HTTPResponse, deadline: float) -> bytes:
    read = b""
    with suppress(OSError, HTTPException):
        while len(read) < _LONGEST_ANSWER and time.monotonic() < deadline:
            more = response.read1(_LONGEST_ANSWER - len(read))
            if not more:
                break
            read += more
    return read


def _seconds_to_wait(headers: Message) -> float | None:
    """Parse Retry-After (RFC 9110 §10.2.3), seconds or a date, into seconds."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _phrase_of(status: int) -> str:
    """Return the standard phrase of a status, after a space. The server's own phrase is not trusted."""
    if status in _PHRASES:
        return f" {_PHRASES[status]}"
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def phrase(error: object, limit_s: float) -> str:
    """Describe a connection error without any part of the URL."""
    match error:
        case InvalidURL():
            return _NO_URL
        case TimeoutError():
            return f"no answer within {format_limit(limit_s)}"
        case UntrustedCertificateError() | CaFileError():
            return str(error)
        case ssl.SSLError():
            return "the TLS handshake failed; check that the port uses TLS"
        case socket.gaierror():
            return "the host name does not resolve"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionError() | EOFError() | HTTPException():
            return "the connection was closed before an answer came"
        case FileNotFoundError() | PermissionError():
            return f"cannot read ca_file: {error.strerror}"
        case OSError(strerror=str(said)):
            return f"cannot connect: {said}"
        case _:
            return _NO_URL


_NO_URL = "url is not a valid URL; expected https://…"
