"""A writer and a viewer of one state directory, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.daemon.harness import until
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.monitor.controller import FleetController


@asynccontextmanager
async def at_work(controller: FleetController) -> AsyncIterator[None]:
    running = asyncio.create_task(controller.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def writer_of(tmp_path: Path) -> Writer:
    config, state = tmp_path / "config", tmp_path / "state"
    return build_writer(state, load_config(config), WriterLock.acquire(state), config_dir=config)


@asynccontextmanager
async def both(tmp_path: Path) -> AsyncIterator[tuple[Writer, Viewer]]:
    """A writer, and a viewer that has read the first round of every server."""
    writer, viewer = writer_of(tmp_path), Viewer(tmp_path / "state")
    async with at_work(writer), at_work(viewer):
        await until(lambda: viewer.writer)
        await until(
            lambda: (
                viewer.fleet_state.states
                and all(server_state.last for server_state in viewer.fleet_state.states.values())
            )
        )
        yield writer, viewer
