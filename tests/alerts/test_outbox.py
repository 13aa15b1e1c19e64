"""Outbox: events become messages that rules choose, that are grouped, and that are never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.outbox_harness import HOUR, Shop, all_to
from tests.store.engine_updates import START
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.alerting import Rule


def test_what_opens_and_closes_is_told_once_each(shop: Shop) -> None:
    incident = shop.opens()
    shop.passes(0.1)
    shop.passes(600)
    shop.closes(incident)
    shop.passes(0.1)
    shop.passes(600)
    assert shop.told() == [("opened", "fra1"), ("recovered", "fra1")]
    assert shop.got["pager"][1].about[0].duration == pytest.approx(600.1)


def test_the_message_holds_what_the_last_check_found(shop: Shop) -> None:
    shop.opens(tags=("edge",))
    shop.passes(0.1)
    (snapshot,) = shop.got["pager"][0].about
    assert (snapshot.address, snapshot.tags, snapshot.evidence) == ("198.51.100.7", ("edge",), ("silence",))
    assert snapshot.causes[0].fix == "ping 198.51.100.7"


def test_an_incident_that_changed_twice_before_anybody_read_of_it_is_told_to_have(shop: Shop) -> None:
    incident = shop.opens("fra1")
    incident = shop.change_cause(incident, Verdict.PORT_CLOSED)
    shop.change_cause(incident, Verdict.SILENT)
    shop.passes(1)
    assert shop.told() == [("opened", "fra1"), ("cause changed", "fra1"), ("cause changed", "fra1")]
    last = shop.got["pager"][-1]
    assert last.about[0].incident.verdict is Verdict.SILENT


def test_without_a_rule_what_is_only_degraded_is_not_told(shop: Shop) -> None:
    incident = shop.opens(severity=Severity.DEGRADED)
    shop.passes(1)
    assert shop.told() == []
    shop.change_cause(incident, Verdict.SILENT)
    shop.passes(1)
    assert shop.told() == [("opened", "fra1")]


def test_a_rule_chooses_by_server_tag_severity_and_verdict(tmp_path: Path) -> None:
    rules = (
        Rule(("edge",), tags=("edge",)),
        Rule(("keys",), verdicts=("psk-mismatch",)),
        Rule(("names",), servers=("ams*",)),
        Rule(("worst",), severities=("down",)),
    )
    shop = Shop(tmp_path, all_to("edge", "keys", "names", "worst", rules=rules))
    shop.opens("fra1", tags=("edge",))
    shop.opens("ams1", "203.0.113.9", severity=Severity.DEGRADED)
    shop.passes(0.1)
    assert {name: shop.told(name) for name in ("edge", "keys", "names", "worst")} == {
        "edge": [("opened", "fra1")],
        "keys": [],
        "names": [("opened", "ams1")],
        "worst": [("opened", "fra1")],
    }
    shop.close()


def test_twenty_servers_at_one_address_are_two_messages_at_most(shop: Shop) -> None:
    for number in range(5):
        shop.opens(f"fra{number:02}")
    shop.passes(0.1)
    for number in range(5, 20):
        shop.opens(f"fra{number:02}")
        shop.passes(1)
    shop.passes(30)
    assert [len(each.about) for each in shop.got["pager"]] == [5, 15]
    assert {each.common_cause for each in shop.got["pager"]} == {"the address 198.51.100.7"}


def test_a_server_elsewhere_waits_for_nobody(shop: Shop) -> None:
    shop.opens("fra1")
    shop.passes(0.1)
    shop.opens("ams1", "203.0.113.9")
    shop.passes(0.1)
    assert shop.told() == [("opened", "fra1"), ("opened", "ams1")]


def test_of_one_incident_each_thing_is_told_in_its_order_though_some_wait(shop: Shop) -> None:
    shop.opens("fra1")
    shop.passes(0.1)
    second = shop.opens("fra2")
    shop.passes(0.1)
    shop.closes(second)
    shop.passes(0.1)
    assert shop.told() == [("opened", "fra1")]
    shop.passes(30)
    assert shop.told() == [("opened", "fra1"), ("opened", "fra2"), ("recovered", "fra2")]


def test_a_sink_that_is_dead_for_a_day_gets_all_of_it_in_order_and_late(shop: Shop) -> None:
    incidents = []
    for hour in range(24):
        incidents.append(shop.opens(f"fra{hour}", f"198.51.{hour}.7"))
        if hour % 3 == 2:
            shop.closes(incidents[hour - 1], f"198.51.{hour - 1}.7")
        shop.expand()
        shop.deliver(refused="HTTP 503")
        shop.clock.now += HOUR
    shop.deliver()
    told = shop.told()
    assert len(told) == 32
    for hour in range(24):
        mine = [kind for kind, server in told if server == f"fra{hour}"]
        assert mine == (["opened", "recovered"] if hour % 3 == 1 else ["opened"])
    assert min(each.late_s for each in shop.got["pager"]) >= HOUR - 1


def test_a_sink_that_left_the_file_is_said_so_and_comes_back(tmp_path: Path) -> None:
    shop = Shop(tmp_path, all_to("pager", "chat"))
    shop.opens()
    shop.expand()
    shop.alerts = all_to("chat")
    shop.outbox.drop_other_sinks(shop.alerts.sinks, shop.clock.now)
    shop.passes(1)
    states = {each.sink: (each.state.value, each.reason) for each in shop.log()}
    assert states == {
        "pager": ("given up", 'no sink "pager" in config.toml any more'),
        "chat": ("sent", ""),
    }
    shop.alerts = all_to("pager", "chat")
    shop.passes(60)
    assert shop.told("pager") == [("opened", "fra1")]
    assert shop.told("chat") == [("opened", "fra1")]
    shop.close()


def test_a_sink_that_is_new_is_told_of_what_is_open(shop: Shop) -> None:
    shop.opens()
    shop.passes(1)
    shop.alerts = all_to("pager", "chat")
    shop.passes(1)
    assert shop.told("chat") == [("opened", "fra1")]
    assert shop.told("pager") == [("opened", "fra1")]


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_is_set_neither_delays_nor_drops_what_waits(shop: Shop, years: int) -> None:
    shop.opens()
    shop.expand()
    shop.deliver(refused="HTTP 503")
    step = years * 365 * 86_400.0
    shop.clock.now += step
    shop.outbox.shift_times(step)
    assert isinstance(wait := shop.deliveries.lease_next(shop.alerts.sinks[0], shop.clock.now), float)
    assert 0 < wait <= 60
    shop.clock.now += 61
    shop.deliver()
    assert shop.told() == [("opened", "fra1")]
    assert shop.got["pager"][0].late_s < 120


def test_a_clock_that_was_set_back_while_nobody_looked_delays_nothing(shop: Shop) -> None:
    shop.opens()
    shop.expand()
    shop.clock.now -= 365 * 86_400.0
    shop.restart()
    shop.passes(1)
    assert shop.told() == [("opened", "fra1")]


def test_one_that_was_being_sent_when_we_were_killed_is_sent_again_with_the_same_id(shop: Shop) -> None:
    shop.opens()
    shop.expand()
    first = shop.deliveries.lease_next(shop.alerts.sinks[0], shop.clock.now)
    assert isinstance(first, DueDelivery)
    assert not isinstance(shop.deliveries.lease_next(shop.alerts.sinks[0], shop.clock.now), DueDelivery)
    shop.restart()
    shop.deliver()
    assert [each.id for each in shop.got["pager"]] == [first.announcement.id]


def test_an_incident_that_ended_without_a_word_is_told_to_be_over(shop: Shop) -> None:
    incident = shop.opens()
    shop.passes(1)
    shop.write_raw("UPDATE incidents SET closed_at = ? WHERE id = ?", START + 60, incident.id)
    shop.restart()
    shop.passes(60)
    assert shop.told() == [("opened", "fra1"), ("recovered", "fra1")]
    assert shop.got["pager"][1].about[0].note == "no longer watched"


@pytest.mark.thorough  # thousands of alerts
def test_thousands_of_old_ones_do_not_hold_up_what_is_new(shop: Shop) -> None:
    for number in range(3000):
        shop.opens(f"old{number}", f"10.{number // 250}.{number % 250}.7")
        if number % 100 == 99:
            shop.clock.now += 60
            shop.expand()
    shop.clock.now += 86_400.0
    shop.restart()
    shop.expand()
    shop.deliver()
    assert sum(len(each.about) for each in shop.got["pager"]) == 3000
    assert all(each.late_s > 0 for each in shop.got["pager"])
