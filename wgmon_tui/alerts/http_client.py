"""The one HTTP client of the alerts: a request, its answer, and what an answer that is no yes means.

The standard library's: the bastion install gets no dependency for it. Redirects are not followed, because
URL, headers and body may hold secrets that were meant for one place. A reason holds nothing of the URL, and
of the answer only what a sink knows to be a word of its service.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, InvalidURL
from pathlib import Path
from threading import Timer
from urllib.error import URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from wgmon_tui import __version__
from wgmon_tui.alerts.models import GiveUpError, RetryError
from wgmon_tui.text import format_limit, printable

_LONGEST_ANSWER = 8192
_LONGEST_WAIT_S = 3600.0
_LONGEST_WORDS = 120
_SECRET_LENGTH = 6
_CA_FILES = 16

_NEVER_TAKEN = frozenset({400, 413, 415, 422})
"""The answers that say that the message itself is at fault: the same message gets the same answer.

All others, 404 and 401 too, are mended by somebody: in config.toml, in a file that holds a token, over there.
"""


@dataclass(frozen=True, slots=True)
class SinkResponse:
    """What came back, of its body the first 8 KiB. `retry_after` is in seconds, where it was said."""

    status: int
    retry_after: float | None = None
    body: bytes = field(default=b"", repr=False)

    @property
    def is_accepted(self) -> bool:
        """Whether the message was accepted."""
        return 200 <= self.status < 300

    def json(self) -> Mapping[str, object]:
        """The body as a JSON object; an empty one where it is anything else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, limit_s: float, ca_file: str | None = None
) -> SinkResponse:
    """The answer to a POST, whatever its status. Raises RetryError where none came within `limit_s` seconds.

    The status decides: an answer that breaks off behind it is one.
    """
    deadline = time.monotonic() + limit_s
    opened: list[HTTPConnection] = []

    def cut() -> None:
        # The socket's own time limit starts anew with every byte that comes.
        for connection in opened:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    cutting = Timer(limit_s, cut)
    cutting.daemon = True
    cutting.start()
    try:
        request = _request(url, body, headers)
        tls = tls_context(ca_file) if request.type == "https" else None
        with _opener(tls, opened).open(request, timeout=limit_s) as response:
            return SinkResponse(
                response.status, _seconds_to_wait(response.headers), _read_head(response, deadline)
            )
    except (OSError, HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, URLError) else error
        late = time.monotonic() >= deadline
        raise RetryError(phrase(TimeoutError() if late else cause, limit_s)) from None
    finally:
        cutting.cancel()


def refusal(
    answer: SinkResponse, said: str = "", after: float | None = None, *, mendable: bool = False
) -> RetryError | GiveUpError:
    """What to raise for an answer that is no yes.

    `said` is what the service gave as its reason, `after` when it wants to hear of us again, in seconds,
    where it says so in a form of its own; `mendable` says that the message is not to blame for a 400.
    """
    reason = f"HTTP {answer.status}{_phrase_of(answer.status)}{f': {said}' if said else ''}"
    if answer.status in _NEVER_TAKEN and not mendable:
        return GiveUpError(reason)
    if 300 <= answer.status < 400:
        return RetryError(f"{reason}; redirects are not followed: put the final URL into its url")
    wait = answer.retry_after if after is None else after
    return RetryError(reason, None if wait is None else min(max(wait, 0.0), _LONGEST_WAIT_S))


def service_reason(text: object, *secrets: str) -> str:
    """What a service says of a refusal, on one short line; nothing where a part of a secret comes back."""
    if not isinstance(text, str) or any(len(each) >= _SECRET_LENGTH and each in text for each in secrets):
        return ""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _LONGEST_WORDS else line[: _LONGEST_WORDS - 1] + "…"


def number(value: object) -> float | None:
    """A JSON value as a number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def json_body(value: Mapping[str, object] | Sequence[Mapping[str, object]]) -> bytes:
    """JSON for a body: ASCII, whatever its strings hold."""
    return json.dumps(value, separators=(",", ":")).encode()


JSON_HEADERS = {"Content-Type": "application/json"}


def _request(url: str, body: bytes, headers: Mapping[str, str]) -> Request:
    """A user and password in the URL become the header that says the same. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no URL")
    sent = {"User-Agent": f"wgmon-tui/{__version__}", **headers}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        sent["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return Request(urlunsplit(parts), body, sent, method="POST")  # noqa: S310  the scheme was looked at


def _opener(tls: ssl.SSLContext | None, opened: list[HTTPConnection]) -> OpenerDirector:
    """Handlers for HTTP or HTTPS and the environment's proxies, and for nothing else: not for redirects.

    Each connection is put into `opened`.
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


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """What verifies a server's certificate: by the authorities in `ca_file`, or else by the system's.

    Raises OSError.
    """
    return _cached_tls_context(ca_file, Path(ca_file).stat().st_mtime_ns if ca_file else 0)


@lru_cache(_CA_FILES)
def _cached_tls_context(ca_file: str | None, _written_ns: int) -> ssl.SSLContext:
    # Kept: the system's bundle takes 50 ms to read.
    return ssl.create_default_context(cafile=ca_file)


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
    """What Retry-After says (RFC 9110 §10.2.3): seconds, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _phrase_of(status: int) -> str:
    """The standard's name of a status, after a space; not the server's own, which may say anything."""
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def phrase(error: object, limit_s: float) -> str:
    """What went wrong on the way there, in words that hold nothing of where that is."""
    match error:
        case InvalidURL():
            return _NO_URL
        case TimeoutError():
            return f"no answer within {format_limit(limit_s)}"
        case ssl.SSLCertVerificationError(verify_code=code, verify_message=said):
            what = "it is not for this host" if code in _OTHER_HOST else said
            return f"its certificate is not trusted: {what}; ca_file names an authority of your own"
        case ssl.SSLError():
            return "no TLS could be agreed on; is it a https port?"
        case socket.gaierror():
            return "the name of its host does not resolve"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionError() | EOFError() | HTTPException():
            return "the connection was closed before an answer came"
        case FileNotFoundError() | PermissionError():
            return f"ca_file cannot be read: {error.strerror}"
        case OSError(strerror=str(said)):
            return f"cannot connect: {said}"
        case _:
            return _NO_URL


_NO_URL = "there is no valid URL in its url; expected https://…"
_OTHER_HOST = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and its kind for addresses: their message names the host."""
