"""How long events are gathered before they become messages."""

from __future__ import annotations

import asyncio

import pytest

from tests.daemon.harness import PATIENCE_S
from wgmon_tui.alerts import event_gathering
from wgmon_tui.alerts.event_gathering import GROUPING_DELAY_S, EventGathering

LONG_S = 100 * PATIENCE_S


async def test_an_event_alone_is_read_after_the_shortest_wait() -> None:
    gathering, loop = EventGathering(), asyncio.get_running_loop()
    began = loop.time()
    gathering.note_event()
    await gathering.wait()
    assert loop.time() - began >= GROUPING_DELAY_S


async def test_events_that_follow_without_end_are_read_after_the_longest_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_gathering, "QUIET_S", LONG_S)
    gathering = EventGathering()
    gathering.note_event()
    async with asyncio.timeout(PATIENCE_S):
        await gathering.wait()


async def test_a_wake_without_an_event_reads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_gathering, "LONGEST_GROUPING_S", LONG_S)
    gathering = EventGathering()
    gathering.wake()
    async with asyncio.timeout(PATIENCE_S):
        await gathering.wait()


async def test_events_after_the_reading_began_wait_for_the_next_one() -> None:
    gathering = EventGathering()
    gathering.note_event()
    gathering.mark_events_read()
    waiting = asyncio.create_task(gathering.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    gathering.note_event()
    async with asyncio.timeout(PATIENCE_S):
        await waiting
