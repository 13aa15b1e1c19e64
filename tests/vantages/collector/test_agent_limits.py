"""Tests of the limits of one agent."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.harness import until
from tests.vantages.harness import FakeWriter, hello_step, report_step, script
from tests.vantages.sample_rounds import FRA1, healthy
from wgmon_tui.vantages.collector import agent_limits
from wgmon_tui.vantages.collector.agent_limits import AgentLimits, make_processor_pacer
from wgmon_tui.vantages.messages import AgentStatus
from wgmon_tui.vantages.protocol import encode_message, encode_report, encode_report_body


@pytest.fixture
def limits() -> AgentLimits:
    return AgentLimits(make_processor_pacer())


@pytest.mark.parametrize(("interval_s", "most"), [(1.0, 240), (10.0, 78), (3600.0, 60)])
def test_a_server_is_reported_as_often_as_its_interval_allows(
    limits: AgentLimits, interval_s: float, most: int
) -> None:
    server = replace(FRA1, interval=interval_s)
    assert sum(limits.accepts_report(server, 1000.0, 1000.0) for _ in range(500)) == most
    assert limits.refused_reports == 500 - most
    assert limits.accepts_report(server, 1060.0, 1060.0)


def test_a_minute_that_is_long_past_is_not_reported_again(limits: AgentLimits) -> None:
    assert limits.accepts_report(FRA1, 6000.0, 6000.0)
    assert not limits.accepts_report(FRA1, 5000.0, 6000.0)


def test_of_a_week_that_is_past_as_many_reports_are_taken_as_an_agent_can_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agent_limits, "LATE_REPORTS_PER_DAY", 100)
    limits, now = AgentLimits(make_processor_pacer()), 1_000_000.0
    late = [limits.accepts_report(FRA1, now - 80_000.0 + 60.0 * number, now) for number in range(1000)]
    assert sum(late) == 100
    assert limits.accepts_report(FRA1, now, now)


def test_reports_that_wait_for_a_full_disk_wait_without_packets(limits: AgentLimits) -> None:
    assert limits.has_room_for_packets(agent_limits.MAX_UNSTORED_BYTES)
    assert not limits.has_room_for_packets(1)
    limits.mark_stored(limits.unstored_bytes)
    assert limits.has_room_for_packets(1)


async def test_the_work_for_all_agents_together_is_limited() -> None:
    processor = make_processor_pacer()
    one, other = AgentLimits(processor), AgentLimits(processor)
    slept: list[float] = []

    async def take(cost_s: float) -> None:
        slept.append(cost_s)

    processor.take = take  # type: ignore[method-assign]
    for each in (one, other):
        each.charge(time.monotonic() - 1.0)
        await each.take_line(1)
    assert all(cost_s > 1.9 for cost_s in slept)
    await one.take_line(1)
    assert slept[-1] == 0.0


async def test_while_the_disk_is_stuck_reports_are_taken_without_their_packets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(encode_report(1, encode_report_body("fra1", healthy(FRA1))))
    monkeypatch.setattr(agent_limits, "MAX_UNSTORED_BYTES", 2 * size)
    command = script(
        tmp_path / "agent.py",
        hello_step(),
        *[report_step(number) for number in range(1, 6)],
        "time.sleep(60)",
    )
    listening = FakeWriter(FRA1, stored=False)
    async with listening.to(command):
        await until(lambda: listening.numbers == [1, 2, 3, 4, 5])
        packets = [bool(outcome.check.exchange) for *_, outcome in listening.reports]
        assert packets[0]
        assert not packets[-1]


async def test_a_problem_that_changes_with_every_status_changes_the_screen_a_few_times(
    tmp_path: Path,
) -> None:
    lines = [encode_message(AgentStatus(1.0, number, 0, f"problem {number}")) for number in range(100)]
    command = script(
        tmp_path / "agent.py", hello_step(), *[f"say({line!r})" for line in lines], "time.sleep(60)"
    )
    listening = FakeWriter(FRA1)
    async with listening.to(command):
        await until(lambda: listening.status.waiting == 99)
        assert listening.status.trouble == "problem 9"
