"""Result of one check round: a check of each address of a server, and the diagnoses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wgmon_tui.checks.verdict import Diagnosis

if TYPE_CHECKING:
    from wgmon_tui.checks.check import Check


@dataclass(frozen=True, slots=True)
class Round:
    """Result of one scheduled round: a check of each address and its diagnosis, the worst first."""

    checks: tuple[Check, ...]
    diagnoses: tuple[Diagnosis, ...]
    port_monitor: str | None = None
    """Result of the naive port check of the deciding address; None if this round made none."""

    @property
    def check(self) -> Check:
        """Return the deciding check: the worst one."""
        return self.checks[0]

    @property
    def diagnosis(self) -> Diagnosis:
        """Return the diagnosis of the deciding check."""
        return self.diagnoses[0]

    @property
    def last_packet_at(self) -> float | None:
        """Return the Unix time of the last packet received; None if there was none."""
        from wgmon_tui.monitor.uplink_guard import last_packet_time

        return max((at for each in self.checks if (at := last_packet_time(each)) is not None), default=None)
