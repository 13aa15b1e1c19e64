"""Result of one check round: a check of each address of a server, and the diagnoses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.records import dataclass

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
    def measured_check(self) -> Check:
        """Return the check that round-trip time and loss are taken from.

        That is the deciding one. If only some addresses of the name are dead, it is one that answered.
        """
        if self.diagnosis.verdict is not Verdict.ADDRESS_DEAD:
            return self.check
        return next((each for each in self.checks if each.handshake), self.check)

    @property
    def last_answer_at(self) -> float | None:
        """Return the Unix time of the last answer to what these checks sent; None if there was none."""
        from wgmon_tui.monitor.uplink_guard import last_answer_time

        return max((at for each in self.checks if (at := last_answer_time(each)) is not None), default=None)

    @property
    def last_question_at(self) -> float:
        """Return the Unix time of the last packet that these checks sent."""
        from wgmon_tui.monitor.uplink_guard import last_question_time

        return max(last_question_time(each) for each in self.checks)

    @property
    def is_silent(self) -> bool:
        """Return whether nothing came back that answers these checks."""
        from wgmon_tui.monitor.uplink_guard import is_silent

        return all(is_silent(each) for each in self.checks)
