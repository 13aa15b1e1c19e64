"""Whether somebody tells people: who starts again learns that the one before was ended without a word."""

from __future__ import annotations

from wgmon_tui.alerts.failover_store import FailoverStore


class ShutdownMarker:
    """For one thread at a time; everything raises sqlite3.Error and OSError."""

    def __init__(self, store: FailoverStore) -> None:
        self._store = store

    def start(self, now: float) -> float | None:
        """Say that we are there; since when somebody was who never said that he went."""
        with self._store.transaction() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = 'alerting'").fetchone()
            connection.execute(_THERE, (now,))
            return None if found is None else float(found[0])

    def refresh(self, now: float) -> None:
        """Said each minute, so that the next one knows until when we were."""
        self._store.write([(_THERE, (now,))])

    def remove(self) -> None:
        """We end, and have said so."""
        self._store.write([("DELETE FROM facts WHERE name = 'alerting'", ())])


_THERE = "INSERT OR REPLACE INTO facts (name, value) VALUES ('alerting', ?)"
