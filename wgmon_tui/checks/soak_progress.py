"""How far a soak is, the long data test of a check."""

from __future__ import annotations

from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class SoakProgress:
    """How far a soak is."""

    sent: int
    planned: int
    elapsed: float


def ignore_progress(_: SoakProgress) -> None:
    """Show no progress."""
