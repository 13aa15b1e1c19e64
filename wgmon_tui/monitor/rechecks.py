"""When a server is checked again after a round: soon while that is useful, else at its interval."""

from __future__ import annotations

import time

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.monitor import uplink_doubts
from wgmon_tui.monitor.damping import needs_quick_recheck
from wgmon_tui.monitor.deep_check_policy import has_lost_all
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.scheduler import Scheduler
from wgmon_tui.monitor.server_state import ServerState

RECHECK_S = 1.0
"""Delay in seconds before a check is repeated that disagrees with a server's state."""

RECHECKS_PER_S = 200.0
"""Maximum rate of such rechecks per second. If thousands of servers fail at once, each waits its turn."""


class Rechecks:
    """Gives each server its next place in the schedule. Times are seconds of the monotonic clock."""

    def __init__(self, schedule: Scheduler) -> None:
        self._schedule = schedule
        self._unsettled: set[str] = set()

    def schedule_after_round(
        self,
        server_state: ServerState,
        outcome: Round,
        due: float,
        now: float,
        *,
        first: bool,
        is_in_doubt: bool,
    ) -> None:
        """Schedule the round after one that was `due` and has ended `now`; `first` if it was the first one.

        `is_in_doubt` tells whether a witness has to answer before the round counts.
        """
        name, interval = server_state.server.name, server_state.server.interval
        counts = outcome.diagnosis.verdict.severity is not Severity.UNKNOWN
        urgent = needs_quick_recheck(server_state.damping) or has_lost_all(outcome)
        if is_in_doubt or (counts and urgent):
            self.schedule_recheck(name, uplink_doubts.DOUBT_S if is_in_doubt else RECHECK_S, interval)
            return
        self._unsettled.discard(name)
        if first:
            self._schedule.schedule_second(name, now, interval)
        elif self._schedule.schedule_next(name, due, interval) < now:
            self._schedule.schedule_next(name, now, interval)

    def schedule_recheck(self, name: str, after: float, interval: float) -> None:
        """Schedule a recheck about `after` seconds from now, but not later than an ordinary round."""
        self._unsettled.add(name)
        after = max(after, len(self._unsettled) / RECHECKS_PER_S)
        self._schedule.schedule_soon(name, time.monotonic(), min(after, interval))

    def forget(self, name: str) -> None:
        """Forget a server that is not checked any more."""
        self._unsettled.discard(name)
