from __future__ import annotations

import asyncio
import time

from wgmon_tui.monitor.wake_timer import LEAST_SLEEP_S, WakeTimer

LONG_S = 60.0


async def asleep(timer: WakeTimer, due: float | None) -> asyncio.Task[None]:
    task = asyncio.create_task(timer.sleep_until(due))
    await asyncio.sleep(0)  # one turn of the loop, in which it falls asleep
    return task


async def test_it_sleeps_until_the_next_check_is_due() -> None:
    due = time.monotonic() + 0.02
    await WakeTimer().sleep_until(due)
    assert time.monotonic() >= due


async def test_checks_that_are_due_at_almost_the_same_time_start_together() -> None:
    began = time.monotonic()
    await WakeTimer().sleep_until(began)
    assert time.monotonic() >= began + LEAST_SLEEP_S


async def test_a_check_that_ends_does_not_start_those_that_wait_for_others() -> None:
    timer, began = WakeTimer(), time.monotonic()
    task = await asleep(timer, began)
    timer.wake_before(began)
    await task
    assert time.monotonic() >= began + LEAST_SLEEP_S


async def test_a_change_ends_the_sleep() -> None:
    timer, now = WakeTimer(), time.monotonic()
    task = await asleep(timer, now + LONG_S)
    timer.wake()
    async with asyncio.timeout(LONG_S / 2):
        await task


async def test_a_check_that_is_due_earlier_ends_the_sleep() -> None:
    timer, now = WakeTimer(), time.monotonic()
    task = await asleep(timer, now + LONG_S)
    timer.wake_before(now + 1)
    async with asyncio.timeout(LONG_S / 2):
        await task


async def test_a_check_that_is_due_later_does_not_end_the_sleep() -> None:
    timer, now = WakeTimer(), time.monotonic()
    task = await asleep(timer, now + LONG_S)
    timer.wake_before(now + 2 * LONG_S)
    timer.wake_before(None)
    await asyncio.sleep(0)
    assert not task.done()
    timer.wake()
    await task
