"""The keeper's end of one line: what a writer says is done, reports and the status go out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from wgmon_tui import __version__
from wgmon_tui.service.agent.protocol import (
    PROTOCOL,
    Ack,
    AgentHello,
    BadLineError,
    Bye,
    Recheck,
    Servers,
    Status,
    ToWriter,
    WriterHello,
    foreign_protocol,
    line_of,
    parse_to_agent,
    report_line,
    told,
)
from wgmon_tui.service.together import all_or_none

STATUS_EVERY_S = 2.0

_HELLO_WITHIN_S = 30.0
_AT_ONCE = 200


class Keeping(Protocol):
    """What a line asks of its keeper."""

    async def hello(self) -> AgentHello:
        """How the agent introduces itself."""

    def status(self) -> Status:
        """How it is now."""

    def take(self, servers: Servers) -> None:
        """Check these from now on."""

    def recheck(self, names: tuple[str, ...]) -> None:
        """Check these now."""

    async def taken(self, number: int) -> None:
        """Every report up to this number may be forgotten."""

    async def after(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """The first reports behind that number."""


class Line:
    """One connection of a relay. `run` it; it says why it hangs up."""

    def __init__(
        self,
        keeping: Keeping,
        reader: asyncio.StreamReader,
        stream: asyncio.StreamWriter,
        begun: Callable[[Line], None],
        heard: Callable[[], None],
    ) -> None:
        """`begun` is called once a writer of our protocol has said hello, `heard` with every line of it."""
        self.news = asyncio.Event()
        """To be set when there are reports that were not there before."""
        self._keeping = keeping
        self._reader, self._stream = reader, stream
        self._begun, self._heard = begun, heard
        self._ending: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def end(self, why: str) -> None:
        """Hang up, with a line to the writer."""
        if not self._ending.done():
            self._ending.set_result(why)

    async def run(self) -> None:
        """Until it is cut, ended, or something comes that is no line of a writer."""
        try:
            async with asyncio.timeout(_HELLO_WITHIN_S):
                await self._greet()
            self._begun(self)
            await all_or_none([self._listen(), self._report(), self._tell_status(), self._await_end()])
        except BadLineError as error:
            await self._say_bye(str(error))
        except (OSError, asyncio.IncompleteReadError):
            pass  # it was cut, or nobody spoke

    async def _greet(self) -> None:
        hello = await self._next()
        if not isinstance(hello, WriterHello):
            raise BadLineError("expected a hello first")
        await self._say(await self._keeping.hello())
        if hello.protocol != PROTOCOL:
            raise BadLineError(foreign_protocol("the writer", hello.protocol, hello.version, __version__))

    async def _listen(self) -> None:
        while True:
            match await self._next():
                case Servers() as servers:
                    self._keeping.take(servers)
                case Recheck(names):
                    self._keeping.recheck(names)
                case Ack(number):
                    await self._keeping.taken(number)
                case WriterHello():
                    raise BadLineError("expected one hello only")

    async def _next(self) -> WriterHello | Servers | Recheck | Ack:
        try:
            line = await self._reader.readuntil()
        except asyncio.LimitOverrunError:
            raise BadLineError("a line is too long") from None
        message = parse_to_agent(line)
        self._heard()
        return message

    async def _report(self) -> None:
        """Send every report, those first that waited for a line."""
        sent = 0
        while True:
            self.news.clear()
            found = await self._keeping.after(sent, _AT_ONCE)
            for number, body in found:
                self._stream.write(report_line(number, body))
                sent = number
            await self._stream.drain()
            if not found:
                await self.news.wait()

    async def _tell_status(self) -> None:
        while True:
            await self._say(self._keeping.status())
            await asyncio.sleep(STATUS_EVERY_S)

    async def _await_end(self) -> None:
        await self._say_bye(await self._ending)

    async def _say_bye(self, why: str) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._say(Bye(told(why)))
        except OSError:
            pass  # who does not read learns it from the end of the line

    async def _say(self, message: ToWriter) -> None:
        self._stream.write(line_of(message))
        await self._stream.drain()
