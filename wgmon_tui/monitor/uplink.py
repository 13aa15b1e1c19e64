"""The uplink guard: when every server falls silent at once, it is us, not four hundred incidents."""

from __future__ import annotations

FEWEST = 3
"""So many servers must have fallen silent before that says something of our side."""

SHARE = 0.8
"""So large a part of the servers that were well must have fallen silent, and none answered since."""


class UplinkGuard:
    """Keeps who answered last and who has fallen silent since anybody did."""

    def __init__(self) -> None:
        self._well: set[str] = set()
        self._fallen: set[str] = set()

    @property
    def fallen(self) -> frozenset[str]:
        """The servers that were well and fell silent, while no server at all answered."""
        return frozenset(self._fallen)

    @property
    def suspicious(self) -> bool:
        """Whether the fault is ours."""
        return len(self._fallen) >= FEWEST and len(self._fallen) >= SHARE * len(self._well | self._fallen)

    def observe(self, name: str, answered: bool) -> None:
        """A check is over; `answered` by anything from outside, a refusal too: then our side is fine."""
        if answered:
            # Those that fell with it fell by themselves, and are no witnesses of the next silence.
            self._fallen.clear()
            self._well.add(name)
        elif name in self._well:
            self._well.discard(name)
            self._fallen.add(name)

    def forget(self, name: str) -> None:
        """A server is no longer watched, or paused."""
        self._well.discard(name)
        self._fallen.discard(name)
