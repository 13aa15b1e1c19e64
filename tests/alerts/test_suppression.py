"""Mutes, maintenance and quiet hours: what is held back, and what is told when they end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import inf
from pathlib import Path

import pytest

from tests.alerts.outbox_harness import HOUR, Shop, all_to, sink
from tests.store.engine_updates import START
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import DailyWindow, Maintenance, Rule


def quiet_now(shop: Shop) -> DailyWindow:
    """Return quiet hours that start at the current minute and last two hours."""
    now = datetime.fromtimestamp(shop.clock.now)  # noqa: DTZ006
    begin = now.hour * 60 + now.minute
    return DailyWindow(begin, (begin + 120) % 1440, None, "now")


def test_a_muted_server_is_held_back_and_that_is_in_the_log(shop: Shop) -> None:
    shop.mutes("fra1", inf)
    incident = shop.opens()
    shop.passes(1)
    assert shop.told() == []
    assert shop.held() == [("pager", "muted by ada until further notice")]
    shop.closes(incident)
    shop.passes(1)
    shop.mutes("fra1", None)
    shop.passes(1)
    assert shop.told() == []
    assert shop.held() == [("pager", "muted by ada until further notice; the incident ended meanwhile")]


def test_what_is_still_down_when_a_mute_ends_is_told_then(shop: Shop) -> None:
    shop.mutes("fra1", shop.clock.now + HOUR)
    shop.opens()
    shop.passes(1)
    shop.passes(HOUR)
    assert shop.told() == [("opened", "fra1")]
    assert shop.got["pager"][0].about[0].suppressed_by.startswith("muted by ada until ")
    assert shop.held() == []


def test_a_recovery_in_a_mute_is_told_when_it_ends(shop: Shop) -> None:
    incident = shop.opens()
    shop.passes(1)
    shop.mutes("fra1", shop.clock.now + HOUR)
    shop.closes(incident)
    shop.passes(1)
    assert shop.told() == [("opened", "fra1")]
    assert len(shop.held()) == 1
    shop.passes(HOUR)
    assert shop.told() == [("opened", "fra1"), ("recovered", "fra1")]


def test_maintenance_holds_back_those_it_is_about(tmp_path: Path) -> None:
    work = Maintenance("patch night", START, START + HOUR, tags=("edge",))
    shop = Shop(tmp_path, AlertSettings((sink("pager"),), (), (work,)))
    shop.opens("fra1", tags=("edge",))
    shop.opens("ams1", "203.0.113.9")
    shop.passes(1)
    assert shop.told() == [("opened", "ams1")]
    assert shop.held() == [("pager", 'maintenance "patch night"')]
    shop.close()


def test_quiet_hours_hold_back_until_they_end(tmp_path: Path) -> None:
    shop = Shop(tmp_path, all_to("pager"))
    shop.alerts = all_to("pager", rules=(Rule(("pager",), quiet=(quiet_now(shop),)),))
    shop.opens()
    shop.passes(1)
    assert shop.held() == [("pager", "quiet hours now")]
    shop.passes(2 * HOUR + 60)
    assert shop.told() == [("opened", "fra1")]
    shop.close()


@pytest.mark.parametrize("by", ["mute", "maintenance", "quiet hours"])
def test_a_server_that_is_muted_in_any_way_sends_no_reminders(by: str, tmp_path: Path) -> None:
    rule = Rule(("pager",), remind_every=HOUR)
    shop = Shop(tmp_path, all_to("pager", rules=(rule,)))
    shop.opens()
    shop.passes(1)
    end = shop.clock.now + 2 * HOUR
    if by == "mute":
        shop.mutes("fra1", end)
    elif by == "maintenance":
        shop.alerts = replace(shop.alerts, maintenance=(Maintenance("patch night", START, end),))
    else:
        shop.alerts = replace(shop.alerts, rules=(replace(rule, quiet=(quiet_now(shop),)),))
    shop.passes(1.9 * HOUR)
    assert shop.told() == [("opened", "fra1")]
    shop.passes(0.2 * HOUR)
    assert shop.told() == [("opened", "fra1"), ("reminder", "fra1")]
    shop.close()


def test_a_muted_server_escalates_to_nobody(tmp_path: Path) -> None:
    rule = Rule(("pager",), escalate_after=900.0, escalate_to=("boss",))
    shop = Shop(tmp_path, all_to("pager", "boss", rules=(rule,)))
    shop.opens()
    shop.passes(1)
    shop.mutes("fra1", inf)
    shop.passes(HOUR)
    assert shop.told("boss") == []
    shop.close()
