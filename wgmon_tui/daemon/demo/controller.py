"""Fleet controller of the demo: shows its servers at once and starts the writer in the background."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.config.models import Fleet
from wgmon_tui.daemon.controller_proxy import ControllerProxy, NullController
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.fleet_state import FleetState

if TYPE_CHECKING:
    from wgmon_tui.daemon.config_watcher import LoadedConfig
    from wgmon_tui.daemon.writer import Writer

NOTE = "This is the demo: the history before its start is invented."
"""Shown wherever the invented history is shown."""


class DemoController(ControllerProxy):
    """A demo fleet with an invented history, in an empty state directory.

    Importing the writer, making the servers of other protocols and inventing the history are the slow parts
    of the start. `run` does them.
    """

    def __init__(self, state_dir: Path, fleet: Fleet) -> None:
        self.fleet_state = FleetState(fleet.servers)
        self.loaded: LoadedConfig | None = None
        self._state_dir = state_dir
        self._fleet = fleet
        self._null_controller = NullController(self.fleet_state)
        self._writer: Writer | None = None
        self._is_history_complete = False

    async def run(self) -> None:
        """Run until cancelled. Raises OSError if no socket for probing can be opened."""
        await asyncio.to_thread(import_module, "wgmon_tui.daemon.writer_assembly")
        from wgmon_tui.lab.demo_guests import running_guests

        async with running_guests() as servers:
            self._fleet = replace(self._fleet, servers=(*self._fleet.servers, *servers))
            self.fleet_state.replace(self._fleet.servers)
            await self._run_writer()

    async def _run_writer(self) -> None:
        from wgmon_tui.daemon.config_watcher import load_from_fleet
        from wgmon_tui.daemon.demo.invented_history import invent_present, invent_rollups
        from wgmon_tui.daemon.writer_assembly import build_writer

        past = (self._state_dir, self._fleet.servers, time.time())
        invent_present(*past)
        self.loaded = load_from_fleet(self._fleet)
        writer = self._writer = build_writer(
            self._state_dir, self.loaded, lock=None, fleet_state=self.fleet_state
        )
        try:
            await asyncio.to_thread(invent_rollups, *past)
        except BaseException:
            writer.close()
            raise
        self._is_history_complete = True
        await writer.run()

    @property
    def is_history_complete(self) -> bool:
        """Whether the invented history is stored."""
        return self._is_history_complete

    @property
    def _current(self) -> FleetController:
        return self._writer or self._null_controller
