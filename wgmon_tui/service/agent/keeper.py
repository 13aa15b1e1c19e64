"""The keeper: checks what the last writer asked for, line or no line, and keeps what no writer has taken.

A process of its own: `python -m wgmon_tui.service.agent.keeper CONFIG STATE LINGER_S`, started by a relay.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from wgmon_tui import __version__
from wgmon_tui.diagnosis.verdict import Severity, Verdict
from wgmon_tui.fleet import servers_file
from wgmon_tui.fleet.records import Server
from wgmon_tui.history.entries import server_of
from wgmon_tui.history.stamps import StampLedger
from wgmon_tui.monitor.board import Row
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.incidents import Event
from wgmon_tui.monitor.rounds import Round
from wgmon_tui.probe.prober import Prober
from wgmon_tui.service.accounts import peer_of
from wgmon_tui.service.agent.enrolment import Enrolled, enrol, sound
from wgmon_tui.service.agent.line import Line
from wgmon_tui.service.agent.place import EXIT_TAKEN, SOCKET, KeeperTakenError, Lock, listening, log
from wgmon_tui.service.agent.protocol import (
    LONGEST_LINE,
    PROTOCOL,
    AgentHello,
    Servers,
    Status,
    report_body,
    told,
    told_problems,
    without_packets,
)
from wgmon_tui.service.agent.reports import Kept, Reports, ReportsUnavailableError
from wgmon_tui.service.together import all_or_none
from wgmon_tui.text import format_limit

_EXIT_FAILED = 71
_AGAIN_AFTER_S = 1.0
_LOOK_EVERY_S = 1.0
_MENDED_AFTER_S = 10.0
"""So often the secrets are read again while one of them is missing."""

_MOST_UNWRITTEN = 5_000
"""Reports that wait for the disk; of more, the oldest go."""

_MOST_LINES = 8
_LAST_WORDS_S = 5.0

T = TypeVar("T")


class Keeper:
    """One keeper, from the moment at which it holds the lock."""

    def __init__(self, config_dir: Path, state_dir: Path, linger_s: float, reports: Reports) -> None:
        self._config_dir, self._state_dir = config_dir, state_dir
        self._linger_s = linger_s
        self._reports = reports
        self._disk = ThreadPoolExecutor(1, "reports")
        self._unwritten: list[Kept] = []
        self._lost = 0
        self._written = asyncio.Event()
        self._stamps = StampLedger(state_dir)
        self._engine = Engine(Prober(stamps=self._stamps.next, ahead_s=self._stamps.ahead_s))
        self._engine.listen(self._hear)
        self._servers: dict[str, Server] = {}
        self._unsound: dict[str, str] = {}
        self._enrolled = Enrolled()
        self._to_enrol = asyncio.Event()
        self._said: dict[str, Round] = {}
        self._damping: dict[str, Damping] = {}
        self._line: Line | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._heard_at = time.monotonic()
        self._disk_trouble = ""

    async def run(self, listening_on: socket.socket) -> str:
        """Until a signal, or until no writer was heard for as long as it lingers; why it ended.

        Raises OSError where no socket can be had to probe with.
        """
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _end, ended, "ended by a signal")
        self._to_enrol.set()
        server = await asyncio.start_unix_server(self._accept, sock=listening_on, limit=LONGEST_LINE)
        try:
            with self._stamps:
                await all_or_none(
                    [
                        self._engine.run(),
                        self._write(),
                        self._enrol(),
                        self._look(),
                        self._linger(ended),
                        _until(ended),
                    ]
                )
        finally:
            server.close()
            await self._hang_up("the agent was ended there")
            await self._flush()
            self._disk.shutdown()
        return ended.result()

    async def _hang_up(self, why: str) -> None:
        if self._line:
            self._line.end(why)
        if self._lines:
            _, unheard = await asyncio.wait(self._lines, timeout=1.0)
            for line in unheard:
                line.cancel()
            await asyncio.gather(*unheard, return_exceptions=True)

    # Lines

    def _accept(self, reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        if peer_of(stream.get_extra_info("socket")).uid != os.geteuid() or len(self._lines) >= _MOST_LINES:
            stream.transport.abort()
            return
        attending = asyncio.create_task(self._attend(reader, stream), name="line")
        self._lines.add(attending)
        attending.add_done_callback(self._lines.discard)

    async def _attend(self, reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        line = Line(self, reader, stream, self._begin, self._hear_writer)
        try:
            await line.run()
        finally:
            if self._line is line:
                self._line = None
            stream.close()  # what was said last still goes out, for a while
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, stream.transport.abort)

    def _begin(self, line: Line) -> None:
        """One writer at a time: two would each take what the other needs."""
        if self._line:
            self._line.end("another writer has taken this vantage over")
        self._line = line

    def _hear_writer(self) -> None:
        self._heard_at = time.monotonic()

    async def _linger(self, ended: asyncio.Future[str]) -> None:
        while True:
            left = self._heard_at + self._linger_s - time.monotonic()
            if left <= 0:
                _end(ended, f"no writer came within {format_limit(self._linger_s)}")
            await asyncio.sleep(max(left, 0.01))

    # What a line asks

    async def hello(self) -> AgentHello:
        """How the agent introduces itself."""
        first = await self._on_disk(self._reports.first) or 0
        return AgentHello(
            PROTOCOL, __version__, self._reports.epoch, self._enrolled.public_key, first, time.time()
        )

    def status(self) -> Status:
        """How it is now."""
        trouble = self._enrolled.trouble or self._disk_trouble or self._stamps.trouble or ""
        return Status(
            checks_per_second=self._engine.checks_per_second,
            waiting=self._reports.waiting + len(self._unwritten),
            dropped=self._reports.dropped + self._lost,
            trouble=told(trouble),
            problems=told_problems({**self._unsound, **self._enrolled.targets.problems}),
            clock=time.time(),
        )

    def take(self, servers: Servers) -> None:
        """Check these from now on, once the list is whole."""
        if servers.begin:
            self._servers, self._unsound = {}, {}
        for gone in servers.gone:
            self._servers.pop(gone, None)
            self._unsound.pop(gone, None)
        for each in servers.servers:
            server = server_of(each.name, each.entry)
            why = sound(server) if server else f'server "{each.name}": of another version'
            self._unsound.pop(each.name, None)
            if server and not why:
                self._servers[each.name] = server
            else:
                self._servers.pop(each.name, None)
                self._unsound[each.name] = why
        if not servers.more:
            self._to_enrol.set()

    def recheck(self, names: tuple[str, ...]) -> None:
        """Check these now."""
        self._engine.recheck(names)

    async def taken(self, number: int) -> None:
        """Every report up to this number may be forgotten."""
        await self._on_disk(partial(self._reports.forget, number))

    async def after(self, number: int, most: int) -> list[tuple[int, bytes]]:
        """The first reports behind that number."""
        return await self._on_disk(partial(self._reports.after, number, most)) or []

    # Servers and secrets

    async def _enrol(self) -> None:
        while True:
            await self._to_enrol.wait()
            self._to_enrol.clear()
            before = self._enrolled
            enrolled = await asyncio.to_thread(enrol, tuple(self._servers.values()), self._config_dir)
            if enrolled.trouble != before.trouble:
                log(self._state_dir, enrolled.trouble or f"over: {before.trouble}")
            self._enrolled = enrolled
            self._engine.watch(enrolled.servers, enrolled.targets.ready, enrolled.targets.problems)
            for known in (self._said, self._damping):
                for gone in known.keys() - self._engine.board.rows.keys():
                    del known[gone]
            ready = before.targets.ready
            self._engine.recheck(
                name for name, target in enrolled.targets.ready.items() if ready.get(name) != target
            )

    async def _look(self) -> None:
        """See whether servers.toml here, or a secret that could not be read, is another one by now."""
        stamp, looked_at = servers_file.stamp(self._config_dir), time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now = servers_file.stamp(self._config_dir)
            waits = bool(self._enrolled.targets.problems) and time.monotonic() - looked_at > _MENDED_AFTER_S
            if now != stamp or waits:
                stamp, looked_at = now, time.monotonic()
                self._to_enrol.set()

    # Reports

    def _hear(self, row: Row, outcome: Round | None, _: tuple[Event, ...]) -> None:
        """The engine's listener.

        A failure of which it is in doubt whether it is ours settles nothing and is not reported: either
        somebody else is heard, and it is counted after all, or the fault is ours, and it is judged anew.
        """
        name, last = row.server.name, row.last
        failed = outcome is not None and outcome.diagnosis.verdict.severity is Severity.DOWN
        in_doubt = failed and not row.paused and row.damping == self._damping.get(name, Damping())
        self._damping[name] = row.damping
        before = self._said.get(name)
        if in_doubt or last is None or last is before:
            return
        self._said[name] = last
        verdict = last.diagnosis.verdict
        as_before = before is not None and before.diagnosis.verdict is verdict
        routine = as_before and verdict is Verdict.HEALTHY
        plain = as_before and verdict.severity in (Severity.UP, Severity.DEGRADED)
        self._keep(Kept(report_body(name, without_packets(last) if plain else last), routine))

    def _keep(self, kept: Kept) -> None:
        self._unwritten.append(kept)
        if len(self._unwritten) > _MOST_UNWRITTEN:
            del self._unwritten[0]
            self._lost += 1
        self._written.set()

    async def _write(self) -> None:
        """Put reports on the disk as they come, then on the line."""
        while True:
            await self._written.wait()
            self._written.clear()
            if not await self._flush():
                await asyncio.sleep(_AGAIN_AFTER_S)
                self._written.set()
            elif self._line:
                self._line.news.set()

    async def _flush(self) -> bool:
        """Whether the disk has what was there when this began."""
        kept, self._unwritten = self._unwritten, []
        if kept and await self._on_disk(partial(self._add, kept)) is None:
            self._unwritten = kept + self._unwritten
            return False
        return True

    def _add(self, kept: Sequence[Kept]) -> bool:
        self._reports.add(kept)
        return True

    async def _on_disk(self, work: Callable[[], T]) -> T | None:
        """Done in the thread that has the store; None where it is not to be had."""
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._disk, work)
        except ReportsUnavailableError as error:
            if not self._disk_trouble:
                log(self._state_dir, str(error))
            self._disk_trouble = str(error)
            return None
        self._disk_trouble = ""
        return done


def main(argv: Sequence[str]) -> int:
    """Keep until a signal, or until nobody has come for long; the exit code."""
    config_dir, state_dir, linger_s = Path(argv[0]), Path(argv[1]), float(argv[2])
    try:
        lock = Lock.take(state_dir)
    except KeeperTakenError:
        return EXIT_TAKEN
    except OSError as error:
        log(state_dir, f"cannot be locked: {error.strerror}")
        return _EXIT_FAILED
    try:
        reports = Reports(state_dir)
        if reports.notice:
            log(state_dir, reports.notice)
        listening_on = listening(state_dir)
        log(state_dir, f"started: wgmon-tui {__version__}, pid {os.getpid()}")
        why = asyncio.run(Keeper(config_dir, state_dir, linger_s, reports).run(listening_on))
        log(state_dir, why)
    except (OSError, ReportsUnavailableError) as error:
        log(state_dir, f"ended: {error}")
        return _EXIT_FAILED
    finally:
        with suppress(OSError):
            (state_dir / SOCKET).unlink()
        os.close(lock.descriptor)
    reports.close()
    return 0


def _end(ended: asyncio.Future[str], why: str) -> None:
    if not ended.done():
        ended.set_result(why)


async def _until(ended: asyncio.Future[str]) -> None:
    await ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
