"""Dispatcher: independent sinks, messages without delay, heartbeats, and what a kill leaves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.alerts.dispatcher_harness import PATIENCE_S, ScriptedSinks, dispatcher, fails, running, until
from tests.alerts.outbox_harness import OutboxHarness, all_to, sink
from wgmon_tui.alerts import event_gathering
from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, RetryError, ServerHeartbeat
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Heartbeat, Sink
from wgmon_tui.store.write.batch import Batch


async def test_what_happens_arrives_within_the_second(harness: OutboxHarness, sinks: ScriptedSinks) -> None:
    async with running(dispatcher(harness, sinks)) as working:
        incident = harness.opens()
        working.wake()
        await until(lambda: sinks.got["pager"])
        harness.closes(incident)
        working.wake()
        await until(lambda: len(sinks.got["pager"]) == 2)
    assert sinks.kinds("pager") == ["opened", "recovered"]


async def test_events_that_follow_each_other_at_once_are_one_message(
    harness: OutboxHarness, sinks: ScriptedSinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_gathering, "QUIET_S", 1.0)
    monkeypatch.setattr(event_gathering, "LONGEST_GROUPING_S", PATIENCE_S)
    async with running(dispatcher(harness, sinks)) as working:
        harness.opens("lon1", "203.0.113.9")
        working.wake()
        await until(lambda: sinks.got["pager"])
        for name in ("fra1", "ams1", "nyc1"):
            harness.opens(name)
            working.wake()
            await asyncio.sleep(event_gathering.GROUPING_DELAY_S)
        await until(lambda: len(sinks.got["pager"]) > 1)
    assert len(sinks.got["pager"][1].servers) == 3


async def test_events_without_end_do_not_hold_a_message_back(
    harness: OutboxHarness, sinks: ScriptedSinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_gathering, "QUIET_S", 2 * PATIENCE_S)
    async with running(dispatcher(harness, sinks)) as working:
        harness.opens("lon1", "203.0.113.9")
        working.wake()
        await until(lambda: sinks.got["pager"])
        harness.opens()
        working.wake()
        await until(lambda: len(sinks.got["pager"]) == 2)


async def test_a_certificate_that_ends_soon_is_told(
    harness: OutboxHarness, sinks: ScriptedSinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.alerts.outbox.EXPIRY_GROUPING_S", 0.0)
    ends = Expires("server certificate", "vpn.example.net", time.time() + 86_400.0)
    harness.write(Batch(new_expiries={"fra1": (ends,)}))
    async with running(dispatcher(harness, sinks)):
        await until(lambda: sinks.got["pager"])
    [told] = sinks.got["pager"]
    assert (told.kind.value, told.servers, told.expiries[0].at) == ("expiry", ("fra1",), ends.at)


async def test_what_was_written_before_we_began_is_told(harness: OutboxHarness, sinks: ScriptedSinks) -> None:
    harness.opens()
    async with running(dispatcher(harness, sinks)):
        await until(lambda: sinks.got["pager"])


async def test_a_sink_that_hangs_delays_no_other(tmp_path: Path, sinks: ScriptedSinks) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", "hole"))
    sinks.does["hole"] = sinks.hangs
    async with running(dispatcher(harness, sinks)) as working:
        for number in range(5):
            harness.opens(f"fra{number}", f"10.0.{number}.7")
            working.wake()
            await until(partial(lambda seen: len(sinks.got["pager"]) > seen, number))
        sinks.released.set()
    harness.close()


@pytest.mark.thorough
async def test_a_sink_that_hangs_is_left_behind_and_gets_no_second_attempt_beside_the_first(
    tmp_path: Path, sinks: ScriptedSinks
) -> None:
    harness = OutboxHarness(tmp_path, AlertSettings((sink("hole", timeout=0.1),)))
    sinks.does["hole"] = sinks.hangs
    harness.opens()
    async with running(dispatcher(harness, sinks)):
        await until(lambda: harness.log() and harness.log()[0].attempts >= 2)
        assert harness.log()[0].reason == "the previous attempt has not finished"
        alerting = [each for each in threading.enumerate() if each.name == "alert"]
        assert len(alerting) == 1
        sinks.released.set()
        await until(lambda: sinks.got["hole"])
    harness.close()


async def test_a_sink_without_its_secret_says_so_and_works_when_it_is_there(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    problem = 'config.toml: sink "pager": key url_file: cannot be read'
    working = dispatcher(harness, sinks, problems={"pager": problem})
    harness.opens()
    async with running(working):
        await until(lambda: harness.log() and harness.log()[0].attempts)
        assert (harness.log()[0].reason, working.warning) == (problem, problem)
        working.configure(ResolvedSinks(harness.alerts))
        await until(lambda: sinks.got["pager"])
        assert working.warning is None


async def test_new_sinks_are_in_force_at_once_and_what_waited_for_others_is_given_up(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    sinks.does["pager"] = fails(*(RetryError("HTTP 503") for _ in range(99)))
    harness.opens()
    async with running(dispatcher(harness, sinks)) as working:
        await until(lambda: harness.log() and harness.log()[0].attempts)
        working.configure(ResolvedSinks(all_to("chat")))
        await until(lambda: any(each.state == "given up" for each in harness.log()))
        harness.opens("ams1", "203.0.113.9")
        working.wake()
        await until(lambda: any("ams1" in str(each.about) for each in sinks.got["chat"]))


async def test_a_test_is_sent_to_one_sink(tmp_path: Path, sinks: ScriptedSinks) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", "chat"))
    async with running(dispatcher(harness, sinks)) as working:
        await working.test("chat")
        await until(lambda: sinks.got["chat"])
        with pytest.raises(KeyError):
            await working.test("nobody")
    assert sinks.kinds("chat") == ["test"]
    assert sinks.kinds("pager") == []
    harness.close()


@pytest.mark.usefixtures("patient_end")
async def test_a_heartbeat_hears_how_the_servers_are_and_nothing_else(
    tmp_path: Path, sinks: ScriptedSinks
) -> None:
    beat = Sink("life", Heartbeat(every=0.05))
    harness = OutboxHarness(tmp_path, AlertSettings((beat,)))
    harness.opens()
    harness.clock.now = time.time()
    heartbeats = (ServerHeartbeat("fra1", Severity.DOWN),)

    def take_time_to_hear_of_the_end(announcement: Announcement) -> None:
        if announcement.kind is AnnouncementKind.STOPPED:
            time.sleep(0.2)  # the next beat becomes due

    sinks.does["life"] = take_time_to_hear_of_the_end
    working = Dispatcher(
        tmp_path, ResolvedSinks(harness.alerts), heartbeats=lambda: heartbeats, send=sinks.send
    )
    async with running(working):
        await until(lambda: len(sinks.got["life"]) > 3)
    assert {each.kind for each in sinks.got["life"][:-1]} == {AnnouncementKind.BEAT}
    assert sinks.got["life"][0].heartbeats == heartbeats
    assert sinks.got["life"][-1].kind is AnnouncementKind.STOPPED
    harness.close()


async def test_a_store_that_cannot_be_used_is_said_and_tried_again(
    harness: OutboxHarness, sinks: ScriptedSinks
) -> None:
    store = harness.state_dir / "history.db"
    away = store.with_name("away.db")
    harness.opens()
    harness.write_raw("PRAGMA wal_checkpoint(TRUNCATE)")
    store.rename(away)
    async with running(dispatcher(harness, sinks)) as working:
        await until(lambda: working.trouble)
        away.rename(store)
        await until(lambda: sinks.got["pager"] and working.trouble is None)


@pytest.mark.thorough  # killed again and again
def test_no_kill_loses_an_alert_or_tells_it_in_another_order() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.alerts.kill_loop"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
