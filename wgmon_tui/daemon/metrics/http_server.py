"""Small HTTP/1.1 server for GET and HEAD. It shares the event loop with the checks; clients cannot block it.

h11 parses and formats the protocol, without sockets. This module sets the limits: the number of clients, the
size of a request's head, and the time to send a request and to read the answer. When the limit of clients is
reached, the client that has been idle longest is disconnected.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

import h11

from wgmon_tui.daemon.metrics.host_header import AllowedHosts
from wgmon_tui.text import quoted

MAX_CLIENTS = 64
MAX_HEAD_BYTES = 16_384
"""Bytes of a request's line and headers."""

_REQUEST_TIMEOUT_S = 30.0
"""The time for a client to send its next request, from the connection or the end of the last answer."""

_SEND_TIMEOUT_S = 60.0
"""The time for a client to read an answer."""

_CLOSE_TIMEOUT_S = 2.0
"""The time for a client to close the connection after this server did."""

_CHUNK_BYTES = 262_144
"""Bytes written before other tasks run: a fraction of a millisecond."""

_READ_BYTES = 4_096  # a complete head exceeds MAX_HEAD_BYTES by at most this
_MAX_PARAMETERS = 32
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. Header names are in lower case; of a repeated parameter, the first value counts.

    `hosts` are the Host header and the host of the request target; a request may have one, both or none.
    """

    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response, with its body in parts."""

    status: HTTPStatus
    body: tuple[bytes, ...]
    content_type: str = _PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)


def text_response(status: HTTPStatus, text: str, **headers: str) -> HttpResponse:
    """A response with one line of text. Keyword arguments are headers, for example `Retry_After="3"`."""
    return HttpResponse(
        status, (f"{text}\n".encode(),), headers={key.replace("_", "-"): headers[key] for key in headers}
    )


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


@dataclass(slots=True)
class _Client:
    writer: asyncio.StreamWriter
    is_idle: bool = True


class HttpServer:
    """Accepts clients and passes their requests to `handle` while it runs."""

    def __init__(
        self,
        listening: socket.socket,
        handle: Handler,
        fault: Callable[[str], None],
        hosts: Iterable[str] = (),
    ) -> None:
        """`fault` gets one line for each exception that `handle` raises; the client gets a 500.

        `hosts` are the names of this server, see `AllowedHosts`.
        """
        self._listening = listening
        self._allowed_hosts = AllowedHosts(listening.getsockname()[0], hosts)
        self._handle = handle
        self._fault = fault
        self._clients: dict[asyncio.Task[None], _Client] = {}

    async def run(self) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._accept, sock=self._listening, limit=_CHUNK_BYTES)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            clients = list(self._clients)
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MAX_CLIENTS and not self._close_idle_client():
            writer.transport.abort()
            return
        client = _Client(writer)
        task = asyncio.create_task(self._run_client(reader, client), name="metrics client")
        self._clients[task] = client
        task.add_done_callback(lambda ended: self._clients.pop(ended, None))

    def _close_idle_client(self) -> bool:
        """Disconnect the client that has been idle longest; False if no client is idle."""
        for task, client in self._clients.items():
            if client.is_idle:
                del self._clients[task]
                task.cancel()
                return True
        return False

    def _mark_active(self, client: _Client) -> None:
        """Move a client to the end of the order in which idle clients are disconnected."""
        task = asyncio.current_task()
        if task and self._clients.pop(task, None):
            self._clients[task] = client

    async def _run_client(self, reader: asyncio.StreamReader, client: _Client) -> None:
        # It ends when the client disconnects, is too slow, or does not speak HTTP.
        with suppress(OSError):
            try:
                connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
                while await self._exchange(connection, reader, client):
                    connection.start_next_cycle()
                    self._mark_active(client)
            finally:
                client.writer.transport.abort()

    async def _exchange(
        self, connection: h11.Connection, reader: asyncio.StreamReader, client: _Client
    ) -> bool:
        """Serve one request; whether the connection may carry another one. Raises OSError."""
        client.is_idle = True
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                raw_request = await _next_request(connection, reader)
        except h11.RemoteProtocolError as error:
            if connection.our_state is h11.IDLE:
                refused = text_response(HTTPStatus(error.error_status_hint), str(error), Connection="close")
                await _answer(connection, client.writer, refused)
                await _close_gracefully(reader, client.writer)
            return False
        if raw_request is None:
            return False
        client.is_idle = False
        has_no_body = not _has_two_lengths(raw_request) and _is_request_complete(connection)
        response = await self._response(raw_request)
        await _answer(connection, client.writer, response, head_only=raw_request.method == b"HEAD")
        if has_no_body and connection.our_state is h11.DONE:
            return True
        await _close_gracefully(reader, client.writer)
        return False

    async def _response(self, raw_request: h11.Request) -> HttpResponse:
        if _has_two_lengths(raw_request):
            why = "the request has both Content-Length and Transfer-Encoding"
            return text_response(HTTPStatus.BAD_REQUEST, why, Connection="close")
        if raw_request.method not in (b"GET", b"HEAD"):
            return text_response(HTTPStatus.METHOD_NOT_ALLOWED, "use GET or HEAD", Allow="GET, HEAD")
        try:
            request = _read(raw_request)
        except ValueError:
            return text_response(HTTPStatus.BAD_REQUEST, "the request target is not a valid path")
        refused = next((host for host in request.hosts if not self._allowed_hosts.allows(host)), None)
        if refused is not None:
            why = f"this server does not answer to the host {quoted(refused)}; see run --metrics-host"
            return text_response(HTTPStatus.MISDIRECTED_REQUEST, why)
        try:
            return await self._handle(request)
        except Exception as fault:  # noqa: BLE001 - logged, and the checks continue
            self._fault(f"metrics: internal error: {fault!r}")
            return text_response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the log of wgmon-tui")


async def _next_request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """None if the client has closed the connection. Raises OSError and h11.RemoteProtocolError."""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        else:
            return event if isinstance(event, h11.Request) else None


def _is_request_complete(connection: h11.Connection) -> bool:
    """Whether the request has no body. A body is not accepted."""
    try:
        return isinstance(connection.next_event(), h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return False


def _has_two_lengths(raw_request: h11.Request) -> bool:
    """Whether a proxy may see another end of this request than this server (RFC 9112, section 6.3)."""
    names = {name for name, _ in raw_request.headers}
    return {b"content-length", b"transfer-encoding"} <= names


def _read(raw_request: h11.Request) -> HttpRequest:
    """Parse a request. Raises ValueError."""
    target = urlsplit(raw_request.target.decode("ascii"))
    parameters = parse_qs(
        target.query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
    )
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in raw_request.headers}
    return HttpRequest(
        unquote(target.path, errors="strict"),
        {name: values[0] for name, values in parameters.items()},
        headers,
        tuple(host for host in (headers.get("host"), target.netloc) if host),
    )


async def _answer(
    connection: h11.Connection,
    writer: asyncio.StreamWriter,
    response: HttpResponse,
    *,
    head_only: bool = False,
) -> None:
    """Send a response. Raises OSError (TimeoutError is one) for a client that does not read it."""
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(sum(map(len, response.body))),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **response.headers,
    }
    status = response.status
    head = h11.Response(status_code=int(status), headers=list(headers.items()), reason=status.phrase)
    async with asyncio.timeout(_SEND_TIMEOUT_S):
        writer.write(connection.send(head))
        for part in () if head_only else response.body:
            for start in range(0, len(part), _CHUNK_BYTES):
                writer.write(connection.send(h11.Data(part[start : start + _CHUNK_BYTES])))
                await writer.drain()
                await asyncio.sleep(0)  # drain() alone does not yield while the client reads fast enough
        writer.write(connection.send(h11.EndOfMessage()))
        await writer.drain()


async def _close_gracefully(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close so that the answer arrives: unread data from the client would cause a reset."""
    writer.write_eof()
    async with asyncio.timeout(_CLOSE_TIMEOUT_S):
        while await reader.read(_CHUNK_BYTES):
            pass
