"""How the line to another vantage is, for faces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VantageStatus:
    """`since` is the Unix time at which it came to be connected, or no longer was.

    `version` is of the wgmon-tui there, `public_key` what it asks with; both are empty before the first
    connection. `waiting` reports lie there, not yet taken; `dropped` were given up for want of room there.
    `trouble` is one line, empty where all is well.
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
