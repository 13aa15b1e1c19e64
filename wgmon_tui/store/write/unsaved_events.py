"""Notifications that are not in the store yet, because it cannot be written now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

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


class UnsavedEventsSource(Protocol):
    """What alerts need of the recorder while the store cannot be written."""

    @property
    def unwritten(self) -> UnsavedEvents | None:
        """Return the notifications that it cannot write now."""
        ...


def unwritten(batch: Batch, reason: str) -> UnsavedEvents | None:
    """Build the copy; None if no notifications are pending."""
    if not (batch.outbox or batch.mutes):
        return None
    return UnsavedEvents(reason, tuple(batch.outbox), dict(batch.incidents), dict(batch.mutes))
