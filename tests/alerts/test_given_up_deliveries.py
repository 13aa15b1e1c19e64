"""Deliveries that were given up: when, how they are tried again, and how long they stay in view."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.outbox_harness import HOUR, OutboxHarness, sink
from wgmon_tui.alerts.delivery_log import counts
from wgmon_tui.config.alert_settings import AlertSettings


def test_what_waits_too_long_is_given_up_when_the_sink_still_fails(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, AlertSettings((sink("pager", give_up_after=2 * HOUR),)))
    harness.opens()
    harness.expand()
    harness.clock.now += 3 * HOUR
    harness.deliver(refused="HTTP 503")
    (delivery,) = harness.log()
    assert (delivery.state, delivery.reason) == ("given up", "HTTP 503; given up after 2 h")
    harness.close()


def test_an_old_one_is_tried_before_it_is_given_up(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, AlertSettings((sink("pager", give_up_after=2 * HOUR),)))
    harness.opens()
    harness.expand()
    harness.clock.now += 300 * HOUR
    harness.restart()
    harness.deliver()
    assert harness.told() == [("opened", "fra1")]
    assert harness.got["pager"][0].late_s == pytest.approx(300 * HOUR)
    harness.close()


def test_one_that_was_given_up_can_be_tried_again(tmp_path: Path) -> None:
    harness = OutboxHarness(tmp_path, AlertSettings((sink("pager", give_up_after=60.0),)))
    harness.opens()
    harness.expand()
    harness.clock.now += 120
    harness.deliver(refused="HTTP 503")
    assert harness.deliveries.retry(harness.log()[0].id, harness.clock.now)
    harness.deliver()
    assert harness.told() == [("opened", "fra1")]
    assert not harness.deliveries.retry(harness.log()[0].id, harness.clock.now)
    harness.close()


def given_up(harness: OutboxHarness) -> int:
    """Create a given-up delivery, and return its number."""
    harness.opens()
    harness.expand()
    harness.clock.now += 4 * 86_400.0
    harness.deliver(refused="HTTP 503")
    [delivery] = harness.log()
    assert delivery.state == "given up"
    return delivery.id


def test_what_was_given_up_stays_in_view_until_somebody_has_seen_it(harness: OutboxHarness) -> None:
    number = given_up(harness)
    harness.passes(10 * 86_400.0)
    assert counts(harness.state_dir).given_up == 1
    assert harness.deliveries.acknowledge_failed("pager", number, "ada", harness.clock.now)
    harness.restart()
    assert counts(harness.state_dir).given_up == 0
    [delivery] = harness.log()
    assert (delivery.seen_by, delivery.seen_at) == ("ada", harness.clock.now)
    assert not harness.deliveries.acknowledge_failed("pager", 0, "bob", harness.clock.now), (
        "there is nothing more to see"
    )


def test_all_that_was_given_up_of_a_sink_is_seen_at_once(harness: OutboxHarness) -> None:
    given_up(harness)
    assert not harness.deliveries.acknowledge_failed("chat", 0, "ada", harness.clock.now)
    assert harness.deliveries.acknowledge_failed("pager", 0, "ada", harness.clock.now)
    assert counts(harness.state_dir).given_up == 0


def test_to_try_again_clears_it_and_failing_again_calls_again(harness: OutboxHarness) -> None:
    number = given_up(harness)
    harness.deliveries.acknowledge_failed("pager", number, "ada", harness.clock.now)
    harness.deliveries.retry(number, harness.clock.now)
    assert counts(harness.state_dir).given_up == 0
    harness.clock.now += 4 * 86_400.0
    harness.deliver(refused="HTTP 503")
    assert counts(harness.state_dir).given_up == 1


def test_what_nobody_has_seen_is_not_forgotten_with_the_rest(harness: OutboxHarness) -> None:
    number = given_up(harness)
    harness.deliveries.forget(harness.clock.now + 3650 * 86_400.0)
    assert counts(harness.state_dir).given_up == 1
    harness.deliveries.acknowledge_failed("pager", number, "ada", harness.clock.now)
    harness.deliveries.forget(harness.clock.now + 31 * 86_400.0)
    assert harness.log() == []
