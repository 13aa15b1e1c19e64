"""Memory store: alerts from memory while the store is unwritable, and no duplicates afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from tests.alerts.outbox_harness import all_to
from tests.alerts.unwritable_store import Stuck
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.write.unsaved_events import UnsavedEvents


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Stuck]:
    shop = Stuck(tmp_path, all_to("pager", "chat"))
    yield shop
    shop.close()


def once_each(shop: Stuck, *told: tuple[str, str]) -> None:
    """Assert that both sinks got exactly this, in this order, with one id per message."""
    for name in ("pager", "chat"):
        assert shop.told(name) == list(told)
        assert len({each.id for each in shop.got[name]}) == len(told)


@pytest.mark.parametrize("unreadable", [False, True])
def test_what_opens_while_the_store_is_locked_is_told_at_once_and_once(
    stuck: Stuck, unreadable: bool
) -> None:
    stuck.passes(1)
    with stuck.locked(unreadable=unreadable):
        stuck.opens("fra1")
        stuck.passes(1)
        once_each(stuck, ("opened", "fra1"))
        assert (stuck.books.trouble is None, stuck.books.is_blank) == (False, unreadable)
    stuck.passes(60)
    once_each(stuck, ("opened", "fra1"))
    assert (stuck.books.trouble, stuck.books.is_blank) == (None, False)
    assert {(each.sink, each.state.value) for each in stuck.log()} == {("pager", "sent"), ("chat", "sent")}


@pytest.mark.parametrize("unreadable", [False, True])
def test_what_was_told_before_is_told_to_be_over(stuck: Stuck, unreadable: bool) -> None:
    incident = stuck.opens("fra1")
    stuck.passes(1)
    with stuck.locked(unreadable=unreadable):
        stuck.closes(incident)
        stuck.passes(1)
        once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))
    stuck.passes(60)
    stuck.restart()
    stuck.passes(60)
    once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))


def test_what_opens_and_ends_while_it_is_away_is_in_the_log_when_it_is_back(stuck: Stuck) -> None:
    with stuck.locked():
        incident = stuck.opens("fra1")
        stuck.passes(1)
        stuck.closes(incident)
        stuck.passes(1)
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))
    assert sorted(each.announcement.kind.value for each in stuck.log()) == ["opened"] * 2 + ["recovered"] * 2
    assert stuck.query("SELECT count(*) FROM tellings") == [(0,)]


@pytest.mark.parametrize("unreadable", [False, True])
def test_what_waited_on_the_disk_goes_out_while_that_is_away(stuck: Stuck, unreadable: bool) -> None:
    stuck.opens("fra1")
    stuck.expand()
    with stuck.locked(unreadable=unreadable):
        stuck.books.sync(UnsavedEvents("the disk is full", (), {}, {}), stuck.clock.now)
        stuck.deliver()
        once_each(stuck, ("opened", "fra1"))
    stuck.passes(60)
    once_each(stuck, ("opened", "fra1"))
    assert stuck.query("SELECT DISTINCT state FROM deliveries") == [("sent",)]


@pytest.mark.parametrize("unreadable", [False, True])
def test_what_waited_on_the_disk_goes_out_before_what_happens_meanwhile(
    stuck: Stuck, unreadable: bool
) -> None:
    incident = stuck.opens("fra1")
    stuck.expand()
    with stuck.locked(unreadable=unreadable):
        stuck.closes(incident)
        stuck.passes(1)
        once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))
    stuck.passes(60)
    once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))


def test_what_fails_meanwhile_is_tried_again_when_the_store_is_back(stuck: Stuck) -> None:
    with stuck.locked():
        stuck.opens("fra1")
        stuck.books.sync(stuck.unwritten(), stuck.clock.now)
        stuck.expand()
        stuck.deliver(refused="HTTP 503")
    stuck.passes(61)
    once_each(stuck, ("opened", "fra1"))
    assert [each.attempts for each in stuck.log()] == [1, 1]


@pytest.mark.parametrize("unreadable", [False, True])
def test_one_that_is_being_sent_as_the_store_goes_away_is_not_sent_again(
    stuck: Stuck, unreadable: bool
) -> None:
    stuck.opens("fra1")
    stuck.expand()
    job = stuck.deliveries.lease_next(stuck.alerts.sinks[0], stuck.clock.now)
    assert isinstance(job, DueDelivery)
    with stuck.locked(unreadable=unreadable):
        stuck.books.run_with_fallback(stuck.deliveries.mark_sent, job, stuck.clock.now)
        stuck.passes(60)
        assert stuck.told("pager") == []
    stuck.passes(60)
    assert stuck.told("pager") == []


def test_a_mute_made_while_the_store_is_away_holds_back(stuck: Stuck) -> None:
    with stuck.locked():
        stuck.mutes("fra1", inf)
        incident = stuck.opens("fra1")
        stuck.passes(1)
        once_each(stuck)
    stuck.passes(1)
    assert {reason for _, reason in stuck.held()} == {"muted by ada until further notice"}
    with stuck.locked():
        stuck.mutes("fra1", None)
        stuck.passes(1)
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"))
    assert stuck.held() == []
    assert incident.id in stuck.got["pager"][0].id


def test_without_a_store_at_all_people_are_told(tmp_path: Path) -> None:
    shop = Stuck(tmp_path / "made", all_to("pager", "chat"))
    shop.shut()
    (tmp_path / "made" / "history.db").unlink()
    shop.away = True
    incident = shop.opens("fra1")
    shop.passes(1)
    shop.closes(incident)
    shop.passes(1)
    once_each(shop, ("opened", "fra1"), ("recovered", "fra1"))
    shop.books.close()


def test_killed_before_the_store_was_back_the_next_one_tells_it_under_the_same_id(stuck: Stuck) -> None:
    incident: Incident | None = None
    with stuck.locked():
        incident = stuck.opens("fra1")
        stuck.passes(1)
        stuck.restart()
    stuck.passes(1)
    assert stuck.told("pager") == [("opened", "fra1"), ("opened", "fra1")]
    assert {each.id for each in stuck.got["pager"]} == {f"{incident.id}-opened"}


def test_what_could_not_be_read_any_more_when_the_store_went_is_told_when_it_is_back(stuck: Stuck) -> None:
    incident = stuck.opens("fra1")
    stuck.remove_store()
    stuck.closes(incident)
    stuck.passes(1)
    once_each(stuck)
    stuck.restore_store()
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))


def test_a_mute_that_is_only_in_a_store_that_cannot_be_read_holds_back_all_the_same(stuck: Stuck) -> None:
    stuck.mutes("fra1", inf)
    stuck.passes(1)
    stuck.remove_store()
    stuck.opens("fra1")
    stuck.passes(1)
    once_each(stuck)
    stuck.mutes("fra1", None)
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"))
