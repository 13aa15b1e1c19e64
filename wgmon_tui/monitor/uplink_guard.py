"""The uplink guard: when every server falls silent at once, it is us, not four hundred incidents.

It takes a while until so many have fallen that the fault is plainly ours. Before that, a check that failed
while no other server was heard from is in doubt: it is not counted until some of the others, asked as
witnesses, show that we see at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import inf

from wgmon_tui.checks.check import Check, Direction
from wgmon_tui.checks.evidence import IcmpError

MIN_SILENT_SERVERS = 3
"""So many servers must have fallen silent before that says something of our side."""

MIN_SILENT_SHARE = 0.8
"""So large a part of the servers that were well must have fallen silent, and none answered since."""


MIN_WITNESSES = 2
"""So many others must have been well before their silence puts a failure in doubt."""


def last_packet_time(check: Check) -> float | None:
    """When anything last came back from outside, as Unix time: then our own side was fine.

    That says nothing of the server's. None where nothing came.
    """
    packets = (each.at for each in check.exchange if each.direction is Direction.RECEIVED)
    refusals = (each.at for each in check.evidence if isinstance(each, IcmpError) and each.from_target)
    at = max((*packets, *refusals), default=None)
    return None if at is None else check.started_at + at


class UplinkGuard:
    """Keeps who answered last and who has fallen silent since anybody did. Times are Unix seconds."""

    def __init__(self) -> None:
        self._well_servers: dict[str, None] = {}  # a set in order: who was heard from last is last
        self._silent_servers: set[str] = set()
        self._unblamed: dict[str, None] = {}
        self._heard_at = -inf

    @property
    def silent_servers(self) -> frozenset[str]:
        """The servers that were well and fell silent, while no server at all answered."""
        return frozenset(self._silent_servers)

    def is_silent(self, name: str) -> bool:
        """Whether this server is one of the `silent_servers`."""
        return name in self._silent_servers

    @property
    def silent_count(self) -> int:
        """How many the `silent_servers` are."""
        return len(self._silent_servers)

    def take_unblamed(self, most: int) -> list[str]:
        """So many at most of the `silent_servers`, each of them once: their last checks are to be judged anew.

        They come in portions, because ten thousand at once would hold up everything else for seconds.
        """
        taken = list(islice(self._unblamed, most))
        for name in taken:
            del self._unblamed[name]
        return taken

    @property
    def is_suspicious(self) -> bool:
        """Whether the fault is ours."""
        once_well = len(self._well_servers) + len(self._silent_servers)
        return (
            len(self._silent_servers) >= MIN_SILENT_SERVERS
            and len(self._silent_servers) >= MIN_SILENT_SHARE * once_well
        )

    def mark_well(self, name: str) -> None:
        """A server was well when this program last ended: its silence says something from the start."""
        self._well_servers.setdefault(name)

    def record_check(self, name: str, last_packet_at: float | None) -> None:
        """A check is over. Anything from outside counts as heard, a refusal too: then our side is fine."""
        if last_packet_at is not None:
            # Those that fell with it fell by themselves, and are no witnesses of the next silence.
            self._silent_servers.clear()
            self._unblamed.clear()
            self._well_servers.pop(name, None)
            self._well_servers[name] = None
            self._heard_at = last_packet_at  # not the latest: that would last as long as a clock was set back
        elif name in self._well_servers:
            del self._well_servers[name]
            self._silent_servers.add(name)
            self._unblamed[name] = None

    def is_in_doubt(self, name: str, asked_at: float, timeout: float) -> bool:
        """Whether a check that failed may have failed because of us.

        So it is where others were well, and none was heard from when half of its time was over, or later: an
        uplink that fell silent before, and still is, lost both its initiations.
        """
        others = (
            len(self._well_servers)
            + len(self._silent_servers)
            - (name in self._well_servers or name in self._silent_servers)
        )
        return others >= MIN_WITNESSES and self._heard_at < asked_at + timeout / 2

    def witnesses(self, name: str) -> Iterator[str]:
        """The others that are well, the likeliest to answer first."""
        return (other for other in reversed(self._well_servers) if other != name)

    def forget(self, name: str) -> None:
        """A server is no longer watched, or paused."""
        self._well_servers.pop(name, None)
        self._silent_servers.discard(name)
        self._unblamed.pop(name, None)
