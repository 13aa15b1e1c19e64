"""Dispatcher: independent sinks, retries after failures, and the message at shutdown."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.alerts.outbox_harness import Shop, all_to, sink
from wgmon_tui.alerts import dispatcher as dispatching
from wgmon_tui.alerts import event_gathering
from wgmon_tui.alerts.delivery_log import counts
from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError, ServerHeartbeat
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.alerts.sinks import Send
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Heartbeat, Rule, Sink, SinkType
from wgmon_tui.store.write.batch import Batch

PATIENCE_S = 60.0


class Street:
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


@pytest.fixture
def patient_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the last messages leave, however busy the machine is."""
    monkeypatch.setattr(dispatching, "_SHUTDOWN_TIMEOUT_S", PATIENCE_S)


@pytest.fixture
def street() -> Street:
    return Street()


def dispatcher(shop: Shop, street: Street, problems: dict[str, str] | None = None) -> Dispatcher:
    shop.clock.now = time.time()
    orders = ResolvedSinks(shop.alerts, problems=problems or {})
    return Dispatcher(shop.state_dir, orders, send=street.send, random=Random(1))


async def test_what_happens_arrives_within_the_second(shop: Shop, street: Street) -> None:
    async with running(dispatcher(shop, street)) as working:
        incident = shop.opens()
        working.wake()
        await until(lambda: street.got["pager"])
        shop.closes(incident)
        working.wake()
        await until(lambda: len(street.got["pager"]) == 2)
    assert street.kinds("pager") == ["opened", "recovered"]


async def test_events_that_follow_each_other_at_once_are_one_message(
    shop: Shop, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_gathering, "QUIET_S", 1.0)
    monkeypatch.setattr(event_gathering, "LONGEST_GROUPING_S", PATIENCE_S)
    async with running(dispatcher(shop, street)) as working:
        shop.opens("lon1", "203.0.113.9")
        working.wake()
        await until(lambda: street.got["pager"])
        for name in ("fra1", "ams1", "nyc1"):
            shop.opens(name)
            working.wake()
            await asyncio.sleep(event_gathering.GROUPING_DELAY_S)
        await until(lambda: len(street.got["pager"]) > 1)
    assert len(street.got["pager"][1].servers) == 3


async def test_events_without_end_do_not_hold_a_message_back(
    shop: Shop, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_gathering, "QUIET_S", 2 * PATIENCE_S)
    async with running(dispatcher(shop, street)) as working:
        shop.opens("lon1", "203.0.113.9")
        working.wake()
        await until(lambda: street.got["pager"])
        shop.opens()
        working.wake()
        await until(lambda: len(street.got["pager"]) == 2)


async def test_a_certificate_that_ends_soon_is_told(
    shop: Shop, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.alerts.outbox.EXPIRY_GROUPING_S", 0.0)
    ends = Expires("server certificate", "vpn.example.net", time.time() + 86_400.0)
    shop.write(Batch(new_expiries={"fra1": (ends,)}))
    async with running(dispatcher(shop, street)):
        await until(lambda: street.got["pager"])
    [told] = street.got["pager"]
    assert (told.kind.value, told.servers, told.expiries[0].at) == ("expiry", ("fra1",), ends.at)


async def test_what_was_written_before_we_began_is_told(shop: Shop, street: Street) -> None:
    shop.opens()
    async with running(dispatcher(shop, street)):
        await until(lambda: street.got["pager"])


async def test_a_sink_that_hangs_delays_no_other(tmp_path: Path, street: Street) -> None:
    shop = Shop(tmp_path, all_to("pager", "hole"))
    street.does["hole"] = street.hangs
    async with running(dispatcher(shop, street)) as working:
        for number in range(5):
            shop.opens(f"fra{number}", f"10.0.{number}.7")
            working.wake()
            await until(partial(lambda seen: len(street.got["pager"]) > seen, number))
        street.released.set()
    shop.close()


@pytest.mark.thorough
async def test_a_sink_that_hangs_is_left_behind_and_gets_no_second_attempt_beside_the_first(
    tmp_path: Path, street: Street
) -> None:
    shop = Shop(tmp_path, AlertSettings((sink("hole", timeout=0.1),)))
    street.does["hole"] = street.hangs
    shop.opens()
    async with running(dispatcher(shop, street)):
        await until(lambda: shop.log() and shop.log()[0].attempts >= 2)
        assert shop.log()[0].reason == "the previous attempt has not finished"
        alerting = [each for each in threading.enumerate() if each.name == "alert"]
        assert len(alerting) == 1
        street.released.set()
        await until(lambda: street.got["hole"])
    shop.close()


async def test_what_fails_is_tried_again_with_the_same_id(shop: Shop, street: Street) -> None:
    tried: list[str] = []

    def attempt(announcement: Announcement) -> None:
        tried.append(announcement.id)
        if len(tried) == 1:
            raise RetryError("HTTP 503")

    street.does["pager"] = attempt
    shop.opens()
    async with running(dispatcher(shop, street)):
        await until(lambda: street.got["pager"])
        await until(lambda: shop.log()[0].state == "sent")
    assert len(tried) == 2
    assert len(set(tried)) == 1


async def test_the_pause_that_a_sink_asks_for_is_kept(shop: Shop, street: Street) -> None:
    street.does["pager"] = fails(RetryError("HTTP 429", 900.0))
    shop.opens()
    async with running(dispatcher(shop, street)):
        await until(lambda: shop.log() and shop.log()[0].attempts)
        assert shop.log()[0].due_at == pytest.approx(time.time() + 900.0, abs=5)


class _AtOnce(Random):
    """Random numbers that make every backoff zero, unless a sink asks for a delay."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


async def test_the_pause_that_a_sink_asks_for_holds_for_its_other_messages_and_for_no_other_sink(
    tmp_path: Path, street: Street
) -> None:
    shop = Shop(tmp_path, all_to("pager", "chat"))
    tried: list[str] = []

    def busy(announcement: Announcement) -> None:
        tried.append(announcement.about[0].incident.server)
        raise RetryError("HTTP 429", 900.0)

    street.does["pager"] = busy
    shop.clock.now = time.time()
    shop.opens("fra1")
    working = Dispatcher(shop.state_dir, ResolvedSinks(shop.alerts), send=street.send, random=_AtOnce())
    async with running(working):
        await until(lambda: shop.log() and any(each.attempts for each in shop.log()))
        shop.opens("ams1", "203.0.113.9")
        working.wake()
        await until(lambda: len(street.got["chat"]) == 2)
        await asyncio.sleep(0.1)
        assert tried == ["fra1"]
    shop.close()


async def test_what_is_refused_for_good_is_given_up_and_said(shop: Shop, street: Street) -> None:
    street.does["pager"] = fails(GiveUpError("HTTP 400\nbad\x1b[31m request"))
    shop.opens()
    async with running(dispatcher(shop, street)):
        await until(lambda: shop.log() and shop.log()[0].state == "given up")
        assert shop.log()[0].reason == "HTTP 400 bad\\x1b[31m request"
        assert counts(shop.state_dir).given_up == 1


async def test_a_fault_of_a_sink_tells_nothing_of_what_it_held(shop: Shop, street: Street) -> None:
    street.does["pager"] = fails(ValueError("https://hooks.example.net/secret"))
    shop.opens()
    async with running(dispatcher(shop, street)):
        await until(lambda: shop.log() and shop.log()[0].attempts)
        assert shop.log()[0].reason == "internal error: ValueError"


@pytest.mark.thorough
async def test_when_a_sink_is_back_everything_that_waits_goes_at_once(shop: Shop, street: Street) -> None:
    street.does["pager"] = fails(*(RetryError("HTTP 503") for _ in range(2)))
    working = dispatcher(shop, street)
    for number in range(5):
        shop.opens(f"fra{number}", f"10.0.{number}.7")
        shop.expand()
    async with running(working):
        await until(lambda: len(street.got["pager"]) == 5)


async def test_a_sink_without_its_secret_says_so_and_works_when_it_is_there(
    shop: Shop, street: Street
) -> None:
    problem = 'config.toml: sink "pager": key url_file: cannot be read'
    working = dispatcher(shop, street, problems={"pager": problem})
    shop.opens()
    async with running(working):
        await until(lambda: shop.log() and shop.log()[0].attempts)
        assert (shop.log()[0].reason, working.warning) == (problem, problem)
        working.configure(ResolvedSinks(shop.alerts))
        await until(lambda: street.got["pager"])
        assert working.warning is None


async def test_new_sinks_are_in_force_at_once_and_what_waited_for_others_is_given_up(
    shop: Shop, street: Street
) -> None:
    street.does["pager"] = fails(*(RetryError("HTTP 503") for _ in range(99)))
    shop.opens()
    async with running(dispatcher(shop, street)) as working:
        await until(lambda: shop.log() and shop.log()[0].attempts)
        working.configure(ResolvedSinks(all_to("chat")))
        await until(lambda: any(each.state == "given up" for each in shop.log()))
        shop.opens("ams1", "203.0.113.9")
        working.wake()
        await until(lambda: any("ams1" in str(each.about) for each in street.got["chat"]))


async def test_a_test_is_sent_to_one_sink(tmp_path: Path, street: Street) -> None:
    shop = Shop(tmp_path, all_to("pager", "chat"))
    async with running(dispatcher(shop, street)) as working:
        await working.test("chat")
        await until(lambda: street.got["chat"])
        with pytest.raises(KeyError):
            await working.test("nobody")
    assert street.kinds("chat") == ["test"]
    assert street.kinds("pager") == []
    shop.close()


async def test_one_that_was_given_up_is_sent_when_somebody_asks(shop: Shop, street: Street) -> None:
    street.does["pager"] = fails(GiveUpError("HTTP 400"))
    shop.opens()
    async with running(dispatcher(shop, street)) as working:
        await until(lambda: shop.log() and shop.log()[0].state == "given up")
        assert await working.retry(shop.log()[0].id)
        await until(lambda: street.got["pager"])


@pytest.mark.usefixtures("patient_end")
async def test_who_asked_for_it_is_told_that_nobody_checks_any_more(tmp_path: Path, street: Street) -> None:
    rules = (Rule(("pager",), events=("opened", "writer stopped")), Rule(("chat",)))
    shop = Shop(tmp_path, all_to("pager", "chat", rules=rules))
    async with running(dispatcher(shop, street)):
        await until(shop.is_alerting)
    assert street.kinds("pager") == ["writer stopped"]
    assert street.kinds("chat") == []
    shop.close()


@pytest.mark.usefixtures("patient_end")
async def test_a_run_that_ends_at_its_start_tells_it_at_once(tmp_path: Path, street: Street) -> None:
    rules = (Rule(("pager",), events=("writer stopped",)),)
    shop = Shop(tmp_path, all_to("pager", rules=rules))
    async with running(dispatcher(shop, street)):
        await asyncio.sleep(0)
    assert street.kinds("pager") == ["writer stopped"]
    shop.close()


async def test_an_end_without_a_word_is_told_by_the_next_one(tmp_path: Path, street: Street) -> None:
    shop = Shop(tmp_path, all_to("pager", rules=(Rule(("pager",), events=("writer stopped",)),)))
    shop.presence.start(time.time() - 3600)
    async with running(dispatcher(shop, street)):
        await until(lambda: street.got["pager"])
        assert (
            street.got["pager"][0].note
            == "wgmon-tui or the machine did not shut down cleanly; checks have resumed"
        )
    shop.close()


@pytest.mark.thorough
async def test_the_end_waits_for_no_sink_that_hangs(tmp_path: Path, street: Street) -> None:
    shop = Shop(tmp_path, all_to("hole"))
    street.does["hole"] = street.hangs
    shop.opens()
    began = time.monotonic()
    async with running(dispatcher(shop, street)):
        await asyncio.sleep(0.3)
    assert time.monotonic() - began < 30.0
    street.released.set()
    shop.close()


@pytest.mark.usefixtures("patient_end")
async def test_a_heartbeat_hears_how_the_servers_are_and_nothing_else(tmp_path: Path, street: Street) -> None:
    beat = Sink("life", Heartbeat(every=0.05))
    shop = Shop(tmp_path, AlertSettings((beat,)))
    shop.opens()
    shop.clock.now = time.time()
    heartbeats = (ServerHeartbeat("fra1", Severity.DOWN),)

    def take_time_to_hear_of_the_end(announcement: Announcement) -> None:
        if announcement.kind is AnnouncementKind.STOPPED:
            time.sleep(0.2)  # the next beat becomes due

    street.does["life"] = take_time_to_hear_of_the_end
    working = Dispatcher(
        tmp_path, ResolvedSinks(shop.alerts), heartbeats=lambda: heartbeats, send=street.send
    )
    async with running(working):
        await until(lambda: len(street.got["life"]) > 3)
    assert {each.kind for each in street.got["life"][:-1]} == {AnnouncementKind.BEAT}
    assert street.got["life"][0].heartbeats == heartbeats
    assert street.got["life"][-1].kind is AnnouncementKind.STOPPED
    shop.close()


async def test_a_store_that_cannot_be_used_is_said_and_tried_again(shop: Shop, street: Street) -> None:
    store = shop.state_dir / "history.db"
    away = store.with_name("away.db")
    shop.opens()
    shop.write_raw("PRAGMA wal_checkpoint(TRUNCATE)")
    store.rename(away)
    async with running(dispatcher(shop, street)) as working:
        await until(lambda: working.trouble)
        away.rename(store)
        await until(lambda: street.got["pager"] and working.trouble is None)


@pytest.mark.thorough  # killed again and again
def test_no_kill_loses_an_alert_or_tells_it_in_another_order() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.alerts.kill_loop"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_a_clock_that_jumps_years_ahead_gives_up_and_forgets_nothing(
    tmp_path: Path, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.alerts.dispatcher._HOUSEKEEPING_S", 0.0)
    wall, start = [time.time()], time.time()
    shop = Shop(tmp_path, all_to("pager", "chat"))
    street.does["chat"] = lambda _: failing()

    def failing() -> None:
        raise RetryError("HTTP 503")

    shop.opens()
    working = Dispatcher(
        tmp_path,
        ResolvedSinks(shop.alerts),
        clock=lambda: wall[0] + time.time() - start,
        send=street.send,
        random=_AtOnce(),
    )
    async with running(working):
        await until(lambda: street.got["pager"])
        wall[0] += 2 * 365 * 86_400.0
        attempts = {each.sink: each.attempts for each in shop.log()}["chat"]
        for number in range(3):
            shop.opens(f"ams{number}", f"10.0.{number}.7")
            working.wake()
            await until(partial(lambda seen: len(street.got["pager"]) > seen, number + 1))
        await until(lambda: {each.sink: each.attempts for each in shop.log()}["chat"] > attempts + 3)
        # A delivery is recorded after it has arrived.
        await until(lambda: all(each.state == "sent" for each in shop.log() if each.sink == "pager"))
        states = Counter((each.sink, each.state) for each in shop.log())
    assert states == {("pager", "sent"): 4, ("chat", "pending"): 4}
    shop.close()
