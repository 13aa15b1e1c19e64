"""Dispatcher: what happens after a sink fails, refuses or asks for a pause."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.alerts.dispatcher_harness import AtOnce, ScriptedSinks, dispatcher, fails, running, until
from tests.alerts.outbox_harness import OutboxHarness, all_to
from wgmon_tui.alerts.delivery_log import counts
from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.models import Announcement, GiveUpError, RetryError
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks


async def test_what_fails_is_tried_again_with_the_same_id(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    tried: list[str] = []

    def attempt(announcement: Announcement) -> None:
        tried.append(announcement.id)
        if len(tried) == 1:
            raise RetryError("HTTP 503")

    sinks.does["pager"] = attempt
    harness.opens()
    async with running(dispatcher(harness, sinks)):
        await until(lambda: sinks.got["pager"])
        await until(lambda: harness.log()[0].state == "sent")
    assert len(tried) == 2
    assert len(set(tried)) == 1


async def test_the_pause_that_a_sink_asks_for_is_kept(harness: OutboxHarness, sinks: ScriptedSinks) -> None:
    sinks.does["pager"] = fails(RetryError("HTTP 429", 900.0))
    harness.opens()
    async with running(dispatcher(harness, sinks)):
        await until(lambda: harness.log() and harness.log()[0].attempts)
        assert harness.log()[0].due_at == pytest.approx(time.time() + 900.0, abs=5)


async def test_the_pause_that_a_sink_asks_for_holds_for_its_other_messages_and_for_no_other_sink(
    tmp_path: Path, sinks: ScriptedSinks
) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", "chat"))
    tried: list[str] = []

    def busy(announcement: Announcement) -> None:
        tried.append(announcement.about[0].incident.server)
        raise RetryError("HTTP 429", 900.0)

    sinks.does["pager"] = busy
    harness.clock.now = time.time()
    harness.opens("fra1")
    working = Dispatcher(harness.state_dir, ResolvedSinks(harness.alerts), send=sinks.send, random=AtOnce())
    async with running(working):
        await until(lambda: harness.log() and any(each.attempts for each in harness.log()))
        harness.opens("ams1", "203.0.113.9")
        working.wake()
        await until(lambda: len(sinks.got["chat"]) == 2)
        await asyncio.sleep(0.1)
        assert tried == ["fra1"]
    harness.close()


async def test_what_is_refused_for_good_is_given_up_and_said(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    sinks.does["pager"] = fails(GiveUpError("HTTP 400\nbad\x1b[31m request"))
    harness.opens()
    async with running(dispatcher(harness, sinks)):
        await until(lambda: harness.log() and harness.log()[0].state == "given up")
        assert harness.log()[0].reason == "HTTP 400 bad\\x1b[31m request"
        assert counts(harness.state_dir).given_up == 1


async def test_a_fault_of_a_sink_tells_nothing_of_what_it_held(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    sinks.does["pager"] = fails(ValueError("https://hooks.example.net/secret"))
    harness.opens()
    async with running(dispatcher(harness, sinks)):
        await until(lambda: harness.log() and harness.log()[0].attempts)
        assert harness.log()[0].reason == "internal error: ValueError"


@pytest.mark.thorough
async def test_when_a_sink_is_back_everything_that_waits_goes_at_once(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    sinks.does["pager"] = fails(*(RetryError("HTTP 503") for _ in range(2)))
    working = dispatcher(harness, sinks)
    for number in range(5):
        harness.opens(f"fra{number}", f"10.0.{number}.7")
        harness.expand()
    async with running(working):
        await until(lambda: len(sinks.got["pager"]) == 5)


async def test_one_that_was_given_up_is_sent_when_somebody_asks(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    sinks.does["pager"] = fails(GiveUpError("HTTP 400"))
    harness.opens()
    async with running(dispatcher(harness, sinks)) as working:
        await until(lambda: harness.log() and harness.log()[0].state == "given up")
        assert await working.retry(harness.log()[0].id)
        await until(lambda: sinks.got["pager"])


async def test_a_clock_that_jumps_years_ahead_gives_up_and_forgets_nothing(
    tmp_path: Path, sinks: ScriptedSinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.alerts.dispatcher._HOUSEKEEPING_S", 0.0)
    wall, start = [time.time()], time.time()
    harness = OutboxHarness(tmp_path, all_to("pager", "chat"))
    sinks.does["chat"] = lambda _: failing()

    def failing() -> None:
        raise RetryError("HTTP 503")

    harness.opens()
    working = Dispatcher(
        tmp_path,
        ResolvedSinks(harness.alerts),
        clock=lambda: wall[0] + time.time() - start,
        send=sinks.send,
        random=AtOnce(),
    )
    async with running(working):
        await until(lambda: sinks.got["pager"])
        wall[0] += 2 * 365 * 86_400.0
        attempts = {each.sink: each.attempts for each in harness.log()}["chat"]
        for number in range(3):
            harness.opens(f"ams{number}", f"10.0.{number}.7")
            working.wake()
            await until(partial(lambda seen: len(sinks.got["pager"]) > seen, number + 1))
        await until(lambda: {each.sink: each.attempts for each in harness.log()}["chat"] > attempts + 3)
        # A delivery is recorded after it has arrived.
        await until(lambda: all(each.state == "sent" for each in harness.log() if each.sink == "pager"))
        states = Counter((each.sink, each.state) for each in harness.log())
    assert states == {("pager", "sent"): 4, ("chat", "pending"): 4}
    harness.close()
