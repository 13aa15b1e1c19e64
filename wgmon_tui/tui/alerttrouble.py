"""Whether deliveries are in trouble, out of the store into the line on top."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from wgmon_tui.alerts.log import counts
from wgmon_tui.history.database import StoreUnavailableError
from wgmon_tui.tui.alertlines import trouble_words

_EVERY_S = 5.0


async def follow_trouble(state_dir: Path, tell: Callable[[str], None]) -> None:
    """Tell it in words, again and again until cancelled. That a store cannot be read is told elsewhere."""
    while True:
        try:
            tell(trouble_words(await asyncio.to_thread(counts, state_dir)))
        except StoreUnavailableError:
            tell("")
        await asyncio.sleep(_EVERY_S)
