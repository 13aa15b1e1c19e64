"""One HTTP/1.1 connection to an API: requests one after the other, with the time of each step.

h11 reads the responses. An HTTP library with a pool would hide what this check is about: which address was
asked, and how long connection and TLS took. Redirects are not followed, so that the token stays with the host
that it is for. The size of a response is limited.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import h11

from wgmon_tui.control_planes.json_fields import LARGEST_BODY
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.http_target import Url

_SWITCHING_PROTOCOLS = 101
_LARGEST_HEAD = 64 * 1024
_CHUNK = 64 * 1024
_NEXT_PAGE = re.compile(rb';\s*rel="?next\b', re.IGNORECASE)


class TooLargeError(Exception):
    """The body is larger than LARGEST_BODY."""


class NoHttpError(Exception):
    """The bytes are no valid HTTP response, or end too early. The message is a phrase."""


class CutOffError(NoHttpError):
    """The connection ended after the head of a response, and before its end."""


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response. `seconds` is the time until its head; `retry_after` is that header, "" for none.

    `has_more` tells whether it names a next page (RFC 8288), so that it is not the whole answer.
    """

    status: int
    seconds: float
    retry_after: str = ""
    has_more: bool = False
    body: bytes = field(default=b"", repr=False)


class HttpConnection:
    """Open it once with `connect` or `connect_locally`, and with `start_tls` for https."""

    def __init__(self, url: Url, headers: Mapping[str, str]) -> None:
        """`headers` are sent only with requests that need the token."""
        self._url, self._headers = url, headers
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._http = h11.Connection(h11.CLIENT, _LARGEST_HEAD)
        self._has_head = False
        """Whether the head of the present response has come."""

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent."""
        return self._writer is not None and self._http.our_state is h11.IDLE

    @property
    def certificate_end(self) -> float | None:
        """Until when the certificate of the server is valid, in Unix seconds; None without TLS."""
        certificate = self._writer.get_extra_info("peercert") if self._writer else None
        end = certificate.get("notAfter") if certificate else None
        return ssl.cert_time_to_seconds(end) if isinstance(end, str) else None

    async def connect(self, address: Address) -> None:
        """Connect to one address of the host. Raises OSError."""
        self.close()
        self._http = h11.Connection(h11.CLIENT, _LARGEST_HEAD)
        self._reader, self._writer = await asyncio.open_connection(str(address), self._url.port)

    async def connect_locally(self, path: str) -> None:
        """Connect to a Unix socket of this machine. Raises OSError."""
        self.close()
        self._http = h11.Connection(h11.CLIENT, _LARGEST_HEAD)
        self._reader, self._writer = await asyncio.open_unix_connection(path)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Begin TLS, and check the certificate. Raises ssl.SSLError, OSError."""
        assert self._writer is not None  # noqa: S101
        await self._writer.start_tls(context, server_hostname=self._url.host)

    async def get(self, path: str, *, with_token: bool) -> ApiResponse:
        """Send a GET request for a path below the URL, and read the response.

        Raises NoHttpError, CutOffError, TooLargeError, OSError.
        """
        reader, writer = self._reader, self._writer
        assert reader is not None and writer is not None  # noqa: S101, PT018
        began = time.monotonic()
        headers = [
            ("Host", self._url.authority),
            ("User-Agent", "wgmon-tui"),
            ("Accept", "application/json"),
            *(self._headers.items() if with_token else ()),
        ]
        try:
            request = h11.Request(method="GET", target=self._url.path.rstrip("/") + path, headers=headers)
        except h11.LocalProtocolError:
            raise NoHttpError("the token has characters that no HTTP header may have") from None
        writer.write(self._http.send(request) + self._http.send(h11.EndOfMessage()))
        await writer.drain()
        try:
            return await self._read(reader, began)
        except h11.RemoteProtocolError:
            if self._http.their_state is h11.ERROR and self._has_head and reader.at_eof():
                raise CutOffError("the connection ended before the answer did") from None
            raise NoHttpError("the answer is not valid HTTP, or ended too early") from None

    async def _read(self, reader: asyncio.StreamReader, began: float) -> ApiResponse:
        status, seconds, retry_after, has_more, body = 0, 0.0, "", False, bytearray()
        self._has_head = False
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await reader.read(_CHUNK))
            elif isinstance(event, h11.InformationalResponse) and event.status_code == _SWITCHING_PROTOCOLS:
                return ApiResponse(event.status_code, time.monotonic() - began)
            elif isinstance(event, h11.Response):
                status, seconds = event.status_code, time.monotonic() - began
                self._has_head = True
                headers = dict(event.headers)
                retry_after = headers.get(b"retry-after", b"").decode("latin-1")
                has_more = _NEXT_PAGE.search(headers.get(b"link", b"")) is not None
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST_BODY:
                    raise TooLargeError
            elif isinstance(event, h11.EndOfMessage):
                if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                    self._http.start_next_cycle()
                return ApiResponse(status, seconds, retry_after, has_more, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise NoHttpError("the connection ended before the answer did")

    def close(self) -> None:
        """Close the connection at once."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
