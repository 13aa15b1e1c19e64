"""Mutes, maintenance and quiet hours: what is held back, and what is told when they end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import inf
from pathlib import Path

import pytest

from tests.alerts.outbox_harness import HOUR, OutboxHarness, all_to, sink
from tests.store.engine_updates import START
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import DailyWindow, Maintenance, Rule


def quiet_now(harness: OutboxHarness) -> DailyWindow:
    """Return quiet hours that start at the current minute and last two hours."""
    now = datetime.fromtimestamp(harness.clock.now)  # noqa: DTZ006
    begin = now.hour * 60 + now.minute
    return DailyWindow(begin, (begin + 120) % 1440, None, "now")


def test_a_muted_server_is_held_back_and_that_is_in_the_log(harness: OutboxHarness) -> None:
    harness.mutes("fra1", inf)
    incident = harness.opens()
    harness.passes(1)
    assert harness.told() == []
    assert harness.held() == [("pager", "muted by ada until further notice")]
    harness.closes(incident)
    harness.passes(1)
    harness.mutes("fra1", None)
    harness.passes(1)
    assert harness.told() == []
    assert harness.held() == [("pager", "muted by ada until further notice; the incident ended meanwhile")]


def test_what_is_still_down_when_a_mute_ends_is_told_then(harness: OutboxHarness) -> None:
    harness.mutes("fra1", harness.clock.now + HOUR)
    harness.opens()
    harness.passes(1)
    harness.passes(HOUR)
    assert harness.told() == [("opened", "fra1")]
    assert harness.got["pager"][0].about[0].suppressed_by.startswith("muted by ada until ")
    assert harness.held() == []


def test_a_recovery_in_a_mute_is_told_when_it_ends(harness: OutboxHarness) -> None:
    incident = harness.opens()
    harness.passes(1)
    harness.mutes("fra1", harness.clock.now + HOUR)
    harness.closes(incident)
    harness.passes(1)
    assert harness.told() == [("opened", "fra1")]
    assert len(harness.held()) == 1
    harness.passes(HOUR)
    assert harness.told() == [("opened", "fra1"), ("recovered", "fra1")]


def test_maintenance_holds_back_those_it_is_about(tmp_path: Path) -> None:
    work = Maintenance("patch night", START, START + HOUR, tags=("edge",))
    harness = OutboxHarness(tmp_path, AlertSettings((sink("pager"),), (), (work,)))
    harness.opens("fra1", tags=("edge",))
    harness.opens("ams1", "203.0.113.9")
    harness.passes(1)
    assert harness.told() == [("opened", "ams1")]
    assert harness.held() == [("pager", 'maintenance "patch night"')]
    harness.close()


def test_quiet_hours_hold_back_until_they_end(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager"))
    harness.alerts = all_to("pager", rules=(Rule(("pager",), quiet=(quiet_now(harness),)),))
    harness.opens()
    harness.passes(1)
    assert harness.held() == [("pager", "quiet hours now")]
    harness.passes(2 * HOUR + 60)
    assert harness.told() == [("opened", "fra1")]
    harness.close()


@pytest.mark.parametrize("by", ["mute", "maintenance", "quiet hours"])
def test_a_server_that_is_muted_in_any_way_sends_no_reminders(by: str, tmp_path: Path) -> None:
    rule = Rule(("pager",), remind_every=HOUR)
    harness = OutboxHarness(tmp_path, all_to("pager", rules=(rule,)))
    harness.opens()
    harness.passes(1)
    end = harness.clock.now + 2 * HOUR
    if by == "mute":
        harness.mutes("fra1", end)
    elif by == "maintenance":
        harness.alerts = replace(harness.alerts, maintenance=(Maintenance("patch night", START, end),))
    else:
        harness.alerts = replace(harness.alerts, rules=(replace(rule, quiet=(quiet_now(harness),)),))
    harness.passes(1.9 * HOUR)
    assert harness.told() == [("opened", "fra1")]
    harness.passes(0.2 * HOUR)
    assert harness.told() == [("opened", "fra1"), ("reminder", "fra1")]
    harness.close()


def test_a_muted_server_escalates_to_nobody(tmp_path: Path) -> None:
    rule = Rule(("pager",), escalate_after=900.0, escalate_to=("boss",))
    harness = OutboxHarness(tmp_path, all_to("pager", "boss", rules=(rule,)))
    harness.opens()
    harness.passes(1)
    harness.mutes("fra1", inf)
    harness.passes(HOUR)
    assert harness.told("boss") == []
    harness.close()
