"""Deliveries that were given up: when, how they are tried again, and how long they stay in view."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.outbox_harness import HOUR, Shop, sink
from wgmon_tui.alerts.delivery_log import counts
from wgmon_tui.config.alert_settings import AlertSettings


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
