"""The fleet's uptimes of the last 24 hours, out of the history onto the board."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from wgmon_tui.history.database import StoreUnavailableError
from wgmon_tui.history.reading import History
from wgmon_tui.monitor.board import Board
from wgmon_tui.text import format_uptime

WINDOW_S = 86400.0
_EVERY_S = 60.0
_SOON_S = 2.0


async def follow_uptimes(history: History, board: Board, clock: Callable[[], float]) -> None:
    """Read them now and then until cancelled. A store that cannot be read leaves what was there before."""
    while True:
        now = clock()
        try:
            found = await asyncio.to_thread(history.uptimes, now - WINDOW_S, now)
        except StoreUnavailableError:
            found = {}
        put(board, found)
        await asyncio.sleep(_EVERY_S if found else _SOON_S)


def put(board: Board, uptimes: Mapping[str, float]) -> None:
    """Write them on the board; a row changes only where it would read differently."""
    for name, share in uptimes.items():
        row = board.rows.get(name)
        if row is not None and (row.uptime is None or format_uptime(row.uptime) != format_uptime(share)):
            row.uptime = share
            board.touch(name)
