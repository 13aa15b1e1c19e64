"""A viewer: follows the store that another process writes, and asks that one for what it cannot do itself."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from typing import Any

from wgmon_tui.history import codec
from wgmon_tui.history.database import StoreUnavailableError
from wgmon_tui.monitor.board import Board, Round
from wgmon_tui.monitor.feed import Feed
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.service.accounts import login_name
from wgmon_tui.service.asking import Connection, NotForUsError, NoWriterError
from wgmon_tui.service.control import RefusedError
from wgmon_tui.service.following import Following, show
from wgmon_tui.service.messages import Operation
from wgmon_tui.service.together import all_or_none
from wgmon_tui.service.vantages import statuses_from_json

_LOOK_EVERY_S = 0.4
_CONNECT_EVERY_S = 0.5
_SAID_SECONDS = 10.0


class Viewer(Feed):
    """Keeps a board current out of the store while it runs."""

    def __init__(self, state_dir: Path, board: Board | None = None) -> None:
        self.board = board or Board()
        self.gone = asyncio.Event()
        """Set while nobody writes."""
        self.looked = asyncio.Event()
        """Set once the store was read, or could not be."""
        self.knocked = asyncio.Event()
        """Set once it is known whether somebody writes."""
        self.writer: str | None = None
        """Who writes; None while nobody does."""
        self._state_dir = state_dir
        self._following = Following(state_dir)
        self._connection: Connection | None = None
        self._attended: str | None = None
        self._round_is_old = False
        self._checks_per_second = 0.0
        self._is_mute = False
        self._refused: str | None = None
        self._unread: str | None = None
        self._of_the_writer: str | None = None
        self._sinks: tuple[str, ...] = ()
        self._vantages: tuple[VantageStatus, ...] = ()
        self._said: str | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        with ThreadPoolExecutor(1, "store") as reading:
            try:
                await all_or_none([self._stay_attached(), self._follow(reading), self._converse()])
            finally:
                for task in self._asking:
                    task.cancel()
                reading.submit(self._following.close)

    # What faces see and ask

    @property
    def status(self) -> str:
        """Who writes."""
        if self.writer is None:
            return "viewer · nobody writes" if self.gone.is_set() else "viewer"
        return f"viewer · written by {self.writer}{', which does not answer' if self._is_mute else ''}"

    @property
    def warning(self) -> str | None:
        """What keeps us from looking, then what was refused us, then what troubles the writer."""
        return self._refused or self._unread or self._said or self._of_the_writer

    @property
    def checks_per_second(self) -> float:
        """As the writer says."""
        return self._checks_per_second

    def recheck(self, names: Iterable[str]) -> None:
        """Ask the writer to check these servers now."""
        self._ask(Operation.RECHECK, names)

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Ask the writer to stop or resume checking these servers."""
        self._ask(Operation.PAUSE if paused else Operation.RESUME, names)

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Ask the writer to record that we have seen these servers' incidents."""
        self._ask(Operation.ACKNOWLEDGE, names, text=note)

    def add_note(self, incident: str, text: str) -> None:
        """Ask the writer to record a note."""
        self._ask(Operation.NOTE, (), incident=incident, text=text)

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Ask the writer to tell nobody of these servers."""
        if until is None:
            self._ask(Operation.UNMUTE, names)
        else:
            self._ask(Operation.MUTE, names, until=0.0 if until == inf else until)

    def test_sink(self, name: str) -> None:
        """Ask the writer to send a sink a test."""
        self._ask(Operation.TEST_SINK, [name])

    @property
    def sinks(self) -> tuple[str, ...]:
        """Those of the writer."""
        return self._sinks

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """Those of the writer."""
        return self._vantages

    def retry_alert(self, number: int) -> None:
        """Ask the writer to try a delivery again."""
        self._ask(Operation.RETRY_ALERT, (), number=number)

    def see_alerts(self, sink: str, number: int = 0) -> None:
        """Ask the writer to record that we know what was given up."""
        self._ask(Operation.SEE_ALERTS, [sink], number=number)

    def attend(self, name: str | None) -> None:
        """From now on have the packets of this server at hand."""
        if name != self._attended:
            self._attended = name
            self._round_is_old = True

    def _ask(
        self,
        operation: Operation,
        names: Iterable[str],
        *,
        incident: str = "",
        text: str = "",
        until: float = 0.0,
        number: int = 0,
    ) -> None:
        def ask(connection: Connection) -> Coroutine[Any, Any, dict[str, object]]:
            return connection.ask(operation, names, incident=incident, text=text, until=until, number=number)

        asking = asyncio.create_task(self._say_how(operation, ask))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _say_how(
        self, operation: Operation, ask: Callable[[Connection], Coroutine[Any, Any, dict[str, object]]]
    ) -> None:
        """Ask, and show for a while what the writer had to say to it."""
        try:
            if self._connection is None:
                raise NoWriterError
            answer = await ask(self._connection)
            warning = answer.get("warning")
            said = warning if isinstance(warning, str) else None
        except RefusedError as error:
            said = f"refused: {error}"
        except NoWriterError:
            said = f"nobody writes: {operation.value} is not done"
        except TimeoutError:
            said = f"the writer does not answer: {operation.value} may not be done"
        self._said = said
        if said:
            await asyncio.sleep(_SAID_SECONDS)
            if self._said == said:
                self._said = None

    # What it does all the time

    async def _stay_attached(self) -> None:
        """Hold a connection: its end tells at once that the writer's has come."""
        while True:
            try:
                connection = await Connection.connect(self._state_dir)
            except NotForUsError as error:
                self._refused = str(error)
                self.knocked.set()
            except NoWriterError:
                self.gone.set()
                self.knocked.set()
            else:
                self._refused = None
                await self._hold(connection)
                continue
            await asyncio.sleep(_CONNECT_EVERY_S)

    async def _hold(self, connection: Connection) -> None:
        try:
            name = await asyncio.to_thread(login_name, connection.writer.uid)
            self.writer = f"{name} (pid {connection.writer.pid})"
            self._connection = connection
            self.gone.clear()
            self.knocked.set()
            await connection.ended.wait()
        finally:
            self._connection = self.writer = self._of_the_writer = None
            self._checks_per_second = 0.0
            self._vantages = ()
            self._is_mute = False
            self.gone.set()
            await connection.close()

    async def _follow(self, reading: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        good_of: str | None = None
        while True:
            try:
                news = await loop.run_in_executor(reading, self._following.look)
                attended = self._attended if self._connection else None
                show(self.board, news, attended)
                self._round_is_old |= any(each.server == attended for each in news.journal)
                if self._attended and self._attended != good_of:
                    good_of = self._attended
                    good = await loop.run_in_executor(reading, self._following.last_good, good_of)
                    if row := self.board.rows.get(good_of):
                        row.last_good = good
                        self.board.touch(good_of)
                self._unread = None
            except StoreUnavailableError as error:
                self._unread = f"history: {error}"
            self.looked.set()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _converse(self) -> None:
        """Hear how the writer is, and have the packets that are on the screen."""
        while True:
            connection = self._connection
            if connection:
                try:
                    self._hear(await connection.ask(Operation.STATS))
                    if self._attended and self._round_is_old:
                        await self._fetch_round(connection, self._attended)
                except TimeoutError:
                    self._is_mute = True
                except (RefusedError, NoWriterError):
                    pass  # a server that has just gone, or a writer
            await asyncio.sleep(_LOOK_EVERY_S)

    def _hear(self, stats: dict[str, object]) -> None:
        self._is_mute = False
        rate, warnings = stats.get("checks_per_second"), stats.get("warnings")
        self._checks_per_second = float(rate) if isinstance(rate, int | float) else 0.0
        self._of_the_writer = str(warnings[0]) if isinstance(warnings, list) and warnings else None
        sinks = stats.get("sinks")
        self._sinks = tuple(map(str, sinks)) if isinstance(sinks, list) else ()
        self._vantages = statuses_from_json(stats.get("vantages"))

    async def _fetch_round(self, connection: Connection, name: str) -> None:
        self._round_is_old = False
        answer = await connection.ask(Operation.ROUND, [name])
        row, outcome = self.board.rows.get(name), _round(answer.get("round"))
        if row and outcome:
            row.last = outcome
            self.board.touch(name)


def _round(encoded: object) -> Round | None:
    try:
        return codec.from_bytes(b64decode(encoded)) if isinstance(encoded, str) else None
    except NotBase64Error:
        return None
