"""The dispatcher: one worker a sink, each in its own time, so that one that does not answer holds up nobody.

A worker takes the next delivery, gives its sink `timeout` seconds, and notes what came of it. A sink that
fails is left alone for a while, longer each time; when it is there again all that waits goes at once.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import ParamSpec, TypeVar

from wgmon_tui.alerts.books import Books
from wgmon_tui.alerts.deliveries import Deliveries, Job
from wgmon_tui.alerts.desk import Desk, in_daemon_thread, line, wait
from wgmon_tui.alerts.orders import Orders
from wgmon_tui.alerts.outbox import Outbox
from wgmon_tui.alerts.presence import Presence
from wgmon_tui.alerts.records import Announcement, Beat, GiveUpError, Kind, RetryError
from wgmon_tui.alerts.sinks import Send, sender
from wgmon_tui.fleet.alert_settings import Sink, SinkType
from wgmon_tui.history.database import unavailable
from wgmon_tui.history.store import STORE
from wgmon_tui.history.unwritten import Unwritten
from wgmon_tui.text import format_limit

GATHER_S = 0.1
"""What happens within this time is one message."""

_LOOK_AROUND_S = 5.0
"""How often is looked what has become due: reminders, escalations, the end of quiet hours."""

_AGAIN_S = 1.0
"""So long after the store kept us from our work it is tried again."""

_LONGEST_PAUSE_S = 60.0
_LONGEST_BACKOFF_S = 300.0
_LONGEST_RETRY_AFTER_S = 3600.0

_LATE_S = 60.0
"""By less a message is not late."""

_LAST_WORDS_S = 2.0
"""So long the sinks get at the end to hear that nobody checks any more."""

_STEP_S = 5.0
"""A difference of this size between the two clocks means that one was set."""

_GRACE_S = 0.5
"""A sink keeps to its timeout by itself; only one that does not is left behind after that."""

_HOUSEKEEPING_S = 60.0

P = ParamSpec("P")
T = TypeVar("T")


class Dispatcher:
    """Tells people while it runs. Only who holds the state directory's lock may run one."""

    def __init__(
        self,
        state_dir: Path,
        orders: Orders,
        *,
        beats: Callable[[], tuple[Beat, ...]] = tuple,
        unwritten: Callable[[], Unwritten | None] = lambda: None,
        vantage: str = "",
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        send: Callable[[SinkType], Send] = sender,
        random: Random | None = None,
    ) -> None:
        """`beats` says how the servers are now, `unwritten` what waits because the store cannot be written.

        The clocks, `send` and `random` are for tests.
        """
        self.trouble: str | None = None
        """Why nothing is told now, or not as it should be, in one line."""
        self.from_memory: str | None = None
        """What is to be said while the store cannot be written, and people are told all the same."""
        self._path = state_dir / STORE
        self._books = Books(state_dir)
        self._outbox = Outbox(self._books, vantage)
        self._deliveries, self._presence = Deliveries(self._books), Presence(self._books)
        self._orders = orders
        self._beats, self._unwritten, self._vantage = beats, unwritten, vantage
        self._clock, self._monotonic = clock, monotonic
        self._sender = send
        self._random = random or Random()  # noqa: S311  jitter, not keys
        self._store = ThreadPoolExecutor(1, "alerts")
        self._news = asyncio.Event()
        self._desks: dict[str, Desk] = {}
        self._greeted = self._dropped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Something is to be told. From any thread, at any time."""
        loop = self._loop
        if loop:
            with suppress(RuntimeError):  # the loop has ended: then the next one reads it
                loop.call_soon_threadsafe(self._news.set)

    def take(self, orders: Orders) -> None:
        """These are the sinks and the rules from now on. In the loop."""
        self._orders = orders
        self._dropped = False
        if self._loop:
            self._assign()
        self._news.set()
        self._urge()

    @property
    def warning(self) -> str | None:
        """What does not work as it should, in one line."""
        return self.trouble or next(iter(self._orders.problems.values()), None)

    async def retry(self, number: int) -> bool:
        """Try a delivery now, one that was given up too. False where there is none. Raises sqlite3.Error."""
        found = await self._in_store(self._deliveries.retry, number, self._clock())
        self._urge()
        return found

    async def see(self, sink: str, number: int, who: str) -> bool:
        """Somebody has seen what was given up: one delivery, or with 0 every one of a sink. False for none.

        Raises sqlite3.Error.
        """
        return await self._in_store(self._deliveries.see, sink, number, who, self._clock())

    async def test(self, name: str) -> None:
        """Send a sink a test; what comes of it is in the log. Raises KeyError and sqlite3.Error."""
        sink = self._orders.alerts.sink(name)
        if sink is None:
            raise KeyError(name)
        beats = () if sink.is_event_driven else self._beats()
        now = self._clock()
        test = Announcement(f"test-{token_hex(4)}", Kind.TEST, now, vantage=self._vantage, beats=beats)
        await self._in_store(self._deliveries.add, test, [name], now)
        self._urge()

    def _urge(self) -> None:
        for desk in self._desks.values():
            desk.work.set()
            desk.urged.set()

    async def run(self) -> None:
        """Until cancelled. A fault of ours is said and does not end the checks."""
        self._loop = asyncio.get_running_loop()
        self._news.set()
        try:
            await self._guarded(self._expand)
        finally:
            await asyncio.shield(self._end())

    # What happened becomes deliveries.

    async def _expand(self) -> None:
        await self._greet()
        self._assign()
        looked_at = cleaned_at = self._monotonic()
        apart, first = self._clock() - self._monotonic(), True
        while True:
            if not self._dropped:
                await self._in_store(self._outbox.drop_others, self._orders.alerts.sinks, self._clock())
                self._dropped = True
            step = self._clock() - self._monotonic() - apart
            if abs(step) > _STEP_S:
                apart += step
                await self._in_store(self._outbox.shift, step)
            if self._monotonic() - cleaned_at >= _HOUSEKEEPING_S:
                cleaned_at = self._monotonic()
                await self._in_store(self._presence.still_there, self._clock())
                await self._in_store(self._outbox.forget, self._clock())
                await self._in_store(self._deliveries.forget, self._clock())
            around = first or self._monotonic() - looked_at >= _LOOK_AROUND_S
            if around:
                looked_at, first = self._monotonic(), False
            self._news.clear()
            await self._in_store(self._books.follow, self._unwritten(), self._clock())
            if await self._in_store(
                self._outbox.expand, self._orders.alerts, self._clock(), look_around=around
            ):
                self._news.set()
            self.from_memory = await self._in_store(self._told_from_memory)
            self.trouble = self.from_memory and f"alerts: {self._books.trouble}; {self.from_memory}"
            for desk in self._desks.values():
                desk.work.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S if self.trouble else _LOOK_AROUND_S):
                    await self._news.wait()
                    await asyncio.sleep(GATHER_S)

    def _told_from_memory(self) -> str | None:
        if self._books.trouble is None:
            return None
        pending = self._deliveries.waiting()
        rest = f", {pending} still wait{'s' if pending == 1 else ''}" if pending else ""
        return f"people are told from memory until it can be written{rest}"

    async def _greet(self) -> None:
        """Say that nobody checked for a while, where we were ended without a word."""
        if self._greeted:
            return
        since = await self._in_store(self._presence.came, self._clock())
        self._greeted = True
        if since is not None:
            note = "it was ended without a word, or the machine was; it checks again"
            await self._say_stopped(since, note)

    async def _say_stopped(self, at: float, note: str = "") -> None:
        alerts = self._orders.alerts
        told = dict.fromkeys(
            name for rule in alerts.in_force if Kind.STOPPED in rule.events for name in rule.sinks
        )
        if not note:
            told |= dict.fromkeys(sink.name for sink in alerts.sinks if sink.type is SinkType.HEARTBEAT)
        if told:
            word = Announcement(f"stopped-{token_hex(4)}", Kind.STOPPED, at, vantage=self._vantage, note=note)
            await self._in_store(self._deliveries.add, word, list(told), self._clock())

    async def _end(self) -> None:
        """Say that nobody checks any more, and give the sinks a moment to hear of it."""
        with suppress(sqlite3.Error, OSError):
            await self._in_store(self._books.follow, self._unwritten(), self._clock())
            await self._in_store(self._outbox.expand, self._orders.alerts, self._clock(), look_around=False)
            await self._say_stopped(self._clock())
            await self._in_store(self._presence.went)
        for desk in self._desks.values():
            desk.work.set()
            if not desk.failures:
                desk.idle.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await asyncio.gather(*(desk.idle.wait() for desk in self._desks.values()))
        for name in list(self._desks):
            self._dismiss(name)
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._in_store(self._books.close)
        self._store.shutdown()

    # Deliveries are sent.

    def _assign(self) -> None:
        """A worker for each sink; those of sinks that are gone go."""
        sinks = {sink.name: sink for sink in self._orders.alerts.sinks}
        for name in self._desks.keys() - sinks.keys():
            self._dismiss(name)
        for name, sink in sinks.items():
            desk = self._desks.setdefault(name, Desk())
            if desk.worker is None:
                desk.worker = asyncio.create_task(
                    self._guarded(partial(self._serve, name)), name=f"sink {name}"
                )
            if desk.every != sink.every:
                if desk.beating:
                    desk.beating.cancel()
                    self._ending.append(desk.beating)
                desk.every = sink.every
                desk.beating = asyncio.create_task(
                    self._guarded(partial(self._beat, name)), name=f"beat {name}"
                )

    def _dismiss(self, name: str) -> None:
        desk = self._desks.pop(name)
        for task in (desk.worker, desk.beating):
            if task:
                task.cancel()
                self._ending.append(task)

    async def _serve(self, name: str) -> None:
        desk = self._desks[name]
        while sink := self._orders.alerts.sink(name):
            desk.work.clear()
            desk.urged.clear()
            job = await self._in_store(self._deliveries.take, sink, self._clock())
            if not isinstance(job, Job):
                await wait(desk, desk.work, None if job is None else min(job, _LONGEST_PAUSE_S) + 0.001)
            elif await self._deliver(sink, job, desk):
                if desk.failures:
                    await self._in_store(self._deliveries.hurry, name, self._clock())
                desk.failures = 0
            else:
                desk.failures += 1
                await wait(desk, desk.urged, desk.pause)

    async def _deliver(self, sink: Sink, job: Job, desk: Desk) -> bool:
        """Whether the sink is there: what it refuses for good has reached it too."""
        announcement = job.announcement
        if announcement.late < _LATE_S:
            announcement = replace(announcement, late=0.0)
        try:
            await self._attempt(sink, announcement, desk)
        except GiveUpError as refused:
            await self._in_store(self._deliveries.give_up, job, line(refused.reason), self._clock())
            return True
        except RetryError as failed:
            await self._try_again(sink, job, failed, desk)
            return False
        await self._in_store(self._deliveries.sent, job, self._clock())
        return True

    async def _try_again(self, sink: Sink, job: Job, failed: RetryError, desk: Desk) -> None:
        asked = min(failed.after or 0.0, _LONGEST_RETRY_AFTER_S)
        desk.pause = max(asked, self._jittered(min(_LONGEST_PAUSE_S, 2.0 ** min(desk.failures, 10))))
        backoff = max(asked, self._jittered(min(_LONGEST_BACKOFF_S, 2.0 ** min(job.attempts, 10))))
        now = self._clock()
        await self._in_store(self._deliveries.try_again, job, sink, line(failed.reason), now, now + backoff)

    def _jittered(self, seconds: float) -> float:
        return seconds * self._random.uniform(0.5, 1.0)

    async def _attempt(self, sink: Sink, announcement: Announcement, desk: Desk) -> None:
        """Raises RetryError and GiveUpError."""
        if problem := self._orders.problems.get(sink.name):
            raise RetryError(problem)
        secrets = self._orders.secrets.get(sink.name, {})
        async with desk.turn:
            if desk.attempt and not desk.attempt.done():
                raise RetryError("the last attempt still hangs")
            try:
                # Its module is imported in that thread too: some take a second.
                send = partial(self._sender, sink.type)
                desk.attempt = in_daemon_thread(lambda: send()(sink, announcement, secrets))
                async with asyncio.timeout(sink.timeout + _GRACE_S):
                    await asyncio.wrap_future(desk.attempt)
            except TimeoutError:
                raise RetryError(f"no answer within {format_limit(sink.timeout)}") from None
            except (RetryError, GiveUpError):
                raise
            except Exception as fault:  # noqa: BLE001  what it says may hold a secret
                raise RetryError(f"a fault of this program: {type(fault).__name__}") from None

    async def _beat(self, name: str) -> None:
        """Say again and again what is the case, to a sink that wants to hear it. What fails is not stored."""
        desk = self._desks[name]
        while (sink := self._orders.alerts.sink(name)) and sink.every:
            now = self._clock()
            if sink.is_event_driven:
                about = await self._in_store(self._outbox.open_now, name)
                word = Announcement(f"firing-{token_hex(4)}", Kind.FIRING, now, about, vantage=self._vantage)
            else:
                beats = self._beats()
                word = Announcement(
                    f"beat-{token_hex(4)}", Kind.BEAT, now, vantage=self._vantage, beats=beats
                )
            if word.about or word.kind is Kind.BEAT:
                with suppress(RetryError, GiveUpError):
                    await self._attempt(sink, word, desk)
            await asyncio.sleep(sink.every)

    # Within

    async def _guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """Begin a part anew where the store kept it from its work, or a fault of ours ended it."""
        while True:
            try:
                await part()
            except (sqlite3.Error, OSError) as error:
                self.trouble = f"alerts: {unavailable(self._path, error)}; what is to be told waits"
            except Exception as fault:  # noqa: BLE001  said where it can be seen; checks go on
                self.trouble = f"alerts: a fault of this program: {fault!r}"
            else:
                return
            await asyncio.sleep(_AGAIN_S)

    async def _in_store(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises sqlite3.Error and OSError only where memory does not let it be done either."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._store, partial(self._books.done, call, *args, **kwargs))
