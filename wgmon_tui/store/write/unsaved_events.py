"""Notifications that are not in the store yet, because it cannot be written now."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.store.models import Mute
from wgmon_tui.store.write.batch import Batch, OutboxRow


@dataclass(frozen=True, slots=True)
class UnsavedEvents:
    """Copy of the notifications in a batch, for the alerts. `reason` is why they are not written."""

    reason: str
    outbox: tuple[OutboxRow, ...]
    incidents: Mapping[str, Incident]
    mutes: Mapping[str, Mute | None]

    @property
    def events(self) -> int:
        """Return the number of outbox rows."""
        return len(self.outbox)

    def batch(self, but: Container[OutboxRow]) -> Batch:
        """Return a batch for another database, without the outbox rows that it already has."""
        rows = [row for row in self.outbox if row not in but]
        return Batch(incidents=dict(self.incidents), mutes=dict(self.mutes), outbox=rows)


def unwritten(batch: Batch, reason: str) -> UnsavedEvents | None:
    """Build the copy; None if no notifications are pending."""
    if not (batch.outbox or batch.mutes):
        return None
    return UnsavedEvents(reason, tuple(batch.outbox), dict(batch.incidents), dict(batch.mutes))
