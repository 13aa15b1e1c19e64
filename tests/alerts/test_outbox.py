"""Outbox: events become messages that are suppressed, grouped, repeated, escalated, and never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import inf
from pathlib import Path

import pytest

from tests.alerts.outbox_harness import Shop, all_to, sink
from tests.store.engine_updates import START
from wgmon_tui.alerts.delivery_log import counts
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import DailyWindow, Maintenance, Rule

HOUR = 3600.0


def quiet_now(shop: Shop) -> DailyWindow:
    """Return quiet hours that start at the current minute and last two hours."""
    now = datetime.fromtimestamp(shop.clock.now)  # noqa: DTZ006
    begin = now.hour * 60 + now.minute
    return DailyWindow(begin, (begin + 120) % 1440, None, "now")


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


def test_what_waits_too_long_is_given_up_when_the_sink_still_fails(tmp_path: Path) -> None:
    shop = Shop(tmp_path, AlertSettings((sink("pager", give_up_after=2 * HOUR),)))
    shop.opens()
    shop.expand()
    shop.clock.now += 3 * HOUR
    shop.deliver(refused="HTTP 503")
    (delivery,) = shop.log()
    assert (delivery.state, delivery.reason) == ("given up", "HTTP 503; given up after 2 h")
    shop.close()


def test_an_old_one_is_tried_before_it_is_given_up(tmp_path: Path) -> None:
    shop = Shop(tmp_path, AlertSettings((sink("pager", give_up_after=2 * HOUR),)))
    shop.opens()
    shop.expand()
    shop.clock.now += 300 * HOUR
    shop.restart()
    shop.deliver()
    assert shop.told() == [("opened", "fra1")]
    assert shop.got["pager"][0].late_s == pytest.approx(300 * HOUR)
    shop.close()


def test_one_that_was_given_up_can_be_tried_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, AlertSettings((sink("pager", give_up_after=60.0),)))
    shop.opens()
    shop.expand()
    shop.clock.now += 120
    shop.deliver(refused="HTTP 503")
    assert shop.deliveries.retry(shop.log()[0].id, shop.clock.now)
    shop.deliver()
    assert shop.told() == [("opened", "fra1")]
    assert not shop.deliveries.retry(shop.log()[0].id, shop.clock.now)
    shop.close()


def given_up(shop: Shop) -> int:
    """Create a given-up delivery, and return its number."""
    shop.opens()
    shop.expand()
    shop.clock.now += 4 * 86_400.0
    shop.deliver(refused="HTTP 503")
    [delivery] = shop.log()
    assert delivery.state == "given up"
    return delivery.id


def test_what_was_given_up_stays_in_view_until_somebody_has_seen_it(shop: Shop) -> None:
    number = given_up(shop)
    shop.passes(10 * 86_400.0)
    assert counts(shop.state_dir).given_up == 1
    assert shop.deliveries.acknowledge_failed("pager", number, "ada", shop.clock.now)
    shop.restart()
    assert counts(shop.state_dir).given_up == 0
    [delivery] = shop.log()
    assert (delivery.seen_by, delivery.seen_at) == ("ada", shop.clock.now)
    assert not shop.deliveries.acknowledge_failed("pager", 0, "bob", shop.clock.now), (
        "there is nothing more to see"
    )


def test_all_that_was_given_up_of_a_sink_is_seen_at_once(shop: Shop) -> None:
    given_up(shop)
    assert not shop.deliveries.acknowledge_failed("chat", 0, "ada", shop.clock.now)
    assert shop.deliveries.acknowledge_failed("pager", 0, "ada", shop.clock.now)
    assert counts(shop.state_dir).given_up == 0


def test_to_try_again_clears_it_and_failing_again_calls_again(shop: Shop) -> None:
    number = given_up(shop)
    shop.deliveries.acknowledge_failed("pager", number, "ada", shop.clock.now)
    shop.deliveries.retry(number, shop.clock.now)
    assert counts(shop.state_dir).given_up == 0
    shop.clock.now += 4 * 86_400.0
    shop.deliver(refused="HTTP 503")
    assert counts(shop.state_dir).given_up == 1


def test_what_nobody_has_seen_is_not_forgotten_with_the_rest(shop: Shop) -> None:
    number = given_up(shop)
    shop.deliveries.forget(shop.clock.now + 3650 * 86_400.0)
    assert counts(shop.state_dir).given_up == 1
    shop.deliveries.acknowledge_failed("pager", number, "ada", shop.clock.now)
    shop.deliveries.forget(shop.clock.now + 31 * 86_400.0)
    assert shop.log() == []


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
