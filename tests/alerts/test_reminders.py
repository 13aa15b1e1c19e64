"""Reminders and escalation: what follows while nobody acknowledges an incident."""

from __future__ import annotations

from pathlib import Path

from tests.alerts.outbox_harness import HOUR, OutboxHarness, all_to
from wgmon_tui.config.alerting import Rule


def test_reminders_come_in_their_time_until_somebody_acknowledges(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", rules=(Rule(("pager",), remind_every=HOUR),)))
    incident = harness.opens()
    for _ in range(5):
        harness.passes(HOUR / 2)
    assert [kind for kind, _ in harness.told()] == ["opened", "reminder", "reminder"]
    harness.acknowledges(incident)
    harness.passes(1)
    harness.passes(9 * HOUR)
    assert [kind for kind, _ in harness.told()] == ["opened", "reminder", "reminder", "acknowledged"]
    harness.close()


def test_after_the_clock_was_set_back_a_reminder_is_late_by_its_interval_at_most(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", rules=(Rule(("pager",), remind_every=HOUR),)))
    harness.opens()
    harness.passes(1)
    harness.passes(-24 * HOUR)
    assert harness.told() == [("opened", "fra1")]
    harness.passes(HOUR)
    assert harness.told() == [("opened", "fra1"), ("reminder", "fra1")]
    harness.close()


def test_no_reminder_is_added_while_the_sink_has_not_got_the_last(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", rules=(Rule(("pager",), remind_every=HOUR),)))
    harness.opens()
    for _ in range(24):
        harness.expand()
        harness.deliver(refused="HTTP 503")
        harness.clock.now += HOUR
    assert harness.query("SELECT count(*) FROM deliveries") == [(1,)]
    harness.close()


def test_what_nobody_acknowledges_is_told_to_others_too(tmp_path: Path) -> None:
    rule = Rule(("pager",), escalate_after=900.0, escalate_to=("boss",))
    harness = OutboxHarness(tmp_path, all_to("pager", "boss", rules=(rule,)))
    incident = harness.opens()
    harness.passes(1)
    assert harness.told("boss") == []
    harness.passes(900)
    harness.passes(900)
    assert harness.told("boss") == [("escalation", "fra1")]
    harness.closes(incident)
    harness.passes(1)
    assert harness.told("boss") == [("escalation", "fra1"), ("recovered", "fra1")]
    harness.close()


def test_an_acknowledgement_in_time_escalates_nothing(tmp_path: Path) -> None:
    rule = Rule(("pager",), escalate_after=900.0, escalate_to=("boss",))
    harness = OutboxHarness(tmp_path, all_to("pager", "boss", rules=(rule,)))
    incident = harness.opens()
    harness.passes(1)
    harness.acknowledges(incident)
    harness.passes(9000)
    assert harness.told("boss") == []
    harness.close()
