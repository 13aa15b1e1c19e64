"""Poller of failed deliveries, for the alert badge in the top line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from wgmon_tui.alerts.delivery_log import counts
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.tui.lists.alert_text import badge_text

_POLL_INTERVAL_S = 5.0


async def poll_alert_badge(state_dir: Path, show_badge: Callable[[str], None]) -> None:
    """Update the badge until cancelled. If the store is unreadable it is empty; the error shows elsewhere."""
    while True:
        try:
            show_badge(badge_text(await asyncio.to_thread(counts, state_dir)))
        except StoreUnavailableError:
            show_badge("")
        await asyncio.sleep(_POLL_INTERVAL_S)
