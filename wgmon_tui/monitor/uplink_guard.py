"""Uplink guard: if every server falls silent at once, the local uplink is to blame, not four hundred servers.

It takes a while until enough servers have fallen silent to prove that. Before, a failed check is in doubt if
no other server answered meanwhile. It is not counted until some of the others, checked as witnesses, show
that the uplink works.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import inf
from typing import TypeGuard

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import CookieDemanded, Evidence, IcmpError
from wgmon_tui.checks.icmp_errors import is_port_closed
from wgmon_tui.checks.packets import is_unasked

MIN_SILENT_SERVERS = 3
"""Minimum number of servers that must fall silent before the uplink is suspected."""

MIN_SILENT_SHARE = 0.8
"""Minimum share of the healthy servers that must fall silent, with no answer from any server since."""


MIN_WITNESSES = 2
"""Minimum number of other healthy servers, before their silence puts a failure in doubt."""


def last_answer_time(check: Check) -> float | None:
    """Return the Unix time of the last answer to what a check sent; None if there was none.

    An answer proves that the local uplink works in both directions. Packets that the server sent unasked, and
    bytes that do not authenticate, prove nothing about it.
    """
    latest = -inf
    for evidence in check.evidence:
        if _is_answer(evidence):
            latest = max(latest, evidence.at)
    if check.handshake:
        for each in reversed(check.exchange):  # so that the words of the protocol are asked about one packet
            if each.at > latest and _is_received(each) and not is_unasked(check, each):
                latest = each.at
    return None if latest == -inf else check.started_at + latest


def _is_answer(evidence: Evidence) -> TypeGuard[CookieDemanded | IcmpError]:
    """Return whether the server itself sent what the evidence is about.

    Any machine can send an ICMP error without a quote.
    """
    if isinstance(evidence, IcmpError):
        return (evidence.from_target or is_port_closed(evidence)) and evidence.quotes_packet is not False
    return isinstance(evidence, CookieDemanded)


def last_question_time(check: Check) -> float:
    """Return the Unix time of the last packet that a check sent; its start if it sent none."""
    sent = (each.at for each in check.exchange if each.direction is Direction.SENT)
    return check.started_at + max(sent, default=0.0)


def is_silent(check: Check) -> bool:
    """Return whether nothing came back that answers a check: what the server sends unasked is no answer."""
    return last_answer_time(check) is None and all(
        is_unasked(check, each) for each in check.exchange if _is_received(each)
    )


def _is_received(packet: Packet) -> bool:
    return packet.direction is Direction.RECEIVED


class UplinkGuard:
    """Tracks which servers answered last, and which fell silent since any server answered.

    Times are Unix seconds.
    """

    def __init__(self) -> None:
        self._well_servers: dict[str, None] = {}
        """An ordered set: the server that answered last is at the end."""
        self._silent_servers: dict[str, float] = {}
        """Each with the time of its last unanswered packet."""
        self._unblamed: dict[str, None] = {}
        self._heard_at = -inf

    @property
    def silent_servers(self) -> frozenset[str]:
        """Return the healthy servers that fell silent while no server answered."""
        return frozenset(self._silent_servers)

    def is_silent(self, name: str) -> bool:
        """Return whether this server is one of the `silent_servers`."""
        return name in self._silent_servers

    @property
    def silent_count(self) -> int:
        """Return the number of `silent_servers`."""
        return len(self._silent_servers)

    def take_unblamed(self, most: int) -> list[str]:
        """Take at most `most` of the `silent_servers`, each once, to diagnose their last checks again.

        They come in portions, because ten thousand at once would block everything else for seconds.
        """
        taken = list(islice(self._unblamed, most))
        for name in taken:
            del self._unblamed[name]
        return taken

    @property
    def is_suspicious(self) -> bool:
        """Return whether the local uplink is to blame."""
        once_well = len(self._well_servers) + len(self._silent_servers)
        return (
            len(self._silent_servers) >= MIN_SILENT_SERVERS
            and len(self._silent_servers) >= MIN_SILENT_SHARE * once_well
        )

    def mark_well(self, name: str) -> None:
        """Mark a server as healthy when this program last ended: its silence counts from the start."""
        self._well_servers.setdefault(name)

    def record_check(self, name: str, answered_at: float | None, asked_at: float = -inf) -> None:
        """Record a finished check: the time of the last answer to it, or None for silence.

        `asked_at` is the time of its last packet. An answer to another server's check clears the silence only
        if it came later: an older one was received before the uplink failed.
        """
        if answered_at is not None:
            # Servers that fell silent together with this answer failed by themselves. They are no witnesses
            # next time.
            for other in [each for each, asked in self._silent_servers.items() if asked <= answered_at]:
                del self._silent_servers[other]
                self._unblamed.pop(other, None)
            self._silent_servers.pop(name, None)
            self._unblamed.pop(name, None)
            self._well_servers.pop(name, None)
            self._well_servers[name] = None
            # Not the latest time: after a clock step back it would stay too long.
            self._heard_at = answered_at
        elif name in self._well_servers:
            del self._well_servers[name]
            self._silent_servers[name] = asked_at
            self._unblamed[name] = None
        elif name in self._silent_servers:
            # After a clock step back the old time would outlast every answer.
            self._silent_servers[name] = min(asked_at, self._silent_servers[name])

    def is_in_doubt(self, name: str, asked_at: float, timeout: float) -> bool:
        """Return whether a failed check may have failed because of the local uplink.

        That is so if other servers were healthy, and none answered in the second half of the check or later.
        An uplink that failed before and is still down loses both initiations of the check.
        """
        others = (
            len(self._well_servers)
            + len(self._silent_servers)
            - (name in self._well_servers or name in self._silent_servers)
        )
        return others >= MIN_WITNESSES and self._heard_at < asked_at + timeout / 2

    def witnesses(self, name: str) -> Iterator[str]:
        """Return the other healthy servers, the likeliest to answer first."""
        return (other for other in reversed(self._well_servers) if other != name)

    def forget(self, name: str) -> None:
        """Forget a server that is paused or no longer watched."""
        self._well_servers.pop(name, None)
        self._silent_servers.pop(name, None)
        self._unblamed.pop(name, None)
