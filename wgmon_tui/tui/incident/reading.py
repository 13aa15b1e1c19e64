"""Reads one incident and its stored exchanges, in threads, and chooses the exchange that is shown."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from textual.screen import Screen

from wgmon_tui.checks.check import Check
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.net.addresses import Address
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.incident.details import IncidentDetails, KeptExchange, read_details
from wgmon_tui.tui.lists.incident_queries import OpenedExchange, read_exchange
from wgmon_tui.tui.server.tab import chosen
from wgmon_tui.tui.widgets.status_line import StatusLine


class StoredIncidentScreen(Screen[None]):
    """A screen of one incident, read again while it is on top. What was read stays until the next read."""

    app: AppContext

    def __init__(self, incident: Incident) -> None:
        """`incident` is shown until the store is read."""
        super().__init__()
        self._server = incident.server
        self._incident = incident
        self._details: IncidentDetails | None = None
        self._empty_reason: tuple[str, str] | None = None
        self._chosen: KeptExchange | None = None
        self._rounds: dict[KeptExchange, OpenedExchange | None] = {}
        self._address: Address | None = None
        self._reading = False
        self._read_at: float | None = None

    def _draw(self) -> None:
        """Draw what is known now."""
        raise NotImplementedError

    def reload(self) -> None:
        """Read now, unless a read is in progress."""
        history = self.app.history
        if history is not None and self.is_current and not self._reading:
            self._reading = True
            self.run_worker(self._read(history), group="history")

    async def _read(self, history: History) -> None:
        """Read the incident, and the packets of the chosen exchange. Redraw if anything changed."""
        states = self.app.engine.fleet_state.states
        servers = {name: server_state.server for name, server_state in states.items()}
        before = self._details, self._empty_reason, self._chosen
        try:
            with self.app.hold_keys() if self._details is None else nullcontext():
                found = await asyncio.to_thread(
                    read_details, history, self.app.state_dir, self._incident.id, servers
                )
                self._take(found)
                await self._load_chosen(history)
            self._read_at = self.app.clock()
        except StoreUnavailableError as error:
            self._empty_reason = "The history cannot be read", str(error)
        self._reading = False
        for line in self.query(StatusLine):
            line.follow()
        if before != (self._details, self._empty_reason, self._chosen):
            self._draw()

    def _take(self, found: IncidentDetails | None) -> None:
        """Show what was read. What is already on screen stays after the incident was deleted."""
        self._empty_reason = None
        if found is None:
            if self._details is None:
                self._empty_reason = "No longer stored", "The time for which incidents are kept is over."
            return
        self._details, self._incident = found, found.entry.incident
        if self._chosen not in found.exchanges:
            self._chosen = found.headline_exchange

    async def _load_chosen(self, history: History) -> None:
        wanted = self._chosen
        if wanted is not None and wanted not in self._rounds:
            self._rounds[wanted] = await asyncio.to_thread(read_exchange, history, wanted.source.id)

    async def _show_chosen(self, history: History) -> None:
        try:
            await self._load_chosen(history)
        except StoreUnavailableError as error:
            self.app.show_error(str(error))
        self._draw()

    @property
    def _opened(self) -> OpenedExchange | None:
        return self._rounds.get(self._chosen) if self._chosen else None

    @property
    def _check(self) -> Check | None:
        opened = self._opened
        return chosen(opened.round, self._address)[0] if opened else None

    def _why_empty(self) -> tuple[str, str]:
        if self.app.history is None:
            return "No history", "This run stores nothing, so no incident is remembered."
        return self._empty_reason or ("Reading the history", "This takes a moment.")
