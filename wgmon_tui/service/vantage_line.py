"""The line to one vantage, kept up: what its agent reports is taken, what we watch is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from random import Random

from wgmon_tui import __version__
from wgmon_tui.fleet.records import Server
from wgmon_tui.fleet.vantage_settings import Vantage
from wgmon_tui.history.entries import entry_of
from wgmon_tui.monitor.rounds import Round
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.service.agent.protocol import (
    PROTOCOL,
    Ack,
    AgentHello,
    BadLineError,
    Bye,
    Entry,
    Recheck,
    Report,
    Servers,
    Status,
    ToWriter,
    WriterHello,
    foreign_protocol,
    line_of,
    parse_to_writer,
)
from wgmon_tui.service.agent_process import AgentProcess, LineEndedError
from wgmon_tui.service.hearsay import taken
from wgmon_tui.service.together import all_or_none
from wgmon_tui.text import format_elapsed, quoted

Take = Callable[[str, str, int, str, Round], None]
"""Takes a vantage, an epoch, a number, a server's name and what was seen of it. Quick, and never raises."""

NOT_YET = "not connected yet"
"""The trouble of a line that was not tried before."""

_HELLO_WITHIN_S = 30.0
_SILENT_FOR_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_STEADY_S = 30.0
"""A line that was up for so long is tried again soon after it was cut."""

_MOST_BAD_LINES = 10
_ACK_EVERY_S = 1.0
_ACK_AT_LEAST_EVERY_S = 15.0
_ENTRIES_AT_ONCE = 100
_CLOCK_MAY_DIFFER_S = 5.0
_CLOCK_IS_RIGHT_WITHIN_S = 1.0

_MOST_A_MINUTE = 300
"""Rounds of one server: five times as many as it is checked at most."""

_MOST_LINES_A_SECOND = 1000.0
_MOST_BYTES_A_SECOND = 2.0 * 2**20
_BURST_S = 0.05


class _HopelessError(Exception):
    """What will not be better in a second. The message is one line."""


class VantageLine:
    """Keeps one line up while it runs."""

    def __init__(
        self,
        vantage: Vantage,
        take: Take,
        lost: Callable[[str], None],
        kept: Callable[[], Awaitable[None]],
        taken_to: Callable[[str, str], int],
        random: Random,
    ) -> None:
        """As `Vantages` explains them."""
        self.vantage = vantage
        self.status = VantageStatus(vantage.name, False, time.time(), trouble=NOT_YET)
        self._take, self._lost, self._kept, self._taken_to = take, lost, kept, taken_to
        self._random = random
        self._wanted: dict[str, Server] = {}
        self._sent: dict[str, Server] = {}
        self._rechecks: set[str] = set()
        self._to_say = asyncio.Event()
        self._epoch, self._number = "", 0
        self._minutes: dict[str, tuple[int, int]] = {}
        self._acked: int | None = None
        self._ahead_s = 0.0
        self._bad_lines = 0

    def watch(self, servers: Iterable[Server]) -> None:
        """Have these checked there from now on, those that the vantage watches."""
        self._wanted = {server.name: server for server in servers if self.vantage.watches(server)}
        self._to_say.set()

    def recheck(self, names: Iterable[str]) -> None:
        """Have these checked there now."""
        if self.status.connected:
            self._rechecks.update(name for name in names if name in self._wanted)
            self._to_say.set()

    async def run(self) -> None:
        """Until cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                await self._once()
            except LineEndedError as error:
                self._down(str(error))
            except TimeoutError:
                self._down("does not answer")
            except (_HopelessError, BadLineError) as error:
                self._down(str(error))
                pause = _LONGEST_PAUSE_S
            if pause < _LONGEST_PAUSE_S and time.monotonic() - began > _STEADY_S:
                pause = _FIRST_PAUSE_S
            # With jitter: after a cut all the lines would come back in the same instant.
            await asyncio.sleep(pause * self._random.uniform(0.7, 1.3))
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _down(self, trouble: str) -> None:
        if self.status.connected:
            self.status = replace(self.status, connected=False, since=time.time(), checks_per_second=0.0)
        self.status = replace(self.status, trouble=trouble)

    async def _once(self) -> None:
        """One line, from its start until it ends. Raises what says why."""
        process = await AgentProcess.start(self.vantage.command)
        try:
            await process.say(line_of(WriterHello(PROTOCOL, __version__, self.vantage.name)))
            self._bad_lines = 0
            pace = Pace()
            async with asyncio.timeout(_HELLO_WITHIN_S):
                self._greet(await self._hello(process, pace))
            self._sent = {}
            self._to_say.set()
            await all_or_none([self._listen(process, pace), self._speak(process), self._acknowledge()])
        finally:
            if self.status.connected:
                self._lost(self.vantage.name)
            await process.end()

    # What an agent says

    async def _hello(self, process: AgentProcess, pace: Pace) -> AgentHello:
        """Its first line that is one: a login may print others before it."""
        while True:
            match await self._heard(process, pace):
                case AgentHello() as hello:
                    return hello
                case Bye(line):
                    raise _HopelessError(line)
                case Report() | Status():
                    raise BadLineError("expected a hello first")

    def _greet(self, hello: AgentHello) -> None:
        name = self.vantage.name
        if hello.protocol != PROTOCOL:
            raise _HopelessError(foreign_protocol(name, hello.protocol, hello.version, __version__))
        if hello.epoch != self._epoch:
            self._epoch, self._number = hello.epoch, self._taken_to(name, hello.epoch)
        self._acked = None
        self._ahead_s = _ahead(hello.clock)
        self.status = VantageStatus(
            name, True, time.time(), hello.version, public_key=hello.public_key, trouble=self._clock_trouble()
        )

    async def _listen(self, process: AgentProcess, pace: Pace) -> None:
        while True:
            async with asyncio.timeout(_SILENT_FOR_S):
                message = await self._heard(process, pace)
            match message:
                case Report() as report:
                    self._take_report(report)
                case Status() as status:
                    self._take_status(status)
                case Bye(line):
                    raise _HopelessError(line)
                case AgentHello():
                    raise BadLineError("expected one hello only")

    async def _heard(self, process: AgentProcess, pace: Pace) -> ToWriter:
        """The next line that is one. Raises BadLineError after too many that are none."""
        while True:
            line = await process.line()
            await pace.take(len(line))
            try:
                return parse_to_writer(line)
            except BadLineError as error:
                self._count_bad(line, error)

    def _count_bad(self, line: bytes, error: BadLineError) -> None:
        self._bad_lines += 1
        if self._bad_lines >= _MOST_BAD_LINES:
            what = quoted(line.decode(errors="replace").strip())
            raise BadLineError(f"what comes is no agent's: {error}; got {what}") from None

    def _take_report(self, report: Report) -> None:
        if report.number <= self._number:
            return  # it came before, over a line that was cut before we said so
        self._number = report.number
        server = self._wanted.get(report.server)
        if server is None:
            return  # not watched from there any more
        try:
            outcome = taken(report.round, server, self.vantage.name, self._ahead_s, time.time())
        except BadLineError as error:
            self._count_bad(report.server.encode(), error)
            return
        if self._fits(server.name, outcome.check.started_at):
            self._take(self.vantage.name, self._epoch, report.number, server.name, outcome)

    def _fits(self, name: str, began_at: float) -> bool:
        """Whether a server can have been checked so often in one minute, and not in one that is long over."""
        minute = int(began_at // 60)
        last, count = self._minutes.get(name, (minute, 0))
        if minute < last - 1 or (minute <= last and count >= _MOST_A_MINUTE):
            return False
        self._minutes[name] = (minute, 1) if minute > last else (last, count + 1)
        return True

    def _take_status(self, status: Status) -> None:
        self._ahead_s = _ahead(status.clock)
        trouble = status.trouble or self._clock_trouble()
        if status.problems and not trouble:
            others = f" (and {len(status.problems) - 1} more)" if len(status.problems) > 1 else ""
            trouble = f"cannot check {status.problems[0].server}{others}: {status.problems[0].line}"
        self.status = replace(
            self.status,
            checks_per_second=status.checks_per_second,
            waiting=status.waiting,
            dropped=status.dropped,
            trouble=trouble,
        )

    def _clock_trouble(self) -> str:
        if abs(self._ahead_s) <= _CLOCK_MAY_DIFFER_S:
            return ""
        side = "ahead of" if self._ahead_s > 0 else "behind"
        return f"its clock is {format_elapsed(abs(self._ahead_s))} {side} ours: set it right there"

    # What we say

    async def _speak(self, process: AgentProcess) -> None:
        while True:
            await self._to_say.wait()
            self._to_say.clear()
            for line in self._lines():
                async with asyncio.timeout(_SILENT_FOR_S):
                    await process.say(line)
                await asyncio.sleep(0)  # a pipe that takes all of it does not let the others have their turn

    def _lines(self) -> Iterator[bytes]:
        yield from self._servers_lines()
        if self._rechecks:
            names, self._rechecks = sorted(self._rechecks), set()
            for begin in range(0, len(names), _ENTRIES_AT_ONCE):
                yield line_of(Recheck(tuple(names[begin : begin + _ENTRIES_AT_ONCE])))
        if self._acked is not None:
            yield line_of(Ack(self._acked))

    def _servers_lines(self) -> Iterator[bytes]:
        """What differs from what was told."""
        begin, sent, wanted = not self._sent, self._sent, self._wanted
        fresh = [server for name, server in wanted.items() if sent.get(name) != server]
        gone = [name for name in sent if name not in wanted]
        self._sent = wanted
        parts = _parts(fresh, gone)
        for number, (servers, names) in enumerate(parts, 1):
            entries = tuple(Entry(server.name, _entry(server)) for server in servers)
            yield line_of(Servers(entries, tuple(names), begin and number == 1, number < len(parts)))
        if begin and not parts:
            yield line_of(Servers(begin=True))

    async def _acknowledge(self) -> None:
        """Say what lies on our disk: the agent forgets it."""
        said, said_at = 0, time.monotonic()
        while True:
            await asyncio.sleep(_ACK_EVERY_S)
            number = self._number
            if number == said and time.monotonic() - said_at < _ACK_AT_LEAST_EVERY_S:
                continue
            if number != said:
                await self._kept()
            self._acked = said = number
            said_at = time.monotonic()
            self._to_say.set()


class Pace:
    """Holds up who sends more than can be taken without harm to others: on average, with short bursts."""

    def __init__(self) -> None:
        self._full_until = 0.0

    async def take(self, size: int) -> None:
        """A line of so many bytes has come."""
        now = time.monotonic()
        cost = max(1.0 / _MOST_LINES_A_SECOND, size / _MOST_BYTES_A_SECOND)
        self._full_until = max(self._full_until, now - _BURST_S) + cost
        if self._full_until > now:
            await asyncio.sleep(self._full_until - now)


def _ahead(clock: float) -> float:
    """How far a clock is ahead of ours; less than a moment is the time that the line took."""
    ahead_s = clock - time.time()
    return ahead_s if abs(ahead_s) > _CLOCK_IS_RIGHT_WITHIN_S else 0.0


def _parts(servers: list[Server], gone: list[str]) -> list[tuple[list[Server], list[str]]]:
    """In portions of one line each."""
    longest = max(len(servers), len(gone))
    return [
        (servers[begin : begin + _ENTRIES_AT_ONCE], gone[begin : begin + _ENTRIES_AT_ONCE])
        for begin in range(0, longest, _ENTRIES_AT_ONCE)
    ]


@lru_cache(32768)
def _entry(server: Server) -> str:
    """Without the note, which is ours."""
    return entry_of(replace(server, note=""))
