"""The writer: the engine, the store that it writes, and the socket that answers for both."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import ExitStack
from math import inf
from pathlib import Path
from socket import gethostname
from typing import Any

from wgmon_tui.alerts.dispatch import Dispatcher
from wgmon_tui.alerts.records import Beat
from wgmon_tui.fleet.config_toml import Config
from wgmon_tui.fleet.private_files import shown
from wgmon_tui.fleet.records import Server
from wgmon_tui.history import codec
from wgmon_tui.history.sightings import Vantages as SeenFromVantages
from wgmon_tui.history.stamps import StampLedger
from wgmon_tui.history.store import mirrored_stamps
from wgmon_tui.history.writing import Recorder
from wgmon_tui.monitor.board import Board
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.feed import Feed
from wgmon_tui.monitor.rounds import Round
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.probe.prober import Prober
from wgmon_tui.service.accounts import login_name
from wgmon_tui.service.control import Control, RefusedError
from wgmon_tui.service.lock import WriterLock
from wgmon_tui.service.messages import Operation, Request, said
from wgmon_tui.service.reload import Loaded, Reload
from wgmon_tui.service.together import all_or_none
from wgmon_tui.service.vantages import Vantages, statuses_as_json
from wgmon_tui.text import format_count

_WRITTEN_SECONDS = 3.0
"""How long who asked waits for the disk."""

_WRITES_NOTHING = (Operation.RECHECK, Operation.TEST_SINK, Operation.RETRY_ALERT, Operation.SEE_ALERTS)

Heard = Callable[[str], None]
"""Takes the line that says who asked for what."""


class Writer(Feed):
    """Probes and writes while it runs. Give it the lock; it is let go when `run` ends."""

    def __init__(
        self,
        state_dir: Path,
        loaded: Loaded,
        lock: WriterLock | None,
        *,
        config_dir: Path | None = None,
        board: Board | None = None,
        heard: Heard = lambda _: None,
    ) -> None:
        """Opens the store, and shows on the board what it knows.

        Without a lock, because the state directory cannot be written, nobody can attach. Without a
        `config_dir` nothing is reloaded. `heard` is told of every request. Raises NewerStoreError.
        """
        self.loaded = loaded
        self.state_dir = state_dir
        self._lock = lock
        self._heard = heard
        self._who = login_name(os.geteuid())
        self._held = ExitStack()
        self._stamps = self._held.enter_context(StampLedger(state_dir, known=mirrored_stamps(state_dir)))
        self.alerts = Dispatcher(
            state_dir,
            loaded.orders,
            beats=self._beats,
            unwritten=lambda: self._recorder.unwritten,
            vantage=gethostname(),
        )
        self._recorder = Recorder(
            state_dir, loaded.config.history, ledger=self._stamps, to_tell=self.alerts.wake
        )
        self._recorder.start()
        self.engine = Engine(Prober(stamps=self._stamps.next, ahead_s=self._stamps.ahead_s), board=board)
        self.board = self.engine.board
        self.board.replace(())
        self.engine.watch(loaded.fleet.servers, loaded.targets.ready, loaded.targets.problems)
        self._see_from(loaded.config)
        self._recorder.restore(self.engine)
        self._recorder.watch(self.board.rows.values())
        self.engine.listen(self._recorder)
        self.engine.elsewhere.listen(self._recorder.hear_sight)
        self.engine.maintain(loaded.config.alerts.maintenance)
        self._vantages = Vantages(
            self._take_report, self.engine.lost, self._kept, self._checked, taken_to=self._taken_to
        )
        self._vantages.watch(loaded.config.vantages)
        self._control = Control(state_dir, self._answer, time.time()) if lock else None
        self._unheard: str | None = None
        self._doing: set[asyncio.Task[None]] = set()
        self._reload = Reload(config_dir, loaded, self._take) if config_dir else None

    async def run(self) -> None:
        """Until cancelled. Raises OSError where no socket can be had to probe with."""
        try:
            await self._listen()
            parts = [self.engine.run(), self.alerts.run(), self._vantages.run()]
            if self._reload:
                parts.append(self._reload.run())
            await all_or_none(parts)
        finally:
            if self._control:
                await self._control.close()
            await asyncio.shield(asyncio.to_thread(self.close))

    def close(self) -> None:
        """Write what waits, and let the next one write; `run` does it at its end."""
        self._recorder.stop()
        self._held.close()
        if self._lock:
            self._lock.release()

    async def reload(self) -> None:
        """Read the files and every secret again, and wait until that is done."""
        if self._reload:
            await self._reload.now()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not work as it should, each in one line, the gravest first."""
        lines = (
            self._recorder.trouble,
            self._stamps.trouble,
            self._reload and self._reload.trouble,
            self._unheard,
            self.alerts.warning,
            *self._vantages.troubles,
            self._recorder.notice,
        )
        return tuple(line for line in lines if line)

    @property
    def store_trouble(self) -> str | None:
        """What keeps us from writing the history."""
        return self._recorder.trouble

    @property
    def reload_trouble(self) -> str | None:
        """Why the files as they are now are not in force."""
        return self._reload.trouble if self._reload else None

    # What faces see and ask

    @property
    def status(self) -> str:
        """Which part of the fleet is ours, where it is not all of it."""
        return f"shard {self.loaded.shard}" if self.loaded.shard else ""

    @property
    def warning(self) -> str | None:
        """The gravest line, with what becomes of alerts meanwhile; None where all is well."""
        line, meanwhile = next(iter(self.warnings), None), self.alerts.from_memory
        return f"{line}; {meanwhile}" if line and meanwhile and meanwhile not in line else line

    @property
    def checks_per_second(self) -> float:
        """Finished checks a second, over the last few."""
        return self.engine.checks_per_second

    def recheck(self, names: Iterable[str]) -> None:
        """Check these servers now, from everywhere."""
        names = tuple(names)
        self.engine.recheck(names)
        self._vantages.recheck(names)

    def pause(self, names: Iterable[str], paused: bool) -> None:
        """Stop or resume checking these servers, in the name of this account."""
        self.engine.pause(names, paused, self._who)

    def acknowledge(self, names: Iterable[str], *, note: str = "") -> None:
        """Acknowledge in the name of this account."""
        self.engine.acknowledge(names, self._who, note)

    def mute(self, names: Iterable[str], until: float | None) -> None:
        """Tell nobody of these servers, in the name of this account."""
        self.engine.mute(names, until, self._who)

    def test_sink(self, name: str) -> None:
        """Send a sink a test."""
        self._do(self._test((name,)))

    def retry_alert(self, number: int) -> None:
        """Try a delivery again."""
        self._do(self._retry(number))

    def see_alerts(self, sink: str, number: int = 0) -> None:
        """Say in the name of this account that it is known what was given up."""
        self._do(self._see(sink, number, self._who))

    @property
    def sinks(self) -> tuple[str, ...]:
        """The sinks of config.toml."""
        return tuple(sink.name for sink in self.loaded.orders.alerts.sinks)

    @property
    def vantages(self) -> tuple[VantageStatus, ...]:
        """How the other vantages are, in the order of config.toml."""
        return self._vantages.statuses

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """What it is refused is shown on the log of alerts, where it does not appear."""
        doing = asyncio.create_task(work)
        self._doing.add(doing)
        doing.add_done_callback(self._done)

    def _done(self, doing: asyncio.Task[None]) -> None:
        self._doing.discard(doing)
        if not doing.cancelled() and isinstance(refused := doing.exception(), RefusedError):
            self._heard(f"refused: {refused}")

    def add_note(self, incident: str, text: str) -> None:
        """Write a note in the name of this account."""
        self._recorder.note(incident, self._who, text)

    # What is asked over the socket

    async def _listen(self) -> None:
        try:
            if self._control:
                await self._control.open()
        except OSError as error:
            place = shown(self.state_dir)
            self._unheard = f"{place}: {error.strerror}; nobody can attach as a viewer"

    async def _answer(self, request: Request, who: str) -> Mapping[str, object]:
        match request.operation:
            case Operation.STATS:
                lag = self.engine.schedule.lag(0.99)
                rate, warnings = self.checks_per_second, self.warnings
                return {
                    "checks_per_second": rate,
                    "lag": lag,
                    "warnings": [self.warning, *warnings[1:]] if warnings else [],
                    "sinks": self.sinks,
                    "vantages": statuses_as_json(self.vantages),
                }
            case Operation.ROUND:
                return await self._round(self._known(request.names))
            case Operation.EDIT:
                raise RefusedError(self._how_to_edit())
            case Operation.RECHECK:
                self.recheck(self._known(request.names))
            case Operation.PAUSE | Operation.RESUME:
                self.engine.pause(self._known(request.names), request.operation is Operation.PAUSE, who)
            case Operation.ACKNOWLEDGE:
                self.engine.acknowledge(self._known(request.names), who, request.text)
            case Operation.MUTE:
                self.engine.mute(self._known(request.names), request.until or inf, who)
            case Operation.UNMUTE:
                self.engine.mute(self._known(request.names), None, who)
            case Operation.TEST_SINK:
                await self._test(request.names)
            case Operation.RETRY_ALERT:
                await self._retry(request.number)
            case Operation.SEE_ALERTS:
                for name in request.names:
                    await self._see(name, request.number, who)
            case Operation.NOTE:
                self._recorder.note(request.incident, who, request.text)
        self._heard(said(request, who))
        return await self._written() if request.operation not in _WRITES_NOTHING else {}

    async def _test(self, names: tuple[str, ...]) -> None:
        for name in names:
            try:
                await self.alerts.test(name)
            except KeyError:
                raise RefusedError(f'there is no sink "{name}" in config.toml') from None
            except (sqlite3.Error, OSError) as error:
                raise RefusedError(f"the store cannot be written now: {error}") from None

    async def _retry(self, number: int) -> None:
        try:
            found = await self.alerts.retry(number)
        except (sqlite3.Error, OSError) as error:
            raise RefusedError(f"the store cannot be written now: {error}") from None
        if not found:
            raise RefusedError(f"there is no alert {number} that could be sent again")

    async def _see(self, sink: str, number: int, who: str) -> None:
        try:
            found = await self.alerts.see(sink, number, who)
        except (sqlite3.Error, OSError) as error:
            raise RefusedError(f"the store cannot be written now: {error}") from None
        if not found:
            raise RefusedError("nothing was given up that nobody has seen yet")

    def _beats(self) -> tuple[Beat, ...]:
        """The servers that somebody is to be told of."""
        return tuple(
            Beat(name, row.severity)
            for name, row in self.board.rows.items()
            if not (row.paused or row.muted_until or row.maintenance)
        )

    async def _written(self) -> Mapping[str, object]:
        """What is answered was kept; where it cannot be for now, the answer says so."""
        try:
            async with asyncio.timeout(_WRITTEN_SECONDS):
                await asyncio.wrap_future(self._recorder.flush())
        except TimeoutError:
            reason = self._recorder.trouble or "the history is slow to write"
            return {"warning": f"done, but not yet kept: {reason}"}
        return {}

    async def _round(self, names: tuple[str, ...]) -> Mapping[str, object]:
        row = self.board.rows[names[0]]
        if row.last is None:
            return {"round": None}
        return {"round": b64encode(await asyncio.to_thread(codec.to_bytes, row.last)).decode()}

    # Other vantages

    def _checked(self) -> tuple[Server, ...]:
        """The servers that other vantages are to check as well."""
        return tuple(row.server for row in self.board.rows.values() if not row.paused)

    def _see_from(self, config: Config) -> None:
        """The board and the store know of the vantages that config.toml has now."""
        self.engine.elsewhere.see_from(config.vantages, config.quorum)
        self._recorder.see_from(SeenFromVantages(self.board.vantages, config.quorum))

    def _take_report(self, vantage: str, epoch: str, number: int, name: str, outcome: Round) -> None:
        self.engine.report(vantage, name, outcome, time.time(), epoch=epoch, number=number)

    def _taken_to(self, vantage: str, epoch: str) -> int:
        """The last report that we have of a vantage, from before this start too."""
        taken = self.engine.elsewhere.taken(vantage)
        return taken[1] if taken and taken[0] == epoch else 0

    async def _kept(self) -> None:
        """Ends when all that was taken is on the disk: never where nothing is written any more."""
        kept = asyncio.wrap_future(self._recorder.flush())
        await asyncio.wait({kept})
        if kept.cancelled():
            await asyncio.Event().wait()

    def _known(self, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in self.board.rows:
                raise RefusedError(f'there is no server "{name}"')
        if not names:
            raise RefusedError("names no server")
        return names

    def _how_to_edit(self) -> str:
        if self._reload is None:
            return "there is no servers.toml behind this"
        return f"servers.toml is edited as {self._who}, in its file; a change takes effect within a second"

    def _take(self, loaded: Loaded) -> None:
        """What the files say now. Servers that changed are checked at once."""
        before, self.loaded = self.loaded, loaded
        self.engine.watch(loaded.fleet.servers, loaded.targets.ready, loaded.targets.problems)
        self._see_from(loaded.config)
        self._recorder.watch(self.board.rows.values())
        self._recorder.keep(loaded.config.history)
        self.engine.maintain(loaded.config.alerts.maintenance)
        self._vantages.watch(loaded.config.vantages)
        self.alerts.take(loaded.orders)
        self.engine.recheck(_changed(before, loaded))
        self._heard(f"reloaded: {format_count(len(loaded.fleet.servers), 'server')}")


def _changed(before: Loaded, after: Loaded) -> list[str]:
    """The servers whose entry or secrets are others than before."""
    old = {server.name: server for server in before.fleet.servers}
    ready_before, ready_after = before.targets.ready, after.targets.ready
    return [
        name
        for name, server in ((server.name, server) for server in after.fleet.servers)
        # Pairs, which find an object equal to itself at once: of ten thousand servers one has changed.
        if (old.get(name), ready_before.get(name)) != (server, ready_after.get(name))
    ]
