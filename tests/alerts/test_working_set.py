"""Working set: alerts go on while the store is unwritable, and nothing is repeated afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.golden.examples import FILES
from tests.alerts.outbox_harness import all_to
from tests.alerts.unwritable_store import Stuck
from tests.store.engine_updates import START
from wgmon_tui.alerts import delivery_queue, working_set
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.database import Role
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.batch import Batch
from wgmon_tui.store.write.unsaved_events import UnsavedEvents


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Stuck]:
    harness = Stuck(tmp_path, all_to("pager", "chat"))
    yield harness
    harness.close()


def once_each(harness: Stuck, *told: tuple[str, str]) -> None:
    """Assert that both sinks got exactly this, in this order, with one id per message."""
    for name in ("pager", "chat"):
        assert harness.told(name) == list(told)
        assert len({each.id for each in harness.got[name]}) == len(told)


@pytest.mark.parametrize("unreadable", [False, True])
def test_what_opens_while_the_store_is_locked_is_told_at_once_and_once(
    stuck: Stuck, unreadable: bool
) -> None:
    stuck.passes(1)
    with stuck.locked(unreadable=unreadable):
        stuck.opens("fra1")
        stuck.passes(1)
        once_each(stuck, ("opened", "fra1"))
        assert (stuck.working_set.trouble is None, stuck.is_readable()) == (False, not unreadable)
    stuck.passes(60)
    once_each(stuck, ("opened", "fra1"))
    assert (stuck.working_set.trouble, stuck.is_readable()) == (None, True)
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
        stuck.working_set.sync(UnsavedEvents("the disk is full", (), {}, {}))
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
        stuck.working_set.sync(stuck.unwritten())
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
        stuck.deliveries.mark_sent(job, stuck.clock.now)
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
    harness = Stuck(tmp_path / "made", all_to("pager", "chat"))
    harness.shut()
    (tmp_path / "made" / "history.db").unlink()
    harness.away = True
    incident = harness.opens("fra1")
    harness.passes(1)
    harness.closes(incident)
    harness.passes(1)
    once_each(harness, ("opened", "fra1"), ("recovered", "fra1"))
    harness.working_set.close()


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


def test_the_store_knows_of_no_message_whose_event_it_lacks(stuck: Stuck) -> None:
    stuck.away = True  # for the recorder only: another write would succeed
    stuck.opens("fra1")
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"))
    assert stuck.query("SELECT count(*) FROM deliveries") == [(0,)]
    stuck.away = False
    stuck.write(Batch())
    stuck.passes(1)
    assert stuck.query("SELECT DISTINCT state FROM deliveries") == [("sent",)]
    once_each(stuck, ("opened", "fra1"))


def test_a_result_that_cannot_be_written_is_written_when_the_store_is_free(stuck: Stuck) -> None:
    stuck.opens("fra1")
    stuck.expand()
    with closing(sqlite3.connect(stuck.state_dir / STORE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stuck.deliver()
        assert {each.state for each in stuck.log()} == {"pending"}
    stuck.passes(1)
    assert stuck.working_set.trouble is None
    assert {each.state for each in stuck.log()} == {"sent"}
    once_each(stuck, ("opened", "fra1"))


def test_what_waits_in_a_store_that_is_read_only_at_the_start_goes_out(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck.opens("fra1")
    stuck.expand()

    def refuse(path: Path, role: Role, **_: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    with monkeypatch.context() as patch:
        patch.setattr(working_set, "connect", refuse)
        stuck.restart()
        stuck.passes(1)
        once_each(stuck, ("opened", "fra1"))
        assert stuck.working_set.trouble
    stuck.passes(1)
    stuck.restart()
    stuck.passes(60)
    once_each(stuck, ("opened", "fra1"))


def test_what_waits_in_a_store_that_is_set_aside_goes_out_and_is_in_the_new_log(stuck: Stuck) -> None:
    stuck.opens("fra1")
    stuck.expand()
    stuck.replace_store()
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"))
    assert {each.state for each in stuck.log()} == {"sent"}


@pytest.mark.parametrize("is_replayed", [True, False], ids=["of this run", "of an earlier run"])
def test_an_incident_of_a_store_that_is_set_aside_is_told_to_be_over_by_the_next_process(
    stuck: Stuck, is_replayed: bool
) -> None:
    incident = stuck.opens("fra1")
    stuck.passes(1)
    if not is_replayed:
        stuck.current.outbox.clear()
    stuck.replace_store()
    stuck.restart()
    stuck.passes(1)
    stuck.closes(incident)
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))


def test_an_event_that_is_replayed_into_a_new_store_is_told_once(stuck: Stuck) -> None:
    incident = stuck.opens("fra1")
    stuck.passes(1)
    stuck.change_cause(incident)
    stuck.passes(1)
    stuck.replace_store()
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"), ("cause changed", "fra1"))


def test_an_event_that_was_not_read_before_it_is_replayed_is_told_once(stuck: Stuck) -> None:
    incident = stuck.opens("fra1")
    stuck.passes(1)
    stuck.change_cause(incident)
    stuck.replace_store()
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"), ("cause changed", "fra1"))


def test_a_store_that_is_replaced_while_its_events_are_applied_hides_none_of_the_new_one(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        stuck.closes(stuck.opens("nyc1", "192.0.2.9"), "192.0.2.9")
    stuck.passes(1)
    for number in range(2):
        stuck.opens(f"fra{number}", f"10.0.{number}.7")
    insert = delivery_queue.insert

    def replace_first(*arguments: Any) -> None:
        monkeypatch.setattr(delivery_queue, "insert", insert)
        stuck.swap_store()
        stuck.opens("ams1", "203.0.113.9")
        insert(*arguments)

    monkeypatch.setattr(delivery_queue, "insert", replace_first)
    stuck.passes(1)
    stuck.passes(60)
    opened = [name for kind, names in stuck.told() if kind == "opened" for name in names.split()]
    assert sorted(opened) == ["ams1", "fra0", "fra1", "nyc1", "nyc1"]


def test_what_is_told_from_a_later_event_is_not_told_again_from_the_first(stuck: Stuck) -> None:
    incident = stuck.opens("fra1")
    stuck.remove_store()
    stuck.change_cause(incident)
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"))
    stuck.restore_store()
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"))


def test_an_end_that_only_a_store_has_that_is_set_aside_is_told(stuck: Stuck) -> None:
    incident = stuck.opens("fra1")
    stuck.passes(1)
    stuck.closes(incident)
    stuck.replace_store()
    stuck.passes(1)
    once_each(stuck, ("opened", "fra1"), ("recovered", "fra1"))


def test_an_incident_that_a_new_store_lacks_is_over(stuck: Stuck) -> None:
    incident = stuck.opens("fra1")
    stuck.passes(1)
    stuck.opens("ams1")
    stuck.current.incidents.pop(incident.id)
    stuck.current.outbox.pop(incident.id)
    stuck.replace_store()
    stuck.passes(60)
    assert ("recovered", "fra1") in stuck.told()
    assert ("recovered", "ams1") not in stuck.told()


def test_alerts_that_an_earlier_version_left_are_taken_over(tmp_path: Path) -> None:
    """It had sent "opened" from memory, was killed while it sent a message, and had given up another one."""
    harness = Stuck(tmp_path, all_to("pager"))
    incident = harness.opens("fra1")
    harness.write_raw("UPDATE outbox SET what = 'told'")
    harness.write_raw("INSERT INTO tellings VALUES (?, 'pager', ?, ?, NULL, '')", incident.id, START, START)
    waiting, sending, failed = FILES[0].path.read_text().splitlines()[:3]
    for text, lease, state in (
        (waiting, None, "pending"),
        (sending, START + 5, "pending"),
        (failed, None, "given up"),
    ):
        harness.write_raw(
            """INSERT INTO deliveries (dedup, sink, kind, at, waits_since, due_at, lease_until, attempts,
            state, reason, incidents, announcement)
            VALUES (?, 'pager', 'test', ?, ?, ?, ?, 0, ?, '', '', ?)""",
            *(json.loads(text)["id"], START, START, START, lease, state, text),
        )
    harness.passes(1)
    assert [each.id for each in harness.got["pager"]] == ["9f-opened", "9f-cause changed"]
    assert harness.deliveries.retry(3, harness.clock.now)
    harness.passes(1)
    assert harness.got["pager"][-1].id == "9f-reminder"
    harness.closes(incident)
    harness.passes(1)
    assert harness.told()[3:] == [("recovered", "fra1")]
    harness.close()
