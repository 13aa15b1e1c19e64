"""One look at a server: a check of each of its addresses, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wgmon_tui.checks.verdict import Diagnosis

if TYPE_CHECKING:
    from wgmon_tui.checks.check import Check


@dataclass(frozen=True, slots=True)
class Round:
    """One scheduled look at a server: a check of each address, the worst first, and what they mean."""

    checks: tuple[Check, ...]
    diagnoses: tuple[Diagnosis, ...]
    port_monitor: str | None = None
    """What a port monitor would say of the deciding address; None where it was not asked in this round."""

    @property
    def check(self) -> Check:
        """The check that decides: the worst one."""
        return self.checks[0]

    @property
    def diagnosis(self) -> Diagnosis:
        """What the deciding check means."""
        return self.diagnoses[0]

    @property
    def last_packet_at(self) -> float | None:
        """When anything last came from outside, as Unix time; None where nothing did."""
        from wgmon_tui.monitor.uplink_guard import last_packet_time

        return max((at for each in self.checks if (at := last_packet_time(each)) is not None), default=None)
