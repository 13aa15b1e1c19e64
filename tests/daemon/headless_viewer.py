"""A viewer without a screen: shows the fleet, acknowledges and pauses, and prints the results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.daemon.harness import PATIENCE_S
from wgmon_tui.daemon.viewer import Viewer


async def view(state: str, note: str) -> int:
    viewer = Viewer(Path(state))
    running = asyncio.create_task(viewer.run())

    async def until(condition: Callable[[], object]) -> None:
        while not condition():
            assert not running.done()
            assert viewer.warning is None
            await asyncio.sleep(0.01)

    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: viewer.writer and "ams1" in viewer.fleet_state.states)
        server_state = viewer.fleet_state.states["ams1"]
        await until(lambda: server_state.incident)
        viewer.set_focused_server("ams1")
        await until(lambda: server_state.last and server_state.last.check.exchange)
        assert server_state.last
        print(viewer.status, server_state.severity.word, len(server_state.last.check.exchange[0].data))
        viewer.acknowledge(["ams1"], note=note)
        await until(lambda: server_state.incident and server_state.incident.acknowledged_by)
        viewer.pause(["ams1"], True)
        await until(lambda: server_state.paused)
        print(server_state.paused_by)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return 0
