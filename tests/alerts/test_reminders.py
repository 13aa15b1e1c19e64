"""Reminders and escalation: what follows while nobody acknowledges an incident."""

from __future__ import annotations

from pathlib import Path

from tests.alerts.outbox_harness import HOUR, Shop, all_to
from wgmon_tui.config.alerting import Rule


def test_reminders_come_in_their_time_until_somebody_acknowledges(tmp_path: Path) -> None:
    shop = Shop(tmp_path, all_to("pager", rules=(Rule(("pager",), remind_every=HOUR),)))
    incident = shop.opens()
    for _ in range(5):
        shop.passes(HOUR / 2)
    assert [kind for kind, _ in shop.told()] == ["opened", "reminder", "reminder"]
    shop.acknowledges(incident)
    shop.passes(1)
    shop.passes(9 * HOUR)
    assert [kind for kind, _ in shop.told()] == ["opened", "reminder", "reminder", "acknowledged"]
    shop.close()


def test_after_the_clock_was_set_back_a_reminder_is_late_by_its_interval_at_most(tmp_path: Path) -> None:
    shop = Shop(tmp_path, all_to("pager", rules=(Rule(("pager",), remind_every=HOUR),)))
    shop.opens()
    shop.passes(1)
    shop.passes(-24 * HOUR)
    assert shop.told() == [("opened", "fra1")]
    shop.passes(HOUR)
    assert shop.told() == [("opened", "fra1"), ("reminder", "fra1")]
    shop.close()


def test_no_reminder_is_added_while_the_sink_has_not_got_the_last(tmp_path: Path) -> None:
    shop = Shop(tmp_path, all_to("pager", rules=(Rule(("pager",), remind_every=HOUR),)))
    shop.opens()
    for _ in range(24):
        shop.expand()
        shop.deliver(refused="HTTP 503")
        shop.clock.now += HOUR
    assert shop.query("SELECT count(*) FROM deliveries") == [(1,)]
    shop.close()


def test_what_nobody_acknowledges_is_told_to_others_too(tmp_path: Path) -> None:
    rule = Rule(("pager",), escalate_after=900.0, escalate_to=("boss",))
    shop = Shop(tmp_path, all_to("pager", "boss", rules=(rule,)))
    incident = shop.opens()
    shop.passes(1)
    assert shop.told("boss") == []
    shop.passes(900)
    shop.passes(900)
    assert shop.told("boss") == [("escalation", "fra1")]
    shop.closes(incident)
    shop.passes(1)
    assert shop.told("boss") == [("escalation", "fra1"), ("recovered", "fra1")]
    shop.close()


def test_an_acknowledgement_in_time_escalates_nothing(tmp_path: Path) -> None:
    rule = Rule(("pager",), escalate_after=900.0, escalate_to=("boss",))
    shop = Shop(tmp_path, all_to("pager", "boss", rules=(rule,)))
    incident = shop.opens()
    shop.passes(1)
    shop.acknowledges(incident)
    shop.passes(9000)
    assert shop.told("boss") == []
    shop.close()
