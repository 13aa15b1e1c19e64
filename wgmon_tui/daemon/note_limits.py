"""Limits of notes that arrive over the control socket: only on incidents that exist, and so many of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from wgmon_tui.control.budgets import ALL, Budget, Resource
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.text import quoted

MAX_NOTES_PER_INCIDENT = 200

_MAX_KNOWN_INCIDENTS = 10_000
"""Incidents whose notes are counted in memory; their counts are read again from the store afterwards."""


class NoteLimits:
    """Counts the notes of each incident."""

    def __init__(self, state_dir: Path, fleet_state: FleetState) -> None:
        self._history = History(state_dir / STORE)
        self._fleet_state = fleet_state
        self._counts: dict[str, int] = {}
        self._refused = 0

    @property
    def budget(self) -> Budget:
        """The notes of the incident that has most, of those that got one since the start."""
        used = max(self._counts.values(), default=0)
        return Budget(Resource.NOTES, ALL, used, MAX_NOTES_PER_INCIDENT, self._refused)

    async def take(self, incidents: Iterable[str]) -> None:
        """Count a note on each of these incidents.

        Raises RequestRefusedError if one does not exist or has too many notes; then none is counted.
        """
        incidents = tuple(incidents)
        try:
            await self._require_room(incidents)
        except RequestRefusedError:
            self._refused += 1
            raise
        for incident in incidents:
            self._counts[incident] += 1

    async def _require_room(self, incidents: tuple[str, ...]) -> None:
        unknown = [incident for incident in incidents if incident not in self._counts]
        if unknown:
            found = await asyncio.to_thread(self._read_counts, unknown)
            if len(self._counts) + len(found) > _MAX_KNOWN_INCIDENTS:
                self._counts.clear()
            self._counts = found | self._counts
        for incident in incidents:
            if incident not in self._counts:
                raise RequestRefusedError(f"there is no incident {quoted(incident)}")
            if self._counts[incident] >= MAX_NOTES_PER_INCIDENT:
                raise RequestRefusedError(
                    f"incident {quoted(incident)} has {MAX_NOTES_PER_INCIDENT} notes already"
                )

    async def take_for_servers(self, names: Iterable[str]) -> None:
        """Count a note on the open incident of each of these servers. Raises RequestRefusedError."""
        states = (self._fleet_state.states[name] for name in names)
        await self.take(each.incident.id for each in states if each.incident)

    def close(self) -> None:
        """Close the store."""
        self._history.close()

    def _read_counts(self, incidents: Iterable[str]) -> dict[str, int]:
        """The number of notes of each incident that exists. Raises RequestRefusedError."""
        opened = {each.incident.id for each in tuple(self._fleet_state.states.values()) if each.incident}
        found = dict.fromkeys(opened.intersection(incidents), 0)  # the newest are not stored yet
        try:
            return found | self._history.count_notes(incidents)
        except StoreUnavailableError as error:
            if len(found) == len(set(incidents)):
                return found
            raise RequestRefusedError(f"the store cannot be read now: {error}") from None
