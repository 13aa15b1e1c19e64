"""Client of the control socket, used by viewers and one-shot commands."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from wgmon_tui.checks.path_trace import TraceOptions
from wgmon_tui.control.protocol import (
    MAX_ANSWER_BYTES,
    BadMessageError,
    BusyMessageError,
    ControlRequest,
    Greeting,
    Operation,
    encode_request,
    parse_greeting,
    parse_message,
)
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.net.accounts import explain_access_denied
from wgmon_tui.net.peer_credentials import PeerCredentials, read_peer_credentials
from wgmon_tui.net.unix_socket import bindable_path

_GREETING_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 5.0


class NoWriterError(Exception):
    """No process listens: there is no writer, or it is still starting, or it has just ended."""


class AccessDeniedError(Exception):
    """This account has no access. The message is one line that says what to do."""


class WriterBusyError(AccessDeniedError):
    """The writer has no free connection for this account now."""


class ControlConnection:
    """A connection to the process `writer`, open from `connect` until the writer ends or `close`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        stream: asyncio.StreamWriter,
        writer: PeerCredentials,
        greeting: Greeting,
    ) -> None:
        self.writer = writer
        self.greeting = greeting
        self.ended = asyncio.Event()
        """Set when the writer has ended or was killed."""
        self._stream = stream
        self._request_ids = count(1)
        self._pending_answers: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._listen_task = asyncio.create_task(self._listen(reader), name="answers of the writer")

    @classmethod
    async def connect(cls, state_dir: Path) -> ControlConnection:
        """Connect and read the greeting. Raises NoWriterError, AccessDeniedError, WriterBusyError."""
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream: asyncio.StreamWriter | None = None
        try:
            connecting.setblocking(False)
            with bindable_path(state_dir) as path:
                _connect(connecting, path)
            reader, stream = await asyncio.open_unix_connection(sock=connecting, limit=MAX_ANSWER_BYTES)
            async with asyncio.timeout(_GREETING_TIMEOUT_S):
                line = await reader.readuntil()
            return cls(reader, stream, read_peer_credentials(connecting), parse_greeting(line))
        except BaseException as error:
            if stream:
                stream.transport.abort()
            connecting.close()
            match error:
                case PermissionError():
                    raise AccessDeniedError(
                        await asyncio.to_thread(explain_access_denied, state_dir)
                    ) from None
                case BusyMessageError():
                    raise WriterBusyError(str(error)) from None
                case BadMessageError():
                    raise AccessDeniedError(str(error)) from None
                case OSError() | asyncio.IncompleteReadError() | asyncio.LimitOverrunError():
                    raise NoWriterError(str(error)) from None
            raise

    async def ask(
        self,
        operation: Operation,
        names: Iterable[str] = (),
        *,
        incident: str = "",
        text: str = "",
        until: float = 0.0,
        number: int = 0,
        depth: Iterable[str] = (),
        digest: str = "",
        trace: TraceOptions | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, object]:
        """Send a request and return the writer's answer.

        Raises RequestRefusedError; NoWriterError if the writer has ended; TimeoutError if it does not answer.
        """
        if self.ended.is_set():
            raise NoWriterError("the writer has ended")
        request = ControlRequest(
            next(self._request_ids),
            operation,
            tuple(names),
            incident,
            text,
            until,
            number,
            tuple(depth),
            digest,
            trace,
        )
        answer: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self._pending_answers[request.id] = answer
        try:
            async with asyncio.timeout(timeout_s or _ANSWER_TIMEOUT_S):
                self._stream.write(encode_request(request))
                await self._stream.drain()
                return await answer
        except ConnectionError as error:
            raise NoWriterError(str(error)) from None
        finally:
            self._pending_answers.pop(request.id, None)

    async def close(self) -> None:
        """Close the connection."""
        self._listen_task.cancel()
        await asyncio.gather(self._listen_task, return_exceptions=True)
        self._stream.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                self._resolve_answer(parse_message(await reader.readuntil()))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, BadMessageError):
            pass  # the connection ended, or the data is not from a writer
        finally:
            self.ended.set()
            for answer in self._pending_answers.values():
                if not answer.done():
                    answer.set_exception(NoWriterError("the writer has ended"))

    def _resolve_answer(self, message: dict[str, object]) -> None:
        number, ok, error = message.get("id"), message.get("ok"), message.get("error")
        answer = self._pending_answers.get(number) if isinstance(number, int) else None
        if answer is None or answer.done():
            return
        if isinstance(ok, dict):
            answer.set_result(ok)
        else:
            answer.set_exception(RequestRefusedError(str(error)))


def _connect(connecting: socket.socket, path: str) -> None:
    """Connect a socket. Raises OSError, and BusyMessageError if too many clients wait to be accepted."""
    try:
        connecting.connect(path)  # to a Unix socket, it never waits for the other end
    except BlockingIOError:
        raise BusyMessageError("too many clients connect at the same time") from None
