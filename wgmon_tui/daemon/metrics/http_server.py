"""A small HTTP/1.1 server for GET and HEAD, in the loop that checks: nobody at its other end can stall that.

h11 reads and writes the protocol; it has no sockets of its own. Here are the limits: so many clients, so much
time to ask, so long a head, so much time to take the answer. When there are too many clients, the one that
has said nothing for longest makes room.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

import h11

MAX_CLIENTS = 64
MAX_HEAD_BYTES = 16_384
"""Bytes of a request's line and headers."""

_REQUEST_TIMEOUT_S = 30.0
"""So long a client has for its next request, from the first byte or from the end of the last answer."""

_SEND_TIMEOUT_S = 60.0
"""So long a client has to take an answer."""

_CLOSE_TIMEOUT_S = 2.0
"""So long a client has to hang up after we have."""

_CHUNK_BYTES = 262_144
"""Bytes that are written before others have their turn: a fraction of a millisecond."""

_READ_BYTES = 4_096  # a head that comes whole is no longer than the longest by more than this
_MAX_PARAMETERS = 32
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What somebody asks. The names of headers are in lower case; of a parameter, the first value counts."""

    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, its body in pieces."""

    status: HTTPStatus
    body: tuple[bytes, ...]
    content_type: str = _PLAIN
    headers: Mapping[str, str] = field(default_factory=dict)


def text_response(status: HTTPStatus, text: str, **headers: str) -> HttpResponse:
    """One line for whoever reads it; `Retry_After="3"` is a header."""
    return HttpResponse(
        status, (f"{text}\n".encode(),), headers={key.replace("_", "-"): headers[key] for key in headers}
    )


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


@dataclass(slots=True)
class _Client:
    writer: asyncio.StreamWriter
    is_idle: bool = True


class HttpServer:
    """Hands requests to `handle` while it runs."""

    def __init__(self, listening: socket.socket, handle: Handler, fault: Callable[[str], None]) -> None:
        """`fault` is told, in a line, of an exception that `handle` raised; its client gets a 500."""
        self._listening = listening
        self._handle = handle
        self._fault = fault
        self._clients: dict[asyncio.Task[None], _Client] = {}

    async def run(self) -> None:
        """Until cancelled."""
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
        """Hang up on who has asked nothing for longest; False where all are being answered."""
        for task, client in self._clients.items():
            if client.is_idle:
                del self._clients[task]
                task.cancel()
                return True
        return False

    def _mark_active(self, client: _Client) -> None:
        """Those who have said nothing for longer make room before this one does."""
        task = asyncio.current_task()
        if task and self._clients.pop(task, None):
            self._clients[task] = client

    async def _run_client(self, reader: asyncio.StreamReader, client: _Client) -> None:
        # What ends it: the client has gone, is too slow, or speaks something else.
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
        """One request and its answer; whether there may be another one. Raises OSError."""
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
        has_no_body = _is_request_complete(connection)
        response = await self._response(raw_request)
        await _answer(connection, client.writer, response, head_only=raw_request.method == b"HEAD")
        if has_no_body and connection.our_state is h11.DONE:
            return True
        await _close_gracefully(reader, client.writer)
        return False

    async def _response(self, raw_request: h11.Request) -> HttpResponse:
        if raw_request.method not in (b"GET", b"HEAD"):
            return text_response(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
        try:
            request = _read(raw_request)
        except ValueError:
            return text_response(HTTPStatus.BAD_REQUEST, "this is no path")
        try:
            return await self._handle(request)
        except Exception as fault:  # noqa: BLE001 - said where it can be seen, and checks go on
            self._fault(f"metrics: a fault of this program: {fault!r}")
            return text_response(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of wgmon-tui: its log says more")


async def _next_request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """None where the client has ended. Raises OSError, h11.RemoteProtocolError."""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_READ_BYTES))
        else:
            return event if isinstance(event, h11.Request) else None


def _is_request_complete(connection: h11.Connection) -> bool:
    """Whether nothing belongs to the request any more; a body would, and is not wanted."""
    try:
        return isinstance(connection.next_event(), h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return False


def _read(raw_request: h11.Request) -> HttpRequest:
    """Raises ValueError."""
    target = urlsplit(raw_request.target.decode("ascii"))
    parameters = parse_qs(
        target.query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
    )
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in raw_request.headers}
    return HttpRequest(
        unquote(target.path, errors="strict"),
        {name: values[0] for name, values in parameters.items()},
        headers,
    )


async def _answer(
    connection: h11.Connection,
    writer: asyncio.StreamWriter,
    response: HttpResponse,
    *,
    head_only: bool = False,
) -> None:
    """Raises OSError, which TimeoutError is, for a client that does not take it."""
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
                await asyncio.sleep(0)  # draining alone lets nobody else run while the client is quick
        writer.write(connection.send(h11.EndOfMessage()))
        await writer.drain()


async def _close_gracefully(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hang up so that the answer arrives: what the client still sends must not turn it into a reset."""
    writer.write_eof()
    async with asyncio.timeout(_CLOSE_TIMEOUT_S):
        while await reader.read(_CHUNK_BYTES):
            pass
