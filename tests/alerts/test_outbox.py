"""Outbox: events become messages that rules choose, that are grouped, and that are never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.outbox_harness import HOUR, OutboxHarness, all_to
from tests.store.engine_updates import START
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.alerting import Rule


def test_what_opens_and_closes_is_told_once_each(harness: OutboxHarness) -> None:
    incident = harness.opens()
    harness.passes(0.1)
    harness.passes(600)
    harness.closes(incident)
    harness.passes(0.1)
    harness.passes(600)
    assert harness.told() == [("opened", "fra1"), ("recovered", "fra1")]
    assert harness.got["pager"][1].about[0].duration == pytest.approx(600.1)


def test_the_message_holds_what_the_last_check_found(harness: OutboxHarness) -> None:
    harness.opens(tags=("edge",))
    harness.passes(0.1)
    (snapshot,) = harness.got["pager"][0].about
    assert (snapshot.address, snapshot.tags, snapshot.evidence) == ("198.51.100.7", ("edge",), ("silence",))
    assert snapshot.causes[0].fix == "ping 198.51.100.7"


def test_an_incident_that_changed_twice_before_anybody_read_of_it_is_told_to_have(
    harness: OutboxHarness,
) -> None:
    incident = harness.opens("fra1")
    incident = harness.change_cause(incident, Verdict.PORT_CLOSED)
    harness.change_cause(incident, Verdict.SILENT)
    harness.passes(1)
    assert harness.told() == [("opened", "fra1"), ("cause changed", "fra1"), ("cause changed", "fra1")]
    last = harness.got["pager"][-1]
    assert last.about[0].incident.verdict is Verdict.SILENT


def test_without_a_rule_what_is_only_degraded_is_not_told(harness: OutboxHarness) -> None:
    incident = harness.opens(severity=Severity.DEGRADED)
    harness.passes(1)
    assert harness.told() == []
    harness.change_cause(incident, Verdict.SILENT)
    harness.passes(1)
    assert harness.told() == [("opened", "fra1")]


def test_a_rule_chooses_by_server_tag_severity_and_verdict(tmp_path: Path) -> None:
    rules = (
        Rule(("edge",), tags=("edge",)),
        Rule(("keys",), verdicts=("psk-mismatch",)),
        Rule(("names",), servers=("ams*",)),
        Rule(("worst",), severities=("down",)),
    )
    harness = OutboxHarness(tmp_path, all_to("edge", "keys", "names", "worst", rules=rules))
    harness.opens("fra1", tags=("edge",))
    harness.opens("ams1", "203.0.113.9", severity=Severity.DEGRADED)
    harness.passes(0.1)
    assert {name: harness.told(name) for name in ("edge", "keys", "names", "worst")} == {
        "edge": [("opened", "fra1")],
        "keys": [],
        "names": [("opened", "ams1")],
        "worst": [("opened", "fra1")],
    }
    harness.close()


def test_twenty_servers_at_one_address_are_two_messages_at_most(harness: OutboxHarness) -> None:
    for number in range(5):
        harness.opens(f"fra{number:02}")
    harness.passes(0.1)
    for number in range(5, 20):
        harness.opens(f"fra{number:02}")
        harness.passes(1)
    harness.passes(30)
    assert [len(each.about) for each in harness.got["pager"]] == [5, 15]
    assert {each.common_cause for each in harness.got["pager"]} == {"the address 198.51.100.7"}


def test_a_server_elsewhere_waits_for_nobody(harness: OutboxHarness) -> None:
    harness.opens("fra1")
    harness.passes(0.1)
    harness.opens("ams1", "203.0.113.9")
    harness.passes(0.1)
    assert harness.told() == [("opened", "fra1"), ("opened", "ams1")]


def test_of_one_incident_each_thing_is_told_in_its_order_though_some_wait(harness: OutboxHarness) -> None:
    harness.opens("fra1")
    harness.passes(0.1)
    second = harness.opens("fra2")
    harness.passes(0.1)
    harness.closes(second)
    harness.passes(0.1)
    assert harness.told() == [("opened", "fra1")]
    harness.passes(30)
    assert harness.told() == [("opened", "fra1"), ("opened", "fra2"), ("recovered", "fra2")]


def test_a_sink_that_is_dead_for_a_day_gets_all_of_it_in_order_and_late(harness: OutboxHarness) -> None:
    incidents = []
    for hour in range(24):
        incidents.append(harness.opens(f"fra{hour}", f"198.51.{hour}.7"))
        if hour % 3 == 2:
            harness.closes(incidents[hour - 1], f"198.51.{hour - 1}.7")
        harness.expand()
        harness.deliver(refused="HTTP 503")
        harness.clock.now += HOUR
    harness.deliver()
    told = harness.told()
    assert len(told) == 32
    for hour in range(24):
        mine = [kind for kind, server in told if server == f"fra{hour}"]
        assert mine == (["opened", "recovered"] if hour % 3 == 1 else ["opened"])
    assert min(each.late_s for each in harness.got["pager"]) >= HOUR - 1


def test_a_sink_that_left_the_file_is_said_so_and_comes_back(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, all_to("pager", "chat"))
    harness.opens()
    harness.expand()
    harness.alerts = all_to("chat")
    harness.outbox.drop_other_sinks(harness.alerts.sinks, harness.clock.now)
    harness.passes(1)
    states = {each.sink: (each.state.value, each.reason) for each in harness.log()}
    assert states == {
        "pager": ("given up", 'no sink "pager" in config.toml any more'),
        "chat": ("sent", ""),
    }
    harness.alerts = all_to("pager", "chat")
    harness.passes(60)
    assert harness.told("pager") == [("opened", "fra1")]
    assert harness.told("chat") == [("opened", "fra1")]
    harness.close()


def test_a_sink_that_is_new_is_told_of_what_is_open(harness: OutboxHarness) -> None:
    harness.opens()
    harness.passes(1)
    harness.alerts = all_to("pager", "chat")
    harness.passes(1)
    assert harness.told("chat") == [("opened", "fra1")]
    assert harness.told("pager") == [("opened", "fra1")]


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_is_set_neither_delays_nor_drops_what_waits(harness: OutboxHarness, years: int) -> None:
    harness.opens()
    harness.expand()
    harness.deliver(refused="HTTP 503")
    step = years * 365 * 86_400.0
    harness.clock.now += step
    harness.outbox.shift_times(step)
    assert isinstance(
        wait := harness.deliveries.lease_next(harness.alerts.sinks[0], harness.clock.now), float
    )
    assert 0 < wait <= 60
    harness.clock.now += 61
    harness.deliver()
    assert harness.told() == [("opened", "fra1")]
    assert harness.got["pager"][0].late_s < 120


def test_a_clock_that_was_set_back_while_nobody_looked_delays_nothing(harness: OutboxHarness) -> None:
    harness.opens()
    harness.expand()
    harness.clock.now -= 365 * 86_400.0
    harness.restart()
    harness.passes(1)
    assert harness.told() == [("opened", "fra1")]


def test_one_that_was_being_sent_when_we_were_killed_is_sent_again_with_the_same_id(
    harness: OutboxHarness,
) -> None:
    harness.opens()
    harness.expand()
    first = harness.deliveries.lease_next(harness.alerts.sinks[0], harness.clock.now)
    assert isinstance(first, DueDelivery)
    assert not isinstance(
        harness.deliveries.lease_next(harness.alerts.sinks[0], harness.clock.now), DueDelivery
    )
    harness.restart()
    harness.deliver()
    assert [each.id for each in harness.got["pager"]] == [first.announcement.id]


def test_an_incident_that_ended_without_a_word_is_told_to_be_over(harness: OutboxHarness) -> None:
    incident = harness.opens()
    harness.passes(1)
    harness.write_raw("UPDATE incidents SET closed_at = ? WHERE id = ?", START + 60, incident.id)
    harness.restart()
    harness.passes(60)
    assert harness.told() == [("opened", "fra1"), ("recovered", "fra1")]
    assert harness.got["pager"][1].about[0].note == "no longer watched"


@pytest.mark.thorough  # thousands of alerts
def test_thousands_of_old_ones_do_not_hold_up_what_is_new(harness: OutboxHarness) -> None:
    for number in range(3000):
        harness.opens(f"old{number}", f"10.{number // 250}.{number % 250}.7")
        if number % 100 == 99:
            harness.clock.now += 60
            harness.expand()
    harness.clock.now += 86_400.0
    harness.restart()
    harness.expand()
    harness.deliver()
    assert sum(len(each.about) for each in harness.got["pager"]) == 3000
    assert all(each.late_s > 0 for each in harness.got["pager"])
