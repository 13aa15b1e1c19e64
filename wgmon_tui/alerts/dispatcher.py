"""Dispatcher: one independent worker per sink, so that an unresponsive sink delays no other.

A worker leases the next delivery, gives its sink `timeout` seconds, and records the result. After a failure
the worker backs off, longer each time. When the sink works again, all its pending deliveries are due at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import ParamSpec, TypeVar

from wgmon_tui.alerts.delivery_queue import DeliveryQueue, DueDelivery
from wgmon_tui.alerts.event_gathering import EventGathering
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError, ServerHeartbeat
from wgmon_tui.alerts.outbox import Outbox
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.alerts.shutdown_marker import ShutdownMarker
from wgmon_tui.alerts.sink_worker import SinkWorker, clean_reason
from wgmon_tui.alerts.sinks import Send, sender
from wgmon_tui.alerts.status_announcements import (
    announce_firing,
    announce_heartbeat,
    announce_stop,
    announce_test,
    sinks_of_stop,
)
from wgmon_tui.alerts.working_set import WorkingSet
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Sink, SinkType
from wgmon_tui.monitor.freshness import ClockReading
from wgmon_tui.store.clock_guard import ClockGuard
from wgmon_tui.store.write.unsaved_events import UnsavedEventsSource

_DUE_CHECK_EVERY_S = 5.0
"""Interval of the check for due reminders, escalations and ended quiet hours."""

_RETRY_AFTER_S = 1.0
"""Delay before the next attempt after a store error or an internal error."""

_LONGEST_PAUSE_S = 60.0
_LONGEST_BACKOFF_S = 300.0
_LONGEST_RETRY_AFTER_S = 3600.0

_LATE_S = 60.0
"""Minimum delay that is reported in a message."""

_SHUTDOWN_TIMEOUT_S = 2.0
"""Time at shutdown for sending "wgmon-tui has stopped" to the sinks."""

_STEP_S = 5.0
"""Minimum difference between the two clocks that counts as a clock change."""

_HOUSEKEEPING_S = 60.0

P = ParamSpec("P")
T = TypeVar("T")


class Dispatcher:
    """Sends alerts while it runs. Only the process that holds the state directory's lock may run one."""

    def __init__(
        self,
        state_dir: Path,
        resolved_sinks: ResolvedSinks,
        *,
        heartbeats: Callable[[], tuple[ServerHeartbeat, ...]] = tuple,
        vantage: str = "",
        clock_guard: ClockGuard | None = None,
        clock: Callable[[], float] = time.time,
        send: Callable[[SinkType], Send] = sender,
        random: Random | None = None,
    ) -> None:
        """`heartbeats` returns the current server states, `clock` the believed time in Unix seconds.

        `send` and `random` are for tests.
        """
        self.trouble: str | None = None
        """Why alerts are not sent, or only from memory, in one line."""
        self.memory_notice: str | None = None
        """Notice that alerts are sent from memory while the store cannot be written."""
        self._working_set = WorkingSet(state_dir)
        self._outbox = Outbox(self._working_set, vantage)
        self._deliveries = DeliveryQueue(self._working_set)
        self._shutdown_marker = ShutdownMarker(self._working_set)
        self._resolved_sinks = resolved_sinks
        self._heartbeats, self._vantage = heartbeats, vantage
        self._clock = clock
        self._clock_guard = clock_guard or ClockGuard(lambda: ClockReading(clock(), time.monotonic()))
        self._sender = send
        self._random = random or Random()  # noqa: S311  jitter, not keys
        self._store = ThreadPoolExecutor(1, "alerts")
        self._gathering = EventGathering()
        self._workers: dict[str, SinkWorker] = {}
        self._gap_announced = self._others_dropped = self._is_ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._recorder: UnsavedEventsSource | None = None
        self._cancelled_tasks: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Wake the dispatcher for new events. From any thread, at any time."""
        loop = self._loop
        if loop:
            with suppress(RuntimeError):  # the loop has ended: the next run reads the events
                loop.call_soon_threadsafe(self._gathering.note_event)

    def configure(self, resolved_sinks: ResolvedSinks) -> None:
        """Replace the sinks and rules. Call it in the event loop."""
        self._resolved_sinks = resolved_sinks
        self._others_dropped = False
        if self._loop:
            self._start_workers()
        self._gathering.wake()
        self._retry_all_now()

    @property
    def warning(self) -> str | None:
        """Return the current problem in one line, or None."""
        return self.trouble or next(iter(self._resolved_sinks.problems.values()), None)

    async def retry(self, number: int) -> bool:
        """Retry a pending or given-up delivery now. False if there is none. Raises sqlite3.Error."""
        found = await self._run_in_store(self._deliveries.retry, number, self._clock())
        self._retry_all_now()
        return found

    async def acknowledge_failed(self, sink: str, number: int, who: str) -> bool:
        """Acknowledge a given-up delivery, or with number 0 all of a sink. Returns False if none matched.

        Raises sqlite3.Error.
        """
        return await self._run_in_store(self._deliveries.acknowledge_failed, sink, number, who, self._clock())

    async def test(self, name: str) -> None:
        """Queue a test message for a sink; the log shows its result. Raises KeyError and sqlite3.Error."""
        sink = self._resolved_sinks.alerts.sink(name)
        if sink is None:
            raise KeyError(name)
        heartbeats = () if sink.is_event_driven else self._heartbeats()
        now = self._clock()
        test = announce_test(now, self._vantage, heartbeats)
        await self._run_in_store(self._deliveries.add, test, [name], now)
        self._retry_all_now()

    def _retry_all_now(self) -> None:
        for sink_worker in self._workers.values():
            sink_worker.work.set()
            sink_worker.retry_now.set()

    async def run(self, recorder: UnsavedEventsSource | None = None) -> None:
        """Run until cancelled. An internal error is reported and does not stop the checks.

        While the `recorder` cannot write events, they are read from it.
        """
        self._recorder = recorder
        self._loop = asyncio.get_running_loop()
        self._gathering.wake()
        try:
            await self._run_guarded(self._expand)
        finally:
            await asyncio.shield(self._shut_down())

    # Events become deliveries.

    async def _expand(self) -> None:
        await self._announce_gap()
        self._start_workers()
        looked_at = cleaned_at = time.monotonic()
        apart, first = self._clock() - time.monotonic(), True
        while True:
            if not self._others_dropped:
                await self._run_in_store(
                    self._outbox.drop_other_sinks, self._resolved_sinks.alerts.sinks, self._clock()
                )
                self._others_dropped = True
            step = self._clock() - time.monotonic() - apart
            if abs(step) > _STEP_S:
                apart += step
                await self._run_in_store(self._outbox.shift_times, step)
            if time.monotonic() - cleaned_at >= _HOUSEKEEPING_S:
                cleaned_at = time.monotonic()
                await self._run_in_store(self._shutdown_marker.refresh, self._clock())
                if self._clock_guard.may_delete:
                    await self._run_in_store(self._outbox.forget, self._clock())
                    await self._run_in_store(self._deliveries.forget, self._clock())
            around = first or time.monotonic() - looked_at >= _DUE_CHECK_EVERY_S
            if around:
                looked_at, first = time.monotonic(), False
            self._gathering.mark_events_read()
            has_more, self.memory_notice = await self._run_in_store(
                self._expand_once,
                self._resolved_sinks.alerts,
                self._clock(),
                include_due=around,
                is_clock_believed=self._clock_guard.may_delete,
            )
            if has_more:
                self._gathering.wake()
            self.trouble = self.memory_notice and f"alerts: {self._working_set.trouble}; {self.memory_notice}"
            for sink_worker in self._workers.values():
                sink_worker.work.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_AFTER_S if self.trouble else _DUE_CHECK_EVERY_S):
                    await self._gathering.wait()

    def _expand_once(
        self, alerts: AlertSettings, now: float, *, include_due: bool, is_clock_believed: bool = True
    ) -> tuple[bool, str | None]:
        """In the store's thread: queue deliveries. Returns whether there are more events, and the notice."""
        self._working_set.sync(self._recorder.unwritten if self._recorder else None)
        has_more = self._outbox.expand(
            alerts, now, include_due=include_due, is_clock_believed=is_clock_believed
        )
        return has_more, self._deliveries.memory_notice()

    async def _announce_gap(self) -> None:
        """Announce the monitoring gap if the previous run did not shut down cleanly."""
        if self._gap_announced:
            return
        since = await self._run_in_store(self._shutdown_marker.start, self._clock())
        self._gap_announced = True
        if since is not None:
            note = "wgmon-tui or the machine did not shut down cleanly; checks have resumed"
            await self._announce_stop(since, note)

    async def _announce_stop(self, at: float, note: str = "") -> None:
        alerts = self._resolved_sinks.alerts
        if sinks := sinks_of_stop(alerts, with_heartbeats=not note):
            stopped = announce_stop(at, self._vantage, note)
            await self._run_in_store(self._deliveries.add, stopped, sinks, self._clock())

    async def _shut_down(self) -> None:
        """Announce that checks have stopped, and give the workers a moment to send it."""
        self._is_ending = True
        self._start_workers()  # a run that ends at its very start has none yet
        alerts = self._resolved_sinks.alerts
        await self._run_in_store(self._expand_once, alerts, self._clock(), include_due=False)
        await self._announce_stop(self._clock())
        await self._run_in_store(self._shutdown_marker.remove)
        for sink_worker in self._workers.values():
            sink_worker.work.set()
            if not sink_worker.failures:
                sink_worker.idle.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SHUTDOWN_TIMEOUT_S):
                await asyncio.gather(*(sink_worker.idle.wait() for sink_worker in self._workers.values()))
        for name in list(self._workers):
            self._stop_worker(name)
        await asyncio.gather(*self._cancelled_tasks, return_exceptions=True)
        await self._run_in_store(self._working_set.close)
        self._store.shutdown()

    # Deliveries are sent.

    def _start_workers(self) -> None:
        """Start a worker for each sink, and stop the workers of removed sinks."""
        sinks = {sink.name: sink for sink in self._resolved_sinks.alerts.sinks}
        for name in self._workers.keys() - sinks.keys():
            self._stop_worker(name)
        for name, sink in sinks.items():
            sink_worker = self._workers.setdefault(name, SinkWorker())
            if sink_worker.task is None:
                sink_worker.task = asyncio.create_task(
                    self._run_guarded(partial(self._run_worker, name)), name=f"sink {name}"
                )
            if sink_worker.every != sink.every:
                if sink_worker.heartbeat_task:
                    sink_worker.heartbeat_task.cancel()
                    self._cancelled_tasks.append(sink_worker.heartbeat_task)
                sink_worker.every = sink.every
                sink_worker.heartbeat_task = asyncio.create_task(
                    self._run_guarded(partial(self._run_heartbeat, name)), name=f"beat {name}"
                )

    def _stop_worker(self, name: str) -> None:
        sink_worker = self._workers.pop(name)
        for task in (sink_worker.task, sink_worker.heartbeat_task):
            if task:
                task.cancel()
                self._cancelled_tasks.append(task)

    async def _run_worker(self, name: str) -> None:
        sink_worker = self._workers[name]
        while sink := self._resolved_sinks.alerts.sink(name):
            sink_worker.work.clear()
            sink_worker.retry_now.clear()
            job = await self._run_in_store(self._deliveries.lease_next, sink, self._clock())
            if not isinstance(job, DueDelivery):
                pause = None if job is None else min(job, _LONGEST_PAUSE_S) + 0.001
                await sink_worker.wait(sink_worker.work, pause)
            elif await self._deliver(sink, job, sink_worker):
                if sink_worker.failures:
                    await self._run_in_store(self._deliveries.make_due, name, self._clock())
                sink_worker.failures = 0
            else:
                sink_worker.failures += 1
                await sink_worker.wait(sink_worker.retry_now, sink_worker.retry_delay)

    async def _deliver(self, sink: Sink, job: DueDelivery, sink_worker: SinkWorker) -> bool:
        """Send one delivery. Returns whether the sink responded; a permanent refusal counts as a response."""
        announcement = job.announcement
        if announcement.late_s < _LATE_S:
            announcement = replace(announcement, late_s=0.0)
        try:
            await self._attempt(sink, announcement, sink_worker)
        except GiveUpError as refused:
            await self._run_in_store(
                self._deliveries.give_up, job, clean_reason(refused.reason), self._clock()
            )
            return True
        except RetryError as failed:
            await self._try_again(sink, job, failed, sink_worker)
            return False
        await self._run_in_store(self._deliveries.mark_sent, job, self._clock())
        return True

    async def _try_again(
        self, sink: Sink, job: DueDelivery, failed: RetryError, sink_worker: SinkWorker
    ) -> None:
        asked = min(failed.after or 0.0, _LONGEST_RETRY_AFTER_S)
        sink_worker.retry_delay = max(
            asked, self._jittered(min(_LONGEST_PAUSE_S, 2.0 ** min(sink_worker.failures, 10)))
        )
        backoff = max(asked, self._jittered(min(_LONGEST_BACKOFF_S, 2.0 ** min(job.attempts, 10))))
        now = self._clock()
        await self._run_in_store(
            self._deliveries.reschedule,
            job,
            sink,
            clean_reason(failed.reason),
            now,
            now + backoff,
            may_give_up=self._clock_guard.may_delete,
        )

    def _jittered(self, seconds: float) -> float:
        return seconds * self._random.uniform(0.5, 1.0)

    async def _attempt(
        self,
        sink: Sink,
        announcement: Announcement,
        sink_worker: SinkWorker,
        *,
        is_wanted_at_end: bool = True,
    ) -> None:
        """Make one attempt. Raises RetryError and GiveUpError."""
        if problem := self._resolved_sinks.problems.get(sink.name):
            raise RetryError(problem)
        secrets = self._resolved_sinks.secrets.get(sink.name, {})
        # The thread also imports the sink's module: some take a second.
        await sink_worker.attempt(
            lambda: self._sender(sink.type)(sink, announcement, secrets),
            sink.timeout,
            # A beat that had to wait for the announcement of the end would contradict it.
            lambda: is_wanted_at_end or not self._is_ending,
        )

    async def _run_heartbeat(self, name: str) -> None:
        """Send the current state at a fixed interval to a sink that needs it. Failures are not stored."""
        sink_worker = self._workers[name]
        while (sink := self._resolved_sinks.alerts.sink(name)) and sink.every:
            now = self._clock()
            if sink.is_event_driven:
                about = await self._run_in_store(self._outbox.firing_incidents, name)
                expiries = await self._run_in_store(self._outbox.told_expiries, name)
                word = announce_firing(now, self._vantage, about, expiries)
            else:
                word = announce_heartbeat(now, self._vantage, self._heartbeats())
            if word.servers or word.kind is AnnouncementKind.BEAT:
                with suppress(RetryError, GiveUpError):
                    await self._attempt(sink, word, sink_worker, is_wanted_at_end=False)
            await asyncio.sleep(sink.every)

    # Internals

    async def _run_guarded(self, part: Callable[[], Awaitable[None]]) -> None:
        """Run `part`, and restart it after an internal error."""
        while True:
            try:
                await part()
            except Exception as fault:  # noqa: BLE001  reported as `trouble`; checks continue
                self.trouble = f"alerts: internal error: {fault!r}"
            else:
                return
            await asyncio.sleep(_RETRY_AFTER_S)

    async def _run_in_store(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call on the working set in its thread, which is the only one that uses it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._store, partial(call, *args, **kwargs))
