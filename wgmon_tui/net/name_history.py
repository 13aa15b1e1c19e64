"""The addresses that a name had over time: which of them are still its own, and whether it moved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field

from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass

KEPT_S = 600.0
"""How long a rotating name keeps an address after the last answer that had it."""

REMEMBERED_S = 3600.0
"""How long an address is remembered, so that its return shows that the name rotates."""

_MOST_KEPT = 16
_MOST_MOVES = 2
"""Moves within REMEMBERED_S. A name that changes more often rotates among many addresses."""


@dataclass(slots=True)
class NameHistory:
    """The answers for one name, and the rule by which an address belongs to it.

    The addresses of the latest answer always belong to the name. Most names have no others: an address that
    the latest answer lacks is lost, and if that answer has new ones instead, the name has moved.

    A name rotates (round robin, GeoDNS, several load balancers) if an address comes back within an hour, or
    if the name moves a third time within an hour. Each answer is then a part of a larger set. So a rotating
    name never moves from one answer to the next, and it keeps each address for 10 minutes after the last
    answer that had it. If such an address fails, some clients still get it. If the whole set is replaced, the
    old addresses are lost 10 minutes later.

    All times are those of the monotonic clock.
    """

    host: str
    _latest: tuple[Address, ...] = ()
    _returned_at: dict[Address, float] = field(default_factory=dict)
    _came_back_at: float = float("-inf")
    _moved_at: list[float] = field(default_factory=list)

    def add(self, answer: Collection[Address], now: float) -> None:
        """Add an answer."""
        remembered = {each: at for each, at in self._returned_at.items() if now - at < REMEMBERED_S}
        if any(each in remembered and each not in self._latest for each in answer):
            self._came_back_at = now
        self._latest = tuple(answer)
        self._returned_at = remembered | dict.fromkeys(answer, now)

    def addresses(self, now: float) -> tuple[Address, ...]:
        """The addresses that belong to the name: those of the latest answer first."""
        if not self.is_rotating(now):
            return self._latest
        kept = [
            each for each, at in self._returned_at.items() if each not in self._latest and now - at < KEPT_S
        ]
        return (*self._latest, *kept[-_MOST_KEPT:])

    def is_rotating(self, now: float) -> bool:
        """Whether an answer is only a part of the name's addresses."""
        moves = sum(now - at < REMEMBERED_S for at in self._moved_at)
        return now - self._came_back_at < REMEMBERED_S or moves > _MOST_MOVES

    def moved_from(
        self, before: Collection[Address], now: float
    ) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
        """The lost and the new addresses, if the name moved since it had those `before`; else none."""
        current = self.addresses(now)
        lost = tuple(each for each in before if each not in current)
        new = tuple(each for each in current if each not in before)
        if not (lost and new):
            return (), ()
        self._moved_at = [*self._moved_at[-_MOST_MOVES:], now]
        return ((), ()) if self.is_rotating(now) else (lost, new)
