"""Shutdown marker: shows after a restart whether the previous run shut down cleanly."""

from __future__ import annotations

from wgmon_tui.alerts.working_set import WorkingSet


class ShutdownMarker:
    """The marker in the store. For one thread at a time."""

    def __init__(self, working_set: WorkingSet) -> None:
        self._working_set = working_set

    def start(self, now: float) -> float | None:
        """Mark alerting as running.

        Returns the last refresh of the previous run if it did not shut down cleanly.
        """
        before = self._working_set.running_at
        self.refresh(now)
        return before

    def refresh(self, now: float) -> None:
        """Update the marker's time. Called every minute, so that the next run knows when this one ended."""
        self._working_set.running_at = now
        self._working_set.save()

    def remove(self) -> None:
        """Remove the marker at a clean shutdown."""
        self._working_set.running_at = None
        self._working_set.save()
