"""Shutdown marker: shows after a restart whether the previous run shut down cleanly."""

from __future__ import annotations

from wgmon_tui.alerts.failover_store import FailoverStore


class ShutdownMarker:
    """The marker in the store. For one thread at a time; everything raises sqlite3.Error and OSError."""

    def __init__(self, store: FailoverStore) -> None:
        self._store = store

    def start(self, now: float) -> float | None:
        """Mark alerting as running.

        Returns the last refresh of the previous run if it did not shut down cleanly.
        """
        with self._store.transaction() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'alerting'").fetchone()
            connection.execute(_THERE, (now,))
            return found[0] if found and isinstance(found[0], float) else None

    def refresh(self, now: float) -> None:
        """Update the marker's time. Called every minute, so that the next run knows when this one ended."""
        self._store.write([(_THERE, (now,))])

    def remove(self) -> None:
        """Remove the marker at a clean shutdown."""
        self._store.write([("DELETE FROM facts WHERE name = 'alerting'", ())])


_THERE = "INSERT OR REPLACE INTO facts (name, value) VALUES ('alerting', ?)"
