"""Requests about alerts: tests of sinks, retries, and acknowledgements of failed deliveries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.control.server import RequestRefusedError


async def test_sinks(alerts: Dispatcher, names: Iterable[str]) -> None:
    """Send a test notification to each sink. Raises RequestRefusedError."""
    for name in dict.fromkeys(names):
        try:
            with _refusing():
                await alerts.test(name)
        except KeyError:
            raise RequestRefusedError(f'there is no sink "{name}" in config.toml') from None


async def retry_alert(alerts: Dispatcher, number: int) -> None:
    """Retry a failed delivery. Raises RequestRefusedError."""
    with _refusing():
        found = await alerts.retry(number)
    if not found:
        raise RequestRefusedError(f"there is no failed alert {number} to retry")


async def acknowledge_alerts(alerts: Dispatcher, sinks: Iterable[str], number: int, who: str) -> None:
    """Acknowledge a failed delivery, or with number 0 all of each sink. Raises RequestRefusedError."""
    for sink in dict.fromkeys(sinks):
        with _refusing():
            found = await alerts.acknowledge_failed(sink, number, who)
        if not found:
            raise RequestRefusedError("there are no unacknowledged failed deliveries")


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise RequestRefusedError(f"the store cannot be read now: {error}") from None
