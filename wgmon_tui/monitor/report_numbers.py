"""Numbers of the reports of other vantages: the one place that rejects a report that came before."""

from __future__ import annotations

from collections.abc import Mapping


class ReportNumbers:
    """The last accepted report of each vantage. Numbers grow within an epoch: the lifetime of its queue.

    An agent repeats the reports that were not acknowledged before its connection ended.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, int]] = {}

    def resume_from(self, last: Mapping[str, tuple[str, int]]) -> None:
        """Continue from the store: the epoch and the number of the last report of each vantage."""
        self._last |= last

    def accept(self, vantage: str, epoch: str, number: int) -> bool:
        """Take a report; False if this one or a later one was accepted already."""
        if number <= self.last_number(vantage, epoch):
            return False
        self._last[vantage] = epoch, number
        return True

    def last_number(self, vantage: str, epoch: str) -> int:
        """Return the number of the last accepted report of an epoch; 0 if there is none."""
        last_epoch, number = self._last.get(vantage, ("", 0))
        return number if last_epoch == epoch else 0
