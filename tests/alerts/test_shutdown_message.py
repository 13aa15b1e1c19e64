"""Dispatcher: the message that alerting ends, or ended without a word."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.alerts.dispatcher_harness import ScriptedSinks, dispatcher, running, until
from tests.alerts.outbox_harness import OutboxHarness, all_to
from wgmon_tui.config.alerting import Rule


@pytest.mark.usefixtures("patient_end")
async def test_who_asked_for_it_is_told_that_nobody_checks_any_more(
    tmp_path: Path, sinks: ScriptedSinks
) -> None:
    rules = (Rule(("pager",), events=("opened", "writer stopped")), Rule(("chat",)))
    harness = OutboxHarness(tmp_path, all_to("pager", "chat", rules=rules))
    async with running(dispatcher(harness, sinks)):
        await until(harness.is_alerting)
    assert sinks.kinds("pager") == ["writer stopped"]
    assert sinks.kinds("chat") == []
    harness.close()


@pytest.mark.usefixtures("patient_end")
async def test_a_run_that_ends_at_its_start_tells_it_at_once(tmp_path: Path, sinks: ScriptedSinks) -> None:
    rules = (Rule(("pager",), events=("writer stopped",)),)
    harness = OutboxHarness(tmp_path, all_to("pager", rules=rules))
    async with running(dispatcher(harness, sinks)):
        await asyncio.sleep(0)
    assert sinks.kinds("pager") == ["writer stopped"]
    harness.close()


async def test_an_end_without_a_word_is_told_by_the_next_one(tmp_path: Path, sinks: ScriptedSinks) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", rules=(Rule(("pager",), events=("writer stopped",)),)))
    harness.presence.start(time.time() - 3600)
    async with running(dispatcher(harness, sinks)):
        await until(lambda: sinks.got["pager"])
        assert (
            sinks.got["pager"][0].note
            == "wgmon-tui or the machine did not shut down cleanly; checks have resumed"
        )
    harness.close()


@pytest.mark.thorough
async def test_the_end_waits_for_no_sink_that_hangs(tmp_path: Path, sinks: ScriptedSinks) -> None:
    harness = OutboxHarness(tmp_path, all_to("hole"))
    sinks.does["hole"] = sinks.hangs
    harness.opens()
    began = time.monotonic()
    async with running(dispatcher(harness, sinks)):
        await asyncio.sleep(0.3)
    assert time.monotonic() - began < 30.0
    sinks.released.set()
    harness.close()
