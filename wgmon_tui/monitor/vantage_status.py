"""Connection status of another vantage, for display."""

from __future__ import annotations

from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class VantageStatus:
    """Connection status of another vantage.

    `since` is the Unix time at which it connected or disconnected. `version` is its wgmon-tui version,
    `public_key` the key it probes with; both are empty before the first connection. `waiting` counts reports
    that are queued there, `dropped` those that were lost because the queue was full. `trouble` is one line,
    empty if all is well.
    """

    name: str
    connected: bool
    since: float
    version: str = ""
    checks_per_second: float = 0.0
    waiting: int = 0
    trouble: str = ""
    public_key: str = ""
    dropped: int = 0
