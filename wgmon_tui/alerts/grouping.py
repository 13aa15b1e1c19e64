"""Grouping of notifications into messages: twenty servers behind one address get one message. Pure.

Notifications at the same moment form one message per sink and kind. Later ones within `JOIN_WINDOW_S` that
share an address, network or tag with that message are collected into one follow-up message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from wgmon_tui.alerts.models import Announcement, AnnouncementKind, IncidentSnapshot
from wgmon_tui.alerts.notification_policy import Notification

JOIN_WINDOW_S = 30.0
"""Time after a message during which related servers are collected into its follow-up."""

MAX_SERVERS = 200
"""Maximum number of servers in one message."""

_FEWEST_OF_A_TAG = 3
_NETWORK_BITS = {4: 24, 6: 48}

_GROUPED = frozenset({AnnouncementKind.OPENED, AnnouncementKind.RECOVERED})

Bond = tuple[str, str]
"""What servers share: its kind (address, network, tag) and its value."""


@dataclass(slots=True)
class MessageGroup:
    """A message sent at `at`, the causes that let servers join, and the id of its follow-up, if any."""

    at: float
    common_causes: frozenset[Bond]
    follow_up_id: str | None = None


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message for a sink, to be sent at `due`. `joins` is the id of a pending message to merge into."""

    sink: str
    announcement: Announcement
    due: float
    joins: str | None = None


@dataclass(slots=True)
class MessageGrouping:
    """Messages of the last half minute. Not stored: after a restart no message waits for others."""

    recent: dict[tuple[str, AnnouncementKind], list[MessageGroup]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """The last message number per sink."""

    def draft(self, notifications: Iterable[Notification], vantage: str, now: float) -> list[MessageDraft]:
        """Return the messages for these notifications, in order."""
        drafts = []
        for sink, kind, matters in _group_by_message(notifications):
            groups = self._recent(sink, kind, now)
            alone, joining = _split_joining(matters, groups)
            for group, members in joining:
                announcement = make_announcement(kind, members, vantage, now, self._number(sink, now))
                drafts.append(MessageDraft(sink, announcement, group.at + JOIN_WINDOW_S, group.follow_up_id))
                group.follow_up_id = group.follow_up_id or announcement.id
            for start in range(0, len(alone), MAX_SERVERS):
                members = alone[start : start + MAX_SERVERS]
                number = self._number(sink, now)
                drafts.append(MessageDraft(sink, make_announcement(kind, members, vantage, now, number), now))
            if alone and kind in _GROUPED:
                groups.append(MessageGroup(now, _join_keys(alone)))
        return drafts

    def _number(self, sink: str, now: float) -> int:
        """Return a unique number, even at the same moment: an incident may change twice between two reads."""
        self.numbers[sink] = max(int(now * 1000), self.numbers.get(sink, 0) + 1)
        return self.numbers[sink]

    def _recent(self, sink: str, kind: AnnouncementKind, now: float) -> list[MessageGroup]:
        groups = self.recent.setdefault((sink, kind), [])
        groups[:] = [each for each in groups if 0 <= now - each.at < JOIN_WINDOW_S]
        return groups


def _group_by_message(
    notifications: Iterable[Notification],
) -> Iterator[tuple[str, AnnouncementKind, list[IncidentSnapshot]]]:
    """Split notifications into messages. Notifications of one incident keep their order."""
    bundles: dict[tuple[str, AnnouncementKind], list[IncidentSnapshot]] = {}
    said: set[tuple[str, str]] = set()
    for notification in notifications:
        key = (notification.sink, notification.snapshot.incident.id)
        if key in said:
            yield from ((sink, kind, matters) for (sink, kind), matters in bundles.items())
            bundles, said = {}, set()
        said.add(key)
        bundles.setdefault((notification.sink, notification.kind), []).append(notification.snapshot)
    yield from ((sink, kind, matters) for (sink, kind), matters in bundles.items())


def make_announcement(
    kind: AnnouncementKind, matters: list[IncidentSnapshot], vantage: str, now: float, number: int
) -> Announcement:
    """Build one message about these incidents, worst first.

    Its id is derived from its content, so that the same news never gets two ids. `number` distinguishes
    kinds that can occur several times per incident.
    """
    ordered = tuple(sorted(matters, key=lambda each: (each.incident.severity.rank, each.incident.server)))
    first = ordered[0].incident
    once = kind in (AnnouncementKind.OPENED, AnnouncementKind.RECOVERED, AnnouncementKind.ESCALATION)
    name = f"{first.id}-{kind.value.replace(' ', '-')}{'' if once else f'-{number}'}"
    return Announcement(name, kind, now, ordered, in_words(common_cause_of(ordered)), vantage)


def common_cause_of(matters: Iterable[IncidentSnapshot]) -> Bond | None:
    """Return the narrowest common cause of all incidents; None if there is none, or only one incident."""
    everyone = [frozenset(_bonds(each)) for each in matters]
    if len(everyone) < 2:
        return None
    common = frozenset.intersection(*everyone)
    if len(everyone) < _FEWEST_OF_A_TAG:
        common = frozenset(bond for bond in common if bond[0] != "tag")
    return min(common, key=lambda bond: (_NARROWEST.index(bond[0]), bond[1]), default=None)


def in_words(bond: Bond | None) -> str:
    """Return a common cause as readable text; "" for None."""
    return f"the {bond[0]} {bond[1]}" if bond else ""


_NARROWEST = ("address", "network", "tag")


def _bonds(snapshot: IncidentSnapshot) -> Iterable[Bond]:
    if snapshot.address:
        address = ip_address(snapshot.address)
        network = ip_network((address.packed, _NETWORK_BITS[address.version]), strict=False)
        yield "address", str(address)
        yield "network", str(network)
    for tag in snapshot.tags:
        yield "tag", f'"{tag}"'


def _join_keys(matters: list[IncidentSnapshot]) -> frozenset[Bond]:
    """Return the causes that join a message: any of its addresses and networks, or its common tag."""
    common_causes = {bond for each in matters for bond in _bonds(each) if bond[0] != "tag"}
    common = common_cause_of(matters)
    return frozenset(common_causes | {common} if common else common_causes)


def _split_joining(
    matters: list[IncidentSnapshot], groups: list[MessageGroup]
) -> tuple[list[IncidentSnapshot], list[tuple[MessageGroup, list[IncidentSnapshot]]]]:
    """Split incidents into those for a new message and those that join a recent one."""
    alone: list[IncidentSnapshot] = []
    joining: list[tuple[MessageGroup, list[IncidentSnapshot]]] = [(group, []) for group in groups]
    for snapshot in matters:
        common_causes = frozenset(_bonds(snapshot))
        members = next((members for group, members in joining if group.common_causes & common_causes), alone)
        members.append(snapshot)
    return alone, [(group, members) for group, members in joining if members]
