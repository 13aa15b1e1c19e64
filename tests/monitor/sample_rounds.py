"""Rounds of an engine, run one by one by a test."""

from __future__ import annotations

from collections.abc import Iterable

from tests.monitor.test_engine import Desk


async def rounds(desk: Desk, names: Iterable[str]) -> None:
    """Check these servers again, one after the other."""
    for name in names:
        last = desk.server_state(name).last
        desk.engine.recheck([name])
        while (now := desk.server_state(name).last) is None or (last and now.check is last.check):
            await desk.run_round()
