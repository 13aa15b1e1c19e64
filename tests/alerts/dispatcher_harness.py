"""A dispatcher whose sinks are functions of the test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from random import Random

from tests.alerts.outbox_harness import OutboxHarness
from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.models import Announcement
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.alerts.sinks import Send
from wgmon_tui.config.alerting import Sink, SinkType

PATIENCE_S = 60.0


class ScriptedSinks:
    """Test sinks: the messages each one has received, and its behaviour instead of accepting one."""

    def __init__(self) -> None:
        self.got: dict[str, list[Announcement]] = defaultdict(list)
        self.does: dict[str, Callable[[Announcement], None]] = {}
        self.released = threading.Event()

    def send(self, kind: SinkType) -> Send:
        def send(sink: Sink, announcement: Announcement, _: Mapping[str, str]) -> None:
            if does := self.does.get(sink.name):
                does(announcement)
            self.got[sink.name].append(announcement)

        return send

    def hangs(self, _: Announcement) -> None:
        self.released.wait(60)

    def kinds(self, name: str) -> list[str]:
        return [each.kind.value for each in self.got[name]]


def dispatcher(
    harness: OutboxHarness, sinks: ScriptedSinks, problems: dict[str, str] | None = None
) -> Dispatcher:
    harness.clock.now = time.time()
    orders = ResolvedSinks(harness.alerts, problems=problems or {})
    return Dispatcher(harness.state_dir, orders, send=sinks.send, random=Random(1))


def fails(*errors: Exception) -> Callable[[Announcement], None]:
    """Return a behaviour for the first attempts; later attempts succeed."""
    left = list(errors)

    def attempt(_: Announcement) -> None:
        if left:
            raise left.pop(0)

    return attempt


@asynccontextmanager
async def running(dispatcher: Dispatcher) -> AsyncIterator[Dispatcher]:
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object]) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE_S
        await asyncio.sleep(0.005)


class AtOnce(Random):
    """Random numbers that make every backoff zero, unless a sink asks for a delay."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0
