"""What people are to be told of and the store does not hold yet, because it cannot be written now."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.models import Mute
from wgmon_tui.store.write.batch import Batch, OutboxRow


@dataclass(frozen=True, slots=True)
class UnsavedEvents:
    """A copy of that part of a batch, for whoever tells people. `reason` is why it is not written."""

    reason: str
    outbox: tuple[OutboxRow, ...]
    incidents: Mapping[str, Incident]
    mutes: Mapping[str, Mute | None]

    @property
    def events(self) -> int:
        """How many rows of the outbox they are."""
        return len(self.outbox)

    def batch(self, but: Container[OutboxRow]) -> Batch:
        """To be written elsewhere, without the rows of the outbox that are there already."""
        rows = [row for row in self.outbox if row not in but]
        return Batch(incidents=dict(self.incidents), mutes=dict(self.mutes), outbox=rows)


def unwritten(batch: Batch, reason: str) -> UnsavedEvents | None:
    """None where nothing of that kind waits."""
    if not (batch.outbox or batch.mutes):
        return None
    return UnsavedEvents(reason, tuple(batch.outbox), dict(batch.incidents), dict(batch.mutes))
