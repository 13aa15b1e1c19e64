"""Grouping: the limits of time, number, tag and network for one message."""

from __future__ import annotations

import pytest

from tests.alerts.sample_announcements import NOON, incident, snapshot
from wgmon_tui.alerts.grouping import (
    JOIN_WINDOW_S,
    MAX_SERVERS,
    MessageDraft,
    MessageGrouping,
    make_announcement,
)
from wgmon_tui.alerts.models import AnnouncementKind, IncidentSnapshot
from wgmon_tui.alerts.notification_policy import Notification

A_MOMENT = 0.001


def server(name: str, address: str = "", *tags: str) -> IncidentSnapshot:
    return snapshot(name, address=address, tags=tags)


def drafts(
    groups: MessageGrouping,
    *matters: IncidentSnapshot,
    at: float,
    kind: AnnouncementKind = AnnouncementKind.OPENED,
) -> list[MessageDraft]:
    return groups.draft([Notification("pager", kind, each) for each in matters], "here", at)


def names(draft: MessageDraft) -> list[str]:
    return [each.incident.server for each in draft.announcement.about]


def bond(*matters: IncidentSnapshot) -> str:
    return make_announcement(AnnouncementKind.OPENED, list(matters), "here", NOON, 1).common_cause


# Time window of a message


def test_what_follows_within_half_a_minute_waits_until_it_is_over() -> None:
    groups = MessageGrouping()
    [first] = drafts(groups, server("fra1", "198.51.100.7"), at=NOON)
    [second] = drafts(groups, server("fra2", "198.51.100.7"), at=NOON + JOIN_WINDOW_S - A_MOMENT)
    assert (first.due, second.due) == (NOON, NOON + 30.0)


def test_after_half_a_minute_a_message_waits_for_nobody() -> None:
    groups = MessageGrouping()
    drafts(groups, server("fra1", "198.51.100.7"), at=NOON)
    drafts(groups, server("fra2", "198.51.100.7"), at=NOON + 1)
    [third] = drafts(groups, server("fra3", "198.51.100.7"), at=NOON + JOIN_WINDOW_S)
    assert (third.due, third.joins) == (NOON + JOIN_WINDOW_S, None)


def test_after_the_clock_was_set_back_a_message_waits_for_nobody() -> None:
    groups = MessageGrouping()
    drafts(groups, server("fra1", "198.51.100.7"), at=NOON)
    [second] = drafts(groups, server("fra2", "198.51.100.7"), at=NOON - 3600)
    assert second.due == NOON - 3600


def test_the_second_server_that_follows_joins_the_message_of_the_first() -> None:
    groups = MessageGrouping()
    drafts(groups, server("fra1", "198.51.100.7"), at=NOON)
    [second] = drafts(groups, server("fra2", "198.51.100.7"), at=NOON + 1)
    [third] = drafts(groups, server("fra3", "198.51.100.7"), at=NOON + 2)
    assert (second.joins, third.joins) == (None, second.announcement.id)


@pytest.mark.parametrize(
    "kind",
    [
        AnnouncementKind.REMINDER,
        AnnouncementKind.CAUSE_CHANGED,
        AnnouncementKind.ACKNOWLEDGED,
        AnnouncementKind.ESCALATION,
    ],
)
def test_only_an_opening_and_an_end_wait_for_others(kind: AnnouncementKind) -> None:
    groups = MessageGrouping()
    drafts(groups, server("fra1", "198.51.100.7"), at=NOON, kind=kind)
    [second] = drafts(groups, server("fra2", "198.51.100.7"), at=NOON + 1, kind=kind)
    assert second.due == NOON + 1


def test_an_end_does_not_join_an_opening() -> None:
    groups = MessageGrouping()
    drafts(groups, server("fra1", "198.51.100.7"), at=NOON)
    [end] = drafts(groups, server("fra2", "198.51.100.7"), at=NOON + 1, kind=AnnouncementKind.RECOVERED)
    assert end.due == NOON + 1


# Number of servers in one message


@pytest.mark.parametrize(
    ("servers", "sizes"),
    [(MAX_SERVERS, [200]), (MAX_SERVERS + 1, [200, 1]), (2 * MAX_SERVERS + 3, [200, 200, 3])],
)
def test_a_message_holds_two_hundred_servers_at_most(servers: int, sizes: list[int]) -> None:
    down = [server(f"fra{number:03}", f"10.0.{number // 250}.{number % 250}") for number in range(servers)]
    assert [len(names(draft)) for draft in drafts(MessageGrouping(), *down, at=NOON)] == sizes


# Common causes


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("198.51.100.7", "198.51.100.7", "the address 198.51.100.7"),
        ("198.51.100.0", "198.51.100.255", "the network 198.51.100.0/24"),
        ("198.51.100.255", "198.51.101.0", ""),
        ("2001:db8:7::1", "2001:db8:7:ffff::1", "the network 2001:db8:7::/48"),
        ("2001:db8:7::1", "2001:db8:8::1", ""),
        ("198.51.100.7", "", ""),
    ],
)
def test_a_network_is_a_24_or_a_48(one: str, other: str, common: str) -> None:
    assert bond(server("fra1", one), server("fra2", other)) == common


def test_a_single_server_shares_nothing() -> None:
    assert bond(server("fra1", "198.51.100.7", "edge")) == ""


def test_a_tag_is_in_common_from_three_servers_on() -> None:
    tagged = [server(f"fra{number}", f"10.{number}.0.7", "edge") for number in range(3)]
    assert [bond(*tagged[:2]), bond(*tagged)] == ["", 'the tag "edge"']


def test_the_narrowest_of_several_things_in_common_is_named() -> None:
    same = [server(f"fra{number}", "198.51.100.7", "edge") for number in range(3)]
    near = [server(f"fra{number}", f"198.51.100.{number}", "edge") for number in range(3)]
    assert [bond(*same), bond(*near)] == ["the address 198.51.100.7", "the network 198.51.100.0/24"]


@pytest.mark.parametrize(("before", "waits"), [(1, False), (2, False), (3, True)])
def test_a_tag_makes_a_server_wait_only_for_three_or_more_that_share_it(before: int, waits: bool) -> None:
    groups = MessageGrouping()
    drafts(groups, *(server(f"fra{number}", f"10.{number}.0.7", "edge") for number in range(before)), at=NOON)
    [draft] = drafts(groups, server("ams1", "203.0.113.9", "edge"), at=NOON + 1)
    assert (draft.due > NOON + 1) is waits


def test_a_server_elsewhere_does_not_wait() -> None:
    groups = MessageGrouping()
    drafts(groups, server("fra1", "198.51.100.7"), at=NOON)
    near, far = server("fra2", "198.51.100.8"), server("ams1", "203.0.113.9")
    found = {names(draft)[0]: draft.due for draft in drafts(groups, near, far, at=NOON + 1)}
    assert found == {"fra2": NOON + JOIN_WINDOW_S, "ams1": NOON + 1}


def test_what_is_told_of_one_incident_twice_is_two_messages_in_order() -> None:
    changed = [
        Notification("pager", kind, snapshot("fra1"))
        for kind in (AnnouncementKind.OPENED, AnnouncementKind.ACKNOWLEDGED)
    ]
    found = MessageGrouping().draft(
        [*changed, Notification("pager", AnnouncementKind.OPENED, snapshot("fra2"))], "here", NOON
    )
    assert [(each.announcement.kind, names(each)) for each in found] == [
        (AnnouncementKind.OPENED, ["fra1"]),
        (AnnouncementKind.ACKNOWLEDGED, ["fra1"]),
        (AnnouncementKind.OPENED, ["fra2"]),
    ]
    assert found[0].announcement.about[0].incident == incident("fra1")
