"""A viewer's session without a screen: see what is there, acknowledge, pause; print what was seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from wgmon_tui.service.viewer import Viewer


async def view(state: str, note: str) -> int:
    viewer = Viewer(Path(state))
    running = asyncio.create_task(viewer.run())

    async def until(condition: Callable[[], object]) -> None:
        while not condition():
            assert not running.done()
            assert viewer.warning is None
            await asyncio.sleep(0.01)

    async with asyncio.timeout(10):
        await until(lambda: viewer.writer and "ams1" in viewer.board.rows)
        row = viewer.board.rows["ams1"]
        await until(lambda: row.incident)
        viewer.attend("ams1")
        await until(lambda: row.last and row.last.check.exchange)
        assert row.last
        print(viewer.status, row.severity.word, len(row.last.check.exchange[0].data))
        viewer.acknowledge(["ams1"], note=note)
        await until(lambda: row.incident and row.incident.acknowledged_by)
        viewer.pause(["ams1"], True)
        await until(lambda: row.paused)
        print(row.paused_by)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return 0
