"""Timers that share wake-ups: when they run, and what cancels them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from wgmon_tui.net.coarse_timers import TICK_S, CoarseTimers


async def run_all(timers: CoarseTimers) -> None:
    """Wait until every timer has run or was cancelled."""
    async with asyncio.timeout(30):
        while any(timers._by_tick.values()):  # noqa: ASYNC110
            await asyncio.sleep(TICK_S)
        await asyncio.sleep(0)


async def test_no_timer_runs_early_and_an_earlier_one_overtakes() -> None:
    timers, ran, began = CoarseTimers(), list[tuple[float, float]](), time.monotonic()

    def note(delay_s: float) -> Callable[[], None]:
        return lambda: ran.append((delay_s, time.monotonic() - began))

    for delay_s in (0.2, 0.0, 0.1, -1.0, 0.15, 0.1):
        timers.start(delay_s, note(delay_s))
    await run_all(timers)
    assert [delay_s for delay_s, _ in ran] == [-1.0, 0.0, 0.1, 0.1, 0.15, 0.2]
    assert all(after_s >= delay_s for delay_s, after_s in ran)


async def test_a_cancelled_timer_does_not_run_even_if_its_tick_has_come() -> None:
    timers, ran = CoarseTimers(), list[str]()
    timers.start(0.05, lambda: timers.cancel(later))
    later = timers.start(0.05, lambda: ran.append("later"))
    timers.cancel(timers.start(0.0, lambda: ran.append("cancelled")))
    other = timers.start(0.05, lambda: ran.append("other"))
    await run_all(timers)
    assert ran == ["other"]
    timers.cancel(other)


async def test_timers_of_one_tick_need_one_wake_up(monkeypatch: pytest.MonkeyPatch) -> None:
    timers, wake_ups, ran = CoarseTimers(), list[float](), list[int]()
    loop = asyncio.get_running_loop()
    call_at = loop.call_at

    def count(when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        wake_ups.append(when)
        return call_at(when, callback)

    monkeypatch.setattr(loop, "call_at", count)
    far = timers.start(3600.0, lambda: None)
    for number in range(1000):
        timers.start(0.1, lambda number=number: ran.append(number))  # type: ignore[misc]
    timers.cancel(far)
    monkeypatch.undo()
    await run_all(timers)
    assert len(wake_ups) <= 1 + 3  # of the far timer, and of the ticks in which the others were started
    assert sorted(ran) == list(range(1000))
    assert ran == sorted(ran)


async def test_a_bug_in_one_timer_stops_no_other() -> None:
    timers, ran, faults = CoarseTimers(), list[str](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, what: faults.append(what["exception"]))
    timers.start(0.02, lambda: ran.append(str(1 // 0)))
    timers.start(0.02, lambda: ran.append("second"))
    await run_all(timers)
    assert ran == ["second"]
    assert [type(each) for each in faults] == [ZeroDivisionError]


async def test_a_sleep_that_is_cancelled_leaves_no_timer() -> None:
    timers = CoarseTimers()
    sleeping = asyncio.create_task(timers.sleep(3600.0))
    await asyncio.sleep(0)
    assert any(timers._by_tick.values())
    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)
    assert not any(timers._by_tick.values())


async def test_a_sleep_ends_in_time() -> None:
    timers, began = CoarseTimers(), time.monotonic()
    await timers.sleep(0.03)
    assert time.monotonic() - began >= 0.03
