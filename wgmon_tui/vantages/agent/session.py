"""Session of the agent daemon with one writer: executes its messages, and sends reports and the status."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from wgmon_tui import __version__
from wgmon_tui.run_until_first import run_until_first
from wgmon_tui.vantages.messages import (
    Ack,
    AgentHello,
    AgentStatus,
    Bye,
    RecheckRequest,
    ServerChanges,
    ToWriter,
    WriterHello,
)
from wgmon_tui.vantages.protocol import (
    MAX_LINE_BYTES,
    PROTOCOL,
    BadLineError,
    describe_protocol_mismatch,
    encode_message,
    encode_report,
    parse_to_agent,
    sanitize,
)

STATUS_EVERY_S = 2.0

_HELLO_TIMEOUT_S = 30.0
_REPORTS_PER_READ = 200


class SessionBackend(Protocol):
    """The interface of the agent daemon that a session uses."""

    async def hello(self) -> AgentHello:
        """The agent's hello message."""

    def status(self) -> AgentStatus:
        """The agent's current status."""

    def update_servers(self, servers: ServerChanges) -> None:
        """Change the servers to check."""

    def recheck(self, names: tuple[str, ...]) -> None:
        """Check these servers now."""

    async def forget_reports(self, number: int) -> None:
        """Delete every report up to this number."""

    async def read_after(self, number: int, limit: int) -> list[tuple[int, bytes]]:
        """The first reports after this number."""


class AgentSession:
    """One connection from a stdio bridge. It sends a `Bye` with the reason before it closes."""

    def __init__(
        self,
        backend: SessionBackend,
        reader: asyncio.StreamReader,
        stream: asyncio.StreamWriter,
        on_start: Callable[[AgentSession], None],
    ) -> None:
        """`on_start` is called after the hello of a writer with the same protocol."""
        self.reports_available = asyncio.Event()
        """Set it when new reports are in the queue."""
        self._backend = backend
        self._reader, self._stream = reader, stream
        self._on_start = on_start
        self._close_reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def close(self, why: str) -> None:
        """Close the connection, and send the reason to the writer."""
        if not self._close_reason.done():
            self._close_reason.set_result(why)

    async def run(self) -> None:
        """Run until the connection ends, `close` is called, or an invalid line arrives."""
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                await self._exchange_hello()
            self._on_start(self)
            await run_until_first(
                [self._listen(), self._send_reports(), self._send_status(), self._wait_for_close()]
            )
        except BadLineError as error:
            await self._send_bye(str(error))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the connection ended, or no hello arrived in time

    async def _exchange_hello(self) -> None:
        hello = await self._receive()
        if not isinstance(hello, WriterHello):
            raise BadLineError("expected a hello first")
        await self._send(await self._backend.hello())
        if hello.protocol != PROTOCOL:
            raise BadLineError(
                describe_protocol_mismatch("the writer", hello.protocol, hello.version, __version__)
            )

    async def _listen(self) -> None:
        while True:
            match await self._receive():
                case ServerChanges() as servers:
                    self._backend.update_servers(servers)
                case RecheckRequest(names):
                    self._backend.recheck(names)
                case Ack(number):
                    await self._backend.forget_reports(number)
                case WriterHello():
                    raise BadLineError("expected one hello only")

    async def _receive(self) -> WriterHello | ServerChanges | RecheckRequest | Ack:
        try:
            line = await self._reader.readuntil()
        except asyncio.LimitOverrunError:
            raise BadLineError(f"expected at most {MAX_LINE_BYTES} bytes per line") from None
        return parse_to_agent(line)

    async def _send_reports(self) -> None:
        """Send every report, queued ones first."""
        sent = 0
        while True:
            self.reports_available.clear()
            found = await self._backend.read_after(sent, _REPORTS_PER_READ)
            for number, body in found:
                self._stream.write(encode_report(number, body))
                sent = number
            await self._stream.drain()
            if not found:
                await self.reports_available.wait()

    async def _send_status(self) -> None:
        while True:
            await self._send(self._backend.status())
            await asyncio.sleep(STATUS_EVERY_S)

    async def _wait_for_close(self) -> None:
        await self._send_bye(await self._close_reason)

    async def _send_bye(self, why: str) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._send(Bye(sanitize(why)))
        except OSError:
            pass  # a writer that does not read notices the end of the connection

    async def _send(self, message: ToWriter) -> None:
        self._stream.write(encode_message(message))
        await self._stream.drain()
