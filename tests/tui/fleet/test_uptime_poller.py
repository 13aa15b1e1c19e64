"""The poller of the uptimes, before the history is complete and after a change of the writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.daemon.harness import until
from tests.tui.sample_fleet import NOW, QuietEngine, server
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.tui.fleet import uptime_poller
from wgmon_tui.tui.fleet.uptime_poller import follow_uptimes


class OneUptime:
    """A history that knows one uptime. `complete` is whether it has all of it."""

    def __init__(self) -> None:
        self.complete = True
        self.reads = 0

    def uptimes(self, start: float, end: float) -> dict[str, float]:
        self.reads += 1
        return {"fra1": 0.5}


@asynccontextmanager
async def following(history: OneUptime, fleet_state: FleetState) -> AsyncIterator[None]:
    task = asyncio.create_task(
        follow_uptimes(history, fleet_state, lambda: NOW, lambda: history.complete)  # type: ignore[arg-type]
    )
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_known(fleet_state: FleetState) -> None:
    await until(lambda: fleet_state.states["fra1"].uptime is not None)


async def test_an_incomplete_history_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uptime_poller, "_FIRST_INTERVAL_S", 0.0)
    history, fleet_state = OneUptime(), QuietEngine([server("fra1")]).fleet_state
    history.complete = False
    async with following(history, fleet_state):
        for _ in range(5):
            await asyncio.sleep(0)
        assert (history.reads, fleet_state.states["fra1"].uptime) == (0, None)


async def test_new_states_get_the_known_uptimes_without_another_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uptime_poller, "_WATCH_INTERVAL_S", 0.0)
    history, fleet_state = OneUptime(), QuietEngine([server("fra1")]).fleet_state
    async with following(history, fleet_state):
        await until_known(fleet_state)
        fleet_state.start_over()
        await until_known(fleet_state)
        assert history.reads == 1
