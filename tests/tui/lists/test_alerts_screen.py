"""Tests of the alerts screen with a real store: every delivery state and every key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.screen import Screen
from textual.widgets import Static

from tests.alerts.outbox_harness import OutboxHarness, all_to
from tests.store.engine_updates import Clock
from tests.tui import sample_histories
from tests.tui.app_harness import Face, face
from tests.tui.sample_fleet import NOW
from tests.tui.sample_histories import MINUTE
from tests.tui.sample_sinks import EngineWithSinks, fails_on_chat, gives_up, holds_back
from wgmon_tui.store.history import History
from wgmon_tui.tui.fleet.totals import TotalsLine
from wgmon_tui.tui.lists.alerts_screen import AlertsScreen
from wgmon_tui.tui.lists.delivery_screen import DeliveryScreen
from wgmon_tui.tui.server.screen import ServerScreen


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[OutboxHarness]:
    """An empty delivery log with the clock at NOW."""
    made = OutboxHarness(tmp_path, all_to("pager", "chat"), Clock(NOW))
    yield made
    made.close()


async def open_log(it: Face) -> None:
    await it.press("A")
    await it.read()


def shown(it: Face) -> Screen[object]:
    return it.app.screen


def prose(it: Face, widget: str) -> str:
    shown = it.app.screen.query_one(f"#{widget}", Static).content
    return " ".join(str(shown).split())


def listed(it: Face, word: str) -> list[str]:
    """The lines of the list that start with a text."""
    lines = [" ".join(line.split()) for line in it.lines()[1:]]
    return [line for line in lines if line.startswith(word)]


async def test_the_sinks_stand_on_top_with_how_it_goes(harness: OutboxHarness) -> None:
    fails_on_chat(harness)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        assert listed(it, "sink")[:2] == [
            "sink pager last sent 19:30",
            "sink chat 1 failing, next try 19:31:00: HTTP 503",
        ]
        assert prose(it, "title") == "Alerts 2 sinks, 1 failing"


async def test_what_was_sent_and_what_failed_stand_there_with_the_reason(harness: OutboxHarness) -> None:
    fails_on_chat(harness)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        assert listed(it, "sent") == ["sent 19:30 pager ✖ fra1 is down: silent"]
        assert listed(it, "failing") == ["failing 1x 19:30 chat ✖ fra1 is down: silent HTTP 503"]


@pytest.mark.thorough
async def test_the_one_under_the_cursor_says_when_it_is_tried_next(harness: OutboxHarness) -> None:
    fails_on_chat(harness)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        await it.press("G")
        if "to pager" in prose(it, "detail"):
            await it.press("k")
        assert "to chat, 19:30:00, 1 attempt failed, next try 19:31:00 why HTTP 503" in prose(it, "detail")


async def test_what_waits_is_pending(harness: OutboxHarness) -> None:
    harness.opens("fra1")
    harness.expand()
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        assert len(listed(it, "pending")) == 2
        assert prose(it, "title") == "Alerts 2 sinks, 2 pending"


async def test_what_was_given_up_stays_in_view_with_why(harness: OutboxHarness) -> None:
    gives_up(harness, "chat")
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir, size=(120, 24)) as it:
        await open_log(it)
        [line] = listed(it, "given up")
        assert line.endswith("HTTP 400: no such channel")
        await it.press("G")
        assert "given up 19:30:00; press r to retry, a to acknowledge" in prose(it, "detail")


async def test_what_was_held_back_says_what_held_it(harness: OutboxHarness) -> None:
    holds_back(harness)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        assert len(listed(it, "held")) == 2
        await it.press("G")
        assert "not sent held muted by ada until" in prose(it, "detail")


async def test_t_sends_a_test_to_the_sink_under_the_cursor_and_leaves_the_theme(
    harness: OutboxHarness,
) -> None:
    engine = EngineWithSinks("pager", "chat")
    async with face(engine, state_dir=harness.state_dir) as it:
        await open_log(it)
        await it.press("j", "t")
        assert engine.tested == ["chat"]
        assert it.notices() == ["Sending a test to chat"]
        assert isinstance(it.app.screen, AlertsScreen)


@pytest.mark.thorough
async def test_t_on_a_delivery_tests_its_sink(harness: OutboxHarness) -> None:
    gives_up(harness, "chat")
    engine = EngineWithSinks("pager", "chat")
    async with face(engine, state_dir=harness.state_dir) as it:
        await open_log(it)
        await it.press("G", "t")
        assert engine.tested == ["chat"]


async def test_r_tries_again_what_was_given_up(harness: OutboxHarness) -> None:
    gives_up(harness, "chat")
    [delivery] = harness.log()
    engine = EngineWithSinks("pager", "chat")
    async with face(engine, state_dir=harness.state_dir) as it:
        await open_log(it)
        assert "r retry" not in it.hints()
        await it.press("G")
        assert "r retry" in it.hints()
        await it.press("r")
        assert engine.retried == [delivery.id]


async def test_a_says_that_one_knows_what_was_given_up(harness: OutboxHarness) -> None:
    gives_up(harness, "chat")
    [delivery] = harness.log()
    engine = EngineWithSinks("pager", "chat")
    async with face(engine, state_dir=harness.state_dir) as it:
        await open_log(it)
        assert "a seen" not in it.hints()
        assert listed(it, "sink chat")[0].startswith("sink chat 1 given up")
        await it.press("j", "a", "G", "a")
        assert engine.seen == [("chat", 0), ("chat", delivery.id)]


@pytest.mark.thorough
async def test_what_somebody_has_seen_says_who_and_calls_no_more(harness: OutboxHarness) -> None:
    gives_up(harness, "chat")
    harness.deliveries.acknowledge_failed("chat", 0, "ada", NOW + 60)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir, size=(120, 24)) as it:
        await open_log(it)
        await it.press("G")
        assert "given up 19:30:00, acknowledged by ada 19:31:00" in prose(it, "detail")
        assert "a seen" not in it.hints()
        assert prose(it, "title") == "Alerts 2 sinks"
        await it.press("escape")
        await it.follow()
        assert "alerts" not in it.lines()[0]


@pytest.mark.thorough
async def test_of_a_sink_that_is_gone_a_says_it_of_all_at_once(harness: OutboxHarness) -> None:
    gives_up(harness, "chat")
    engine = EngineWithSinks("pager")
    async with face(engine, state_dir=harness.state_dir) as it:
        await open_log(it)
        await it.press("G", "a")
        assert engine.seen == [("chat", 0)]


@pytest.mark.thorough
async def test_r_on_a_sink_tries_the_oldest_that_failed(harness: OutboxHarness) -> None:
    fails_on_chat(harness)
    [failing] = [each for each in harness.log() if each.is_failing]
    engine = EngineWithSinks("pager", "chat")
    async with face(engine, state_dir=harness.state_dir) as it:
        await open_log(it)
        await it.press("r", "j", "r")
        assert engine.retried == [failing.id]


async def test_enter_opens_the_alert_then_the_server_and_esc_comes_back(harness: OutboxHarness) -> None:
    fails_on_chat(harness)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        await it.press("enter")
        assert not isinstance(shown(it), DeliveryScreen), "nothing failed on this sink"
        await it.press("G", "enter")
        assert isinstance(shown(it), DeliveryScreen)
        await it.press("enter")
        assert isinstance(shown(it), ServerScreen)
        await it.press("escape", "escape")
        assert isinstance(shown(it), AlertsScreen)
        await it.press("escape")
        assert it.at_home


async def test_at_80_columns_a_long_reason_can_be_read_to_its_end(harness: OutboxHarness) -> None:
    harness.opens("fra1")
    harness.expand()
    reason = " ".join(f"word{number}" for number in range(150))
    harness.deliver(to=["chat"], refused=reason)
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        await it.press("j", "enter")
        assert isinstance(it.app.screen, DeliveryScreen)
        assert reason in prose(it, "words")
        await it.press("G")
        assert any("Message" in line for line in it.lines())
        await it.press("y")
        assert "word149" in it.app.clipboard


async def test_what_is_sent_meanwhile_appears(harness: OutboxHarness) -> None:
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await open_log(it)
        assert listed(it, "No alerts sent yet") == ["No alerts sent yet. Press t to send a test."]
        fails_on_chat(harness)
        assert isinstance(it.app.screen, AlertsScreen)
        it.app.screen.reload()
        await it.read()
        assert len(listed(it, "sent")) == 1


async def test_without_a_sink_it_says_which_three_lines_make_one(harness: OutboxHarness) -> None:
    async with face(EngineWithSinks(), state_dir=harness.state_dir) as it:
        await open_log(it)
        assert '[[sink]] name = "me" type = "bell"' in prose(it, "nothing")
        assert "test" not in it.hints()


async def test_without_a_store_it_says_so(tmp_path: Path) -> None:
    async with face(EngineWithSinks("pager"), state_dir=tmp_path / "nowhere") as it:
        await open_log(it)
        assert "No alerts yet" in prose(it, "nothing")


async def test_the_top_line_of_the_fleet_says_that_alerts_fail(harness: OutboxHarness) -> None:
    fails_on_chat(harness)
    gives_up(harness, "chat")
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        totals = it.fleet.query_one(TotalsLine)
        while not totals._alerts:
            await it.pilot.pause(0.01)
        await it.follow()
        assert "alerts: 1 failing, 1 given up" in it.lines()[0]


async def test_the_top_line_says_nothing_where_all_arrives(harness: OutboxHarness) -> None:
    harness.opens("fra1")
    harness.expand()
    harness.deliver()
    async with face(EngineWithSinks("pager", "chat"), state_dir=harness.state_dir) as it:
        await it.follow()
        assert "alerts" not in it.lines()[0]


@pytest.mark.thorough
async def test_an_open_incident_of_which_nobody_is_told_says_so(past: History) -> None:
    engine = EngineWithSinks()
    engine.fleet_state.states["fra1"].incident = sample_histories.incident(opened=12 * MINUTE)
    engine.fleet_state.mute("fra1", NOW + 30 * MINUTE, "ada")
    async with face(engine, history=past, size=(140, 30)) as it:
        await it.press("I")
        await it.read()
        assert "⊘ muted by ada until 20:00" in "\n".join(it.lines())
        assert "muted by ada until 20:00" in prose(it, "detail")
